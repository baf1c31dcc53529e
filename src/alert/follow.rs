//! One rule on one series: what happens from window to window, told as the continuation of the record.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::event::{Direction, Event, State, Transition};
use super::judge::{Judge, Judged, Verdict};
use super::observe::{Observation, SeriesKey};
use super::{Evaluation, Present, Recorded};
use crate::config::{Change, Condition, Monitor, Rule, Tail};

/// One rule on one series.
pub(super) struct Alert<'a> {
    pub(super) monitor: &'a Monitor,
    pub(super) rule: &'a Rule,
    /// Windows that the rule's bound was learned from, if it was.
    pub(super) learned_windows: Option<u64>,
    pub(super) key: &'a SeriesKey,
    pub(super) present: Present<'a>,
}

impl Alert<'_> {
    /// Judges the windows in order, of which the run has computed none before the one that starts at `first`, and notes what
    /// the record does not say yet. Returns the alert's id.
    pub(super) fn follow(
        &self,
        observations: &[Observation],
        first: i64,
        recorded: &Recorded,
        evaluation: &mut Evaluation,
    ) -> String {
        let alert_id = self.id();
        let said = recorded.last.get(&alert_id);
        let told_until = recorded.told_until.get(&alert_id).copied().unwrap_or(i64::MIN);
        let history = self.history(&alert_id, observations, first, said, evaluation);
        let news = self.news(&alert_id, &history, observations, said, told_until);
        evaluation.events.extend(news);
        let newest = observations.last();
        let is_later = |said: &&Event| newest.is_none_or(|newest| said.window_start > newest.start);
        let last = match said.filter(is_later) {
            Some(said) if is_gone(said, self.monitor, self.present) => {
                self.set_right(said, history.last(), newest, evaluation)
            }
            // Where the record knows of later windows, it is right.
            Some(said) => Some(said.clone()),
            None => history.into_iter().next_back(),
        };
        evaluation.firing.extend(last.filter(|last| is_on(Some(last))));
        alert_id
    }

    /// What is left decides, now that the window of which the record tells has no rows any more. An alert that is on ends in the
    /// newest window if that, or one before, has ended it since; else with its rows. Returns the last event.
    fn set_right(
        &self,
        said: &Event,
        left: Option<&Event>,
        newest: Option<&Observation>,
        evaluation: &mut Evaluation,
    ) -> Option<Event> {
        let left = left.zip(newest);
        let event = match (is_on(Some(said)), left.map(|(left, _)| is_on(Some(left))), left) {
            (true, None, _) => orphaned(said, self.present),
            (true, Some(false), Some((left, newest))) | (false, Some(true), Some((left, newest))) => {
                self.correction(&said.alert_id, Some(left), newest)
            }
            _ => return Some(said.clone()),
        };
        evaluation.events.push(event.clone());
        Some(event)
    }

    /// What happened to the alert from the first window on that the run has computed, by the rows as they are now, after what it
    /// was before.
    fn history(
        &self,
        alert_id: &str,
        observations: &[Observation],
        first: i64,
        said: Option<&Event>,
        evaluation: &mut Evaluation,
    ) -> Vec<Event> {
        let first = observations.first().map_or(first, |oldest| oldest.start.max(first));
        let (before, observations) =
            observations.split_at(observations.partition_point(|observation| observation.start < first));
        let mut judge = Judge::new(self.rule);
        let (mut since, was) = self.was_on(alert_id, &mut judge, before, first, said);
        let mut history: Vec<Event> = was.into_iter().collect();
        for observation in observations {
            let Judged { observation, previous, verdict, holds } = judge.judge(observation);
            match verdict {
                Verdict::Unknown(why) if observation.is_computed => {
                    let unjudged = (self.rule.name.clone(), why.into());
                    *evaluation.unjudged.entry(unjudged).or_default() += 1;
                }
                Verdict::Violated | Verdict::Fine if observation.is_computed => evaluation.judged += 1,
                _ => {}
            }
            let transition = match (verdict, since, holds) {
                (Verdict::Unknown(_) | Verdict::Absent, ..) | (_, None, false) => continue,
                (Verdict::Over, Some(_), _) => Transition::NoData,
                (_, None, true) => Transition::First,
                (_, Some(_), true) => Transition::StillFiring,
                (_, Some(_), false) => Transition::Resolved,
            };
            let first = *since.get_or_insert(observation.start);
            since = since.filter(|_| transition.state() == State::Firing);
            history.push(self.window(alert_id, transition, first, observation, previous));
        }
        history
    }

    /// Since when the alert was on before the window that starts at `first`, and the event that says so, as far as there is a
    /// window for it. Where the windows `before`, which `judge` is shown, do not tell, the record is taken at its word.
    fn was_on(
        &self,
        alert_id: &str,
        judge: &mut Judge<'_>,
        before: &[Observation],
        first: i64,
        said: Option<&Event>,
    ) -> (Option<i64>, Option<Event>) {
        let said = said.filter(|said| is_on(Some(said)) && said.first_window_start < first);
        let mut was: Option<Event> = None;
        for observation in before {
            let Judged { verdict, previous, holds, .. } = judge.judge(observation);
            was = match verdict {
                Verdict::Unknown(_) | Verdict::Absent => was,
                Verdict::Violated | Verdict::Fine if holds => {
                    let transition = if was.is_some() { Transition::StillFiring } else { Transition::First };
                    let since = was.map_or(observation.start, |was| was.first_window_start);
                    Some(self.window(alert_id, transition, since, observation, previous))
                }
                Verdict::Violated | Verdict::Fine | Verdict::Over => None,
            };
        }
        let said = said.filter(|_| was.is_some() || !judge.is_certain());
        match (said, was) {
            (Some(said), _) if said.window_start < first => {
                (Some(said.first_window_start), Some(said.clone()))
            }
            (Some(said), was) => {
                let since = said.first_window_start;
                let last = before.last();
                let unjudged = || Some(self.window(alert_id, Transition::StillFiring, since, last?, None));
                let was = was.or_else(unjudged);
                (Some(since), was.map(|was| Event { first_window_start: since, ..was }))
            }
            (None, was) => (was.as_ref().map(|was| was.first_window_start), was),
        }
    }

    /// What happens in a window.
    fn window(
        &self,
        alert_id: &str,
        transition: Transition,
        first_window_start: i64,
        observation: &Observation,
        previous: Option<f64>,
    ) -> Event {
        let event_id = digest(&[alert_id, &transition.to_string(), &observation.start.to_string()]);
        self.event(alert_id, event_id, transition, first_window_start, observation, previous)
    }

    /// What happened after `said`, the last event of the record, told as its continuation. Windows up to that which starts at
    /// `told_until` may have been told about before.
    ///
    /// Restated rows can change windows that have been told about. That is not told again, window by window;
    /// but where the record now says that the alert is on and it is off, or the other way round, the newest
    /// window says so. A history that ends before the record does, as in a run of an older table version,
    /// knows less than the record and adds nothing.
    fn news(
        &self,
        alert_id: &str,
        history: &[Event],
        observations: &[Observation],
        said: Option<&Event>,
        told_until: i64,
    ) -> Vec<Event> {
        let said_of = said.map_or(i64::MIN, |said| said.window_start);
        let mut on = is_on(said);
        let mut news = Vec::new();
        for event in history.iter().filter(|event| event.window_start > said_of) {
            let transition = match (on, event.state) {
                (false, State::Firing) => Transition::First,
                (true, State::Firing) => Transition::StillFiring,
                (true, _) => event.transition,
                (false, _) => continue,
            };
            on = event.state == State::Firing;
            let (transition_of, window) = (transition.to_string(), event.window_start.to_string());
            let event_id = match event.window_start > told_until {
                true => digest(&[alert_id, &transition_of, &window]),
                // The window was told about, lost its rows, and has some again.
                false => digest(&[alert_id, &transition_of, &window, self.present.run_id]),
            };
            news.push(Event { event_id, transition, ..event.clone() });
        }
        let newest = observations.last().filter(|newest| newest.start >= said_of);
        if let Some(newest) = newest.filter(|_| on != is_on(history.last())) {
            news.push(self.correction(alert_id, history.last(), newest));
        }
        news
    }

    /// The event that sets the record right: the alert is as `last` says.
    fn correction(&self, alert_id: &str, last: Option<&Event>, newest: &Observation) -> Event {
        let transition = match last.map(|event| event.state) {
            Some(State::Firing) => Transition::First,
            Some(State::NoData) => Transition::NoData,
            Some(State::Resolved) | None => Transition::Resolved,
        };
        let first = last.map_or(newest.start, |event| event.first_window_start);
        let parts = [alert_id, &transition.to_string(), &newest.start.to_string(), self.present.run_id];
        self.event(alert_id, digest(&parts), transition, first, newest, None)
    }

    /// Names the alert, in every run.
    pub(super) fn id(&self) -> String {
        let SeriesKey { model_version, slice, column_name, drift_type } = self.key;
        let (slice_key, slice_value) = slice.as_ref().map_or(("", ""), |(key, value)| (key, value));
        digest(&[
            &self.monitor.name,
            &self.rule.name,
            &self.rule.granularity.to_string(),
            model_version,
            slice_key,
            slice_value,
            column_name,
            drift_type.unwrap_or_default(),
        ])
    }

    fn event(
        &self,
        alert_id: &str,
        event_id: String,
        transition: Transition,
        first_window_start: i64,
        observation: &Observation,
        previous: Option<f64>,
    ) -> Event {
        let (slice_key, slice_value) = self.key.slice.clone().unzip();
        Event {
            alert_id: alert_id.to_owned(),
            event_id,
            monitor_name: self.monitor.name.clone(),
            rule: self.rule.name.clone(),
            severity: self.rule.severity,
            state: transition.state(),
            transition,
            metric: self.rule.metric.name().to_owned(),
            direction: direction(self.rule.condition),
            threshold: threshold(self.rule.condition),
            learned_windows: self.learned_windows,
            value: observation.value,
            previous_value: previous,
            baseline_value: observation.baseline_value,
            count: observation.count,
            granularity: self.rule.granularity.to_string(),
            window_start: observation.start,
            window_end: observation.end,
            first_window_start,
            model_version: self.key.model_version.clone(),
            slice_key,
            slice_value,
            column_name: self.key.column_name.clone(),
            drift_type: self.key.drift_type.map(str::to_owned),
            owner: self.rule.owner.clone(),
            runbook: self.rule.runbook.clone(),
            run_id: self.present.run_id.to_owned(),
            computed_at: self.present.computed_at.as_microsecond(),
        }
    }
}

