//! Sums of floating-point numbers without rounding.
//!
//! A sum of doubles depends on their order, so two runs over the same rows would differ in the last
//! digits whenever files or threads come in another order. Here every double is added as the integer
//! that it is, in a fixed-point number wide enough for all of them (a superaccumulator: Kulisch; Neal,
//! *Fast exact summation using small and large superaccumulators*, 2015). The sum is exact, so it is
//! the same in any order, and one rounding at the end is the only one.

mod arithmetic;
mod slots;

pub use arithmetic::{Exact, deviations};
use num_bigint::{BigInt, Sign};
use num_traits::{Signed, ToPrimitive, Zero};
use serde::{Deserialize, Serialize};
pub use slots::Slots;

/// Weight of the lowest bit: that of the smallest subnormal.
const LOWEST_EXPONENT: i32 = -1074;
/// Bits in a digit; digits are kept in 64 bits, so that carries can wait.
const DIGIT_BITS: u32 = 32;
const DIGIT_MASK: i64 = (1 << DIGIT_BITS) - 1;
/// Additions before a digit could overflow its 64 bits.
const MAX_PENDING: u32 = 1 << 29;
/// The least variance that is told, the least normal double. Of each square up to 2⁻¹⁰⁷⁵ is lost below the
/// least of all doubles, and as much of their mean: from here on that is beyond the last digit.
pub const LEAST_VARIANCE: f64 = f64::MIN_POSITIVE;

/// An exact sum of finite doubles.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ExactSum {
    /// Position of the first digit kept.
    offset: u32,
    /// Digits in base 2³², lowest first; any signed value until carries are settled.
    digits: Vec<i64>,
    /// Additions since carries were settled.
    #[serde(skip)]
    pending: u32,
}

impl ExactSum {
    /// Adds `value`, which must be finite; NaN and infinities are not added.
    pub fn add(&mut self, value: f64) {
        if value == 0.0 || !value.is_finite() {
            return;
        }
        let (mantissa, shift) = parts(value);
        self.add_units(mantissa, shift, value.is_sign_negative());
    }

    /// Adds `mantissa · 2^shift` units, or takes them off.
    fn add_units(&mut self, mantissa: u64, shift: u32, negative: bool) {
        let wide = u128::from(mantissa) << (shift % DIGIT_BITS);
        let sign = if negative { -1 } else { 1 };
        let low = self.reach(shift / DIGIT_BITS, 3);
        for (digit, part) in self.digits[low..].iter_mut().zip([wide, wide >> 32, wide >> 64]) {
            *digit += sign * ((part as i64) & DIGIT_MASK);
        }
        self.pending += 1;
        if self.pending == MAX_PENDING {
            self.settle();
        }
    }

    /// Adds the exact square of `value`. False if the square is beyond the range of a double; nothing
    /// is added then.
    #[must_use]
    pub fn add_square(&mut self, value: f64) -> bool {
        self.add_product(value, value)
    }

    /// Adds the exact product of `a` and `b`. False if it is beyond the range of a double; nothing is added then.
    #[must_use]
    pub fn add_product(&mut self, a: f64, b: f64) -> bool {
        let product = a * b;
        if !product.is_finite() {
            return false;
        }
        self.add(product);
        self.add(a.mul_add(b, -product));
        true
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &Self) {
        let mut other = other.clone();
        other.settle();
        self.settle();
        if other.digits.is_empty() {
            return;
        }
        let low = self.reach(other.offset, other.digits.len());
        for (digit, added) in self.digits[low..].iter_mut().zip(&other.digits) {
            *digit += added;
        }
        self.settle();
    }

    /// The sum in its one form, so that equal sums have equal bytes.
    pub fn settle(&mut self) {
        self.pending = 0;
        let mut carry = 0i64;
        for digit in &mut self.digits {
            let total = *digit + carry;
            *digit = total & DIGIT_MASK;
            carry = total >> DIGIT_BITS;
        }
        // The highest digit carries the sign; the others are not negative.
        while carry != 0 && carry != -1 {
            self.digits.push(carry & DIGIT_MASK);
            carry >>= DIGIT_BITS;
        }
        if carry == -1 {
            match self.digits.last_mut() {
                Some(last) => *last -= 1 << DIGIT_BITS,
                None => self.digits.push(-1),
            }
        }
        while self.digits.len() > 1 && self.digits.last() == Some(&-1) {
            self.digits.pop();
            if let Some(last) = self.digits.last_mut() {
                *last -= 1 << DIGIT_BITS;
            }
        }
        while self.digits.last() == Some(&0) {
            self.digits.pop();
        }
        let zeros = self.digits.iter().take_while(|digit| **digit == 0).count();
        self.digits.drain(..zeros);
        self.offset = if self.digits.is_empty() { 0 } else { self.offset + zeros as u32 };
        // A lone −2³² is −1 one place higher.
        if self.digits == [-1 << DIGIT_BITS] {
            self.digits = vec![-1];
            self.offset += 1;
        }
    }

