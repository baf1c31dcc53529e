//! The columns that say where a row comes from; last in the tables of each monitor.

use super::{Column, Type, column};

/// Which run it was.
pub(super) const RUN: &[Column] = &[
    column(
        "run_id",
        Type::Text,
        "Which run computed the row; the same pins at the same `as_of` give the same id. `runs` has several rows of it: to join one, take \
         those with `status = 'SUCCEEDED'`, of these the newest by `at`.",
    ),
    column("monitor_name", Type::Text, "The monitor, as named in its file."),
    column("config_hash", Type::Text, "First 16 hex digits of the SHA-256 of the monitor's settings."),
];

/// What the registry said.
pub(super) const MODEL: &[Column] = &[
    column("model_name", Type::Text, "Registered model; NULL without a registry."),
    column("model_run_id", Type::Text, "Training run of this model version, from the registry."),
    column("model_aliases", Type::List(&Type::Text), "Aliases of this model version when the run began."),
    column("model_stage", Type::Text, "Stage of this model version when the run began."),
    column("model_created_at", Type::Timestamp, "When this model version was registered."),
    column("model_source", Type::Text, "Where the registry says that the model's files are."),
    column("model_training_dataset", Type::Text, "Data set that the training run logged, with its version."),
    column("model_tags", Type::TextToText, "Tags of this model version when the run began."),
];

/// What was read.
pub(super) const SOURCE: &[Column] = &[
    column("source_table", Type::Text, "URL of the inference table."),
    column("source_version", Type::Long, "Delta version of the inference table at which it was read."),
    column(
        "source_version_from",
        Type::Long,
        "First commit that contributed since the row was last complete; 0 after a full computation.",
    ),
    column("label_table", Type::Text, "URL of the label table; NULL if labels stand in the inference table."),
    column("label_version", Type::Long, "Delta version of the label table at which it was read."),
    column("baseline_table", Type::Text, "URL of the baseline table."),
    column("baseline_version", Type::Long, "Delta version of the baseline table at which it was read."),
];

/// How often it was computed with another outcome.
pub(super) const REVISION: &[Column] = &[column(
    "revision",
    Type::Int,
    "1 when first written, and one more each time its measured values change.",
)];

/// What computed it, and when.
pub(super) const COMPUTED: &[Column] = &[
    column("engine_version", Type::Text, "Version of Secchi."),
    column("computed_at", Type::Timestamp, "When the run that wrote the row began."),
    column("window_date", Type::Date, "UTC day on which the window begins. NULL for baseline rows."),
    column(
        "window_month",
        Type::Date,
        "First day of the UTC month in which the window begins; partitions the table. NULL for baseline rows.",
    ),
];
