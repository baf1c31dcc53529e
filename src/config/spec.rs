//! A monitor file as typed.
//!
//! These types are the manual: each field says its meaning, unit, default and effect, and the JSON
//! Schema for editors is made from them. They hold what was written, not what was proven; the rest of
//! the program sees [`Monitor`](super::Monitor) only.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// One monitor: what is watched, how it is cut, when it alerts, whom it tells.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Secchi monitor")]
pub struct MonitorSpec {
    /// Name of the monitor: letters, digits, `-` and `_`. Metric tables are named after it, with `-`
    /// written as `_`.
    pub monitor: String,
    /// Who is responsible; stands in every message.
    pub owner: Option<String>,
    /// Address of the page that says what to do; stands in every message.
    pub runbook: Option<String>,
    /// Free labels; they go into every message.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The table that is watched.
    pub inference: InferenceSpec,
    /// The table that it is compared with: the training or validation data, with the same columns.
    /// Default: none, and only consecutive windows are compared.
    pub baseline: Option<BaselineSpec>,
    /// Where model versions are registered. Default: nowhere, and the model columns stay empty.
    pub registry: Option<RegistrySpec>,
    /// Window lengths, several at once: `5 minutes`, `30 minutes`, `1 hour`, `1 day`, `n weeks`,
    /// `1 month`, `1 year`. Default: `["1 day"]`.
    pub granularities: Option<Vec<String>>,
    /// IANA time zone in which windows begin. Default: that of `secchi.yaml`, else `UTC`.
    pub timezone: Option<String>,
    /// How long after its end a window may still receive rows, such as `2 days` or `6 hours`. Alerts
    /// wait for it. Default: that of `secchi.yaml`, else none.
    pub lateness: Option<String>,
    /// Slices, each a SQL expression over the table's columns: a column makes a slice for each of its
    /// values, a predicate makes two. Of a classifier these two are compared for fairness: the rows for which it is true
    /// are the protected group. Default: none.
    #[serde(default)]
    pub slicing_exprs: Vec<String>,
    /// What each window is compared with besides the window just before it and the baseline. Default: nothing.
    #[serde(default)]
    pub comparisons: ComparisonsSpec,
    /// Number of points in `quantiles`, evenly spaced from 0 to 1. Default: 100.
    #[schemars(range(min = 2, max = 10_000))]
    pub quantiles: Option<u32>,
    /// Metrics of one's own, as extra columns of the metric tables. Default: none.
    #[serde(default)]
    pub custom_metrics: Vec<CustomMetricSpec>,
    /// What is known of columns beforehand: between which numbers values lie, or which values there are. Default: nothing.
    #[serde(default)]
    pub expectations: BTreeMap<String, ExpectationSpec>,
    /// How much columns weigh in `drift_share`: what a model hardly looks at can drift as it likes. Default: 1 each.
    #[serde(default)]
    pub importance: BTreeMap<String, f64>,
    /// What to alert on. Default: `drift` (`effect_size` above 0.04), `missing values` (`percent_null_delta` above 1) and,
    /// with labels and a baseline, `quality` (`accuracy_score` 10% below the baseline's, or `mean_average_error` 20% above),
    /// each only where it is significant at 0.01, in windows of at least 200 rows. An empty list alerts on nothing.
    pub alerts: Option<Vec<RuleSpec>>,
    /// Whom to tell. Default: the channels of `secchi.yaml`.
    pub notify: Option<Vec<ChannelSpec>>,
    /// When `secchi serve` runs this monitor. Default: never by itself.
    pub schedule: Option<ScheduleSpec>,
    /// Where the metric tables are written. Default: that of `secchi.yaml`.
    pub output: Option<OutputSpec>,
}

