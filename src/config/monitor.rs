//! A monitor as proven: every stage after `config` works from these types alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use croner::Cron;
use jiff::{SignedDuration, Timestamp};
use url::Url;

use super::SecretPlaces;
use super::spec::{Comparison, CustomMetricType, ProblemType, Severity};
use crate::comparisons::Comparisons;
use crate::contract::Type;
use crate::window::{Calendar, Granularity};

/// A monitor that can be run.
#[derive(Debug, Clone)]
pub struct Monitor {
    /// Its name.
    pub name: String,
    /// The file that it was read from.
    pub file: PathBuf,
    /// Who is responsible.
    pub owner: Option<String>,
    /// Where it says what to do.
    pub runbook: Option<String>,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// What is watched.
    pub inference: Inference,
    /// What it is compared with.
    pub baseline: Option<Baseline>,
    /// Where its model versions are registered.
    pub registry: Option<Registry>,
    /// Window lengths, from fine to coarse, without repeats, at least one.
    pub granularities: Vec<Granularity>,
    /// Cuts time into windows.
    pub calendar: Calendar,
    /// IANA name of the calendar's zone.
    pub timezone: String,
    /// How long after its end a window may still receive rows.
    pub lateness: SignedDuration,
    /// Slicing expressions, in SQL.
    pub slicing_exprs: Vec<String>,
    /// What each window is compared with, besides the one before it and the baseline.
    pub comparisons: Comparisons,
    /// Number of points in `quantiles`, at least 2.
    pub quantiles: usize,
    /// Metrics of one's own, in the order of the file.
    pub custom_metrics: Vec<CustomMetric>,
    /// What is known of columns beforehand.
    pub expectations: BTreeMap<String, Expectation>,
    /// How much columns weigh in the drift share, where that is not 1.
    pub importance: BTreeMap<String, f64>,
    /// What to alert on.
    pub rules: Vec<Rule>,
    /// Whether the monitor file has them; by default a few quiet ones.
    pub has_own_rules: bool,
    /// Whom to tell.
    pub channels: Vec<Channel>,
    /// Whether the monitor file has them; by default they are those of `secchi.yaml`.
    pub has_own_channels: bool,
    /// Where the monitor file names secrets.
    pub secret_places: SecretPlaces,
    /// When `serve` runs it.
    pub schedule: Option<Cron>,
    /// Folder of the metric tables.
    pub output: Url,
    /// The settings that decide the metric tables, as JSON with sorted keys.
    pub config_json: String,
    /// First 16 hex digits of the SHA-256 of `config_json`.
    pub config_hash: String,
    /// The same of those settings that decide what is counted of a row: the others are applied to what was counted.
    pub counting_hash: String,
}

impl Monitor {
    /// What is counted once and added up to all granularities.
    pub fn base_granularity(&self) -> Granularity {
        Granularity::base_of(&self.granularities)
    }

    /// The label, and where it comes from.
    pub fn label(&self) -> Option<&Label> {
        self.inference.prediction.as_ref()?.label.as_ref()
    }

    /// The label, and the table of its own that it arrives in, if it does.
    pub fn arriving_label(&self) -> Option<(&Label, &LabelTable)> {
        self.label().and_then(|label| Some((label, label.arrives_in.as_ref()?)))
    }

    /// Whether bounds of rules are learned from windows of the baseline.
    pub fn learns(&self) -> bool {
        self.learned_rules().next().is_some()
    }

    /// The rules whose bounds are.
    pub fn learned_rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(|rule| matches!(rule.condition, Condition::Learned(_)))
    }

    /// Whether errors of its predictions are expected by what the baseline teaches, before labels come: those of numbers, by a
    /// build that has the learner.
    pub fn expects_losses(&self) -> bool {
        let prediction = self.inference.prediction.as_ref();
        cfg!(feature = "dle")
            && self.baseline.is_some()
            && self.label().is_some()
            && prediction.is_some_and(|prediction| prediction.problem_type == ProblemType::Regression)
    }

    /// Every table and folder that a run opens.
    pub fn places(&self) -> Vec<&Url> {
        let labels = self.label().and_then(|label| label.arrives_in.as_ref()).map(|labels| &labels.table);
        let baseline = self.baseline.as_ref().map(|baseline| &baseline.table);
        let registry = self.registry.as_ref().map(|registry| match &registry.place {
            RegistryPlace::MlflowFiles(url) | RegistryPlace::Table(url) => url,
        });
        let some = [Some(&self.inference.table), labels, baseline, registry, Some(&self.output)];
        some.into_iter().flatten().collect()
    }

    /// The name in front of `_profile_metrics` and `_drift_metrics`.
    pub fn table_prefix(&self) -> String {
        self.name.replace('-', "_")
    }

    /// Whether a window that ends at `end` can still receive rows at `as_of`.
    pub fn is_provisional(&self, end: Timestamp, as_of: Timestamp) -> bool {
        end.checked_add(self.lateness).map_or(true, |final_at| as_of < final_at)
    }
}

