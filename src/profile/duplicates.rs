//! The state of request ids: how many rows have an id that another row has.
//!
//! Exact up to [`LIMIT`] different ids. Beyond, it is an estimate: the ids with the [`LIMIT`] smallest hashes are a
//! sample of all ids in which each is as likely as another, and their counts are exact, since an id that is among
//! them at the end always was. So the state is the same for the same rows in any order, equal states have equal
//! bytes, and merging is exact, commutative and associative.
//!
//! A sample of ids does not see the one id that a fault writes into every tenth row. Therefore, once there is a
//! sample, all rows are also counted in [`CELLS`] cells by other bits of the hash: ids that are too frequent for
//! chance stick out there, and are counted apart.
//!
//! **Must not** be read as exact beyond the limit. What neither finds are a few ids of some tens to hundreds of rows
//! each among a million: their repeats are missing until they are so many rows that a cell sticks out, that is six
//! times the root of what a cell holds. Two ids of one hash are one: of a million ids that happens once in 37 million
//! windows.
//!
//! **Source** Cohen & Kaplan (2007), *Summarizing data using bottom-k sketches*, PODC; Cormode & Muthukrishnan
//! (2005), J. Algorithms 55(1), for the cells.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::reason::Absence;

/// Most different ids that are counted exactly, and that are sampled beyond.
pub const LIMIT: usize = 1024;

/// Cells in which all rows are counted.
pub const CELLS: usize = 256;

/// Spreads of a cell from the median at which it sticks out: by chance once in thousands of millions.
const STICKS_OUT: f64 = 6.0;

/// The same of few rows, whose tail is longer: chance of a cell that holds as many, as an exponent of e.
const BY_CHANCE: f64 = -28.0;

/// Spreads of a normal distribution between its quartiles.
const QUARTILES: f64 = 1.349;

/// Counts of ids. Merging states gives the state of all rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Kept")]
pub struct DuplicatesState {
    /// Rows with an id.
    rows: u64,
    num_nulls: u64,
    /// Rows by the hash of their id: of the smallest hashes.
    sample: BTreeMap<u64, u64>,
    /// Rows by the last bits of the hash; none while every id is in the sample.
    cells: Vec<u64>,
}

/// A state as it was written, whose parts may not fit.
#[derive(Deserialize)]
struct Kept {
    rows: u64,
    num_nulls: u64,
    sample: BTreeMap<u64, u64>,
    cells: Vec<u64>,
}

/// The share of rows that repeat an id.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Duplicates {
    /// Of the rows with an id, the share whose id another row has had before: rows less different ids, by rows. `[0,
    /// 1)`, as a fraction.
    pub share: f64,
    /// By how much the share would differ between samples: one standard deviation. 0 if the share is exact; never
    /// less than one row of the sample if it is not.
    pub standard_error: f64,
    /// Whether every id was counted.
    pub is_exact: bool,
}

impl DuplicatesState {
    /// Counts a row with this id.
    pub fn add(&mut self, id: &[u8]) {
        self.add_hash(xxh3_64(id), 1);
        self.rows += 1;
    }

    /// Counts rows without an id.
    pub fn add_nulls(&mut self, count: u64) {
        self.num_nulls += count;
    }

    fn add_hash(&mut self, hash: u64, count: u64) {
        if let Some(cell) = self.cells.get_mut(cell_of(hash)) {
            *cell += count;
            // Most rows of a long window.
            if self.sample.last_key_value().is_some_and(|(last, _)| hash > *last) {
                return;
            }
        }
        *self.sample.entry(hash).or_default() += count;
        self.keep_smallest();
    }

    /// Drops what the sample has no room for. The first time, all rows so far go into cells before.
    fn keep_smallest(&mut self) {
        if self.sample.len() > LIMIT && self.cells.is_empty() {
            self.cells = self.in_cells();
        }
        while self.sample.len() > LIMIT {
            self.sample.pop_last();
        }
    }

    /// All rows by cell.
    fn in_cells(&self) -> Vec<u64> {
        if !self.cells.is_empty() {
            return self.cells.clone();
        }
        let mut cells = vec![0; CELLS];
        for (hash, count) in &self.sample {
            cells[cell_of(*hash)] += count;
        }
        cells
    }

