//! The state of how columns move together: exact sums of the products of up to [`MAX_COLUMNS`] columns.
//!
//! Every value is measured against a [`Scale`], by what the baseline's column was like when it was first counted, rounded to a
//! multiple of 2⁻¹⁶, and summed as a whole number. So the state is the same for the same rows in any order, equal states have
//! equal bytes, and merging is exact, commutative and associative. Each value is measured in two ways, and there are
//! two sets of sums:
//!
//! - **standardised**, in the baseline's standard deviations from its mean, clipped at ±[`CLIP`]. The clip is there
//!   so that sums cannot overflow, whatever the rows hold: a value has 27 bits with its sign, a product 53, and the
//!   products of 2⁷⁴ rows fit into 128. It bounds what a row can do, and does not hide it: one wrong row among ten
//!   thousand still adds 105 to a variance of 1. Tighter clips hide what a monitor is for: at ±64 neither of the two
//!   months of New York's taxi data is seen that NannyML reports, at ±128 both are, just so, and from ±256 on without
//!   doubt. Each rests on one absurd ride: of 46,826 miles, and with a tip of 400 dollars.
//! - **bounded**, between the baseline's first and ninety-ninth percentile (a winsorised covariance), so that the
//!   rows as a whole decide. In the taxi data one absurd fare among 120,000 takes the correlation of fare and
//!   distance from 0.94 to 0.01.
//!
//! **Conventions** A NULL, a NaN or an infinity takes the mean, as NannyML imputes: its column varies less for it,
//! and its covariances are smaller. A column without any value is not in the state: it was not there yet, or is not any more.
//!
//! A scale is no more than a unit. States of other units do not mix: columns are told apart by the [id](Scale::id) of
//! their scale, and a sum has the columns of both sides.

mod moments;
mod reference;
mod sums;

pub use moments::Moments;
pub use reference::{Bounds, ColumnCount, Reference, Scale};
use serde::{Deserialize, Serialize};
use sums::{CHUNK, Sums};

/// Most columns that rows are measured by.
pub const MAX_COLUMNS: usize = 32;

/// Standard deviations of the scale at which values are clipped.
pub const CLIP: f64 = 1024.0;

/// Units of a standard deviation, and of half the way between bounds.
const UNITS: f64 = 65_536.0;

/// Second moments of rows, in units of their scales.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Kept")]
pub struct CovarianceState {
    rows: u64,
    /// By their scales, in the order of their ids.
    columns: Vec<Measured>,
    standardized: Sums,
    bounded: Sums,
}

/// A column of some rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Measured {
    /// Id of its scale.
    scale: u64,
    /// Rows that had no finite value.
    missing: u64,
}

/// A state as it was written, whose parts may not fit.
#[derive(Deserialize)]
struct Kept {
    rows: u64,
    columns: Vec<Measured>,
    standardized: Sums,
    bounded: Sums,
}

/// Why rows or a state cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// There is another number of columns than there are scales.
    #[error("{found} columns of values were given for a covariance of {expected}")]
    Columns {
        /// As many scales.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// The columns are of different lengths.
    #[error("columns of a covariance are of different lengths")]
    Lengths,
    /// The bytes of a state are not of one.
    #[error("the parts of a covariance do not fit together")]
    Parts,
}

/// Room to work in.
#[derive(Debug, Default)]
pub struct Room {
    /// The whole numbers of one chunk, column after column.
    standardized: Vec<f64>,
    bounded: Vec<f64>,
}

impl CovarianceState {
    /// Adds rows: of each column of `reference` its values, NaN where there is none. All or none of the rows are
    /// added.
    ///
    /// # Errors
    /// If the columns are not as many as scales, or not of one length.
    pub fn add_all(
        &mut self,
        reference: &Reference,
        columns: &[&[f64]],
        room: &mut Room,
    ) -> Result<(), Mismatch> {
        let scales = reference.scales();
        if columns.len() != scales.len() {
            return Err(Mismatch::Columns { expected: scales.len(), found: columns.len() });
        }
        let rows = columns.first().map_or(0, |values| values.len());
        if columns.iter().any(|values| values.len() != rows) {
            return Err(Mismatch::Lengths);
        }
        if self.rows > 0 && !self.ids().eq(reference.ids()) {
            let mut apart = Self::default();
            apart.add_all(reference, columns, room)?;
            self.merge(&apart);
            return Ok(());
        }
        if self.rows == 0 {
            *self = Self::of_columns(reference.ids());
        }
        self.rows += rows as u64;
        for start in (0..rows).step_by(CHUNK) {
            let end = rows.min(start + CHUNK);
            room.standardized.clear();
            room.bounded.clear();
            for ((values, scale), column) in columns.iter().zip(scales).zip(&mut self.columns) {
                let values = &values[start..end];
                room.standardized.extend(values.iter().map(|value| scale.standardized(*value)));
                room.bounded.extend(values.iter().map(|value| scale.bounded(*value)));
                column.missing += values.iter().map(|value| u64::from(!value.is_finite())).sum::<u64>();
            }
            self.standardized.add(end - start, &room.standardized);
            self.bounded.add(end - start, &room.bounded);
        }
        Ok(())
    }