/// The inference table and the roles of its columns.
#[derive(Debug, Clone)]
pub struct Inference {
    /// The table.
    pub table: Url,
    /// When the row happened.
    pub timestamp_col: String,
    /// Which model version predicted.
    pub model_id_col: Option<String>,
    /// Names a request.
    pub request_id_col: Option<String>,
    /// The model's outputs, if there are any.
    pub prediction: Option<Prediction>,
    /// How requests went, as far as columns tell.
    pub operations: Operations,
    /// Which columns are profiled.
    pub columns: Columns,
}

/// Columns that tell how requests went, and nothing about the model.
#[derive(Debug, Clone, Default)]
pub struct Operations {
    /// How long the model took.
    pub latency_col: Option<String>,
    /// How requests ended.
    pub status_col: Option<String>,
    /// What was sent and what came back.
    pub payload_cols: Vec<String>,
}

impl Operations {
    /// Their names.
    pub fn columns(&self) -> impl Iterator<Item = &String> {
        let Self { latency_col, status_col, payload_cols } = self;
        latency_col.iter().chain(status_col).chain(payload_cols)
    }
}

/// What is known of a column beforehand.
#[derive(Debug, Clone, PartialEq)]
pub enum Expectation {
    /// Numbers lie between these, both included; an end that is open is infinite.
    Between(f64, f64),
    /// Values are among these.
    Among(BTreeSet<String>),
}

/// What the model said, and what turned out to be true.
#[derive(Debug, Clone)]
pub struct Prediction {
    /// What the model said.
    pub column: String,
    /// Class or number.
    pub problem_type: ProblemType,
    /// How sure it was.
    pub proba: Option<Proba>,
    /// The class that a probability is of; `1` or `true` if not named. Of several, the only one that is looked at.
    pub positive_class: Option<String>,
    /// What turned out to be true.
    pub label: Option<Label>,
}

/// Where probabilities are found.
#[derive(Debug, Clone)]
pub enum Proba {
    /// A column of numbers, of `positive_class`; or of maps or structs, of every class.
    Column(String),
    /// A column for each of these classes.
    Columns(BTreeMap<String, String>),
}

impl Proba {
    /// The columns that hold them.
    pub fn columns(&self) -> impl Iterator<Item = &String> {
        let (one, several) = match self {
            Self::Column(column) => (Some(column), None),
            Self::Columns(columns) => (None, Some(columns.values())),
        };
        one.into_iter().chain(several.into_iter().flatten())
    }
}

impl Prediction {
    /// The columns that hold probabilities.
    pub fn proba_columns(&self) -> impl Iterator<Item = &String> {
        self.proba.iter().flat_map(Proba::columns)
    }
}

/// Where labels are found.
#[derive(Debug, Clone)]
pub struct Label {
    /// The column.
    pub column: String,
    /// The table that they arrive in, if it is not the inference table.
    pub arrives_in: Option<LabelTable>,
    /// When they came: a column of the inference table, where they are in it.
    pub known_at: Option<String>,
}

/// A table of labels.
#[derive(Debug, Clone)]
pub struct LabelTable {
    /// The table.
    pub table: Url,
    /// Joins it to the inference table.
    pub request_id_col: String,
    /// Orders several labels of one request.
    pub timestamp_col: Option<String>,
}

/// Which columns are profiled, and how.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    /// Only these.
    pub include: Option<Vec<String>>,
    /// Not these.
    pub exclude: Vec<String>,
    /// Counted by value although they are numbers.
    pub categorical: Vec<String>,
}

