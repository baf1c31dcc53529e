//! What is true of a simulated lake: the answers against which a monitor's findings can be held.
//!
//! Plain data without I/O, written to `truth.json` beside the tables. A monitor must not read it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::calendar::{self, DAYS, FIRST_DAY};
use super::incident;
use super::world::Model;

/// Everything that was put into a simulated lake on purpose.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Truth {
    /// The moment at which the story is told; every commit lies before it.
    pub as_of: Timestamp,
    /// The seed from which the lake was drawn.
    pub seed: u64,
    /// First day of live traffic, in UTC.
    pub first_day: Date,
    /// Number of days of live traffic.
    pub days: u32,
    /// The tables, by their path below the lake.
    pub tables: BTreeMap<String, TableTruth>,
    /// The models, in the order of their names.
    pub models: Vec<ModelTruth>,
    /// What goes wrong, in the order of first days.
    pub incidents: Vec<Incident>,
}

/// What a table holds.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct TableTruth {
    /// Number of rows in the last version.
    pub rows: u64,
    /// The last version.
    pub version: u64,
}

/// A model and the versions that served it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ModelTruth {
    /// Registered name, e.g. `credit_default`; also the name of its tables.
    pub name: String,
    /// Name of its monitor, e.g. `credit-default`.
    pub monitor: String,
    /// Steps of the roll-out, in the order of days; the first step is the first day of the story.
    pub rollout: Vec<RolloutStep>,
}

/// From a day on, which version gets which share of the requests.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct RolloutStep {
    /// First day of the step.
    pub first_day: Date,
    /// Share of the requests, 0 to 1, by model version; versions without requests are left out.
    pub shares: BTreeMap<String, f64>,
}

/// Something that goes wrong in the lake.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Incident {
    /// Name in kebab case, unique in the lake.
    pub name: String,
    /// What sort of thing it is: `unit-change`, `new-category`, `null-spike`, `concept-drift`, `miscalibration` or
    /// `latency-regression`.
    pub kind: String,
    /// A sentence that a person understands.
    pub description: String,
    /// Name of the monitor that should find it.
    pub model: String,
    /// Path below the lake of the table that holds `column`.
    pub table: String,
    /// The column that goes wrong.
    pub column: String,
    /// The model version concerned; null for all.
    pub model_version: Option<String>,
    /// The slice concerned; null for all rows.
    pub slice: Option<Slice>,
    /// First day concerned, by the time of the request.
    pub first_day: Date,
    /// Last day concerned; null when it lasts until the end.
    pub last_day: Option<Date>,
    /// The commit of the model's inference table that brought the first day's requests.
    pub commit_version: u64,
    /// The user who signed that commit.
    pub commit_user: String,
    /// The job that signed that commit.
    pub commit_job: String,
    /// The first commit of the label table that shows it; null unless the incident is in the labels.
    pub label_commit_version: Option<u64>,
    /// Columns of the metric tables in which it shows.
    pub shows_in: Vec<String>,
    /// Other columns of the inference table that it moves, usually much less.
    pub also_moves: Vec<String>,
}

/// The rows in which a column has one value.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Slice {
    /// The column, e.g. `region`.
    pub key: String,
    /// Its value, e.g. `south`.
    pub value: String,
}

impl Truth {
    /// The truth about the calendar and nothing else.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            as_of: calendar::AS_OF,
            seed,
            first_day: FIRST_DAY,
            days: DAYS,
            tables: BTreeMap::new(),
            models: Vec::new(),
            incidents: Vec::new(),
        }
    }
}

impl ModelTruth {
    pub(super) fn of(model: &Model) -> Self {
        let [old, new] = model.versions;
        let steps = std::iter::once((0, 0.0)).chain(model.rollout.iter().copied());
        let rollout = steps.map(|(day, share)| RolloutStep {
            first_day: calendar::date_of(day),
            shares: [(old, 1.0 - share), (new, share)]
                .into_iter()
                .filter(|(_, share)| *share > 0.0)
                .map(|(version, share)| (version.to_owned(), share))
                .collect(),
        });
        Self { name: model.name.to_owned(), monitor: model.monitor.to_owned(), rollout: rollout.collect() }
    }
}

/// A commit, as an incident is traced to it.
pub(super) struct Signature {
    pub version: u64,
    pub user: String,
    pub job: String,
}

impl Incident {
    /// The truth about `incident` of `model`, whose first day's requests came with `commit`.
    pub(super) fn of(
        incident: &incident::Incident,
        model: &Model,
        commit: &Signature,
        label_commit_version: Option<u64>,
    ) -> Self {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            name: incident.name.to_owned(),
            kind: incident.kind.to_owned(),
            description: incident.description.to_owned(),
            model: model.monitor.to_owned(),
            table: format!("{}/{}", incident.folder, model.name),
            column: incident.column.to_owned(),
            model_version: incident.model_version.map(str::to_owned),
            slice: incident.slice.map(|(key, value)| Slice { key: key.to_owned(), value: value.to_owned() }),
            first_day: calendar::date_of(incident.first_day),
            last_day: incident.last_day.map(calendar::date_of),
            commit_version: commit.version,
            commit_user: commit.user.clone(),
            commit_job: commit.job.clone(),
            label_commit_version,
            shows_in: owned(incident.shows_in),
            also_moves: owned(incident.also_moves),
        }
    }
}
