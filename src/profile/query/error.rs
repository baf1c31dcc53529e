//! What can go wrong on the way from rows to states.

use datafusion::common::DataFusionError;
use url::Url;

use crate::cause::{Trouble, is_fault, is_of_a_file, trouble};
use crate::contract::TABLE;
use crate::profile::custom::check::CustomError;
use crate::profile::slice::SliceError;
use crate::remedy::Remedy;
use crate::source::{HINT_UNREACHABLE, hint_denied, hint_full, shown};

/// Why rows could not be counted.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // Each sentence says what its fields are.
pub enum QueryError {
    /// A query failed.
    #[error("cannot profile table `{table}`")]
    Query { table: String, source: Box<DataFusionError> },
    /// What earlier runs have counted cannot be read back.
    #[error("cannot read table `{}` back", shown(states))]
    Kept { states: Url, source: Box<DataFusionError> },
    /// The engine failed, whatever the input.
    #[error("the query engine failed on table `{table}`")]
    Fault { table: String },
    /// A slicing expression is not one.
    #[error("slicing expression `{expression}` cannot be computed on table `{table}`")]
    Slice { expression: String, table: String, source: SliceError },
    /// A custom metric is none.
    #[error("custom metric `{}` cannot be computed", source.metric)]
    Custom { source: CustomError },
    /// A column is called as rows of the whole table are.
    #[error(
        "table `{table}` has a column called `{TABLE}`, which is what the rows of a whole table are called"
    )]
    Reserved { table: String },
    /// The table has no rows.
    #[error("`{key}` has no rows: version {version} of table `{table}`")]
    Empty { key: &'static str, table: String, version: u64 },
    /// No row lies in a window.
    #[error("no row has a `{column}`: all {rows} are NULL in version {version} of table `{table}`")]
    Timeless { column: String, rows: u64, table: String, version: u64 },
    /// No row lies in a window, since their times are beyond all windows.
    #[error(
        "no row has a `{column}` that a window can hold: {outside} lie {OUT_OF_RANGE}, {nulls} are NULL, in version \
         {version} of table `{table}`"
    )]
    OutOfRange { column: String, outside: u64, nulls: u64, table: String, version: u64 },
}

impl From<CustomError> for QueryError {
    fn from(source: CustomError) -> Self {
        Self::Custom { source }
    }
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

    /// Why the states at `url` cannot be read back.
    pub(crate) fn kept(url: &Url, error: DataFusionError) -> Self {
        Self::Kept { states: url.clone(), source: Box::new(error) }
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
            Self::Slice { .. } | Self::Custom { .. } | Self::Reserved { .. } => Remedy::FixMonitor,
            Self::Query { source, .. } => match trouble(source) {
                Trouble::Denied => Remedy::FixMonitor,
                Trouble::Unreachable => Remedy::Retry,
                _ => Remedy::InspectData,
            },
            Self::Kept { .. }
            | Self::Fault { .. }
            | Self::Empty { .. }
            | Self::Timeless { .. }
            | Self::OutOfRange { .. } => Remedy::InspectData,
        }
    }

    /// The sentence after the error.
    pub fn hint(&self) -> String {
        match self {
            Self::Slice { source, .. } => source.hint.clone(),
            Self::Custom { source } => source.hint.clone(),
            Self::Fault { .. } => HINT_FAULT.to_owned(),
            Self::Reserved { .. } => format!("list it under `columns.exclude`: [\"{TABLE}\"]"),
            Self::Empty { key, .. } => format!("run again once rows have been written, or correct `{key}`"),
            Self::Timeless { .. } => {
                "name the column that says when a row happened as `timestamp_col`".to_owned()
            }
            Self::OutOfRange { column, .. } => format!(
                "look at `{column}`: such times come of a wrong unit (milliseconds read as seconds), or stand for \
                 \"never\", where NULL is meant"
            ),
            Self::Query { table, source } => match trouble(source) {
                // The query engine puts there what does not fit into memory.
                Trouble::Full => hint_full(&std::env::temp_dir().display().to_string()),
                Trouble::Denied => hint_denied(table, source.as_ref()),
                Trouble::Unreachable => HINT_UNREACHABLE.to_owned(),
                Trouble::NoCredentials | Trouble::NoBucket | Trouble::Other => {
                    self.remedy().hint().to_owned()
                }
            },
            Self::Kept { .. } => self.remedy().hint().to_owned(),
        }
    }
}

/// Where the times are that no window can hold.
pub const OUT_OF_RANGE: &str = "in the year 9999 or later, or before the year 1";

/// What to do when nobody's input is to blame.
pub const HINT_FAULT: &str = "this is no mistake of yours; please report it, with what `--verbose` says";
