//! What happened to an alert: one row of the `alerts` table.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::config::Severity;

/// Whether the alert is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The rule's condition holds.
    Firing,
    /// It held, and holds no more.
    Resolved,
    /// It held, and there is nothing left to judge: neither firing nor resolved.
    NoData,
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transition {
    /// Began to fire.
    First,
    /// Fires in another window.
    StillFiring,
    /// Ceased to fire, by its values.
    Resolved,
    /// Ceased to fire since its series has no rows any more, or no rule asks for it.
    NoData,
}

impl Transition {
    /// The state after it.
    pub fn state(self) -> State {
        match self {
            Self::First | Self::StillFiring => State::Firing,
            Self::Resolved => State::Resolved,
            Self::NoData => State::NoData,
        }
    }
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::First => "first",
            Self::StillFiring => "still_firing",
            Self::Resolved => "resolved",
            Self::NoData => "no_data",
        })
    }
}

/// On which side of its threshold a metric is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Above it.
    Above,
    /// Below it.
    Below,
    /// Outside of a range.
    Outside,
    /// Too far from the baseline's value.
    ChangeFromBaseline,
}

/// One transition of one alert. Field names are the columns of the `alerts` table; what each means stands
/// in [`contract::alerts`](crate::contract::alerts). Instants are microseconds, UTC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)] // The contract documents every column once.
pub struct Event {
    pub alert_id: String,
    pub event_id: String,
    pub monitor_name: String,
    pub rule: String,
    pub severity: Severity,
    pub state: State,
    pub transition: Transition,
    pub metric: String,
    pub direction: Direction,
    pub threshold: String,
    pub learned_windows: Option<u64>,
    pub value: Option<f64>,
    pub previous_value: Option<f64>,
    pub baseline_value: Option<f64>,
    pub count: u64,
    pub granularity: String,
    pub window_start: i64,
    pub window_end: i64,
    pub first_window_start: i64,
    pub model_version: String,
    pub slice_key: Option<String>,
    pub slice_value: Option<String>,
    pub column_name: String,
    pub drift_type: Option<String>,
    pub owner: Option<String>,
    pub runbook: Option<String>,
    pub run_id: String,
    pub computed_at: i64,
}

impl Event {
    /// Whether the value is beyond the threshold, as it need not be in each of the windows in which an alert fires. `None` without
    /// a value, and where the threshold is no bound on it.
    pub fn is_beyond(&self) -> Option<bool> {
        let (value, threshold) = (self.value?, &self.threshold);
        match self.direction {
            Direction::Above => Some(value > threshold.parse().ok()?),
            Direction::Below => Some(value < threshold.parse().ok()?),
            Direction::Outside => Some(self.badness()? > 0.0),
            Direction::ChangeFromBaseline => None,
        }
    }

    /// How bad the value is, on a scale of its own rule: larger is worse. `None` without a value.
    pub fn badness(&self) -> Option<f64> {
        let value = self.value?;
        match self.direction {
            Direction::Above => Some(value),
            Direction::Below => Some(-value),
            Direction::ChangeFromBaseline => Some((value - self.baseline_value?).abs()),
            Direction::Outside => {
                let (low, high) = self.threshold.split_once(" to ")?;
                let (low, high): (f64, f64) = (low.parse().ok()?, high.parse().ok()?);
                Some((low - value).max(value - high))
            }
        }
    }
}
