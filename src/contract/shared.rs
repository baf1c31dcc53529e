//! Columns that stand in both metric tables and mean the same in both.
//!
//! Each table lists them by name among its own, in its order.

use super::{Column, Type, column};

pub(super) const MONITOR_VERSION: Column =
    column("monitor_version", Type::Long, "0: versions of the settings are told apart by `config_hash`.");

pub(super) const MODEL_VERSION: Column = column(
    "model_version",
    Type::Text,
    "Model version; `*` is all versions together, `:null` rows without one.",
);

pub(super) const SLICE_KEY: Column =
    column("slice_key", Type::Text, "Slicing expression; NULL for the whole table.");

pub(super) const SLICE_VALUE: Column = column(
    "slice_value",
    Type::Text,
    "Its value as text; NULL for the whole table, `:other` beyond the limit.",
);

pub(super) const COLUMN_NAME: Column =
    column("column_name", Type::Text, "Column that the row describes; `:table` for the whole table.");

pub(super) const DATA_TYPE: Column =
    column("data_type", Type::Text, "Its type in Spark's words; NULL on `:table` rows.");

pub(super) const REASON: Column = column(
    "reason",
    Type::Text,
    "Why measures that the row could have are NULL, as `measure, measure: why; measure: why`; a why without \
     measures holds for all others that are NULL. NULL if none is missing.",
);
