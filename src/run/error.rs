//! Why a monitor could not be run.

use super::secrets::UnusableSecret;
use crate::profile::query::{HINT_FAULT, QueryError};
use crate::remedy::Remedy;
use crate::sink::SinkError;
use crate::source::SourceError;

/// The stage that failed, and its error.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Trying the secrets.
    #[error(transparent)]
    Secret(#[from] UnusableSecret),
    /// Reading metadata.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Counting rows.
    #[error(transparent)]
    Query(QueryError),
    /// Writing tables.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// Somebody stopped it.
    #[error("stopped before it wrote anything")]
    Canceled,
    /// Something panicked.
    #[error("the run broke off on table `{table}`")]
    Fault {
        /// The inference table.
        table: String,
    },
}

impl From<QueryError> for RunError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Kept { states, source } => Self::Sink(SinkError::Read { table: states, source }),
            error => Self::Query(error),
        }
    }
}

impl RunError {
    /// What the operator does next.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Secret(_) => Remedy::FixMonitor,
            Self::Source(error) => error.remedy(),
            Self::Query(error) => error.remedy(),
            Self::Sink(error) => error.remedy(),
            Self::Canceled => Remedy::Retry,
            Self::Fault { .. } => Remedy::InspectData,
        }
    }

    /// The sentence after the error.
    pub fn hint(&self) -> String {
        match self {
            Self::Secret(error) => error.hint(),
            Self::Source(error) => error.hint(),
            Self::Query(error) => error.hint(),
            Self::Sink(error) => error.hint(),
            Self::Canceled => self.remedy().hint().to_owned(),
            Self::Fault { .. } => HINT_FAULT.to_owned(),
        }
    }

    /// The status of the attempt, as `runs` has it.
    pub fn status(&self) -> &'static str {
        match self {
            Self::Sink(SinkError::Superseded { .. }) => "SUPERSEDED",
            Self::Canceled => "CANCELED",
            _ => "FAILED",
        }
    }
}
