//! Exact sums of whole numbers, and of their products.

use serde::{Deserialize, Serialize};

use super::UNITS;

/// Rows that are summed in 64 bits before the 128 are touched: 2⁷ products of 2⁵² are below 2⁶³, and the values of so many rows of
/// 32 columns stay near while each column is multiplied with each.
pub(super) const CHUNK: usize = 1 << 7;

/// Products that are summed side by side.
const LANES: usize = 8;

/// Up to here doubles hold every whole number, and add without rounding.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Sums over rows of columns, in units.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sums {
    /// For each column.
    pub(super) sums: Vec<i128>,
    /// For each pair `i ≤ j` of columns, by `i`, then by `j`.
    pub(super) products: Vec<i128>,
}

impl Sums {
    /// Room for so many columns.
    pub(super) fn of_columns(columns: usize) -> Self {
        Self { sums: vec![0; columns], products: vec![0; pairs(columns)] }
    }

    /// Whether there is a sum for each column and pair.
    pub(super) fn fits(&self, columns: usize) -> bool {
        self.sums.len() == columns && self.products.len() == pairs(columns)
    }

    /// Adds `rows` rows, at most [`CHUNK`], whose whole numbers are given column after column.
    pub(super) fn add(&mut self, rows: usize, units: &[f64]) {
        for (values, sum) in units.chunks_exact(rows).zip(&mut self.sums) {
            *sum += i128::from(values.iter().map(|value| *value as i64).sum::<i64>());
        }
        let size = |values: &[f64]| values.iter().fold(0.0, |max: f64, value| max.max(value.abs()));
        let columns: Vec<(&[f64], f64)> =
            units.chunks_exact(rows).map(|values| (values, size(values))).collect();
        let pairs = columns.iter().enumerate().flat_map(|(i, a)| columns[i..].iter().map(move |b| (a, b)));
        for (((a, size_of_a), (b, size_of_b)), product) in pairs.zip(&mut self.products) {
            // So is any chunk without wild values.
            let is_exact = size_of_a * size_of_b * rows as f64 <= EXACT;
            *product += i128::from(if is_exact { in_doubles(a, b) } else { in_integers(a, b) });
        }
    }

    /// Adds other sums, of as many columns.
    pub(super) fn merge(&mut self, other: &Self) {
        self.sums.iter_mut().zip(&other.sums).for_each(|(ours, theirs)| *ours += theirs);
        self.products.iter_mut().zip(&other.products).for_each(|(ours, theirs)| *ours += theirs);
    }

    /// Takes away other sums, of as many columns.
    pub(super) fn subtract(&mut self, other: &Self) {
        self.sums.iter_mut().zip(&other.sums).for_each(|(ours, theirs)| *ours -= theirs);
        self.products.iter_mut().zip(&other.products).for_each(|(ours, theirs)| *ours -= theirs);
    }

    /// Those of the columns at these `places`, in order; where there is none, every value was 0.
    pub(super) fn of(&self, places: &[Option<usize>]) -> Self {
        let product = |i: &Option<usize>, j: &Option<usize>| {
            let (i, j) = ((*i)?, (*j)?);
            self.products.get(place_of_pair(i.min(j), i.max(j), self.sums.len())).copied()
        };
        let rest = places.iter().enumerate();
        Self {
            sums: places
                .iter()
                .map(|place| place.and_then(|i| self.sums.get(i).copied()).unwrap_or(0))
                .collect(),
            products: rest
                .flat_map(|(from, i)| places[from..].iter().map(move |j| (i, j)))
                .map(|(i, j)| product(i, j).unwrap_or(0))
                .collect(),
        }
    }

    /// Mean of each column, over so many rows.
    pub(super) fn means(&self, rows: u64) -> Vec<f64> {
        self.sums.iter().map(|sum| *sum as f64 / rows as f64 / UNITS).collect()
    }

    /// Covariance of each pair of columns, over so many rows.
    pub(super) fn covariances(&self, rows: u64) -> Vec<Vec<f64>> {
        let columns = self.sums.len();
        let mut covariances = vec![vec![0.0; columns]; columns];
        let pairs = (0..columns).flat_map(|i| (i..columns).map(move |j| (i, j)));
        for ((i, j), product) in pairs.zip(&self.products) {
            let covariance = covariance(rows, self.sums[i], self.sums[j], *product);
            covariances[i][j] = covariance;
            covariances[j][i] = covariance;
        }
        covariances
    }

    /// Bytes held in memory beside the state itself.
    pub(super) fn size(&self) -> usize {
        16 * (self.sums.capacity() + self.products.capacity())
    }

    /// The same of so many columns.
    pub(super) fn size_of_columns(columns: usize) -> usize {
        16 * (columns + pairs(columns))
    }
}

/// Where the product of columns `i ≤ j` of so many stands.
fn place_of_pair(i: usize, j: usize, columns: usize) -> usize {
    pairs(columns) - pairs(columns - i) + (j - i)
}

fn pairs(columns: usize) -> usize {
    columns * (columns + 1) / 2
}

/// `(n Σab − Σa Σb) / n²`, exact up to a hundred thousand million rows: a column that does not vary has variance 0.
fn covariance(rows: u64, a: i128, b: i128, product: i128) -> f64 {
    let n = rows as f64;
    let exact = i128::from(rows).checked_mul(product).zip(a.checked_mul(b));
    let in_units = match exact.and_then(|(products, square)| products.checked_sub(square)) {
        Some(exact) => exact as f64 / (n * n),
        None => product as f64 / n - a as f64 / n * (b as f64 / n),
    };
    in_units / (UNITS * UNITS)
}

/// Σ a·b where every partial sum is a whole number that a double holds.
fn in_doubles(a: &[f64], b: &[f64]) -> i64 {
    // Several sums at once: exact, so that it does not matter which product is in which. Lanes of a fixed number, so that they are
    // multiplied and added side by side.
    let mut sums = [0.0; LANES];
    let ((a, rest_of_a), (b, rest_of_b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = rest_of_a.iter().zip(rest_of_b).map(|(a, b)| a * b).sum();
    (sums.iter().sum::<f64>() + rest) as i64
}

/// Σ a·b in 64 bits.
fn in_integers(a: &[f64], b: &[f64]) -> i64 {
    a.iter().zip(b).map(|(a, b)| *a as i64 * *b as i64).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_largest_chunk_fits() {
        let wildest = [67_108_864.0; CHUNK];
        assert_eq!(in_integers(&wildest, &wildest), 1 << 59);
        assert_eq!(in_integers(&wildest, &wildest.map(|value| -value)), -1 << 59);
    }

    proptest! {
        #[test]
        fn both_ways_of_multiplying_are_one(
            rows in prop::collection::vec((-500_000i32..500_000, -500_000i32..500_000), 0..100),
        ) {
            let (a, b): (Vec<f64>, Vec<f64>) =
                rows.iter().map(|(a, b)| (f64::from(*a), f64::from(*b))).unzip();
            let exact: i64 = rows.iter().map(|(a, b)| i64::from(*a) * i64::from(*b)).sum();
            prop_assert_eq!((in_doubles(&a, &b), in_integers(&a, &b)), (exact, exact));
        }
    }
}