/// The inference table and the role of its columns.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InferenceSpec {
    /// URL of a Delta table, or a path relative to the monitor file.
    pub table: String,
    /// When the row happened: a timestamp or date column. A timestamp without a zone is read in the
    /// monitor's zone.
    pub timestamp_col: String,
    /// Which model version made the prediction. Default: rows are not told apart by version.
    pub model_id_col: Option<String>,
    /// What the model said.
    pub prediction_col: Option<String>,
    /// How sure it was, 0 to 1: a number, the probability of `positive_class`; or a map or struct of the probability of
    /// every class. Classification only.
    pub prediction_proba_col: Option<String>,
    /// How sure it was of every class, where each has a column of its own: the column by the class. Classification only.
    #[serde(default)]
    pub prediction_proba_cols: BTreeMap<String, String>,
    /// What turned out to be true. NULL while unknown.
    pub label_col: Option<String>,
    /// A Delta table of its own in which labels arrive, joined on `request_id_col`. Default: `label_col`
    /// is a column of `table`.
    pub label_table: Option<String>,
    /// When a label came: a column of `label_table`, where of several labels of one request the latest counts, or, without one,
    /// a column of `table`, which is not profiled. Default: one label a request; of several the greatest counts, and the
    /// run says how many requests that is so of.
    pub label_timestamp_col: Option<String>,
    /// Names a request; joins labels to it. Never profiled.
    pub request_id_col: Option<String>,
    /// `classification` or `regression`. Default: classification if there is a `prediction_proba_col`, or
    /// `prediction_proba_cols`; otherwise it must be said.
    pub problem_type: Option<ProblemType>,
    /// The class that `prediction_proba_col` is the probability of, or, of a map or struct, the only one of which it is
    /// looked at. Default: `1` or `true`, or every class of a map or struct. Of boolean labels `1` is `true`, and of
    /// numbers `true` is `1`.
    pub positive_class: Option<String>,
    /// How long the model took: a number, in whatever unit. Gives `latency`.
    pub latency_col: Option<String>,
    /// How the request ended: a HTTP status, as a number or a text. Gives `percent_errors`.
    pub status_col: Option<String>,
    /// What was sent and what came back, as texts or binary: only how long they are is looked at. Gives `payload_size`.
    #[serde(default)]
    pub payload_cols: Vec<String>,
    /// Which columns are profiled. Default: every column that can be, but the timestamp, the model id
    /// and the request id.
    #[serde(default)]
    pub columns: ColumnsSpec,
}

/// What the model is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProblemType {
    /// One of several classes.
    Classification,
    /// A number.
    Regression,
}

/// Which columns are profiled, and how.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnsSpec {
    /// Only these, and the `latency_col`, the `status_col` and the `payload_cols`. Default: all.
    pub include: Option<Vec<String>>,
    /// Not these.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Numbers that are names, such as a postcode: counted by value, not measured.
    #[serde(default)]
    pub categorical: Vec<String>,
}

/// What is known of a column beforehand: bounds, of which one may be left out, or a list of values.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectationSpec {
    /// No number is less. Gives `percent_out_of_bounds`.
    pub min: Option<f64>,
    /// No number is greater.
    pub max: Option<f64>,
    /// All values that there are, as `frequent_items` writes them. Gives `percent_unlisted`.
    pub values: Option<Vec<ScalarSpec>>,
}

/// A value: a text, or a number or a boolean that is written without quotes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ScalarSpec {
    /// A text.
    Text(String),
    /// A number.
    Number(serde_json::Number),
    /// True or false.
    Boolean(bool),
}

impl ScalarSpec {
    /// As `frequent_items` writes it.
    pub fn name(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Boolean(boolean) => boolean.to_string(),
        }
    }
}

/// The baseline table.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BaselineSpec {
    /// URL of a Delta table, or a path relative to the monitor file.
    pub table: String,
    /// Delta version to stay at. Default: the latest when the run starts or, looking back, at its `--as-of`.
    pub version: Option<u64>,
}

/// The model registry: either an MLflow file store or a Delta table.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegistrySpec {
    /// URL or path of an MLflow file store (an `mlruns` tree).
    pub mlflow: Option<String>,
    /// URL or path of a Delta table with columns `name`, `version` and any of `run_id`, `aliases`,
    /// `current_stage`, `tags`, `creation_timestamp`, `source`, `training_dataset`.
    pub table: Option<String>,
    /// Name of the registered model.
    pub model: String,
}

/// What each window is compared with besides the window just before it and the baseline.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ComparisonsSpec {
    /// `SEASONAL`: the same window so much earlier by clock and calendar, such as `1 week`: `n hours`, `n days`,
    /// `n weeks`, `n months` or `n years`. Of a list each window length takes the first that is a whole number of its
    /// windows, so `[1 week, 1 year]` is a week for days and a year for months. Default: none.
    pub seasonal: Option<OneOrMore>,
    /// `ROLLING`: so many windows before it taken together, of which at least half must have rows. Default: none.
    #[schemars(range(min = 2, max = 366))]
    pub rolling: Option<u16>,
    /// `VERSION`: this model version in the same window, such as `"7"`, or `{ alias: champion }`, the one that has
    /// the alias in the registry. Default: none.
    pub version: Option<OtherVersionSpec>,
}

/// A text, or a list of texts.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMore {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

/// A model version: its name, or an alias of it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OtherVersionSpec {
    /// What the model id column says.
    Named(String),
    /// The same, as a number.
    Numbered(u64),
    /// An alias.
    Aliased(AliasSpec),
}

