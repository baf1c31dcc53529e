//! Many numbers at once: added by exponent first, and digit by digit only at the end.
//!
//! Doubles of the same exponent are integers of the same unit, so their mantissas add as integers. That is one
//! addition a number instead of three, and the sums by exponent, a few dozen for most columns, are then added
//! to the wide number. The result is the same to the last digit.

use super::{ExactSum, LOWEST_EXPONENT};

/// Numbers between two emptyings: 2¹¹ mantissas of 53 bits fill 64 bits, and their squares 117 of 128.
const CHUNK: usize = 1 << 11;

/// Bits of a double below its head, which is its sign and its exponent.
const MANTISSA_BITS: u32 = 52;

/// Heads that there are.
const HEADS: usize = 1 << (u64::BITS - MANTISSA_BITS);

/// What the head of a negative number has more than that of its absolute value.
const NEGATIVE: usize = HEADS / 2;

/// Fewer numbers than this are faster added one by one.
const WORTH_IT: usize = 32;

/// Squares of numbers with at least this exponent are whole units: theirs are not below the lowest.
const WHOLE_SQUARE: usize = (1 - LOWEST_EXPONENT / 2) as usize;

/// From this exponent on a square is, or might be, beyond a double.
const SQUARE_TOO_LARGE: usize = 1533;

/// The same of products, by the sum of both exponents. That there are fewer than [`NEGATIVE`] between the two gives every sum and
/// sign a slot among those of squares.
const WHOLE_PRODUCT: usize = 2 * WHOLE_SQUARE;
const PRODUCT_TOO_LARGE: usize = 2 * SQUARE_TOO_LARGE;

/// Sums of mantissas by head, empty between two calls.
#[derive(Debug)]
pub struct Slots {
    sums: Vec<u64>,
    /// Of their squares, or of products.
    squares: Vec<u128>,
}

impl Default for Slots {
    fn default() -> Self {
        Self { sums: vec![0; HEADS], squares: vec![0; HEADS] }
    }
}

impl Slots {
    /// Adds `values`, which must be finite, to `sum`, and their squares to `squares`. Returns how many squares
    /// are beyond the range of a double, and were not added.
    pub fn add(&mut self, values: &[f64], sum: &mut ExactSum, squares: &mut ExactSum) -> u64 {
        let mut too_large = 0;
        for chunk in values.chunks(CHUNK) {
            let Some((least, greatest)) = exponents(chunk) else { continue };
            if chunk.len() >= WORTH_IT && least >= WHOLE_SQUARE && greatest < SQUARE_TOO_LARGE {
                self.note_both(chunk);
                self.empty(least, greatest, sum, Some(squares));
            } else {
                self.add_chunk(chunk, (least, greatest), sum);
                too_large += chunk.iter().filter(|value| !squares.add_square(**value)).count() as u64;
            }
        }
        too_large
    }

    /// Adds the products of `a` and `b`, of which each must be finite, row by row to `sum`, but for those that are beyond the range
    /// of a double. The square of one of the two is beyond it then, too, which is counted where squares are added.
    pub fn add_products(&mut self, a: &[f64], b: &[f64], sum: &mut ExactSum) {
        for (a, b) in a.chunks(CHUNK).zip(b.chunks(CHUNK)) {
            let (Some(of_a), Some(of_b)) = (exponents(a), exponents(b)) else { continue };
            let (least, greatest) = (of_a.0 + of_b.0, of_a.1 + of_b.1);
            // Subnormals have another unit than their head says.
            let is_normal = of_a.0 > 0 && of_b.0 > 0;
            if a.len() >= WORTH_IT && is_normal && least >= WHOLE_PRODUCT && greatest < PRODUCT_TOO_LARGE {
                self.note_products(a, b);
                self.empty_products(least, greatest, sum);
            } else {
                for (a, b) in a.iter().zip(b) {
                    let _is_added = sum.add_product(*a, *b);
                }
            }
        }
    }

    /// Adds `values`, which must be finite, to `sum`.
    pub fn add_sum(&mut self, values: &[f64], sum: &mut ExactSum) {
        for chunk in values.chunks(CHUNK) {
            if let Some(range) = exponents(chunk) {
                self.add_chunk(chunk, range, sum);
            }
        }
    }

