//! The default rules on rows that do not drift, and on rows that do: a small part of what `benches/calibration` tries.
#[path = "../../benches/calibration/columns.rs"]
mod columns;
#[path = "../../benches/calibration/experiment.rs"]
mod experiment;

use columns::Shift;
use experiment::{Trial, alerts, caught};

#[test]
fn default_rules_are_quiet_on_rows_that_do_not_drift() {
    let mut told = 0;
    for has_baseline in [true, false] {
        let trial = Trial { rows: 500, days: 15, has_baseline, shift: None };
        told += alerts(trial, 4).iter().flat_map(|alerts| alerts.values()).sum::<u64>();
    }
    // Four monitors, twice half a month.
    assert!(told <= 4, "{told} false alarms");
}

#[test]
fn default_rules_see_small_drifts() {
    for shift in [Shift::Mean(0.25), Shift::Scale(1.2), Shift::Share(5.0), Shift::Nulls(3.0)] {
        let trial = Trial { rows: 5_000, days: 2, has_baseline: true, shift: Some(shift) };
        assert!(caught(trial, 4) >= 1.0, "{shift:?}");
    }
}
