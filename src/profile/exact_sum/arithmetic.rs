//! What comes of adding and multiplying exact sums, of which nothing is rounded but the last quotient.
//!
//! Where numbers lie far from 0, a variance is a small difference of large sums, and that of squares one of larger sums still. Whole
//! numbers of any length, times a power of two, lose nothing there.

use num_bigint::BigInt;

use super::quotient;

/// A whole number times a power of two.
#[derive(Clone, Debug)]
pub struct Exact {
    whole: BigInt,
    exponent: i64,
}

impl Exact {
    pub(super) fn new(whole: BigInt, exponent: i64) -> Self {
        Self { whole, exponent }
    }

    /// The sum of both.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let exponent = self.exponent.min(other.exponent);
        let aligned = |term: &Self| &term.whole << term.exponent.abs_diff(exponent);
        Self::new(aligned(self) + aligned(other), exponent)
    }

    /// The product of both.
    #[must_use]
    pub fn times(&self, other: &Self) -> Self {
        Self::new(&self.whole * &other.whole, self.exponent + other.exponent)
    }

    /// This, so many times.
    #[must_use]
    pub fn scaled(&self, times: impl Into<BigInt>) -> Self {
        Self::new(&self.whole * times.into(), self.exponent)
    }

    /// This without the other.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        self.plus(&other.scaled(-1))
    }

    /// This by the other, which must not be less than 0, rounded once. `None` if the other is 0.
    pub fn over(&self, other: &Self) -> Option<f64> {
        let exponent = i32::try_from(self.exponent - other.exponent).ok()?;
        (other.whole != BigInt::ZERO).then(|| quotient(&self.whole, &other.whole, exponent))
    }
}

impl From<i64> for Exact {
    fn from(whole: i64) -> Self {
        Self::new(whole.into(), 0)
    }
}

/// `n Σd² − (Σd)²` of the mix `d = Σᵢ wᵢ xᵢ` of several numbers a row, from the sums of the numbers and of their products, over
/// `count` rows: its variance times n².
pub fn deviations<const N: usize>(
    count: u64,
    weights: &[Exact; N],
    sums: &[Exact; N],
    products: &[[&Exact; N]; N],
) -> Exact {
    let mix = |terms: [&Exact; N]| {
        let terms = weights.iter().zip(terms).map(|(weight, term)| weight.times(term));
        terms.fold(Exact::from(0), |sum, term| sum.plus(&term))
    };
    let sum = mix(sums.each_ref());
    let squares = mix(products.map(mix).each_ref());
    squares.scaled(count).minus(&sum.times(&sum))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::super::ExactSum;
    use super::*;

    fn exact(values: &[f64]) -> Exact {
        let mut sum = ExactSum::default();
        values.iter().for_each(|value| sum.add(*value));
        sum.exact()
    }

    #[test]
    fn nothing_is_lost_on_the_way() {
        let (large, small) = (exact(&[1e300]), exact(&[1e-300]));
        let rest = large.plus(&small).minus(&large);
        assert_eq!(rest.over(&Exact::from(1)), Some(1e-300));
        // Beyond the range of a double and back.
        assert_eq!(large.times(&large).over(&large.scaled(2)), Some(5e299));
        assert_eq!(small.times(&small).over(&small), Some(1e-300));
        assert_eq!(large.over(&Exact::from(0)), None);
    }

    proptest! {
        #[test]
        fn a_mix_has_the_variance_of_its_values(rows in prop::collection::vec((-1000i64..1000, -1000i64..1000), 1..20)) {
            let sum = |of: fn(&(i64, i64)) -> i64| Exact::from(rows.iter().map(of).sum::<i64>());
            let (aa, ab, bb) = (sum(|(a, _)| a * a), sum(|(a, b)| a * b), sum(|(_, b)| b * b));
            let sums = [sum(|(a, _)| *a), sum(|(_, b)| *b)];
            let actual = deviations(
                rows.len() as u64,
                &[Exact::from(3), Exact::from(-2)],
                &sums,
                &[[&aa, &ab], [&ab, &bb]],
            );
            let mixed: Vec<i64> = rows.iter().map(|(a, b)| 3 * a - 2 * b).collect();
            let (total, squares) = (mixed.iter().sum::<i64>(), mixed.iter().map(|d| d * d).sum::<i64>());
            let expected = rows.len() as i64 * squares - total * total;
            prop_assert_eq!(actual.over(&Exact::from(1)).unwrap(), expected as f64);
        }
    }
}
