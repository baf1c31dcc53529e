//! Reconstruction error.
//!
//! **Measures** how badly rows fit the way in which the baseline's columns move together: each row is put back
//! together from the baseline's main directions, and what is left over is its error. It sees columns that part ways
//! though each alone looks as ever.
//! **Formula** `√(tr((I − P) · E[y yᵀ]))`, the root mean square of the errors. `y` is a row in standard deviations of
//! the baseline from its mean; `P` projects on the first `k` eigenvectors of the baseline's correlations, and `k` is
//! the least number of components that hold more than [`VARIANCE_KEPT`] of the variance.
//! **Range** `[0, ∞)`, in standard deviations of the baseline; for the baseline itself `√(Σ λᵢ)` over the components
//! left out. Not symmetric: the window is measured by the baseline. Less than 1e-4 is rounding.
//! **Convention** columns that are constant in the baseline are left out. NULLs have the mean, wild values are
//! clipped, and names have codes, as [the state](crate::profile::covariance) says. NannyML takes the mean of the
//! rows' errors, which no second moment gives; it is never larger than this one, and a few absurd rows move it less.
//! **Must not** be compared between baselines, or lists of columns: more columns leave more over.
//! **Source** Jolliffe, *Principal Component Analysis*, 2nd edition (2002), section 10.1; NannyML's
//! `DataReconstructionDriftCalculator`.

use super::jacobi::{Eigen, eigen};
use crate::profile::covariance::Moments;
use crate::profile::reason::{Absence, finite};

/// The components that are kept hold more than this share of the baseline's variance.
pub const VARIANCE_KEPT: f64 = 0.65;

const NO_BASELINE_ROWS: Absence =
    Absence::new("the baseline has no more rows than columns, too few to tell how they move together");
const TOO_FEW_COLUMNS: Absence = Absence::new("fewer than two columns vary in the baseline");
const ALL_KEPT: Absence = Absence::new("the baseline's columns are so unlike that every component is kept");
const OTHERWISE_MEASURED: Absence = Absence::new("the rows have other columns than the baseline");
const NO_MATRIX: Absence = Absence::new("the baseline's correlations are no numbers");

/// How the baseline's columns move together.
#[derive(Clone, Debug, PartialEq)]
pub struct Components {
    baseline: Moments,
    /// Those that vary, in order; what follows is of these alone.
    columns: Vec<usize>,
    deviations: Vec<f64>,
    eigenvalues: Vec<f64>,
    kept: usize,
    /// `I − P`.
    left_over: Vec<Vec<f64>>,
}

/// The reconstruction error of some rows.
#[derive(Clone, Debug, PartialEq)]
pub struct ReconstructionError {
    /// In standard deviations of the baseline.
    pub value: f64,
    /// The column that is put back together worst, and its share of the squared error. Absent without an error.
    pub worst: Option<(usize, f64)>,
}

impl Components {
    /// The components of a baseline.
    pub fn of(baseline: &Moments) -> Result<Self, Absence> {
        Self::new(baseline, None)
    }

    /// As many components of other rows, by which these would have been measured had the rows been the baseline. How many are kept
    /// is not asked anew: where the share of [`VARIANCE_KEPT`] falls between two, it would be one more here and one less there,
    /// and errors of which one more is left over are no measure for the others.
    pub fn of_others(&self, others: &Moments) -> Result<Self, Absence> {
        Self::new(others, Some(self.kept))
    }

    /// The components of a baseline, of which so many are kept, if that is known.
    fn new(baseline: &Moments, kept: Option<usize>) -> Result<Self, Absence> {
        let columns = baseline.varying();
        if columns.len() < 2 {
            return Err(TOO_FEW_COLUMNS);
        }
        if baseline.rows() <= columns.len() as u64 {
            return Err(NO_BASELINE_ROWS);
        }
        let correlations: Vec<Vec<f64>> =
            columns.iter().map(|a| columns.iter().map(|b| baseline.correlation(*a, *b)).collect()).collect();
        let Eigen { values: eigenvalues, vectors } = eigen(&correlations).ok_or(NO_MATRIX)?;
        let variance: f64 = eigenvalues.iter().sum();
        let mut held = 0.0;
        let is_short = |value: &&f64| {
            held += **value;
            held <= VARIANCE_KEPT * variance
        };
        let kept = kept.unwrap_or_else(|| eigenvalues.iter().take_while(is_short).count() + 1);
        if kept >= columns.len() {
            return Err(ALL_KEPT);
        }
        let projected =
            |i: usize, j: usize| vectors.iter().take(kept).map(|vector| vector[i] * vector[j]).sum::<f64>();
        let identity = |i: usize, j: usize| if i == j { 1.0 } else { 0.0 };
        let all = 0..columns.len();
        let left_over =
            all.clone().map(|i| all.clone().map(|j| identity(i, j) - projected(i, j)).collect()).collect();
        Ok(Self {
            baseline: baseline.clone(),
            deviations: columns
                .iter()
                .map(|column| baseline.covariances()[*column][*column].sqrt())
                .collect(),
            columns,
            eigenvalues,
            kept,
            left_over,
        })
    }

    /// Components that are kept.
    #[cfg(test)]
    pub fn num_components(&self) -> usize {
        self.kept
    }

    /// Columns that take part, in order.
    #[cfg(test)]
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// Variance of each component in the baseline, the largest first; they add up to the number of columns.
    #[cfg(test)]
    pub fn eigenvalues(&self) -> &[f64] {
        &self.eigenvalues
    }

    /// How badly rows fit. The baseline itself can be asked for, too.
    pub fn reconstruction_error(&self, rows: &Moments) -> Result<ReconstructionError, Absence> {
        if rows.means().len() != self.baseline.means().len() {
            return Err(OTHERWISE_MEASURED);
        }
        let size = self.columns.len();
        let shift: Vec<f64> = self
            .columns
            .iter()
            .zip(&self.deviations)
            .map(|(column, deviation)| (rows.means()[*column] - self.baseline.means()[*column]) / deviation)
            .collect();
        let spread = self.by_pair(|i, j| {
            rows.covariances()[self.columns[i]][self.columns[j]] / (self.deviations[i] * self.deviations[j])
        });
        // (I − P) (Σ + μμᵀ): I − P is its own square, so its trace is that of what is left over.
        let of_rows = product(&self.left_over, &self.by_pair(|i, j| spread[i][j] + shift[i] * shift[j]));
        let squared = trace(&of_rows).max(0.0);
        let value = finite(squared.sqrt())?;
        let parts = (0..size).map(|j| (0..size).map(|i| of_rows[j][i] * self.left_over[i][j]).sum::<f64>());
        let worst = parts.enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b));
        Ok(ReconstructionError {
            value,
            worst: worst
                .filter(|_| squared > 0.0)
                .map(|(j, part)| (self.columns[j], (part / squared).min(1.0))),
        })
    }

    fn by_pair(&self, of: impl Fn(usize, usize) -> f64) -> Vec<Vec<f64>> {
        let all = 0..self.columns.len();
        all.clone().map(|i| all.clone().map(|j| of(i, j)).collect()).collect()
    }
}

fn trace(matrix: &[Vec<f64>]) -> f64 {
    matrix.iter().enumerate().filter_map(|(i, row)| row.get(i)).sum()
}

/// The product of a matrix and another, both square.
fn product(a: &[Vec<f64>], b: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let of = |row: &Vec<f64>, j: usize| row.iter().zip(b).map(|(a, row)| a * row[j]).sum();
    a.iter().map(|row| (0..b.len()).map(|j| of(row, j)).collect()).collect()
}

#[cfg(test)]
mod tests;