    /// Adds the rows of another state.
    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.num_nulls += other.num_nulls;
        if !self.is_exact() || !other.is_exact() {
            self.cells = self.in_cells();
            self.cells.iter_mut().zip(other.in_cells()).for_each(|(ours, theirs)| *ours += theirs);
        }
        for (hash, count) in &other.sample {
            *self.sample.entry(*hash).or_default() += count;
        }
        self.keep_smallest();
    }

    /// Rows with an id.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Rows without one.
    pub fn num_nulls(&self) -> u64 {
        self.num_nulls
    }

    /// Whether every id has its own count.
    pub fn is_exact(&self) -> bool {
        self.cells.is_empty()
    }

    /// How many rows repeat an id. Absent if no row has one.
    pub fn duplicates(&self) -> Result<Duplicates, Absence> {
        if self.rows == 0 {
            return Err(Absence::new("no row has a request id"));
        }
        let rows = self.rows as f64;
        if self.is_exact() {
            let share = (self.rows - self.sample.len() as u64) as f64 / rows;
            return Ok(Duplicates { share, standard_error: 0.0, is_exact: true });
        }
        let Frequent { rows: frequent, error, at_least } = self.frequent();
        // An id that sticks out is told apart there, whether it is in the sample or not.
        let counts: Vec<f64> =
            self.sample.values().map(|count| *count as f64).filter(|count| *count < at_least).collect();
        let (ids, sampled) = (counts.len() as f64, counts.iter().sum::<f64>());
        let others = rows - frequent;
        if sampled == 0.0 {
            return Ok(Duplicates { share: frequent / rows, standard_error: error / rows, is_exact: false });
        }
        let mean = sampled / ids;
        let variance = counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / (ids - 1.0).max(1.0);
        // Of a population that the sample is a large part of, less is left to chance.
        let unseen = (1.0 - sampled / others).max(0.0);
        let of_sample = (variance * unseen / ids).sqrt() / (mean * mean);
        let of_others = others / rows * of_sample.max(1.0 / sampled);
        let share = (frequent + others * (1.0 - ids / sampled)) / rows;
        Ok(Duplicates {
            share: share.clamp(0.0, 1.0),
            standard_error: of_others.hypot(error / rows),
            is_exact: false,
        })
    }

    /// Rows that are too many for chance in their cells.
    fn frequent(&self) -> Frequent {
        let mut cells = self.cells.clone();
        cells.sort_unstable();
        let quantile = |k: usize| cells.get(cells.len() * k / 4).map_or(0.0, |cell| *cell as f64);
        let (low, median, high) = (quantile(1), quantile(2), quantile(3));
        let spread = ((high - low) / QUARTILES).max(median.sqrt()).max(1.0);
        let at_least = (STICKS_OUT * spread).max(beyond_chance(median + 1.0) - median);
        let excess = self.cells.iter().map(|cell| *cell as f64 - median).filter(|excess| *excess >= at_least);
        let (rows, places) = excess.fold((0.0, 0.0), |(rows, places), excess| (rows + excess, places + 1.0));
        Frequent { rows, error: spread * f64::sqrt(places), at_least }
    }

    /// Bytes held in memory, about.
    pub fn size(&self) -> usize {
        size_of::<Self>() + 24 * self.sample.len() + 8 * self.cells.capacity()
    }
}

/// Rows of ids that are more frequent than chance allows.
struct Frequent {
    rows: f64,
    error: f64,
    /// Rows that such an id has.
    at_least: f64,
}

/// How many rows a cell has to hold that holds `mean` on average, for chance to be no reason: Chernoff's bound of a Poisson number.
fn beyond_chance(mean: f64) -> f64 {
    let exponent = |rows: f64| rows - mean - rows * (rows / mean).ln();
    let mut rows = mean;
    while exponent(rows) > BY_CHANCE {
        rows += 1.0;
    }
    rows
}

fn cell_of(hash: u64) -> usize {
    hash as usize % CELLS
}

/// The bytes are not of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the parts of a state of request ids do not fit together")]
pub struct Unfit;

impl TryFrom<Kept> for DuplicatesState {
    type Error = Unfit;

