//! Gaps: profiled columns that cannot be compared with the baseline, and why.
//!
//! Plain words for both metric tables; which columns these are is found by `counterparts`.

use std::collections::BTreeMap;

use super::reason::Absence;

/// The gaps of a baseline, by column.
pub type Gaps = BTreeMap<String, Gap>;

/// Why a column cannot be compared with the baseline. Types are in Spark's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gap {
    /// The baseline does not have it.
    Missing,
    /// It is something else there, of which only values and NULLs are counted.
    Unlike {
        /// Its type in the baseline.
        found: String,
        /// Its type in the inference table.
        wanted: String,
    },
}

impl Gap {
    /// Why the distances from the baseline have no value.
    pub fn of_distances(&self) -> Absence {
        match self {
            Self::Missing => MISSING,
            Self::Unlike { found, wanted } => {
                Absence::from(format!("it is {found} in the baseline and {wanted} in the inference table"))
            }
        }
    }

    /// Why the statistics of the baseline itself have no value.
    pub fn of_statistics(&self) -> Absence {
        match self {
            Self::Missing => MISSING,
            Self::Unlike { .. } => {
                Absence::new("its type is another in the inference table, so values are only counted")
            }
        }
    }
}

const MISSING: Absence = Absence::new("the baseline does not have the column");