/// An alias of a model version.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AliasSpec {
    /// As the registry has it. When it moves to another version, all windows are compared anew.
    pub alias: String,
}

/// A metric of one's own: a column of the profile table (`aggregate`, `derived`) or of the drift table (`drift`).
/// Definitions that were written for Databricks can be pasted, where their SQL is DataFusion's, too.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomMetricSpec {
    /// `aggregate`: over rows of the tables; `derived`: over metrics of the same row; `drift`: over metrics of a
    /// window and of what it is compared with.
    #[serde(rename = "type")]
    #[schemars(schema_with = "custom_metric_types")]
    pub kind: CustomMetricType,
    /// Name of its column: letters, digits and `_`.
    pub name: String,
    /// In whose rows it stands: once for each of these columns, or `[":table"]` in the row of the whole table.
    pub input_columns: Vec<String>,
    /// One SQL expression, as a Jinja template. Of an aggregate it may name `{{input_column}}`,
    /// `{{prediction_col}}`, `{{label_col}}`, `{{timestamp_col}}` and `{{model_id_col}}`; of a drift metric
    /// `{{current_df}}.metric` and `{{base_df}}.metric`. A derived metric names others as they are.
    pub definition: String,
    /// `double`, `int`, `bigint`, `string`, `boolean`, `timestamp` or `date`, or a Spark StructField of such a type
    /// in JSON. `float` and `decimal` become `double`. Default: `double`.
    pub output_data_type: Option<String>,
}

/// What a custom metric is computed from. The longer names are those of Databricks' interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CustomMetricType {
    /// Rows of the tables.
    #[serde(alias = "CUSTOM_METRIC_TYPE_AGGREGATE", alias = "DATA_PROFILING_CUSTOM_METRIC_TYPE_AGGREGATE")]
    Aggregate,
    /// Metrics of the same row.
    #[serde(alias = "CUSTOM_METRIC_TYPE_DERIVED", alias = "DATA_PROFILING_CUSTOM_METRIC_TYPE_DERIVED")]
    Derived,
    /// Metrics of two windows, or of a window and the baseline.
    #[serde(alias = "CUSTOM_METRIC_TYPE_DRIFT", alias = "DATA_PROFILING_CUSTOM_METRIC_TYPE_DRIFT")]
    Drift,
}

/// Aliases are no part of a derived schema.
fn custom_metric_types(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "enum": [
            "aggregate", "derived", "drift",
            "CUSTOM_METRIC_TYPE_AGGREGATE", "CUSTOM_METRIC_TYPE_DERIVED", "CUSTOM_METRIC_TYPE_DRIFT",
            "DATA_PROFILING_CUSTOM_METRIC_TYPE_AGGREGATE", "DATA_PROFILING_CUSTOM_METRIC_TYPE_DERIVED",
            "DATA_PROFILING_CUSTOM_METRIC_TYPE_DRIFT",
        ],
    })
}

/// One rule. Exactly one of `above`, `below`, `outside` and `change_from_baseline` is needed.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleSpec {
    /// Name of the rule, in the words of those who will be woken.
    pub rule: String,
    /// Column of either metric table, such as `population_stability_index` or `accuracy_score`; a field
    /// of a struct column is written with a dot, `ks_test.statistic`.
    pub metric: String,
    /// Fires when the metric is greater, in the metric's own unit. Here and in the next two `learned` stands for three
    /// standard deviations from the mean of the metric over windows of the baseline, which needs the `timestamp_col` for that
    /// and at least 7 windows with rows.
    pub above: Option<Bound>,
    /// Fires when the metric is less, in the metric's own unit.
    pub below: Option<Bound>,
    /// Fires when the metric is not within `[low, high]`, in the metric's own unit.
    pub outside: Option<Range>,
    /// Fires on the difference from the baseline's value of the same metric.
    pub change_from_baseline: Option<ChangeSpec>,
    /// Only these columns; `:table` is the row of the whole table. Default: all.
    pub columns: Option<Vec<String>>,
    /// Only these model versions; `*` is all versions together. Default: each version by itself, or
    /// `*` where the table has no model id.
    pub model_versions: Option<Vec<String>>,
    /// Only slices of these expressions, as written under `slicing_exprs`. Default: the unsliced rows.
    pub slices: Option<Vec<String>>,
    /// The window length that the rule watches. Default: the finest of the monitor.
    pub granularity: Option<String>,
    /// Drift metrics only: `BASELINE`, `CONSECUTIVE` or one of those that stand under `comparisons`, `SEASONAL`,
    /// `ROLLING` or `VERSION`. Default: `BASELINE` if there is a baseline, else `CONSECUTIVE`.
    pub comparison: Option<Comparison>,
    /// `N of M`: fires when the condition holds in N of the last M windows. Windows that cannot be judged are
    /// passed over; what lies 8 × M windows back, and at least 16, does not count any more. An alert without
    /// rows for M windows, and at least 2, ends as `no_data`. Default: `1 of 1`.
    #[serde(rename = "for")]
    pub hold: Option<String>,
    /// Values that a window, and what it is compared with, must have for the rule to look at it. Default: 1.
    pub min_count: Option<u64>,
    /// Fires only if chance alone hardly does as much, so that the p-value is below this bound, which is above 0 and below 1. Of
    /// drift metrics of columns it is `null_pvalue_adjusted` for those of NULLs and `drift_pvalue_adjusted` for the others, so that
    /// of many columns none fires because there are many. Of measures of quality with `change_from_baseline` it is that of the
    /// difference, by the `confidence_intervals` of both. Default: the metric alone decides.
    pub significance: Option<f64>,
    /// `info`, `warning` or `critical`. Default: `warning`.
    pub severity: Option<Severity>,
    /// Overrides the monitor's owner.
    pub owner: Option<String>,
    /// Overrides the monitor's runbook.
    pub runbook: Option<String>,
    /// Also look at windows that may still receive rows. Default: `false`.
    #[serde(default)]
    pub provisional: bool,
}