    /// No rows, measured by these scales, which are in order.
    fn of_columns(scales: impl Iterator<Item = u64>) -> Self {
        let columns: Vec<Measured> = scales.map(|scale| Measured { scale, missing: 0 }).collect();
        let none = Sums::of_columns(columns.len());
        Self { rows: 0, columns, standardized: none.clone(), bounded: none }
    }

    fn ids(&self) -> impl Iterator<Item = u64> + '_ {
        self.columns.iter().map(|column| column.scale)
    }

    /// Adds the rows of another state. In the rows of a side that does not have a column its values are missing.
    pub fn merge(&mut self, other: &Self) {
        if self.ids().eq(other.ids()) {
            self.rows += other.rows;
            let missing = other.columns.iter().map(|column| column.missing);
            self.columns.iter_mut().zip(missing).for_each(|(ours, theirs)| ours.missing += theirs);
            self.standardized.merge(&other.standardized);
            self.bounded.merge(&other.bounded);
            return;
        }
        let mut ids: Vec<u64> = self.ids().chain(other.ids()).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut sum = self.with(&ids);
        sum.merge(&other.with(&ids));
        *self = sum;
    }

    /// The rows but for those of `other`, which are among them: whole numbers are taken away, so this is the state of the others,
    /// bit by bit. `None` if they cannot be among them. Of columns that the state does not have nothing is looked at.
    pub fn without(&self, other: &Self) -> Option<Self> {
        let ids: Vec<u64> = self.ids().collect();
        let other = other.with(&ids);
        let mut rest = self.clone();
        rest.rows = self.rows.checked_sub(other.rows)?;
        for (ours, theirs) in rest.columns.iter_mut().zip(&other.columns) {
            ours.missing = ours.missing.checked_sub(theirs.missing).filter(|left| *left <= rest.rows)?;
        }
        rest.standardized.subtract(&other.standardized);
        rest.bounded.subtract(&other.bounded);
        rest.settle();
        Some(rest)
    }

    /// The same rows with columns of these scales, in order: its own, as far as they are among them, and others of which every
    /// value is missing.
    fn with(&self, ids: &[u64]) -> Self {
        let place = |id: u64| self.columns.binary_search_by_key(&id, |column| column.scale).ok();
        let places: Vec<Option<usize>> = ids.iter().map(|id| place(*id)).collect();
        let missing = |place: &Option<usize>| {
            place.and_then(|place| self.columns.get(place)).map_or(self.rows, |column| column.missing)
        };
        let columns = ids.iter().zip(&places);
        Self {
            rows: self.rows,
            columns: columns
                .map(|(scale, place)| Measured { scale: *scale, missing: missing(place) })
                .collect(),
            standardized: self.standardized.of(&places),
            bounded: self.bounded.of(&places),
        }
    }

    /// Brings the state into its one form: without columns that have no value.
    pub fn settle(&mut self) {
        if self.columns.iter().any(|column| column.missing == self.rows) {
            let ids: Vec<u64> = self.measured().collect();
            *self = self.with(&ids);
        }
    }

    /// Rows added.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Ids of the scales of columns that have values, in order.
    pub fn measured(&self) -> impl Iterator<Item = u64> + '_ {
        self.columns.iter().filter(|column| column.missing < self.rows).map(|column| column.scale)
    }

    /// Means and covariances of standardised values of the columns with these scales, in order.
    pub fn standardized(&self, scales: &[u64]) -> Moments {
        Moments::of(&self.with(scales).standardized, self.rows)
    }

    /// Means and covariances of bounded values of the columns with these scales, in order.
    pub fn bounded(&self, scales: &[u64]) -> Moments {
        Moments::of(&self.with(scales).bounded, self.rows)
    }

    /// Bytes held in memory, about.
    pub fn size(&self) -> usize {
        size_of::<Self>() + 16 * self.columns.capacity() + self.standardized.size() + self.bounded.size()
    }

    /// The same of a state of so many columns.
    pub fn size_of_columns(columns: usize) -> usize {
        size_of::<Self>() + 16 * columns + 2 * Sums::size_of_columns(columns)
    }
}

impl TryFrom<Kept> for CovarianceState {
    type Error = Mismatch;

    fn try_from(kept: Kept) -> Result<Self, Mismatch> {
        let Kept { rows, columns, standardized, bounded } = kept;
        let fits = columns.is_sorted_by(|a, b| a.scale < b.scale)
            && columns.iter().all(|column| column.missing <= rows)
            && standardized.fits(columns.len())
            && bounded.fits(columns.len());
        if fits { Ok(Self { rows, columns, standardized, bounded }) } else { Err(Mismatch::Parts) }
    }
}

#[cfg(test)]
mod tests;
