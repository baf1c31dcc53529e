//! Many numbers at once: added by exponent first, and digit by digit only at the end.
//!
//! Doubles of the same exponent are integers of the same unit, so their mantissas add as integers. That is one
//! addition a number instead of three, and the sums by exponent, a few dozen for most columns, are then added
//! to the wide number. The result is the same to the last digit.

use std::ops::RangeInclusive;

use super::{ExactSum, LOWEST_EXPONENT, parts};

/// Numbers between two emptyings: 2¹¹ mantissas of 53 bits fill 64 bits.
const CHUNK: usize = 1 << 11;

/// Shifts that a mantissa can have.
const SHIFTS: usize = 2046;

/// Fewer numbers than this are faster added one by one.
const WORTH_IT: usize = 32;

/// Squares of mantissas with at least this shift are whole units: their exponents are not below the lowest.
const WHOLE_SQUARE: usize = (-LOWEST_EXPONENT / 2) as usize;

/// From this shift on a square is, or might be, beyond a double.
const SQUARE_TOO_LARGE: usize = 1532;

/// Sums of mantissas by shift, empty between two calls.
#[derive(Debug)]
pub struct Slots {
    /// Positive and negative mantissas.
    sums: Vec<[u64; 2]>,
    /// Squares of mantissas, in three parts of 32, 32 and 42 bits.
    squares: Vec<[u64; 3]>,
}

impl Default for Slots {
    fn default() -> Self {
        Self { sums: vec![[0; 2]; SHIFTS], squares: vec![[0; 3]; SHIFTS] }
    }
}

impl Slots {
    /// Adds `values`, which must be finite, to `sum`, and their squares to `squares`. Returns how many squares
    /// are beyond the range of a double, and were not added.
    pub fn add(&mut self, values: &[f64], sum: &mut ExactSum, squares: &mut ExactSum) -> u64 {
        let mut too_large = 0;
        for chunk in values.chunks(CHUNK) {
            let Some((least, greatest)) = shifts(chunk) else { continue };
            if chunk.len() < WORTH_IT {
                chunk.iter().for_each(|value| sum.add(*value));
            } else if least < WHOLE_SQUARE || greatest >= SQUARE_TOO_LARGE {
                self.note_sums(chunk);
                self.empty_sums(least..=greatest, sum);
            } else {
                self.note_both(chunk);
                self.empty_sums(least..=greatest, sum);
                self.empty_squares(least..=greatest, squares);
                continue;
            }
            too_large += chunk.iter().filter(|value| !squares.add_square(**value)).count() as u64;
        }
        too_large
    }

    /// Adds `values`, which must be finite, to `sum`.
    pub fn add_sum(&mut self, values: &[f64], sum: &mut ExactSum) {
        for chunk in values.chunks(CHUNK) {
            match shifts(chunk) {
                Some((least, greatest)) if chunk.len() >= WORTH_IT => {
                    self.note_sums(chunk);
                    self.empty_sums(least..=greatest, sum);
                }
                _ => chunk.iter().for_each(|value| sum.add(*value)),
            }
        }
    }

    fn note_sums(&mut self, values: &[f64]) {
        for value in values {
            let (mantissa, shift) = parts(*value);
            if let Some(slot) = self.sums.get_mut(shift as usize) {
                slot[usize::from(value.is_sign_negative())] += mantissa;
            }
        }
    }

    /// Sums and squares in one pass, which is faster than two.
    fn note_both(&mut self, values: &[f64]) {
        let Self { sums, squares } = self;
        for value in values {
            let (mantissa, shift) = parts(*value);
            let square = u128::from(mantissa) * u128::from(mantissa);
            let (slot, of_squares) = (sums.get_mut(shift as usize), squares.get_mut(shift as usize));
            if let (Some(slot), Some(of_squares)) = (slot, of_squares) {
                slot[usize::from(value.is_sign_negative())] += mantissa;
                of_squares[0] += u64::from(square as u32);
                of_squares[1] += u64::from((square >> 32) as u32);
                of_squares[2] += (square >> 64) as u64;
            }
        }
    }

    fn empty_sums(&mut self, shifts: RangeInclusive<usize>, sum: &mut ExactSum) {
        // Zeros are in the lowest slot, as nothing; else they are all within the range.
        for (shift, slot) in self.sums.iter_mut().enumerate().take(shifts.end() + 1).skip(*shifts.start()) {
            for (mantissas, negative) in std::mem::take(slot).into_iter().zip([false, true]) {
                if mantissas > 0 {
                    sum.add_units(mantissas, shift as u32, negative);
                }
            }
        }
    }

    fn empty_squares(&mut self, shifts: RangeInclusive<usize>, squares: &mut ExactSum) {
        let slots = self.squares.iter_mut().enumerate().take(shifts.end() + 1).skip(*shifts.start());
        for (shift, slot) in slots {
            // (m · 2^shift · 2^lowest)² in units of 2^lowest.
            let unit = (2 * shift) as u32 - LOWEST_EXPONENT.unsigned_abs();
            for (part, sum) in std::mem::take(slot).into_iter().enumerate() {
                if sum > 0 {
                    squares.add_units(sum, unit + 32 * part as u32, false);
                }
            }
        }
    }
}

/// Least and greatest shift of those that are not zero; `None` if all are.
fn shifts(values: &[f64]) -> Option<(usize, usize)> {
    let mut least = usize::MAX;
    let mut greatest = 0;
    for value in values {
        let shift = parts(*value).1 as usize;
        least = if *value == 0.0 { least } else { least.min(shift) };
        greatest = greatest.max(shift);
    }
    (least <= greatest).then_some((least, greatest))
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
        }
    }
}
