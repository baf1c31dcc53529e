//! The JSON documents that `--json` prints: the same as the lines for a person, for a machine. That of runs is here.
//!
//! These types are its manual, and its JSON Schema is made from them. Fields may be added under the same
//! `version`; none is removed or changes its meaning without another one. Instants are RFC 3339, UTC.

mod maintenance;
mod plan;

use std::borrow::Cow;

pub use maintenance::{
    Files, Maintained, MaintainedTable, Maintenance, MaintenanceStatus, json_of_maintenance,
    schema_of_maintenance,
};
pub use plan::{Plan, Plans, plans, plans_schema};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::alert::{Direction, Event, State};
use crate::cause::causes;
use crate::config::{Problems, Severity};
use crate::contract::{self, Type};
use crate::notify::{self, Receipt, show};
use crate::run::{self, Outcome, RunError};
use crate::sink;

/// Version of the document.
pub const VERSION: u32 = 1;

/// What came of `secchi run`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "Secchi runs")]
pub struct Document {
    /// Version of this document: 1.
    pub version: u32,
    /// The monitors that were run, in order.
    pub runs: Vec<Run>,
    /// The files that could not be used, so that their monitors were not run.
    pub invalid: Vec<Invalid>,
}

/// The run of one monitor. Of a run that did not succeed there are `monitor`, `status` and `error`, no more.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Run {
    /// The monitor's name.
    pub monitor: String,
    /// How the run ended.
    pub status: Status,
    /// Why it did not succeed; left out if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Failure")]
    pub error: Option<Failure>,
    /// What came of it.
    #[serde(flatten)]
    pub done: Option<Done>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Its tables are written. Whether everybody could be told is in `notifications`.
    Succeeded,
    /// It could not be run.
    Failed,
    /// Another runner of the monitor wrote its tables first.
    Superseded,
    /// It was stopped before it wrote anything.
    Canceled,
}

/// Why a run did not succeed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Failure {
    /// The error, then its causes.
    pub causes: Vec<String>,
    /// What to do about it.
    pub hint: String,
}

/// What came of a run that succeeded.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Done {
    /// Names the run. Joins the metric tables and `runs`.
    pub run_id: String,
    /// The time that the run took as its present.
    #[schemars(extend("format" = "date-time"))]
    pub as_of: String,
    /// The inference table.
    pub source: Source,
    /// Rows of it that were read.
    pub rows: u64,
    /// Bytes of Parquet that were read.
    pub bytes: u64,
    /// How long the run took.
    pub seconds: f64,
    /// Windows of the finest granularity that were computed and have rows.
    pub windows: u64,
    /// Model versions that have rows in these, in order.
    pub model_versions: Vec<String>,
    /// The profile table.
    pub profile: Written,
    /// The drift table.
    pub drift: Written,
    /// What fires or has fired in this run, as a person thinks of it: one rule on one column. The most urgent first.
    pub incidents: Vec<Incident>,
    /// The last event of each alert that is on, recorded in this run or before.
    pub firing: Vec<AlertEvent>,
    /// What was recorded in this run, window by window.
    pub events: Vec<AlertEvent>,
    /// Windows that were judged, of all rules and series.
    pub judged: u64,
    /// Windows that could not be judged.
    pub unjudged: Vec<Unjudged>,
    /// What was noticed and did not stop the run.
    pub findings: Vec<String>,
    /// Who was told, if there was something to tell.
    pub notifications: Vec<Notification>,
}

/// Windows that a rule could not judge.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Unjudged {
    /// The rule.
    pub rule: String,
    /// Why not.
    pub reason: String,
    /// How many, of all its series.
    pub windows: u64,
}

/// The table that was read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Source {
    /// Its URL.
    pub table: String,
    /// Its Delta version.
    pub version: u64,
}

/// A metric table after the run.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Written {
    /// Its URL.
    pub table: String,
    /// Its Delta version.
    pub version: u64,
    /// Rows that were written.
    pub rows: u64,
    /// Rows whose values are others than before.
    pub restated: u64,
}

/// One rule on one column and slice, whatever the model version.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Incident {
    /// How urgent it is.
    pub severity: Severity,
    /// The rule's name.
    pub rule: String,
    /// The column that moved; `:table` for the whole table.
    pub column_name: String,
    /// Slicing expression; null for the whole table.
    pub slice_key: Option<String>,
    /// Its value.
    pub slice_value: Option<String>,
    /// The column of a metric table that the rule watches.
    pub metric: String,
    /// On which side of the bound the metric is too much.
    pub direction: Direction,
    /// The bound, in the metric's own unit.
    pub threshold: String,
    /// What it is now.
    pub state: State,
    /// Whether anything was recorded in this run; else it fires as before.
    pub is_news: bool,
    /// How many times it began to fire in this run.
    pub times_fired: usize,
    /// Model versions, in order.
    pub model_versions: Vec<String>,
    /// Start of the first window in which it fired; if it fires, since when.
    #[schemars(extend("format" = "date-time"))]
    pub first_window_start: String,
    /// End of the last window in which it fired.
    #[schemars(extend("format" = "date-time"))]
    pub last_window_end: String,
    /// The worst value in windows that this run judged, of one that was on before also the last; null where there is none. One
    /// of a rule that looks at several windows need not be beyond the threshold in each.
    pub worst_value: Option<f64>,
    /// Start of its window.
    #[schemars(extend("format" = "date-time"))]
    pub worst_window_start: String,
}

