//! Versions: at which the tables of a run are read, as they were asked for.
//!
//! Says what is wanted of which table; `lake` finds it.

use std::fmt;

use deltalake::DeltaTable;
use jiff::Timestamp;

use super::{SourceError, commits, shown};

/// At which version a table is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The newest.
    Latest,
    /// This one.
    Version(u64),
    /// The newest at this time.
    Time(Timestamp),
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("version"),
            Self::Version(version) => write!(f, "version {version}"),
            Self::Time(time) => write!(f, "version at {time}"),
        }
    }
}

/// At which versions the tables of a run are read. Nothing is asked for by default: the newest of each is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Versions {
    /// Of the inference table.
    pub inference: Option<u64>,
    /// Of the label table.
    pub labels: Option<u64>,
    /// Of the baseline; goes before the monitor's own.
    pub baseline: Option<u64>,
    /// Tables without a version are read as they were at this time or, if the inference table has a version, as
    /// they were when that was committed.
    pub time: Option<Timestamp>,
}

impl Versions {
    /// At which version the inference table is read.
    pub(super) fn of_inference(&self) -> At {
        self.inference.map(At::Version).or(self.time.map(At::Time)).unwrap_or(At::Latest)
    }

    /// At which version the other tables are read, beside the inference table that is loaded as `inference`.
    pub(super) async fn of_others(&self, inference: &DeltaTable) -> Result<Beside, SourceError> {
        let place = inference.table_url();
        let at = match (self.time, self.inference) {
            (Some(time), _) => Ok(At::Time(time)),
            (None, None) => Ok(At::Latest),
            (None, Some(version)) => {
                let committed_at = commits::time_of(inference, version).await;
                let committed_at = committed_at.map_err(|error| SourceError::read(place, error))?;
                committed_at.map(At::Time).ok_or(version)
            }
        };
        Ok(Beside { table: shown(place), at })
    }
}

/// At which version tables beside the inference table are read, unless they have one of their own.
pub(super) struct Beside {
    table: String,
    /// The version of the inference table that carries no time, if that is why it is not known.
    at: Result<At, u64>,
}

impl Beside {
    /// At which version a table is read that has `version`, if any, as its own.
    pub(super) fn or_own(&self, version: Option<u64>) -> Result<At, SourceError> {
        version
            .map_or(self.at, |version| Ok(At::Version(version)))
            .map_err(|version| SourceError::Timeless { version, table: self.table.clone() })
    }
}
