//! Means, covariances and correlations, as numbers.

use super::sums::Sums;

/// Means and covariances of rows, in units of their scales.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    rows: u64,
    means: Vec<f64>,
    /// Of each pair of columns, row by row.
    covariances: Vec<Vec<f64>>,
}

impl Moments {
    pub(super) fn of(sums: &Sums, rows: u64) -> Self {
        Self { rows, means: sums.means(rows), covariances: sums.covariances(rows) }
    }

    /// Rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Mean of each column.
    pub fn means(&self) -> &[f64] {
        &self.means
    }

    /// Covariance of each pair of columns, divided by n; the diagonal has the variances.
    pub fn covariances(&self) -> &[Vec<f64>] {
        &self.covariances
    }

    /// Columns that vary, in order.
    pub fn varying(&self) -> Vec<usize> {
        (0..self.means.len()).filter(|column| self.covariances[*column][*column] > 0.0).collect()
    }

    /// Pearson correlation of two columns that [vary](Self::varying), in `[−1, 1]`; 0 of one that does not.
    pub fn correlation(&self, a: usize, b: usize) -> f64 {
        if a == b {
            return 1.0;
        }
        let deviations = (self.covariances[a][a] * self.covariances[b][b]).sqrt();
        if deviations > 0.0 { (self.covariances[a][b] / deviations).clamp(-1.0, 1.0) } else { 0.0 }
    }
}