    fn add_chunk(&mut self, chunk: &[f64], (least, greatest): (usize, usize), sum: &mut ExactSum) {
        // Subnormals have another unit than their head says.
        if chunk.len() < WORTH_IT || least == 0 {
            return chunk.iter().for_each(|value| sum.add(*value));
        }
        if let Some(sums) = self.sums.first_chunk_mut::<HEADS>() {
            for value in chunk {
                let (head, mantissa) = split(*value);
                sums[head] += mantissa;
            }
        }
        self.empty(least, greatest, sum, None);
    }

    /// Sums and squares in one pass, which is faster than two.
    fn note_both(&mut self, values: &[f64]) {
        // An array of known length is looked into without a check.
        let slots = (self.sums.first_chunk_mut::<HEADS>(), self.squares.first_chunk_mut::<HEADS>());
        let (Some(sums), Some(squares)) = slots else { return };
        for value in values {
            let (head, mantissa) = split(*value);
            sums[head] += mantissa;
            squares[head] += u128::from(mantissa) * u128::from(mantissa);
        }
    }

    fn note_products(&mut self, a: &[f64], b: &[f64]) {
        let Some(products) = self.squares.first_chunk_mut::<HEADS>() else { return };
        for (a, b) in a.iter().zip(b) {
            let ((head_a, mantissa_a), (head_b, mantissa_b)) = (split(*a), split(*b));
            let exponents = (head_a % NEGATIVE) + (head_b % NEGATIVE);
            // Nothing is added for a zero, wherever its exponent points.
            let mantissa = if *a == 0.0 || *b == 0.0 { 0 } else { mantissa_b };
            let slot = exponents.wrapping_sub(WHOLE_PRODUCT) % NEGATIVE + ((head_a ^ head_b) & NEGATIVE);
            products[slot] += u128::from(mantissa_a) * u128::from(mantissa);
        }
    }

    /// Adds the slots of these sums of exponents, and leaves them empty.
    fn empty_products(&mut self, least: usize, greatest: usize, sum: &mut ExactSum) {
        for slot in least - WHOLE_PRODUCT..=greatest - WHOLE_PRODUCT {
            for (slot_of_sign, negative) in [(slot, false), (slot + NEGATIVE, true)] {
                let total = std::mem::take(&mut self.squares[slot_of_sign]);
                if total > 0 {
                    // The lowest product of whole units is one unit.
                    sum.add_units(total as u64, slot as u32, negative);
                    sum.add_units((total >> 64) as u64, slot as u32 + 64, negative);
                }
            }
        }
    }

    /// Adds the slots of these exponents, and leaves them empty. Those of zeros, of which the mantissas are wrong, are
    /// emptied, too.
    fn empty(
        &mut self,
        least: usize,
        greatest: usize,
        sum: &mut ExactSum,
        mut squares: Option<&mut ExactSum>,
    ) {
        let Self { sums: mantissas, squares: of_squares } = self;
        for zero in [0, NEGATIVE] {
            (mantissas[zero], of_squares[zero]) = (0, 0);
        }
        for exponent in least..=greatest {
            let shift = exponent as u32 - 1;
            let both = [exponent, exponent + NEGATIVE];
            for (head, negative) in both.into_iter().zip([false, true]) {
                match std::mem::take(&mut mantissas[head]) {
                    0 => {}
                    mantissas => sum.add_units(mantissas, shift, negative),
                }
            }
            if let Some(squares) = &mut squares {
                let total: u128 = both.into_iter().map(|head| std::mem::take(&mut of_squares[head])).sum();
                if total > 0 {
                    // (m · 2^shift · 2^lowest)² in units of 2^lowest.
                    let unit = 2 * shift - LOWEST_EXPONENT.unsigned_abs();
                    squares.add_units(total as u64, unit, false);
                    squares.add_units((total >> 64) as u64, unit + 64, false);
                }
            }
        }
    }
}

/// The head of `value`, and its mantissa if it is normal.
fn split(value: f64) -> (usize, u64) {
    let bits = value.to_bits();
    let fraction = bits & ((1 << MANTISSA_BITS) - 1);
    ((bits >> MANTISSA_BITS) as usize, fraction | (1 << MANTISSA_BITS))
}

