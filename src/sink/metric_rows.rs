//! Rows of a monitor's tables with their lineage.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::revision::FIRST;
use crate::drift::DriftRow;
use crate::lineage::{ENGINE_VERSION, Lineage, ModelVersion};
use crate::profile::row::ProfileRow;
use crate::profile::state_row::StateRow;

/// A measured row, and where it comes from.
#[derive(Debug, Serialize)]
pub struct WithLineage<'a, R> {
    #[serde(flatten)]
    row: &'a R,
    #[serde(skip_serializing_if = "Option::is_none")]
    logging_table_commit_version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    monitor_version: Option<i64>,
    run_id: &'a str,
    monitor_name: &'a str,
    config_hash: &'a str,
    #[serde(flatten)]
    model: Option<Model<'a>>,
    source_table: &'a str,
    source_version: u64,
    source_version_from: u64,
    label_table: Option<&'a str>,
    label_version: Option<u64>,
    baseline_table: Option<&'a str>,
    baseline_version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<i32>,
    engine_version: &'static str,
    computed_at: i64,
    window_date: Option<String>,
    window_month: Option<String>,
}

/// What the registry said.
#[derive(Debug, Serialize)]
struct Model<'a> {
    model_name: Option<&'a str>,
    model_run_id: Option<&'a str>,
    model_aliases: Option<&'a [String]>,
    model_stage: Option<&'a str>,
    model_created_at: Option<i64>,
    model_source: Option<&'a str>,
    model_training_dataset: Option<&'a str>,
    model_tags: Option<&'a BTreeMap<String, String>>,
}

/// What lineage needs to know of a row.
pub trait Measured: Serialize {
    /// The model version that it is of.
    fn model_version(&self) -> &str;
    /// Start of its window, in microseconds.
    fn start(&self) -> Option<i64>;
    /// Whether the table has the column of that name.
    const HAS_COMMIT_VERSION: bool;
    /// Whether its rows are numbers for people, with a revision and what the registry says, rather than states.
    const IS_METRIC: bool = true;

    /// The columns of bytes, which have no text form, each with its name.
    fn binary_columns(_: &[Self]) -> Vec<(&'static str, ArrayRef)>
    where
        Self: Sized,
    {
        Vec::new()
    }
}

impl Measured for StateRow {
    const HAS_COMMIT_VERSION: bool = false;
    const IS_METRIC: bool = false;

    fn binary_columns(rows: &[Self]) -> Vec<(&'static str, ArrayRef)> {
        let bytes = |of: fn(&Self) -> &Option<Vec<u8>>| -> ArrayRef {
            Arc::new(BinaryArray::from_iter(rows.iter().map(|row| of(row).as_deref())))
        };
        vec![("distinct_sketch", bytes(|row| &row.distinct_sketch)), ("state", bytes(|row| &row.state))]
    }

    fn model_version(&self) -> &str {
        &self.model_version
    }

    fn start(&self) -> Option<i64> {
        self.window_start
    }
}

impl Measured for ProfileRow {
    const HAS_COMMIT_VERSION: bool = true;

    fn model_version(&self) -> &str {
        &self.model_version
    }

    fn start(&self) -> Option<i64> {
        self.window_start
    }
}

impl Measured for DriftRow {
    const HAS_COMMIT_VERSION: bool = false;

    fn model_version(&self) -> &str {
        &self.model_version
    }

    fn start(&self) -> Option<i64> {
        Some(self.window_start)
    }
}

/// `rows` with `lineage`, as of revision 1.
pub fn with_lineage<'a, R: Measured>(rows: &'a [R], lineage: &'a Lineage) -> Vec<WithLineage<'a, R>> {
    rows.iter().map(|row| one(row, lineage)).collect()
}

fn one<'a, R: Measured>(row: &'a R, lineage: &'a Lineage) -> WithLineage<'a, R> {
    let date = row.start().and_then(|start| Timestamp::from_microsecond(start).ok());
    let date = date.map(|start| start.to_zoned(TimeZone::UTC).date());
    WithLineage {
        row,
        logging_table_commit_version: R::HAS_COMMIT_VERSION.then_some(lineage.source.version),
        monitor_version: R::IS_METRIC.then_some(0),
        run_id: &lineage.run_id,
        monitor_name: &lineage.monitor_name,
        config_hash: &lineage.config_hash,
        model: R::IS_METRIC.then(|| model(row.model_version(), lineage)),
        source_table: &lineage.source.table,
        source_version: lineage.source.version,
        source_version_from: lineage.source_version_from,
        label_table: lineage.labels.as_ref().map(|pin| pin.table.as_str()),
        label_version: lineage.labels.as_ref().map(|pin| pin.version),
        baseline_table: lineage.baseline.as_ref().map(|pin| pin.table.as_str()),
        baseline_version: lineage.baseline.as_ref().map(|pin| pin.version),
        revision: R::IS_METRIC.then_some(FIRST),
        engine_version: ENGINE_VERSION,
        computed_at: lineage.computed_at.as_microsecond(),
        window_date: date.map(|date| date.to_string()),
        window_month: date.map(|date| date.first_of_month().to_string()),
    }
}

fn model<'a>(version: &str, lineage: &'a Lineage) -> Model<'a> {
    let model = lineage.model.as_ref();
    let version: Option<&ModelVersion> = model.and_then(|model| model.versions.get(version));
    Model {
        model_name: model.map(|model| model.name.as_str()),
        model_run_id: version.and_then(|version| version.run_id.as_deref()),
        model_aliases: version.map(|version| version.aliases.as_slice()),
        model_stage: version.and_then(|version| version.stage.as_deref()),
        model_created_at: version.and_then(|version| version.created_at).map(Timestamp::as_microsecond),
        model_source: version.and_then(|version| version.source.as_deref()),
        model_training_dataset: version.and_then(|version| version.training_dataset.as_deref()),
        model_tags: version.map(|version| &version.tags),
    }
}
