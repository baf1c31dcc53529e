//! One event and one run, for the tests of this stage.

use super::RunFacts;
use crate::alert::{Event, State, Transition};
use crate::config::Severity;

/// Start of a day, counted from 2026-05-01, in microseconds.
pub fn day(index: i64) -> i64 {
    1_777_593_600_000_000 + index * 86_400_000_000
}

/// An alert that began to fire on 2026-05-01.
pub fn event() -> Event {
    Event {
        alert_id: "a1".to_owned(),
        event_id: "e1".to_owned(),
        monitor_name: "credit-default".to_owned(),
        rule: "feature drift".to_owned(),
        severity: Severity::Critical,
        state: State::Firing,
        transition: Transition::First,
        metric: "population_stability_index".to_owned(),
        direction: "above",
        threshold: "0.25".to_owned(),
        value: Some(8.28),
        previous_value: Some(0.0312),
        baseline_value: None,
        count: 48_210,
        granularity: "1 day".to_owned(),
        window_start: day(0),
        window_end: day(1),
        first_window_start: day(0),
        model_version: "3".to_owned(),
        slice_key: None,
        slice_value: None,
        column_name: "monthly_income".to_owned(),
        drift_type: Some("BASELINE".to_owned()),
        owner: None,
        runbook: None,
        run_id: "r1".to_owned(),
        computed_at: day(1),
    }
}

/// The run of 2026-05-02.
pub fn facts() -> RunFacts {
    RunFacts {
        run_id: "0f3c9d2e".to_owned(),
        attempt_id: "0199a1b2-0000-7000-8000-000000000001".to_owned(),
        as_of: "2026-05-02T06:15:00Z".parse().expect("a timestamp"),
        sent_at: "2026-05-02T06:15:09Z".parse().expect("a timestamp"),
        source_table: "s3://lake/inference/credit_default".to_owned(),
        source_version: 118,
        baseline_version: Some(2),
        profile_table: "s3://lake/monitoring/credit_default_profile_metrics".to_owned(),
        profile_version: Some(41),
        drift_table: "s3://lake/monitoring/credit_default_drift_metrics".to_owned(),
        drift_version: Some(40),
        monitor_file: "monitors/credit-default.yaml".to_owned(),
    }
}
