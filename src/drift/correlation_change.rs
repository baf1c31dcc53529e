//! Change of correlations.
//!
//! **Measures** how far the correlations between columns have moved from the comparison's.
//! **Formula** with `Δᵢⱼ` the difference of Pearson's correlation of columns `i` and `j`: the largest is `max |Δᵢⱼ|`,
//! and the Frobenius change `√(Σᵢ Σⱼ Δᵢⱼ²)` over the whole matrix.
//! **Range** the largest `[0, 2]`; Frobenius `[0, 2 √(p (p − 1))]` for `p` columns; 0 when equal; both symmetric.
//! **Convention** a column that is constant on either side is left out. NULLs have the mean, and names have codes, as
//! [the state](crate::profile::covariance) says: so correlations fall where more values are missing.
//! **Must not** be taken of standardised values where bounded ones are to be had: one absurd row can make any
//! correlation 1, or 0.
//! **Source** Wilcox, *Introduction to Robust Estimation and Hypothesis Testing*, 5th edition (2021), section 9.3.8,
//! for correlations of bounded values.

use crate::profile::covariance::Moments;
use crate::profile::reason::Absence;

/// Rows that a side must have: of two every correlation is 1.
pub const LEAST_ROWS: u64 = 3;

const TOO_FEW_ROWS: Absence = Absence::new("a side has fewer than three rows");
const TOO_FEW_COLUMNS: Absence = Absence::new("fewer than two columns vary on both sides");
const OTHERWISE_MEASURED: Absence = Absence::new("the two sides have other columns");

/// How far correlations have moved.
#[derive(Clone, Debug, PartialEq)]
pub struct CorrelationChange {
    /// The largest change of a correlation, without its sign.
    pub largest: f64,
    /// The columns whose correlation has changed most, in order; of equal changes the first.
    pub pair: (usize, usize),
    /// Their correlation in the comparison.
    pub comparison: f64,
    /// Their correlation in the window.
    pub window: f64,
    /// The change of all correlations.
    pub frobenius: f64,
}

