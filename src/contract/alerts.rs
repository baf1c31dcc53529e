//! `alerts`: what happened to each alert, shared by all monitors of one output folder.

use super::{Column, Table, Type, column};

const COLUMNS: &[Column] = &[
    column(
        "alert_id",
        Type::Text,
        "The alert: one rule on one series (column, model version, slice, granularity, comparison).",
    ),
    column("event_id", Type::Text, "This transition; the idempotency key of every message about it."),
    column("monitor_name", Type::Text, "The monitor."),
    column("rule", Type::Text, "The rule's name."),
    column("severity", Type::Text, "`info`, `warning` or `critical`."),
    column("state", Type::Text, "`firing`, `resolved` or `no_data`."),
    column(
        "transition",
        Type::Text,
        "`first`, `still_firing`, `resolved`, or `no_data`: it fired, and its series has no rows any more, or no rule asks for it.",
    ),
    column("metric", Type::Text, "The column of a metric table that the rule watches."),
    column("direction", Type::Text, "`above`, `below`, `outside` or `change_from_baseline`."),
    column(
        "threshold",
        Type::Text,
        "The bound that was crossed, as text: a number such as `0.25` in the metric's own unit; `0 to 1.5` where the \
         direction is `outside`; signed for `change_from_baseline`, as `+10%` of the baseline's value or `-0.05` in the \
         metric's own unit.",
    ),
    column(
        "learned_windows",
        Type::Long,
        "Windows of the baseline that the threshold was learned from; NULL where the rule names it.",
    ),
    column("value", Type::Double, "The metric in the window; NULL where it has none."),
    column("previous_value", Type::Double, "The metric in the window before it, if that has one."),
    column("baseline_value", Type::Double, "The metric of the baseline, for changes from it."),
    column("count", Type::Long, "Values of the window that the metric was computed from."),
    column("granularity", Type::Text, "Length of the window."),
    column(
        "window_start",
        Type::Timestamp,
        "Start of the window in which it happened; for `no_data` the last one looked for in vain, or the last one known.",
    ),
    column("window_end", Type::Timestamp, "End of that window."),
    column("first_window_start", Type::Timestamp, "Start of the window in which the alert first fired."),
    column("model_version", Type::Text, "Model version, or `*`."),
    column("slice_key", Type::Text, "Slicing expression; NULL for the whole table."),
    column("slice_value", Type::Text, "Its value."),
    column("column_name", Type::Text, "The column that moved; `:table` for the whole table."),
    column("drift_type", Type::Text, "The comparison, for drift metrics."),
    column("owner", Type::Text, "Who is responsible."),
    column("runbook", Type::Text, "Where it says what to do."),
    column(
        "run_id",
        Type::Text,
        "The run that saw it. `runs` has several rows of it: to join one, take those with `status = 'SUCCEEDED'`, of \
         these the newest by `at`.",
    ),
    column(
        "computed_at",
        Type::Timestamp,
        "When that run began; just after the events of earlier runs, should a clock have been set back in between.",
    ),
];

/// The table.
pub const TABLE: Table = Table {
    name: "alerts",
    doc: "One row for each transition of an alert. It is a record of what was known when, and is only added to: of an \
          alert, what happens in windows before that of its last row is not recorded later. So late or restated rows \
          that cross a bound in an older window, and leave the newest windows as they were, have no row here; the \
          metric tables do have the new value, with a higher `revision`. Where they change whether the alert is on, the \
          newest window says so.",
    key: COLUMNS,
    measures: &[],
    beside: &[],
    is_shared: true,
    partition_by: &[],
    sorted_by: &["monitor_name", "window_start", "computed_at"],
};
