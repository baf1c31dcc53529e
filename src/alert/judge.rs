//! Whether a metric is too much, window by window.

use std::collections::VecDeque;

use super::observe::Observation;
use crate::config::{Change, Condition, Rule};

/// Windows without rows after which a series is over, however few the rule looks at: one missing window is
/// a quiet night.
const ABSENT_WINDOWS_MIN: u32 = 2;

/// So many times as many windows as a rule looks at may pass until what it has seen does not count any more. Windows that
/// cannot be judged are passed over, but two bad nights a year apart are not two in a row.
const HORIZON: u32 = 8;

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
    /// The metric of the window just before, if that has one.
    pub(super) previous: Option<f64>,
    pub(super) verdict: Verdict,
    /// Whether the condition holds in as many of the last windows as the rule asks for.
    pub(super) holds: bool,
}

/// Judges the windows of a series in their order. What was seen before a series was over does not count after.
pub(super) struct Judge<'a> {
    rule: &'a Rule,
    /// The last windows that could be judged, as many as the rule looks at, at most: how many windows had been seen, and whether
    /// the condition held.
    last: VecDeque<(u32, bool)>,
    seen: u32,
    /// When the window before ended, and its metric.
    before: Option<(i64, f64)>,
    absent: u32,
    was_over: bool,
}

impl<'a> Judge<'a> {
    /// One that has not seen a window.
    pub(super) fn new(rule: &'a Rule) -> Self {
        Self { rule, last: VecDeque::new(), seen: 0, before: None, absent: 0, was_over: false }
    }

    /// Judges the next window.
    pub(super) fn judge<'o>(&mut self, observation: &'o Observation) -> Judged<'o> {
        self.seen += 1;
        self.absent = if observation.is_absent { self.absent + 1 } else { 0 };
        let verdict = match observation.is_absent {
            true if self.absent == windows_behind(self.rule) => Verdict::Over,
            true => Verdict::Absent,
            false => verdict(self.rule, observation),
        };
        match verdict {
            Verdict::Violated | Verdict::Fine => {
                self.last.push_back((self.seen, verdict == Verdict::Violated));
            }
            Verdict::Over => {
                self.last.clear();
                self.was_over = true;
            }
            Verdict::Unknown(_) | Verdict::Absent => {}
        }
        let (of, horizon) = (self.rule.of as usize, horizon(self.rule));
        while self.last.len() > of || self.last.front().is_some_and(|(at, _)| at + horizon <= self.seen) {
            self.last.pop_front();
        }
        let holds = self.last.iter().filter(|(_, violated)| *violated).count() >= self.rule.hold as usize;
        let previous = self.before.filter(|(end, _)| *end == observation.start).map(|(_, value)| value);
        self.before = observation.value.map(|value| (observation.end, value));
        Judged { observation, previous, verdict, holds }
    }

    /// Whether it has seen all that the rule looks at.
    pub(super) fn is_certain(&self) -> bool {
        self.was_over || self.last.len() == self.rule.of as usize
    }
}

/// How many windows a rule looks at, and after how many without rows a series is over.
fn windows_behind(rule: &Rule) -> u32 {
    rule.of.max(ABSENT_WINDOWS_MIN)
}

/// How many windows back what was seen still counts.
pub(super) fn horizon(rule: &Rule) -> u32 {
    HORIZON * windows_behind(rule)
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
        Condition::Learned(_) => return Verdict::Unknown("its bound is not learned"),
    };
    match (violated, rule.significance, observation.pvalue) {
        (false, _, _) => Verdict::Fine,
        (true, None, _) => Verdict::Violated,
        (true, Some(_), None) => Verdict::Unknown("no p-value"),
        (true, Some(bound), Some(pvalue)) if pvalue < bound => Verdict::Violated,
        // As much as this comes of chance.
        (true, Some(_), Some(_)) => Verdict::Fine,
    }
}