/// How far the correlations of `window` are from those of `comparison`.
pub fn correlation_change(comparison: &Moments, window: &Moments) -> Result<CorrelationChange, Absence> {
    if window.means().len() != comparison.means().len() {
        return Err(OTHERWISE_MEASURED);
    }
    if comparison.rows() < LEAST_ROWS || window.rows() < LEAST_ROWS {
        return Err(TOO_FEW_ROWS);
    }
    let mut columns = window.varying();
    let then = comparison.varying();
    columns.retain(|column| then.contains(column));
    let mut squares = 0.0;
    let mut largest: Option<(f64, (usize, usize))> = None;
    for (place, i) in columns.iter().enumerate() {
        for j in &columns[place + 1..] {
            let change = (window.correlation(*i, *j) - comparison.correlation(*i, *j)).abs();
            squares += change * change;
            if largest.is_none_or(|(most, _)| change > most) {
                largest = Some((change, (*i, *j)));
            }
        }
    }
    let (largest, pair) = largest.ok_or(TOO_FEW_COLUMNS)?;
    let correlations = (comparison.correlation(pair.0, pair.1), window.correlation(pair.0, pair.1));
    Ok(CorrelationChange {
        largest,
        pair,
        comparison: correlations.0,
        window: correlations.1,
        // Each pair is in the matrix twice.
        frobenius: (2.0 * squares).sqrt(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::f64::consts::SQRT_2;

    use proptest::prelude::*;

    use super::super::samples::{Stream, bounded, reference, standardized};
    use super::*;

    /// A row of three columns, the first two of which have this correlation.
    fn related(correlation: f64) -> impl Fn(&mut Stream) -> Vec<f64> {
        move |stream| {
            let (a, b, c) = (stream.normal(), stream.normal(), stream.normal());
            vec![c, a, correlation * a + (1.0 - correlation * correlation).sqrt() * b]
        }
    }

    fn change(comparison: &[Vec<f64>], window: &[Vec<f64>]) -> Result<CorrelationChange, Absence> {
        let reference = reference(comparison);
        correlation_change(&bounded(&reference, comparison), &bounded(&reference, window))
    }

    fn change_of_standardized(comparison: &[Vec<f64>], window: &[Vec<f64>]) -> CorrelationChange {
        let reference = reference(comparison);
        correlation_change(&standardized(&reference, comparison), &standardized(&reference, window)).unwrap()
    }

    #[test]
    fn the_pair_that_has_changed_is_named() {
        let (then, now) = (Stream(1).columns(5_000, related(0.8)), Stream(2).columns(2_000, related(0.2)));
        let found = change(&then, &now).unwrap();
        assert_eq!(found.pair, (1, 2));
        assert!((found.comparison - 0.8).abs() < 0.02 && (found.window - 0.2).abs() < 0.05, "{found:?}");
        assert!((found.largest - 0.6).abs() < 0.06, "{found:?}");
        let others = found.frobenius - SQRT_2 * found.largest;
        assert!((0.0..0.02).contains(&others), "{found:?}");
    }

    #[test]
    fn known_rows_give_known_numbers() {
        // As NumPy's corrcoef has them. The bounds cut nothing off so few.
        let then = [vec![1.0, 2.0, 3.0, 4.0, 5.0], vec![2.0, 1.0, 4.0, 3.0, 5.0]];
        let now = [vec![1.0, 2.0, 3.0, 4.0, 5.0], vec![5.0, 2.0, 1.0, 4.0, 3.0]];
        let found = change(&then, &now).unwrap();
        assert!((found.comparison - 0.8).abs() < 1e-4 && (found.window + 0.2).abs() < 1e-4, "{found:?}");
        assert!((found.largest - 1.0).abs() < 1e-4 && (found.frobenius - SQRT_2).abs() < 1e-4);
    }

    #[test]
    fn one_absurd_row_decides_nothing() {
        let (then, mut now) =
            (Stream(1).columns(5_000, related(0.1)), Stream(2).columns(5_000, related(0.1)));
        (now[0][3], now[1][3]) = (1e9, 1e9);
        let found = change_of_standardized(&then, &now);
        assert!(found.largest > 0.9 && found.pair == (0, 1), "{found:?}");
        let found = change(&then, &now).unwrap();
        assert!(found.largest < 0.1, "{found:?}");
    }

    #[test]
    fn columns_that_are_one_do_not_differ_by_rounding() {
        let one = |stream: &mut Stream| {
            let a = stream.normal();
            vec![a, 3.0 * a + 1.0, -a / 7.0]
        };
        let found = change_of_standardized(&Stream(1).columns(50_000, one), &Stream(2).columns(50_000, one));
        assert!(found.largest < 1e-6, "{found:?}");
    }

    #[test]
    fn what_is_constant_on_a_side_is_left_out() {
        let then = Stream(1).columns(100, related(0.5));
        let mut now = Stream(2).columns(100, related(0.5));
        now[1] = vec![3.0; 100];
        let found = change(&then, &now).unwrap();
        assert_eq!(found.pair, (0, 2));
        now[2] = vec![f64::NAN; 100];
        assert_eq!(change(&then, &now), Err(TOO_FEW_COLUMNS));
        assert_eq!(change(&now, &then), Err(TOO_FEW_COLUMNS));
    }

    #[test]
    fn what_cannot_be_told_has_a_reason() {
        let then = Stream(1).columns(100, related(0.5));
        assert_eq!(change(&then, &Stream(2).columns(2, related(0.5))), Err(TOO_FEW_ROWS));
        let window = bounded(&reference(&then), &then);
        let fewer = &then[..2];
        let other = bounded(&reference(fewer), fewer);
        assert_eq!(correlation_change(&other, &window), Err(OTHERWISE_MEASURED));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn it_is_symmetric_and_within_its_range(
            then in prop::collection::vec([-5i8..5, -5i8..5, -5i8..5], 4..40),
            now in prop::collection::vec([-5i8..5, -5i8..5, -5i8..5], 4..40),
        ) {
            let columns = |rows: &[[i8; 3]]| -> Vec<Vec<f64>> {
                (0..3).map(|column| rows.iter().map(|row| f64::from(row[column])).collect()).collect()
            };
            let (then, now) = (columns(&then), columns(&now));
            let reference = reference(&then);
            let (then, now) = (bounded(&reference, &then), bounded(&reference, &now));
            match (correlation_change(&then, &now), correlation_change(&now, &then)) {
                (Ok(there), Ok(back)) => {
                    prop_assert_eq!((there.largest, there.pair, there.frobenius), (back.largest, back.pair, back.frobenius));
                    prop_assert!((0.0..=2.0).contains(&there.largest));
                    prop_assert!(there.frobenius >= SQRT_2 * there.largest * (1.0 - 1e-12));
                    prop_assert!(there.frobenius <= 6f64.sqrt() * there.largest * (1.0 + 1e-12));
                }
                (there, back) => prop_assert_eq!(there, back),
            }
            if then.varying().len() > 1 {
                let none = correlation_change(&then, &then).unwrap();
                prop_assert_eq!((none.largest, none.frobenius), (0.0, 0.0));
            }
        }
    }
}