/// A row of the table `alerts`: its fields are the columns that [tables.md](tables.md#alerts) describes, with instants
/// as texts.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct AlertEvent(Map<String, Value>);

/// What became of a message.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Notification {
    /// `email to ADDRESS` or `webhook HOST`; of an e-mail each address has its own entry.
    pub channel: String,
    /// Whether it went out.
    pub outcome: Delivery,
    /// The file that it was written to, or why it was not sent.
    pub detail: Option<String>,
    /// How many times it was tried; 0 if it could not even be prepared.
    pub attempts: u32,
}

/// Whether a message went out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// The receiver has it.
    Sent,
    /// There is no server, so it was written to the outbox.
    Written,
    /// It did not arrive.
    Failed,
}

/// A monitor file, or a file of settings, that could not be used.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Invalid {
    /// Its path.
    pub file: String,
    /// What is wrong with it, line by line as it is told to a person.
    pub problems: Vec<String>,
}

impl Invalid {
    fn of(problems: &Problems) -> Self {
        Self {
            file: problems.file.display().to_string(),
            problems: problems.to_string().lines().map(str::to_owned).collect(),
        }
    }
}

impl Run {
    /// What came of the run of `monitor`.
    pub fn new(monitor: &str, done: &Result<Outcome, RunError>) -> Self {
        let monitor = monitor.to_owned();
        match done {
            Ok(outcome) => {
                Self { monitor, status: Status::Succeeded, error: None, done: Some(Done::of(outcome)) }
            }
            Err(error) => {
                let status = match error.status() {
                    "SUPERSEDED" => Status::Superseded,
                    "CANCELED" => Status::Canceled,
                    _ => Status::Failed,
                };
                let failure = Failure { causes: causes(error), hint: error.hint() };
                Self { monitor, status, error: Some(failure), done: None }
            }
        }
    }
}

impl Done {
    fn of(outcome: &Outcome) -> Self {
        let facts = &outcome.facts;
        Self {
            run_id: facts.run_id.clone(),
            as_of: facts.as_of.to_string(),
            source: Source { table: facts.source.table.clone(), version: facts.source.version },
            rows: outcome.rows,
            bytes: outcome.bytes,
            seconds: outcome.seconds,
            windows: outcome.windows,
            model_versions: outcome.model_versions.clone(),
            profile: Written::of(&outcome.profile),
            drift: Written::of(&outcome.drift),
            incidents: outcome.incidents.iter().map(Incident::of).collect(),
            firing: outcome.firing.iter().map(AlertEvent::of).collect(),
            events: outcome.events.iter().map(AlertEvent::of).collect(),
            judged: outcome.judged,
            unjudged: outcome.unjudged.iter().map(Unjudged::of).collect(),
            findings: outcome.findings.clone(),
            notifications: outcome.receipts.iter().map(Notification::of).collect(),
        }
    }
}

impl Unjudged {
    fn of(((rule, reason), windows): (&(String, Cow<'static, str>), &u64)) -> Self {
        Self { rule: rule.clone(), reason: reason.clone().into_owned(), windows: *windows }
    }
}

impl Written {
    fn of(written: &sink::Written) -> Self {
        let sink::Written { table, version, rows, restated } = written.clone();
        Self { table, version, rows, restated }
    }
}

impl Incident {
    fn of(incident: &run::Incident) -> Self {
        let worst = incident.worst.clone();
        Self {
            severity: worst.severity,
            rule: worst.rule,
            column_name: worst.column_name,
            slice_key: worst.slice_key,
            slice_value: worst.slice_value,
            metric: worst.metric,
            direction: worst.direction,
            threshold: worst.threshold,
            state: incident.state,
            is_news: incident.is_news,
            times_fired: incident.times,
            model_versions: incident.model_versions.clone(),
            first_window_start: show::instant(incident.first_window_start),
            last_window_end: show::instant(incident.last_window_end),
            worst_value: worst.value,
            worst_window_start: show::instant(worst.window_start),
        }
    }
}

impl AlertEvent {
    fn of(event: &Event) -> Self {
        let Ok(Value::Object(mut columns)) = serde_json::to_value(event) else { return Self(Map::new()) };
        for column in contract::alerts::TABLE.columns() {
            if let (Type::Timestamp, Some(value)) = (column.ty, columns.get_mut(column.name))
                && let Some(micros) = value.as_i64()
            {
                *value = show::instant(micros).into();
            }
        }
        Self(columns)
    }
}

impl Notification {
    fn of(receipt: &Receipt) -> Self {
        let (outcome, detail) = match &receipt.outcome {
            notify::Outcome::Sent => (Delivery::Sent, None),
            notify::Outcome::Written(path) => (Delivery::Written, Some(path.display().to_string())),
            notify::Outcome::Failed(error) => (Delivery::Failed, Some(causes(error).join(": "))),
        };
        Self { channel: receipt.channel.clone(), outcome, detail, attempts: receipt.attempts }
    }
}

/// The document of all runs, and of the files that were not run.
pub fn json(runs: Vec<Run>, problems: &[Problems]) -> String {
    pretty(&Document { version: VERSION, runs, invalid: problems.iter().map(Invalid::of).collect() })
}

fn pretty(document: &impl Serialize) -> String {
    serde_json::to_string_pretty(document).unwrap_or_default()
}

/// The JSON Schema of the document of runs.
pub fn schema() -> schemars::Schema {
    schema_of::<Document>()
}

fn schema_of<D: JsonSchema>() -> schemars::Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<D>()
}