    fn try_from(kept: Kept) -> Result<Self, Unfit> {
        let Kept { rows, num_nulls, sample, cells } = kept;
        let counts: Vec<u64> =
            if cells.is_empty() { sample.values().copied().collect() } else { cells.clone() };
        let sum = counts.iter().try_fold(0u64, |sum, count| sum.checked_add(*count));
        let fits = sum == Some(rows)
            && match cells.len() {
                0 => sample.len() <= LIMIT,
                CELLS => sample.len() == LIMIT,
                _ => false,
            };
        if fits { Ok(Self { rows, num_nulls, sample, cells }) } else { Err(Unfit) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn of<T: ToString>(ids: impl IntoIterator<Item = T>) -> DuplicatesState {
        let mut state = DuplicatesState::default();
        ids.into_iter().for_each(|id| state.add(id.to_string().as_bytes()));
        state
    }

    fn bytes(state: &DuplicatesState) -> Vec<u8> {
        postcard::to_stdvec(state).unwrap()
    }

    #[test]
    fn few_ids_are_counted() {
        let mut state = of(["a", "b", "a", "c", "a"]);
        state.add_nulls(7);
        assert_eq!(state.duplicates(), Ok(Duplicates { share: 0.4, standard_error: 0.0, is_exact: true }));
        assert_eq!((state.rows(), state.num_nulls()), (5, 7));
    }

    #[test]
    fn without_ids_there_is_no_share() {
        let mut state = DuplicatesState::default();
        state.add_nulls(3);
        assert_eq!(state.duplicates(), Err(Absence::new("no row has a request id")));
    }

    #[test]
    fn the_limit_is_the_last_that_is_exact() {
        let mut state = of((0..LIMIT).chain(0..24));
        let share = 24.0 / (LIMIT + 24) as f64;
        assert_eq!(state.duplicates(), Ok(Duplicates { share, standard_error: 0.0, is_exact: true }));
        state.add(b"one more");
        let found = state.duplicates().unwrap();
        assert!(
            !found.is_exact && (found.share - share).abs() < 0.002 && found.standard_error < 0.002,
            "{found:?}"
        );
    }

    #[test]
    fn ids_of_their_own_have_no_repeats() {
        let found = of(0..100_000).duplicates().unwrap();
        assert_eq!((found.share, found.is_exact), (0.0, false));
        assert!((found.standard_error - 1.0 / LIMIT as f64).abs() < 1e-12);
    }

    /// Just beyond what is counted exactly, cells hold a handful each, and some three times as many.
    #[test]
    fn few_ids_of_their_own_have_no_repeats_either() {
        for set in 0..2_000u64 {
            let ids = (0..1_025 + set % 1_000).map(|id| set << 32 | id);
            let mut state = DuplicatesState::default();
            ids.for_each(|id| state.add(&id.to_le_bytes()));
            assert_eq!(state.duplicates().unwrap().share, 0.0, "set {set}");
        }
    }

    #[test]
    fn what_was_sent_twice_is_half_repeated() {
        let found = of((0..50_000).chain(0..50_000)).duplicates().unwrap();
        assert!((found.share - 0.5).abs() < 1e-12 && found.standard_error < 0.001, "{found:?}");
    }

    /// Retries: each of them repeats an id once or twice. The error that is told is that of many such windows.
    #[test]
    fn estimates_are_off_by_their_error() {
        let mut off = Vec::new();
        for seed in 0..200u64 {
            let mut state = DuplicatesState::default();
            let (mut rows, mut ids) = (0u64, 0u64);
            for id in 0..8_000u64 {
                let name = (seed << 32 | id).to_le_bytes();
                let times = match xxh3_64(&[&name[..], b"times"].concat()) % 100 {
                    0..5 => 2,
                    5..7 => 3,
                    _ => 1,
                };
                (0..times).for_each(|_| state.add(&name));
                (rows, ids) = (rows + times, ids + 1);
            }
            let found = state.duplicates().unwrap();
            off.push((found.share - (rows - ids) as f64 / rows as f64) / found.standard_error);
        }
        let mean = off.iter().sum::<f64>() / 200.0;
        let spread = (off.iter().map(|off| (off - mean).powi(2)).sum::<f64>() / 199.0).sqrt();
        assert!(mean.abs() < 0.25 && (0.85..1.15).contains(&spread), "{mean} ± {spread}");
    }

    /// What a fault writes: one id, or three, in a share of all rows.
    #[test]
    fn one_id_in_many_rows_is_found() {
        for (faults, of_rows) in [(1u64, 0.01), (1, 0.1), (3, 0.3), (1, 0.9)] {
            let rows = 200_000u64;
            let of_faults = (rows as f64 * of_rows) as u64;
            let state = of((0..rows).map(|row| if row < of_faults { row % faults } else { row }));
            let found = state.duplicates().unwrap();
            let share = (of_faults - faults) as f64 / rows as f64;
            assert!((found.share - share).abs() < 0.003, "{found:?}, but {share}");
            assert!((found.share - share).abs() < 4.0 * found.standard_error, "{found:?}, but {share}");
        }
    }

    #[test]
    fn a_sampled_id_in_many_rows_is_not_taken_for_its_like() {
        // The id with the least hash of all is surely in the sample.
        let least = (0..100_000).min_by_key(|id: &u64| xxh3_64(id.to_string().as_bytes())).unwrap();
        let state = of((0..100_000).chain(std::iter::repeat_n(least, 5_000)));
        let found = state.duplicates().unwrap();
        assert!((found.share - 5_000.0 / 105_000.0).abs() < 0.002, "{found:?}");
    }

    #[test]
    fn a_state_has_a_size_that_ends() {
        let state = of(0..200_000);
        assert!((5_000..13_000).contains(&bytes(&state).len()), "{}", bytes(&state).len());
        assert!(bytes(&of(["a"])).len() < 20);
        assert!(state.size() < 32_000);
    }

    #[test]
    fn damaged_bytes_are_no_state() {
        for state in [of(0..50), of(0..5_000)] {
            let whole = bytes(&state);
            assert!(
                (0..whole.len()).all(|at| postcard::from_bytes::<DuplicatesState>(&whole[..at]).is_err())
            );
            let mut other = state.clone();
            other.rows += 1;
            assert!(postcard::from_bytes::<DuplicatesState>(&bytes(&other)).is_err());
        }
    }

    proptest! {
        #[test]
        fn few_ids_are_as_a_set_says(ids in prop::collection::vec(0u8..60, 1..200)) {
            let different: BTreeSet<&u8> = ids.iter().collect();
            let found = of(&ids).duplicates();
            let share = (ids.len() - different.len()) as f64 / ids.len() as f64;
            prop_assert_eq!(found, Ok(Duplicates { share, standard_error: 0.0, is_exact: true }));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        /// On either side of the limit.
        #[test]
        fn order_and_grouping_do_not_matter(
            seed in any::<u64>(), rows in 1usize..4_000, range in 1u64..4_000, cuts in (0.0..1.0f64, 0.0..1.0f64),
        ) {
            let mut ids: Vec<u64> = (0..rows).map(|row| xxh3_64(&(seed ^ row as u64).to_le_bytes()) % range).collect();
            let whole = of(&ids);
            let at = |cut: f64| (rows as f64 * cut) as usize;
            let (first, second) = (at(cuts.0.min(cuts.1)), at(cuts.0.max(cuts.1)));
            let (a, b, c) = (of(&ids[..first]), of(&ids[first..second]), of(&ids[second..]));
            let plus = |a: &DuplicatesState, b: &DuplicatesState| {
                let mut sum = a.clone();
                sum.merge(b);
                sum
            };
            for merged in [plus(&plus(&a, &b), &c), plus(&a, &plus(&b, &c)), plus(&plus(&c, &a), &b)] {
                prop_assert_eq!(bytes(&merged), bytes(&whole));
            }
            ids.reverse();
            prop_assert_eq!(bytes(&of(&ids)), bytes(&whole));
            let read: DuplicatesState = postcard::from_bytes(&bytes(&whole)).unwrap();
            prop_assert_eq!(&read, &whole);
            let different: BTreeSet<&u64> = ids.iter().collect();
            prop_assert_eq!(whole.is_exact(), different.len() <= LIMIT);
            let found = whole.duplicates().unwrap();
            let share = (rows - different.len()) as f64 / rows as f64;
            prop_assert!((found.share - share).abs() <= 6.0 * found.standard_error, "{found:?}, but {share}");
        }
    }
}
