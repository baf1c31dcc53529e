//! What can go wrong on the way from rows to states.

use datafusion::common::DataFusionError;

use crate::cause::{is_fault, is_of_a_file};
use crate::profile::slice::SliceError;
use crate::remedy::Remedy;

/// Why rows could not be counted.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // Each sentence says what its fields are.
pub enum QueryError {
    /// A query failed.
    #[error("cannot profile table `{table}`")]
    Query { table: String, source: Box<DataFusionError> },
    /// The engine failed, whatever the input.
    #[error("the query engine failed on table `{table}`")]
    Fault { table: String },
    /// A slicing expression is not one.
    #[error("slicing expression `{expression}` cannot be computed on table `{table}`")]
    Slice { expression: String, table: String, source: SliceError },
    /// The table has no rows.
    #[error("`{key}` has no rows: version {version} of table `{table}`")]
    Empty { key: &'static str, table: String, version: u64 },
    /// No row lies in a window.
    #[error("no row has a `{column}`: all {rows} are NULL in version {version} of table `{table}`")]
    Timeless { column: String, rows: u64, table: String, version: u64 },
    /// A row lies at an end of time.
    #[error("table `{table}` has a row at an end of time")]
    Time { table: String, source: crate::window::OutOfCalendar },
}

impl QueryError {
    /// Why a query over `table` failed.
    pub(crate) fn query(table: &str, error: DataFusionError) -> Self {
        let table = table.to_owned();
        if is_fault(&error) {
            tracing::info!(table, %error, "the query engine failed");
            return Self::Fault { table };
        }
        Self::Query { table, source: Box::new(error) }
    }

    /// Why the slicing expression `expression` cannot be computed on `table`.
    pub(super) fn slice(expression: &str, table: &str, source: SliceError) -> Self {
        Self::Slice { expression: expression.to_owned(), table: table.to_owned(), source }
    }

    /// Whether a file of the table may be why.
    pub fn may_be_damage(&self) -> bool {
        matches!(self, Self::Query { source, .. } if is_of_a_file(source.as_ref()))
            || matches!(self, Self::Fault { .. })
    }

    /// What the operator does next.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Slice { .. } => Remedy::FixMonitor,
            Self::Query { .. }
            | Self::Fault { .. }
            | Self::Empty { .. }
            | Self::Timeless { .. }
            | Self::Time { .. } => Remedy::InspectData,
        }
    }

    /// The sentence after the error.
    pub fn hint(&self) -> String {
        match self {
            Self::Slice { source, .. } => source.hint.clone(),
            Self::Fault { .. } => HINT_FAULT.to_owned(),
            Self::Empty { key, .. } => format!("run again once rows have been written, or correct `{key}`"),
            Self::Timeless { .. } => {
                "name the column that says when a row happened as `timestamp_col`".to_owned()
            }
            Self::Query { .. } | Self::Time { .. } => self.remedy().hint().to_owned(),
        }
    }
}

/// What to do when nobody's input is to blame.
pub const HINT_FAULT: &str = "this is no mistake of yours; please report it, with what `--verbose` says";
