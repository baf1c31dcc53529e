//! The JSON document that `plan --json` prints.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Failure, Invalid, Source, VERSION, pretty, schema_of};
use crate::cause::causes;
use crate::config::Problems;
use crate::notify::show;
use crate::run::{Preview, Reads, RunError};

/// What `secchi run` would do.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "Secchi plans")]
pub struct Plans {
    /// Version of this document: 1.
    pub version: u32,
    /// The monitors that would be run, in order.
    pub plans: Vec<Plan>,
    /// The files that could not be used, so that their monitors would not be run.
    pub invalid: Vec<Invalid>,
}

/// The run of one monitor. Of one that could not begin there are `monitor` and `error`, no more.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Plan {
    /// The monitor's name.
    pub monitor: String,
    /// Why it could not be run; left out if it could.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Failure")]
    pub error: Option<Failure>,
    /// What would be done.
    #[serde(flatten)]
    pub planned: Option<Planned>,
}

/// What a run would do.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Planned {
    /// Which rows it would read.
    pub reads: Reads,
    /// The inference table.
    pub source: Source,
    /// The first version of it of which rows would be read; null if none.
    pub from_version: Option<u64>,
    /// Commits that changed rows since the version that has been counted; null where all rows are read.
    pub commits: Option<u64>,
    /// Files that would be read, at most.
    pub files: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Rows of these; null where the log does not say it.
    pub rows: Option<u64>,
    /// Windows of the base granularity that would be computed, at most; null for all that there are.
    pub windows: Option<u64>,
    /// Start of the first of them; null where none or all are computed.
    #[schemars(extend("format" = "date-time"))]
    pub first_window_start: Option<String>,
    /// End of the last.
    #[schemars(extend("format" = "date-time"))]
    pub last_window_end: Option<String>,
    /// How long it would take, by what earlier runs took; null if none was like it.
    pub seconds: Option<f64>,
    /// What there would be to do besides rows that are new.
    pub reasons: Vec<String>,
    /// What somebody should know of it.
    pub findings: Vec<String>,
}

impl Plan {
    /// What the run of `monitor` would do.
    pub fn new(monitor: &str, done: &Result<Preview, RunError>) -> Self {
        let monitor = monitor.to_owned();
        match done {
            Ok(preview) => Self { monitor, error: None, planned: Some(Planned::of(preview)) },
            Err(error) => {
                let failure = Failure { causes: causes(error), hint: error.hint() };
                Self { monitor, error: Some(failure), planned: None }
            }
        }
    }
}

impl Planned {
    fn of(preview: &Preview) -> Self {
        let (first, last) = preview.span.filter(|_| preview.windows.is_some()).unzip();
        Self {
            reads: preview.reads,
            source: Source { table: preview.source.table.clone(), version: preview.source.version },
            from_version: preview.from,
            commits: preview.commits,
            files: preview.files,
            bytes: preview.bytes,
            rows: preview.rows,
            windows: preview.windows,
            first_window_start: first.map(show::instant),
            last_window_end: last.map(show::instant),
            seconds: preview.seconds,
            reasons: preview.reasons.iter().map(|reason| (*reason).to_owned()).collect(),
            findings: preview.findings.clone(),
        }
    }
}

/// The document of all plans, and of the files of which there is none.
pub fn plans(plans: Vec<Plan>, problems: &[Problems]) -> String {
    let document = Plans { version: VERSION, plans, invalid: problems.iter().map(Invalid::of).collect() };
    pretty(&document)
}

/// The JSON Schema of the document.
pub fn plans_schema() -> schemars::Schema {
    schema_of::<Plans>()
}