    /// Makes room for `count` digits from position `from`; returns where they begin.
    fn reach(&mut self, from: u32, count: usize) -> usize {
        if self.digits.is_empty() {
            self.offset = from;
        }
        if from < self.offset {
            let missing = (self.offset - from) as usize;
            self.digits.splice(0..0, std::iter::repeat_n(0, missing));
            self.offset = from;
        }
        let low = (from - self.offset) as usize;
        if self.digits.len() < low + count {
            self.digits.resize(low + count, 0);
        }
        low
    }

    /// The sum as an integer in units of 2⁻¹⁰⁷⁴.
    fn units(&self) -> BigInt {
        self.whole() << (DIGIT_BITS * self.offset)
    }

    /// The sum as an integer in units of its lowest digit.
    fn whole(&self) -> BigInt {
        let digits = self.digits.iter().rev();
        digits.fold(BigInt::zero(), |sum, digit| (sum << DIGIT_BITS) + digit)
    }

    /// The sum to go on with.
    pub fn exact(&self) -> Exact {
        Exact::new(self.whole(), i64::from(DIGIT_BITS * self.offset) + i64::from(LOWEST_EXPONENT))
    }

    /// The sum divided by `count`, rounded once. `None` if `count` is 0.
    pub fn mean(&self, count: u64) -> Option<f64> {
        (count > 0).then(|| quotient(&self.units(), &BigInt::from(count), LOWEST_EXPONENT))
    }

    /// `Σ(x − mean)² / divisor` from the sums of `x` and `x²` over `count` values, rounded once. `None` if
    /// `count` or `divisor` is 0. Below [`LEAST_VARIANCE`] it has no digits that are sure.
    pub fn variance(sum: &Self, squares: &Self, count: u64, divisor: u64) -> Option<f64> {
        if count == 0 || divisor == 0 {
            return None;
        }
        // n·Σx² − (Σx)², where Σx is in units of 2^-1074 and its square in units of 2^-2148.
        let squares = squares.units() << LOWEST_EXPONENT.unsigned_abs();
        let sum = sum.units();
        let deviations = BigInt::from(count) * squares - &sum * &sum;
        let divisor = BigInt::from(count) * BigInt::from(divisor);
        Some(quotient(&deviations, &divisor, 2 * LOWEST_EXPONENT).max(0.0))
    }

    /// Bytes held in memory.
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.digits.capacity() * size_of::<i64>()
    }
}

impl PartialEq for ExactSum {
    fn eq(&self, other: &Self) -> bool {
        self.units() == other.units()
    }
}

/// The absolute value of a finite number as `mantissa · 2^shift` units.
fn parts(value: f64) -> (u64, u32) {
    let bits = value.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as u32;
    let fraction = bits & ((1 << 52) - 1);
    if exponent == 0 { (fraction, 0) } else { (fraction | (1 << 52), exponent - 1) }
}

/// `numerator / denominator · 2^exponent`, rounded to nearest.
fn quotient(numerator: &BigInt, denominator: &BigInt, exponent: i32) -> f64 {
    if numerator.is_zero() {
        return 0.0;
    }
    let negative = numerator.sign() == Sign::Minus;
    let numerator = numerator.abs();
    // 66 bits of quotient leave two below the 53 + 11 that rounding can see.
    let shift = 66 + denominator.bits() as i64 - numerator.bits() as i64;
    let (mut whole, rest) = if shift >= 0 {
        let scaled = numerator << shift as u64;
        (&scaled / denominator, scaled % denominator)
    } else {
        let scaled = denominator << shift.unsigned_abs();
        (&numerator / &scaled, numerator % scaled)
    };
    if !rest.is_zero() {
        // A sticky bit, so that a tie is not mistaken for one.
        whole = (whole << 1u32) + 1;
    } else {
        whole <<= 1u32;
    }
    let magnitude = scale(whole.to_f64().unwrap_or(f64::INFINITY), i64::from(exponent) - shift - 1);
    if negative { -magnitude } else { magnitude }
}