/// Whether that was the last event of an alert that is on.
pub(super) fn is_on(event: Option<&Event>) -> bool {
    event.is_some_and(|event| event.state == State::Firing)
}

/// Whether a window of which the record says something, and which has no rows to be judged, has none any more, rather than
/// none yet.
pub(super) fn is_gone(last: &Event, monitor: &Monitor, present: Present<'_>) -> bool {
    let end = Timestamp::from_microsecond(last.window_end);
    present.is_newest && end.is_ok_and(|end| !monitor.is_provisional(end, present.as_of))
}

/// The end of an alert that is recorded as firing, and that no series answers for any more: its rule was
/// removed or renamed, or its rows are gone.
pub(super) fn orphaned(last: &Event, present: Present<'_>) -> Event {
    let transition = Transition::NoData;
    let event_id =
        digest(&[&last.alert_id, &transition.to_string(), &last.window_start.to_string(), present.run_id]);
    Event {
        event_id,
        state: transition.state(),
        transition,
        value: None,
        previous_value: last.value,
        count: 0,
        run_id: present.run_id.to_owned(),
        computed_at: present.computed_at.as_microsecond(),
        ..last.clone()
    }
}

/// 32 hex digits that name `parts`; a part cannot run into the next.
fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn direction(condition: Condition) -> Direction {
    match condition {
        Condition::Above(_) => Direction::Above,
        Condition::Below(_) => Direction::Below,
        Condition::Outside(..) => Direction::Outside,
        Condition::ChangeFromBaseline(_) => Direction::ChangeFromBaseline,
        Condition::Learned(Tail::Above) => Direction::Above,
        Condition::Learned(Tail::Below) => Direction::Below,
        Condition::Learned(Tail::Outside) => Direction::Outside,
    }
}

/// The bound in the words of the monitor file.
pub(super) fn threshold(condition: Condition) -> String {
    match condition {
        Condition::Above(bound) | Condition::Below(bound) => bound.to_string(),
        Condition::Outside(low, high) => format!("{low} to {high}"),
        Condition::ChangeFromBaseline(Change { bound, relative, .. }) => {
            let sign = if bound > 0.0 { "+" } else { "" };
            // 7 % is 0.07, and a hundred times that is not quite 7.
            let percent = (bound * 1e11).round() / 1e9;
            if relative { format!("{sign}{percent}%") } else { format!("{sign}{bound}") }
        }
        // A bound that could not be learned.
        Condition::Learned(_) => "learned".to_owned(),
    }
}