/// The baseline table.
#[derive(Debug, Clone)]
pub struct Baseline {
    /// The table.
    pub table: Url,
    /// Version to stay at.
    pub version: Option<u64>,
}

/// The model registry.
#[derive(Debug, Clone)]
pub struct Registry {
    /// Where it is.
    pub place: RegistryPlace,
    /// Name of the registered model.
    pub model: String,
}

/// Kinds of registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryPlace {
    /// An MLflow file store.
    MlflowFiles(Url),
    /// A Delta table.
    Table(Url),
}

/// A metric of one's own.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomMetric {
    /// What it is computed from.
    pub kind: CustomMetricType,
    /// Name of its column; no other of the metric tables has it, whatever its case.
    pub name: String,
    /// Its definition, as typed.
    pub definition: String,
    /// In whose rows it stands, and the SQL of each; at least one.
    pub inputs: Vec<CustomInput>,
    /// Type of its column; none with parts.
    pub output: Type,
}

/// A row in which a custom metric stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomInput {
    /// The row's column, or `:table`.
    pub column: String,
    /// The definition with its template filled in. Whether it is SQL is not known yet.
    pub sql: String,
}

impl CustomMetric {
    /// Whether it stands in the rows of `column`.
    pub fn is_of(&self, column: &str) -> bool {
        self.inputs.iter().any(|input| input.column == column)
    }

    /// Whether it is a column of the drift table, and not of the profile table.
    pub fn is_drift(&self) -> bool {
        self.kind == CustomMetricType::Drift
    }

    /// Whether a rule can watch it.
    pub fn is_number(&self) -> bool {
        matches!(self.output, Type::Double | Type::Int | Type::Long)
    }
}

/// A rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// What it watches.
    pub metric: Metric,
    /// What is too much.
    pub condition: Condition,
    /// Only these columns.
    pub columns: Option<Vec<String>>,
    /// Only these model versions; by default each by itself.
    pub model_versions: Option<Vec<String>>,
    /// Only slices of these expressions; by default the unsliced rows.
    pub slices: Option<Vec<String>>,
    /// The window length that it watches.
    pub granularity: Granularity,
    /// The comparison that it watches; for drift metrics only.
    pub comparison: Option<Comparison>,
    /// Fires when the condition holds in this many …
    pub hold: u32,
    /// … of this many last windows.
    pub of: u32,
    /// Least number of values in a window, and in what it is compared with.
    pub min_count: u64,
    /// What the p-value must be below.
    pub significance: Option<f64>,
    /// How urgent.
    pub severity: Severity,
    /// Who is responsible.
    pub owner: Option<String>,
    /// Where it says what to do.
    pub runbook: Option<String>,
    /// Whether windows that may still receive rows count.
    pub provisional: bool,
}

/// A number in one of the metric tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Metric {
    /// Of the profile table.
    Profile(String),
    /// Of the drift table.
    Drift(String),
}

impl Metric {
    /// Its column name, a field of a struct with a dot.
    pub fn name(&self) -> &str {
        match self {
            Self::Profile(name) | Self::Drift(name) => name,
        }
    }
}

/// What is too much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Condition {
    /// Greater than.
    Above(f64),
    /// Less than.
    Below(f64),
    /// Not within.
    Outside(f64, f64),
    /// Moved from the baseline's value by more than.
    ChangeFromBaseline(Change),
    /// Beyond what windows of the baseline do.
    Learned(Tail),
}

/// Which end is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// The upper.
    Above,
    /// The lower.
    Below,
    /// Both.
    Outside,
}

/// A change from the baseline's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// Whether it must be greater than the bound, or less.
    pub rises: bool,
    /// The bound; a fraction if `relative`.
    pub bound: f64,
    /// Whether it is relative to the baseline's value.
    pub relative: bool,
}

/// Whom to tell.
#[derive(Debug, Clone)]
pub struct Channel {
    /// How.
    pub kind: ChannelKind,
    /// Least severity that is sent.
    pub severity: Severity,
}

/// How messages are delivered.
#[derive(Debug, Clone)]
pub enum ChannelKind {
    /// By SMTP, to these addresses.
    Email(Vec<String>),
    /// By HTTP POST.
    Webhook {
        /// To where.
        url: Url,
        /// Key of the signature.
        secret: Option<super::Secret>,
        /// Of one attempt.
        timeout: Duration,
    },
}
