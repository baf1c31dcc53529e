//! Names as numbers: the code of a name is its share of the baseline's rows.
//!
//! So that a column of names can stand beside columns of numbers in a covariance. The codes come from the baseline
//! alone and do not change with the window: a name that becomes frequent keeps its small code, and is then a value
//! that was rare. They must not be used as an order of names, and two names of equal share have one code.
//!
//! **Range** `[0, 1]`. **Conventions** a name that the baseline lacks has code 0. A name below [`LEAST_SHARE`] has,
//! too: its code is as good as that, and the table stays small. A NULL has the code of the most frequent name.
//! **Source** NannyML's data reconstruction drift encodes so (`CountEncoder(normalize=True)`, most frequent value for
//! missing).

use serde::{Deserialize, Serialize};

/// Names of a smaller share are not told apart: so there are never more than a thousand.
pub const LEAST_SHARE: f64 = 1e-3;

/// The codes of one column's names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameCodes {
    /// Counts of the baseline, in the order of names.
    counts: Vec<(String, u64)>,
    /// All its values that are not NULL.
    total: u64,
}

impl NameCodes {
    /// The codes by a baseline in which each name occurs so often, of `total` values that are not NULL. Names may
    /// come in any order, each once; rare ones may be missing.
    pub fn of<'a>(counts: impl IntoIterator<Item = (&'a str, u64)>, total: u64) -> Self {
        let is_told = |count: u64| count > 0 && count as f64 >= LEAST_SHARE * total as f64;
        let told = counts.into_iter().filter(|(_, count)| is_told(*count));
        let mut counts: Vec<(String, u64)> = told.map(|(name, count)| (name.to_owned(), count)).collect();
        counts.sort_unstable();
        Self { counts, total }
    }

    /// The code of a name, or of NULL.
    pub fn code(&self, name: Option<&str>) -> f64 {
        let count = match name {
            Some(name) => {
                let place = self.counts.binary_search_by(|(known, _)| known.as_str().cmp(name));
                place.ok().and_then(|place| self.counts.get(place)).map_or(0, |(_, count)| *count)
            }
            None => self.counts.iter().map(|(_, count)| *count).max().unwrap_or(0),
        };
        self.share(count)
    }

    /// Mean and standard deviation of the codes of the baseline's values that are not NULL.
    pub fn mean_and_stddev(&self) -> (f64, f64) {
        let mean: f64 = self.counts.iter().map(|(_, count)| self.share(*count).powi(2)).sum();
        let known: f64 = self.counts.iter().map(|(_, count)| self.share(*count)).sum();
        let about_mean = |code: f64| (code - mean).powi(2);
        let told: f64 =
            self.counts.iter().map(|(_, count)| self.share(*count) * about_mean(self.share(*count))).sum();
        let variance = told + (1.0 - known).max(0.0) * about_mean(0.0);
        // Names of one share have one code, but rounding may see a trifle between it and its mean.
        (mean, if variance < f64::EPSILON { 0.0 } else { variance.sqrt() })
    }

    /// Names that have a code of their own share, in order.
    pub fn names(&self) -> impl Iterator<Item = (&str, u64)> {
        self.counts.iter().map(|(name, count)| (name.as_str(), *count))
    }

    /// Values that are not NULL in the baseline.
    pub fn total(&self) -> u64 {
        self.total
    }

    fn share(&self, count: u64) -> f64 {
        if self.total == 0 { 0.0 } else { count as f64 / self.total as f64 }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_code_is_the_share_in_the_baseline() {
        let codes = NameCodes::of([("web", 60), ("app", 30), ("branch", 10)], 100);
        assert_eq!(
            [Some("web"), Some("app"), Some("fax"), None].map(|name| codes.code(name)),
            [0.6, 0.3, 0.0, 0.6]
        );
        let (mean, stddev) = codes.mean_and_stddev();
        assert!((mean - 0.46).abs() < 1e-15 && (stddev - 0.18).abs() < 1e-15, "{mean} {stddev}");
    }

    #[test]
    fn rare_names_are_as_good_as_unknown_ones() {
        let codes = NameCodes::of([("often", 9_989), ("once", 1), ("ten", 10)], 10_000);
        assert_eq!(
            [Some("often"), Some("ten"), Some("once")].map(|name| codes.code(name)),
            [0.9989, 0.001, 0.0]
        );
        assert_eq!(codes.names().count(), 2);
    }

    #[test]
    fn identifiers_and_equal_shares_are_constant() {
        let ids: Vec<String> = (0..5_000).map(|id| format!("{id}")).collect();
        let of_ids = NameCodes::of(ids.iter().map(|id| (id.as_str(), 1)), 5_000);
        let of_halves = NameCodes::of([("a", 3), ("b", 3), ("c", 3)], 9);
        assert_eq!(
            [of_ids, of_halves, NameCodes::default()].map(|codes| codes.mean_and_stddev().1),
            [0.0; 3]
        );
    }

    proptest! {
        #[test]
        fn the_order_of_names_does_not_matter_and_moments_are_those_of_the_rows(
            counts in prop::collection::btree_map("[a-f]{1,2}", 1u64..2_000, 1..20), unlisted in 0u64..3_000,
        ) {
            let total = counts.values().sum::<u64>() + unlisted;
            let there = NameCodes::of(counts.iter().map(|(name, count)| (name.as_str(), *count)), total);
            let back = NameCodes::of(counts.iter().rev().map(|(name, count)| (name.as_str(), *count)), total);
            prop_assert_eq!(&there, &back);
            let mut rows: Vec<f64> = counts.iter().flat_map(|(name, count)| vec![there.code(Some(name)); *count as usize]).collect();
            rows.resize(total as usize, 0.0);
            let mean = rows.iter().sum::<f64>() / total as f64;
            let variance = rows.iter().map(|code| (code - mean).powi(2)).sum::<f64>() / total as f64;
            let (told, stddev) = there.mean_and_stddev();
            prop_assert!((told - mean).abs() < 1e-12 && (stddev.powi(2) - variance).abs() < 1e-12);
            prop_assert!(rows.iter().all(|code| (0.0..=1.0).contains(code)));
        }
    }
}
