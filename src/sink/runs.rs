//! A row of the `runs` table.

use serde::Serialize;

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