/// A number, or `learned`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Bound {
    /// In the metric's own unit.
    Number(f64),
    /// From windows of the baseline.
    Word(LearnedWord),
}

/// Two numbers, the lower first, or `learned`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Range {
    /// In the metric's own unit.
    Numbers([f64; 2]),
    /// From windows of the baseline.
    Word(LearnedWord),
}

/// `learned`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LearnedWord {
    /// From windows of the baseline.
    Learned,
}

/// How far a metric may move from the baseline's value. A text with a percent sign, `-5%`, is relative
/// to the baseline's value; a number is in the metric's own unit. Exactly one of the two is needed.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeSpec {
    /// Fires when the change is greater.
    pub above: Option<Amount>,
    /// Fires when the change is less.
    pub below: Option<Amount>,
}

/// A number, or a text such as `-5%`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Amount {
    /// In the metric's own unit.
    Number(f64),
    /// Relative to the baseline's value.
    Percent(String),
}

/// What a drift row compares a window with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Comparison {
    /// The window just before, if it has rows.
    Consecutive,
    /// The baseline table.
    Baseline,
    /// The same window a season before, if it has rows.
    Seasonal,
    /// Some windows before it together, if enough of them have rows.
    Rolling,
    /// Another model version in the same window, if it has rows.
    Version,
}

/// How urgent an alert is. Ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Worth a look today.
    Warning,
    /// Worth getting up for.
    Critical,
}

/// Whom to tell, and from which severity on.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChannelSpec {
    /// A message by SMTP, through the server of `secchi.yaml`.
    Email(EmailSpec),
    /// A JSON document by HTTP POST.
    Webhook(WebhookSpec),
}

/// An e-mail channel.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailSpec {
    /// Addresses.
    pub to: Vec<String>,
    /// Least severity that is sent. Default: `info`.
    pub severity: Option<Severity>,
}

/// A webhook channel.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookSpec {
    /// `https://` address; `http://` only to this machine.
    pub url: String,
    /// Key with which the message is signed (HMAC-SHA256), as Standard Webhooks has it: beside the headers
    /// `webhook-id` and `webhook-timestamp`, which every message has, stands `webhook-signature`. Of a
    /// secret `whsec_…` the key is what follows, decoded from base64; of any other, its bytes. Default:
    /// unsigned.
    pub secret: Option<SecretSpec>,
    /// Least severity that is sent. Default: `info`.
    pub severity: Option<Severity>,
    /// How long one attempt may take. Default: `10 seconds`.
    pub timeout: Option<String>,
}

/// Where a secret is read from when it is needed. Secrets never stand in a file of settings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretSpec {
    /// Name of an environment variable.
    Env(String),
    /// Path of a file; one trailing line break is not part of the secret.
    File(String),
}

/// When `secchi serve` runs the monitor.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleSpec {
    /// Five fields (minute, hour, day of month, month, day of week), in the monitor's time zone.
    pub cron: String,
}

/// Where the metric tables are written.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutputSpec {
    /// URL of a folder, or a path relative to the file in which it stands.
    pub uri: String,
}
