//! The simulator: a lake with two models in service, sixty days of traffic, and six things that go wrong.
//!
//! [`write_lake`] leaves Delta tables (`inference/`, `labels/` and `baseline/`, each with one table a model), an MLflow
//! file store (`mlruns/`) and, as the last file, `truth.json`: what was put in on purpose, and which commit brought it.
//!
//! | module | idea |
//! |---|---|
//! | `calendar` | which days, how many rows on each, at what time |
//! | `chance` | named random streams |
//! | `incident` | what goes wrong, when, by whose change |
//! | `world` | requests, versions and labels, whatever the model |
//! | `credit_default`, `delivery_time` | what one row of each model is |
//! | `jobs` | who commits, when and why |
//! | `tables` | Delta commits at simulated times |
//! | `lake` | the tables of one model, in the order in which they are written |
//! | `registry` | the MLflow file store |
//! | `truth` | the answers |
//!
//! The same options give the same lake, to the byte, on the same platform. So nothing here reads a clock, draws from a
//! global generator, or prints; and no other module may read `truth.json` to look good.

mod calendar;
mod chance;
mod credit_default;
mod delivery_time;
mod incident;
mod jobs;
mod lake;
mod registry;
mod tables;
mod truth;
mod world;

use std::path::{Path, PathBuf};

use arrow::error::ArrowError;
use deltalake::DeltaTableError;

use self::credit_default::CreditDefault;
use self::delivery_time::DeliveryTime;
use self::lake::Writer;

pub use self::calendar::{AS_OF, DAYS, FIRST_DAY};
pub use self::truth::{Incident, ModelTruth, RolloutStep, Slice, TableTruth, Truth};

/// Fewest rows a model may have, so that each day has some.
pub const LEAST_ROWS_PER_MODEL: u64 = 600;

/// What a simulated lake is drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Requests to each model over all days. Default: `36_000`, at least [`LEAST_ROWS_PER_MODEL`].
    pub rows_per_model: u64,
    /// Seed of all randomness. Default: `7`.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { rows_per_model: 36_000, seed: 7 }
    }
}

/// How far the simulator is. Reported after each commit, and after each day on which no label became known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress<'a> {
    /// The table that is being written, as its path below the lake.
    pub table: &'a str,
    /// Rows in this table so far.
    pub rows: u64,
    /// Share of the whole work that is done, 0 to 1.
    pub done: f64,
}

/// Why a lake could not be simulated.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// The folder already holds something.
    #[error("`{}` is not empty: choose another directory, or delete it first", lake.display())]
    NotEmpty {
        /// The folder.
        lake: PathBuf,
    },
    /// So few rows that some days would have none.
    #[error("{rows} rows of each model are too few for {DAYS} days")]
    TooFewRows {
        /// What was asked for.
        rows: u64,
    },
    /// The path cannot be written as a URL.
    #[error("`{}` cannot be the address of a table", path.display())]
    Location {
        /// The path.
        path: PathBuf,
    },
    /// A file or folder could not be read or written.
    #[error("cannot write `{}`", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A JSON document could not be put together.
    #[error("cannot write JSON for `{}`", path.display())]
    Json {
        /// The file that it was for.
        path: PathBuf,
        /// What went wrong.
        source: serde_json::Error,
    },
    /// Rows could not be made a batch.
    #[error("cannot make rows for table `{table}`")]
    Batch {
        /// The table, as its path below the lake.
        table: String,
        /// What Arrow said.
        source: ArrowError,
    },
    /// A table could not be written.
    #[error("cannot write table `{table}`")]
    Table {
        /// The table, as its path below the lake.
        table: String,
        /// What delta-rs said.
        source: Box<DeltaTableError>,
    },
}

impl SimulateError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::TooFewRows { .. } => {
                let default = Options::default().rows_per_model;
                format!("`--rows {LEAST_ROWS_PER_MODEL}` or more; {default} if it is left out")
            }
            _ => "name an empty or new folder that you may write to".to_owned(),
        }
    }
}

/// Makes an [`SimulateError::Io`] about `path`.
fn io_error(path: &Path) -> impl FnOnce(std::io::Error) -> SimulateError {
    move |source| SimulateError::Io { path: path.to_owned(), source }
}

/// Writes a whole simulated lake to the folder `lake`, which must be empty or absent, and returns what is true of it.
///
/// Memory is bounded: a day is written in chunks, whatever `rows_per_model` is. A lake without `truth.json` was
/// interrupted.
pub async fn write_lake(
    lake: &Path,
    options: &Options,
    progress: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<Truth, SimulateError> {
    if options.rows_per_model < LEAST_ROWS_PER_MODEL {
        return Err(SimulateError::TooFewRows { rows: options.rows_per_model });
    }
    let lake = &empty_folder(lake)?;
    let mut writer = Writer::new(lake, options, progress);
    writer.write_model::<CreditDefault>().await?;
    writer.write_model::<DeliveryTime>().await?;
    let (validations, mut truth) = writer.finish();
    registry::write(&lake.join("mlruns"), &validations)?;

    truth.incidents.sort_by_key(|incident| incident.first_day);
    let path = lake.join("truth.json");
    let json = serde_json::to_string_pretty(&truth)
        .map_err(|source| SimulateError::Json { path: path.clone(), source })?;
    std::fs::write(&path, json + "\n").map_err(io_error(&path))?;
    Ok(truth)
}

/// Makes sure that `lake` is a folder with nothing in it, and returns its full path.
fn empty_folder(lake: &Path) -> Result<PathBuf, SimulateError> {
    let lake = std::path::absolute(lake).map_err(io_error(lake))?;
    std::fs::create_dir_all(&lake).map_err(io_error(&lake))?;
    let mut entries = std::fs::read_dir(&lake).map_err(io_error(&lake))?;
    match entries.next() {
        None => Ok(lake),
        Some(_) => Err(SimulateError::NotEmpty { lake }),
    }
}

#[cfg(test)]
mod tests;