/// `value · 2^exponent` without overflow on the way.
fn scale(value: f64, exponent: i64) -> f64 {
    let mut value = value;
    let mut left = exponent.clamp(-4000, 4000) as i32;
    while left != 0 && value != 0.0 && value.is_finite() {
        let step = left.clamp(-1000, 1000);
        value *= 2f64.powi(step);
        left -= step;
    }
    value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl ExactSum {
        /// The sum, rounded once.
        fn value(&self) -> f64 {
            self.mean(1).unwrap_or(f64::NAN)
        }
    }

    fn sum(values: &[f64]) -> ExactSum {
        let mut sum = ExactSum::default();
        values.iter().for_each(|value| sum.add(*value));
        sum
    }

    #[test]
    fn small_numbers_survive_big_ones() {
        assert_eq!(sum(&[1e308, 1.0, -1e308]).value(), 1.0);
        assert_eq!(sum(&[1e16, 1.0, 1.0, -1e16]).value(), 2.0);
        assert_eq!(sum(&[5e-324, 1e308, -1e308]).value(), 5e-324);
    }

    #[test]
    fn sums_beyond_the_range_of_a_double_come_back() {
        assert_eq!(sum(&[f64::MAX, f64::MAX, -f64::MAX]).value(), f64::MAX);
        assert_eq!(sum(&[f64::MAX, f64::MAX]).value(), f64::INFINITY);
        assert_eq!(sum(&[f64::MAX, f64::MAX]).mean(2), Some(f64::MAX));
    }

    #[test]
    fn nothing_and_zeros_are_zero() {
        assert_eq!(ExactSum::default().value(), 0.0);
        assert_eq!(sum(&[0.0, -0.0]).value(), 0.0);
        assert_eq!(ExactSum::default().mean(0), None);
    }

    #[test]
    fn the_deviation_of_near_equal_numbers_is_exact() {
        // 1e9 + {4, 7, 13, 16}: the textbook formula in doubles loses every digit.
        let values = [1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0];
        let mut squares = ExactSum::default();
        assert!(values.iter().all(|value| squares.add_square(*value)));
        assert_eq!(ExactSum::variance(&sum(&values), &squares, 4, 3), Some(30.0));
    }

    #[test]
    fn a_negative_power_of_two_has_one_form() {
        // −2¹⁴ is a lone sign at a digit's edge, reached from one digit here and from its neighbour there.
        let mut whole = sum(&[-32768.0, 16384.0]);
        whole.settle();
        let mut merged = sum(&[-32768.0]);
        merged.merge(&sum(&[16384.0]));
        assert_eq!((whole.offset, whole.digits), (merged.offset, merged.digits));
    }

    #[test]
    fn squares_out_of_range_are_refused() {
        assert!(!ExactSum::default().add_square(1e200));
    }

    fn doubles() -> impl Strategy<Value = Vec<f64>> {
        // Powers of two cancel at the edges of digits, where a form is most easily ambiguous.
        let power =
            (-70i32..70, any::<bool>()).prop_map(|(k, up)| if up { 2f64.powi(k) } else { -(2f64.powi(k)) });
        prop::collection::vec(prop_oneof![-1e3..1e3f64, any::<f64>(), power], 0..40)
            .prop_map(|values| values.into_iter().filter(|value| value.is_finite()).collect())
    }

    proptest! {
        #[test]
        fn order_and_grouping_do_not_matter(mut values in doubles(), split in 0usize..40) {
            let mut whole = sum(&values);
            let split = split.min(values.len());
            let (left, right) = values.split_at(split);
            let mut merged = sum(right);
            merged.merge(&sum(left));
            whole.settle();
            prop_assert_eq!(&whole.digits, &merged.digits);
            prop_assert_eq!(whole.offset, merged.offset);
            values.reverse();
            let mut reversed = sum(&values);
            reversed.settle();
            prop_assert_eq!(&whole.digits, &reversed.digits);
        }

        #[test]
        fn integers_add_as_integers(values in prop::collection::vec(-1_000_000i64..1_000_000, 0..60)) {
            let doubles: Vec<f64> = values.iter().map(|value| *value as f64).collect();
            prop_assert_eq!(sum(&doubles).value(), values.iter().sum::<i64>() as f64);
        }

        #[test]
        fn one_number_is_itself(value in any::<f64>()) {
            prop_assume!(value.is_finite());
            prop_assert_eq!(sum(&[value]).value(), value);
        }
    }
}