/// Least and greatest exponent of those that are not zero, as a double holds them; `None` if all are.
fn exponents(values: &[f64]) -> Option<(usize, usize)> {
    // Several at once: each lane has its own extremes.
    const LANES: usize = 4;
    let (mut least, mut greatest) = ([f64::INFINITY; LANES], [0.0; LANES]);
    let mut note = |lane: usize, value: f64| {
        let size = value.abs();
        let of_some = if size == 0.0 { f64::INFINITY } else { size };
        least[lane] = if of_some < least[lane] { of_some } else { least[lane] };
        greatest[lane] = if size > greatest[lane] { size } else { greatest[lane] };
    };
    let (lanes, rest) = values.as_chunks::<LANES>();
    for values in lanes {
        for (lane, value) in values.iter().enumerate() {
            note(lane, *value);
        }
    }
    rest.iter().for_each(|value| note(0, *value));
    let exponent = |size: f64| (size.to_bits() >> MANTISSA_BITS) as usize;
    let least = least.into_iter().fold(f64::INFINITY, f64::min);
    let greatest = greatest.into_iter().fold(0.0, f64::max);
    (greatest > 0.0).then(|| (exponent(least), exponent(greatest)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(values: &[f64]) {
        let (mut sum, mut squares) = (ExactSum::default(), ExactSum::default());
        let too_large = Slots::default().add(values, &mut sum, &mut squares);
        let (mut sum_alone, mut squares_alone, mut alone) = (ExactSum::default(), ExactSum::default(), 0);
        for value in values {
            sum_alone.add(*value);
            alone += u64::from(!squares_alone.add_square(*value));
        }
        assert_eq!((&sum, &squares, too_large), (&sum_alone, &squares_alone, alone));
    }

    #[track_caller]
    fn check_products(a: &[f64], b: &[f64]) {
        let (mut sum, mut alone) = (ExactSum::default(), ExactSum::default());
        let mut slots = Slots::default();
        slots.add_products(a, b, &mut sum);
        for (a, b) in a.iter().zip(b) {
            let _is_added = alone.add_product(*a, *b);
        }
        assert_eq!(sum, alone);
        assert!(slots.squares.iter().all(|slot| *slot == 0), "the next to use them finds them empty");
    }

    #[test]
    fn many_products_are_the_same_as_one_by_one() {
        let middle: Vec<f64> = (-480..500).map(|power| -1.7 * 2f64.powi(power)).collect();
        let reversed: Vec<f64> = middle.iter().rev().copied().collect();
        check_products(&middle, &reversed);
        check_products(&middle, &middle);
        let small: Vec<f64> = (-1074..-500).map(|power| 1.999 * 2f64.powi(power)).collect();
        check_products(&small, &[f64::MAX; 574]);
        check_products(&small, &small);
        check_products(&[f64::MAX; 5000], &[-1.0; 5000]);
        check_products(&[f64::MAX; 50], &[2.0; 50]);
        check_products(&[0.0; 5000], &[1.0; 5000]);
        let around: Vec<f64> = (0..9000).map(|i| f64::from(i % 7) - 3.0).collect();
        let others: Vec<f64> = (0..9000).map(|i| f64::from(i % 5) * -1e-3).collect();
        check_products(&around, &others);
    }

    #[test]
    fn many_are_the_same_as_one_by_one() {
        let powers: Vec<f64> = (-1074..1024).map(|power| -1.999 * 2f64.powi(power)).collect();
        check(&powers);
        let middle: Vec<f64> = (-480..500).map(|power| 1.7 * 2f64.powi(power)).collect();
        check(&middle);
        check(&[f64::MAX; 5000]);
        check(&[0.0; 5000]);
        check(&[]);
        let around: Vec<f64> = (0..9000).map(|i| f64::from(i % 7) - 3.0 + 1e-3).collect();
        check(&around);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_are_the_same_as_one_by_one(
            values in prop::collection::vec(
                prop_oneof![any::<f64>().prop_filter("finite", |value| value.is_finite()), -1e9..1e9f64, Just(0.0)],
                0..200,
            ),
        ) {
            check(&values);
            let reversed: Vec<f64> = values.iter().rev().copied().collect();
            check_products(&values, &reversed);
        }

        #[test]
        fn any_products_are_the_same_as_one_by_one(
            values in prop::collection::vec(prop_oneof![-1e9..1e9f64, -1.0..1.0f64, Just(0.0), Just(-0.0)], 0..200),
        ) {
            let reversed: Vec<f64> = values.iter().rev().copied().collect();
            check_products(&values, &reversed);
        }
    }
}
