//! Doubles as the whole numbers that they are, in units of 2⁻¹⁰⁷⁴: an oracle for sums, without rounding and
//! without range.

use num_bigint::BigInt;
use num_traits::{One, Signed};
use proptest::prelude::*;

/// A finite number, in units of 2⁻¹⁰⁷⁴.
pub(crate) fn units(value: f64) -> BigInt {
    let (exponent, fraction) = ((value.to_bits() >> 52) & 0x7ff, value.to_bits() & ((1 << 52) - 1));
    let magnitude = match exponent {
        0 => BigInt::from(fraction),
        _ => BigInt::from(fraction | (1 << 52)) << (exponent - 1),
    };
    if value.is_sign_negative() { -magnitude } else { magnitude }
}

/// One, in the same units.
pub(crate) fn one() -> BigInt {
    BigInt::one() << 1074
}

/// Whether `actual` is `expected` but for 10⁻¹² of it, and for `unit`.
pub(crate) fn same(actual: &BigInt, expected: &BigInt, unit: &BigInt) -> bool {
    (actual - expected).abs() * BigInt::from(10u64.pow(12))
        <= expected.abs() + unit * BigInt::from(10u64.pow(12))
}

/// `n Σ x² − (Σ x)²`, in squared units: n² times the variance.
pub(crate) fn squared_deviations(values: &[f64]) -> BigInt {
    let units: Vec<BigInt> = values.iter().copied().map(units).collect();
    let sum: BigInt = units.iter().sum();
    BigInt::from(values.len()) * units.iter().map(|value| value * value).sum::<BigInt>() - &sum * &sum
}

/// Finite numbers as they are not met with: of any exponent, next to one another, at the ends of the range.
pub(crate) fn hostile() -> impl Strategy<Value = f64> {
    let edges = [
        0.0,
        -0.0,
        1.0,
        5e-324,
        -5e-324,
        f64::MIN_POSITIVE,
        1e-155,
        1e-146,
        1e-146_f64.next_up(),
        0.1,
        1e9,
        9_007_199_254_740_992.0,
        1.3e154,
        -1.3e154,
        1.4e154,
        f64::MAX,
        f64::MIN,
    ];
    prop_oneof![
        3 => prop::sample::select(edges.to_vec()),
        2 => any::<f64>().prop_filter("a finite number", |value| value.is_finite()),
        2 => -2.0..2.0f64,
        1 => (0u64..4).prop_map(|step| f64::from_bits(1.0f64.to_bits() + step)),
        1 => (-20i32..20).prop_map(f64::from),
    ]
}
