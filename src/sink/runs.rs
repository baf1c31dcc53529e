//! The `runs` table: a row of it, and what its rows say of how long runs take.

use arrow::array::AsArray;
use arrow::datatypes::{Float64Type, Int64Type};
use datafusion::common::ScalarValue;
use deltalake::DeltaTable;
use serde::Serialize;

use super::SinkError;

/// How long runs took, by what they read.
const DURATIONS: &str = include_str!("../../sql/durations.sql");

/// One status that an attempt reached. Field names are the columns; what each means stands in
/// [`contract::runs`](crate::contract::runs).
#[derive(Debug, Clone, Default, Serialize)]
#[allow(missing_docs)] // The contract documents every column once.
pub struct RunRow {
    pub run_id: String,
    pub attempt_id: String,
    pub monitor_name: String,
    pub status: &'static str,
    pub at: i64,
    pub as_of: i64,
    pub config_hash: String,
    pub config: String,
    pub source_table: String,
    pub source_version_from: u64,
    pub source_version: u64,
    pub label_table: Option<String>,
    pub label_version: Option<u64>,
    pub baseline_table: Option<String>,
    pub baseline_version: Option<u64>,
    pub registry: Option<String>,
    pub registry_hash: Option<String>,
    pub rows_read: Option<u64>,
    pub bytes_read: Option<u64>,
    pub profile_rows: Option<u64>,
    pub drift_rows: Option<u64>,
    pub profile_version: Option<u64>,
    pub drift_version: Option<u64>,
    pub alert_rows: Option<u64>,
    pub seconds: Option<f64>,
    pub findings: Vec<String>,
    pub error: Option<String>,
    pub engine_version: &'static str,
    pub environment: String,
}

/// How long runs took, as a line through those that there were.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Durations {
    /// How many there were, at least one.
    pub runs: u64,
    /// Seconds that a run takes whatever it reads.
    pub fixed: f64,
    /// Seconds more for each byte.
    pub per_byte: f64,
    /// Seconds of the fastest.
    pub least: f64,
}

impl Durations {
    /// Seconds that a run takes which reads so many bytes.
    pub fn of(&self, bytes: u64) -> f64 {
        (self.fixed + self.per_byte * bytes as f64).max(self.least)
    }
}

/// How long the runs of `monitor` took that `table` tells of and that read something.
///
/// # Errors
/// If it cannot be read.
pub async fn durations(table: &DeltaTable, monitor: &str) -> Result<Option<Durations>, SinkError> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| SinkError::Read {
        table: table.table_url().clone(),
        source,
    };
    let provider = table.table_provider().await.map_err(|error| failed(error.into()))?;
    let ctx = deltalake::delta_datafusion::create_session().into_inner();
    let batches = async {
        ctx.register_table("runs", provider)?;
        let parameters = vec![("monitor", ScalarValue::from(monitor))];
        ctx.sql(DURATIONS).await?.with_param_values(parameters)?.collect().await
    };
    let batches = batches.await.map_err(|error| failed(error.into()))?;
    let Some(batch) = batches.iter().find(|batch| batch.num_rows() > 0) else { return Ok(None) };
    let number = |name: &str| {
        let column = batch.column_by_name(name)?.as_primitive_opt::<Float64Type>()?;
        column.iter().next().flatten()
    };
    let runs = batch.column_by_name("runs").and_then(|runs| runs.as_primitive_opt::<Int64Type>());
    let runs = runs.map_or(0, |runs| runs.value(0).unsigned_abs());
    let (Some(seconds), Some(bytes)) = (number("mean_seconds"), number("mean_bytes")) else {
        return Ok(None);
    };
    let line = number("fixed").zip(number("per_byte"));
    // Where runs are too much alike for a line, or it falls, a run takes as long as its bytes would at their pace.
    let line = line.filter(|(fixed, per_byte)| *fixed >= 0.0 && *per_byte >= 0.0);
    let (fixed, per_byte) = line.unwrap_or((0.0, seconds / bytes));
    Ok(Some(Durations { runs, fixed, per_byte, least: number("least_seconds").unwrap_or(0.0) }))
}
