//! `runs`: what was attempted, shared by all monitors of one output folder.

use super::{Column, Table, Type, column};

const COLUMNS: &[Column] = &[
    column(
        "run_id",
        Type::Text,
        "The run: a name for its pins and its `as_of`, so the same have the same id. It has a row for each status of each attempt; \
         the one to join is the newest with `status = 'SUCCEEDED'`.",
    ),
    column("attempt_id", Type::Text, "This attempt at it."),
    column("monitor_name", Type::Text, "The monitor."),
    column(
        "status",
        Type::Text,
        "`STARTED`, then `SUCCEEDED`, `FAILED`, `SUPERSEDED` (another runner of the monitor wrote first) or \
         `CANCELED` (stopped before it wrote anything); an attempt has one row for each that it reached.",
    ),
    column("at", Type::Timestamp, "When it reached the status. A reserved word in some engines: quote it."),
    column("as_of", Type::Timestamp, "The time that the run takes as its present."),
    column("config_hash", Type::Text, "First 16 hex digits of the SHA-256 of the monitor's settings."),
    column(
        "config",
        Type::Text,
        "The settings in force, as JSON: what the monitor file says, with the defaults that it leaves to secchi.yaml and to Secchi. They hold no secrets.",
    ),
    column("source_table", Type::Text, "URL of the inference table."),
    column(
        "source_version_from",
        Type::Long,
        "First commit of which the run read rows; 0 where it read rows of whole windows, or none.",
    ),
    column("source_version", Type::Long, "Delta version of the inference table."),
    column("label_table", Type::Text, "URL of the label table."),
    column("label_version", Type::Long, "Delta version of the label table."),
    column("baseline_table", Type::Text, "URL of the baseline table."),
    column("baseline_version", Type::Long, "Delta version of the baseline table."),
    column("registry", Type::Text, "Where model versions were read."),
    column("registry_hash", Type::Text, "First 16 hex digits of the SHA-256 of what the registry said."),
    column("rows_read", Type::Long, "Rows of the inference table that were read."),
    column("bytes_read", Type::Long, "Bytes of Parquet that were read."),
    column("profile_rows", Type::Long, "Rows written to the profile table."),
    column("drift_rows", Type::Long, "Rows written to the drift table."),
    column("profile_version", Type::Long, "Delta version of the profile table after the run."),
    column("drift_version", Type::Long, "Delta version of the drift table after the run."),
    column("alert_rows", Type::Long, "Transitions of alerts."),
    column("seconds", Type::Double, "How long the attempt took."),
    column("findings", Type::List(&Type::Text), "What was noticed and did not stop the run."),
    column("error", Type::Text, "Why it did not succeed, cause after cause."),
    column("engine_version", Type::Text, "Version of Secchi."),
    column("environment", Type::Text, "Operating system and architecture."),
];

/// The table.
pub const TABLE: Table = Table {
    name: "runs",
    doc: "One row for each status that an attempt of a run reached.",
    key: COLUMNS,
    measures: &[],
    beside: &[],
    is_shared: true,
    partition_by: &[],
    sorted_by: &["at"],
};
