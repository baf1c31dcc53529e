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

/// How long runs took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Durations {
    /// How many there were, at least one.
    pub runs: u64,
    /// Seconds that a run takes whatever it reads, and seconds more for each byte; `None` if runs are too much alike to say.
    line: Option<(f64, f64)>,
    least_seconds: f64,
    mean_seconds: f64,
    mean_bytes: f64,
}

impl Durations {
    /// Seconds that a run takes which reads so many bytes; `None` if no run was like it.
    pub fn of(&self, bytes: u64) -> Option<f64> {
        let bytes = bytes as f64;
        match self.line {
            Some((fixed, per_byte)) => Some((fixed + per_byte * bytes).max(self.least_seconds)),
            // At the pace of the others, of which only those of its size have one.
            None => (2.0 * bytes > self.mean_bytes).then(|| self.mean_seconds * bytes / self.mean_bytes),
        }
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
    let means = number("mean_seconds").zip(number("mean_bytes"));
    let Some(((mean_seconds, mean_bytes), least_seconds)) = means.zip(number("least_seconds")) else {
        return Ok(None);
    };
    let line = number("fixed").zip(number("per_byte"));
    let line = line.filter(|(fixed, per_byte)| *fixed >= 0.0 && *per_byte >= 0.0);
    Ok(Some(Durations { runs, line, least_seconds, mean_seconds, mean_bytes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_takes_as_long_as_runs_like_it() {
        let alike =
            Durations { runs: 1, line: None, least_seconds: 4.0, mean_seconds: 4.0, mean_bytes: 1000.0 };
        assert_eq!(alike.of(2000), Some(8.0));
        assert_eq!(alike.of(10), None);
        let line = Durations { runs: 3, line: Some((0.5, 0.001)), least_seconds: 0.6, ..alike };
        assert_eq!((line.of(0), line.of(1000)), (Some(0.6), Some(1.5)));
    }
}
