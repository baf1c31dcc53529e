//! Whether a metric is too much, window by window.

use std::collections::VecDeque;

use super::observe::Observation;
use crate::config::{Change, Condition, Rule};

/// Windows without rows after which a series is over, however few the rule looks at: one missing window is
/// a quiet night.
const ABSENT_WINDOWS_MIN: u32 = 2;

/// What one window says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The condition holds.
    Violated,
    /// It does not.
    Fine,
    /// It cannot be told, and why. Neither fine nor violated: it changes nothing.
    Unknown(&'static str),
    /// The series has no rows in it, though others have. It changes nothing yet.
    Absent,
    /// The series has had no rows in as many windows as the rule looks at: it is over.
    Over,
}

/// A window, judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judged<'a> {
    pub(super) observation: &'a Observation,
    /// The metric of the window before that has one.
    pub(super) previous: Option<f64>,
    pub(super) verdict: Verdict,
    /// Whether the condition holds in as many of the last windows as the rule asks for.
    pub(super) holds: bool,
}

/// Judges `observations`, which are in order. What was seen before a series was over does not count after.
pub(super) fn judge<'a>(rule: &'a Rule, observations: &'a [Observation]) -> impl Iterator<Item = Judged<'a>> {
    let mut last: VecDeque<bool> = VecDeque::new();
    let mut before: Option<f64> = None;
    let mut absent = 0;
    observations.iter().map(move |observation| {
        absent = if observation.is_absent { absent + 1 } else { 0 };
        let verdict = match observation.is_absent {
            true if absent == rule.of.max(ABSENT_WINDOWS_MIN) => Verdict::Over,
            true => Verdict::Absent,
            false => verdict(rule, observation),
        };
        match verdict {
            Verdict::Violated | Verdict::Fine => last.push_back(verdict == Verdict::Violated),
            Verdict::Over => last.clear(),
            Verdict::Unknown(_) | Verdict::Absent => {}
        }
        if last.len() > rule.of as usize {
            last.pop_front();
        }
        let holds = last.iter().filter(|violated| **violated).count() >= rule.hold as usize;
        let previous = before;
        before = observation.value.or(before);
        Judged { observation, previous, verdict, holds }
    })
}

fn verdict(rule: &Rule, observation: &Observation) -> Verdict {
    let Some(value) = observation.value else { return Verdict::Unknown("no value") };
    if observation.count < rule.min_count || observation.count_cmp < rule.min_count {
        return Verdict::Unknown("too few rows");
    }
    let violated = match rule.condition {
        Condition::Above(bound) => value > bound,
        Condition::Below(bound) => value < bound,
        Condition::Outside(low, high) => value < low || value > high,
        Condition::ChangeFromBaseline(Change { rises, bound, relative }) => {
            let Some(baseline) = observation.baseline_value else {
                return Verdict::Unknown("no value in the baseline");
            };
            if relative && baseline == 0.0 {
                return Verdict::Unknown("the baseline's value is 0");
            }
            let change = if relative { (value - baseline) / baseline.abs() } else { value - baseline };
            if rises { change > bound } else { change < bound }
        }
    };
    if violated { Verdict::Violated } else { Verdict::Fine }
}
