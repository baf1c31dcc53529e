//! `<monitor>_profile_states`: what is kept of the rows, so that they need not be read again.

use super::lineage::{COMPUTED, RUN, SOURCE};
use super::{BY_WINDOW, Column, Table, Type, WINDOW, column, shared};

/// Bins of numbers.
const HISTOGRAM: Type = Type::Struct(&[
    column("edges", Type::List(&Type::Double), "Where one bin ends and the next begins, ascending."),
    column(
        "counts",
        Type::List(&Type::Long),
        "Finite values below the first edge, from each edge to the next, and from the last on: one more than there are edges.",
    ),
]);

const KEY: &[Column] = &[
    column("window", WINDOW, "The base window, half-open; NULL for baseline rows."),
    column("log_type", Type::Text, "`INPUT` for the inference table, `BASELINE` for the baseline table."),
    column(
        "granularity",
        Type::Text,
        "Length of the base window: the greatest of which every granularity of the monitor is made up. NULL for baseline rows.",
    ),
    shared::MODEL_VERSION,
    shared::SLICE_KEY,
    shared::SLICE_VALUE,
    shared::COLUMN_NAME,
    shared::DATA_TYPE,
];

const STATE: &[Column] = &[
    column(
        "kind",
        Type::Text,
        "How the values are profiled: `numeric`, `time`, `text` or `opaque`; on `:table` rows how the model's quality is, \
         `classification` or `regression`, NULL without labels.",
    ),
    column("count", Type::Long, "Values that are not NULL; on `:table` rows, all rows."),
    column("num_nulls", Type::Long, "Values that are NULL."),
    column("num_nan", Type::Long, "Values that are NaN."),
    column("num_infinite", Type::Long, "Values that are infinite."),
    column("num_zeros", Type::Long, "Values equal to zero."),
    column("num_negative", Type::Long, "Finite values below zero."),
    column("min", Type::Double, "Least finite value; of times, seconds since 1970-01-01Z."),
    column("max", Type::Double, "Greatest finite value; of times, seconds since 1970-01-01Z."),
    column("sum", Type::Double, "Sum of finite values, rounded once; the state has it exactly."),
    column(
        "histogram",
        HISTOGRAM,
        "Finite values in ten bins with the same edges in every window: the deciles of the baseline or, without one, of the \
         first complete windows that have 200 values. A value at an edge is above it. Edges stay where they are until there \
         is another baseline; NULL while they have not been chosen.",
    ),
    column(
        "distinct_sketch",
        Type::Binary,
        "Different values, as an Apache DataSketches HLL sketch of 2^14 registers; NULL while the state has each of them, which \
         other engines cannot read, so that a union of sketches is of windows with more. Values are hashed in a way of our \
         own.",
    ),
    column(
        "state",
        Type::Binary,
        "All that is kept but the sketch; its first byte is the version of its layout.",
    ),
];

/// The table.
pub const TABLE: Table = Table {
    name: "profile_states",
    doc: "One row for each base window, model version, slice, column (and `:table`) and log type: a state that adds, from \
          which the rows of the other tables are made.",
    key: KEY,
    measures: &[STATE],
    beside: &[shared::PLACE, RUN, SOURCE, COMPUTED],
    is_shared: false,
    partition_by: &["window_month"],
    sorted_by: BY_WINDOW,
};
