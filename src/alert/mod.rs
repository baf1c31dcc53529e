//! Alerts: from rows of the metric tables to what happened.
//!
//! A rule watches one metric in many series (one for each column, model version, slice). In each series
//! the windows are judged in order; what changes from window to window becomes an [`Event`]. The events that
//! are recorded already are taken as said: what is new is told as their continuation. This is a pure function
//! of the rows and of that record: it reads no clock and sends nothing.

pub mod event;
mod judge;
mod observe;

use std::collections::{BTreeMap, BTreeSet};

pub use event::{Direction, Event, State, Transition};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::config::{Change, Condition, Monitor, Rule};
use crate::drift::DriftRow;
use crate::profile::row::ProfileRow;
use judge::{Judged, Verdict};
use observe::{Observation, SeriesKey};

/// What the `alerts` table already says about a monitor.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// The last event of each alert: the one that was computed last and, of several of a run, that of the latest window.
    pub last: BTreeMap<String, Event>,
    /// Start of the latest window of which an event of each alert tells: it may have lost its rows since.
    pub told_until: BTreeMap<String, i64>,
}

impl Recorded {
    /// `now`, or just after the last event if that is said to be later: the order of events is that of runs, whatever the
    /// clocks of their machines say.
    fn after_all(&self, now: Timestamp) -> Timestamp {
        let last = self.last.values().map(|event| event.computed_at).max();
        let after = last.and_then(|last| Timestamp::from_microsecond(last.saturating_add(1)).ok());
        after.map_or(now, |after| after.max(now))
    }

    /// What comes of judging nothing: what is on, is on.
    pub fn unchanged(&self) -> Evaluation {
        let mut firing: Vec<Event> = self.last.values().filter(|last| is_on(Some(last))).cloned().collect();
        sort_firing(&mut firing);
        Evaluation { firing, ..Evaluation::default() }
    }
}

fn sort_firing(firing: &mut [Event]) {
    firing.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.column_name.cmp(&b.column_name)));
}

/// What a run knows when it judges.
#[derive(Debug, Clone, Copy)]
pub struct Present<'a> {
    /// The run's present.
    pub as_of: Timestamp,
    /// The run.
    pub run_id: &'a str,
    /// When it began.
    pub computed_at: Timestamp,
    /// Whether the rows are all that there are by now, so that what the record says of others is no more.
    pub is_newest: bool,
}

/// What came of judging.
#[derive(Debug, Clone, Default)]
pub struct Evaluation {
    /// What happened that was not recorded before, window by window.
    pub events: Vec<Event>,
    /// The last event of each alert that is on, recorded before or not.
    pub firing: Vec<Event>,
    /// Windows that were judged, of all rules and series.
    pub judged: u64,
    /// Windows that could not be judged, and why.
    pub unjudged: BTreeMap<&'static str, u64>,
}

/// The judging of one run: it is shown the rows of some columns at a time, then says what came of it.
#[derive(Debug)]
pub struct Judging<'a> {
    monitor: &'a Monitor,
    recorded: &'a Recorded,
    present: Present<'a>,
    evaluation: Evaluation,
    /// Ids of the alerts whose series there are.
    followed: BTreeSet<String>,
    /// End of the newest window with rows.
    newest: Option<i64>,
}

impl<'a> Judging<'a> {
    /// Judges by the rules of `monitor`, as the continuation of what is `recorded`.
    pub fn new(monitor: &'a Monitor, recorded: &'a Recorded, present: Present<'a>) -> Self {
        let (evaluation, followed) = (Evaluation::default(), BTreeSet::new());
        let present = Present { computed_at: recorded.after_all(present.computed_at), ..present };
        Self { monitor, recorded, present, evaluation, followed, newest: None }
    }

    /// Judges rows of the tables: all that there are of some columns, or of whole tables.
    pub fn judge(&mut self, profile: &[ProfileRow], drift: &[DriftRow]) {
        let Self { monitor, recorded, present, .. } = *self;
        for rule in &monitor.rules {
            let is_recorded =
                |key: &SeriesKey| is_on(recorded.last.get(&Alert { monitor, rule, key, present }.id()));
            let series = observe::series(monitor, rule, profile, drift, present.as_of, is_recorded);
            for (key, observations) in series {
                let alert = Alert { monitor, rule, key: &key, present };
                let alert_id = alert.follow(&observations, recorded, &mut self.evaluation);
                self.followed.insert(alert_id);
            }
        }
        self.newest = self.newest.max(profile.iter().filter_map(|row| row.window_end).max());
    }

    /// What came of it, now that all rows have been judged.
    pub fn finish(self) -> Evaluation {
        let Self { monitor, recorded, present, mut evaluation, followed, newest } = self;
        let is_past = |last: &Event| Some(last.window_end) <= newest || is_gone(last, monitor, present);
        let orphans = recorded
            .last
            .values()
            .filter(|last| is_on(Some(last)) && !followed.contains(&last.alert_id) && is_past(last));
        let orphans: Vec<&Event> = orphans.collect();
        let is_orphan = |last: &Event| orphans.iter().any(|orphan| orphan.alert_id == last.alert_id);
        let unjudged = recorded
            .last
            .values()
            .filter(|last| is_on(Some(last)) && !followed.contains(&last.alert_id) && !is_orphan(last));
        evaluation.firing.extend(unjudged.cloned());
        evaluation.events.extend(orphans.iter().map(|last| orphaned(last, present)));
        evaluation.events.sort_by(|a, b| (a.window_start, &a.alert_id).cmp(&(b.window_start, &b.alert_id)));
        sort_firing(&mut evaluation.firing);
        evaluation
    }
}

/// One rule on one series.
struct Alert<'a> {
    monitor: &'a Monitor,
    rule: &'a Rule,
    key: &'a SeriesKey,
    present: Present<'a>,
}

impl Alert<'_> {
    /// Judges the windows in order, and notes what the record does not say yet. Returns the alert's id.
    fn follow(
        &self,
        observations: &[Observation],
        recorded: &Recorded,
        evaluation: &mut Evaluation,
    ) -> String {
        let alert_id = self.id();
        let said = recorded.last.get(&alert_id);
        let told_until = recorded.told_until.get(&alert_id).copied().unwrap_or(i64::MIN);
        let history = self.history(&alert_id, observations, said, evaluation);
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

    /// What is left decides, now that the window of which the record tells has no rows any more. Returns the last event.
    fn set_right(
        &self,
        said: &Event,
        left: Option<&Event>,
        newest: Option<&Observation>,
        evaluation: &mut Evaluation,
    ) -> Option<Event> {
        let event = match (is_on(Some(said)), left.filter(|left| is_on(Some(left))).zip(newest)) {
            (true, None) => orphaned(said, self.present),
            (false, Some((left, newest))) => self.correction(&said.alert_id, Some(left), newest),
            (true, Some(_)) | (false, None) => return Some(said.clone()),
        };
        evaluation.events.push(event.clone());
        Some(event)
    }

    /// What happened to the alert in the windows that there are, by the rows as they are now. Of windows before them the
    /// record is taken at its word.
    fn history(
        &self,
        alert_id: &str,
        observations: &[Observation],
        said: Option<&Event>,
        evaluation: &mut Evaluation,
    ) -> Vec<Event> {
        let first = observations.first().map_or(i64::MIN, |first| first.start);
        let on = said.filter(|said| is_on(Some(said)) && said.first_window_start < first);
        let mut since: Option<i64> = on.map(|said| said.first_window_start);
        let mut history: Vec<Event> =
            on.filter(|said| said.window_start < first).cloned().into_iter().collect();
        for Judged { observation, previous, verdict, holds } in judge::judge(self.rule, observations) {
            evaluation.judged += u64::from(matches!(verdict, Verdict::Fine | Verdict::Violated));
            let transition = match (verdict, since, holds) {
                (Verdict::Unknown(why), ..) => {
                    *evaluation.unjudged.entry(why).or_default() += 1;
                    continue;
                }
                (Verdict::Absent, ..) | (_, None, false) => continue,
                (Verdict::Over, Some(_), _) => Transition::NoData,
                (_, None, true) => Transition::First,
                (_, Some(_), true) => Transition::StillFiring,
                (_, Some(_), false) => Transition::Resolved,
            };
            let first = *since.get_or_insert(observation.start);
            since = since.filter(|_| transition.state() == State::Firing);
            let event_id = digest(&[alert_id, &transition.to_string(), &observation.start.to_string()]);
            history.push(self.event(alert_id, event_id, transition, first, observation, previous));
        }
        history
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

    fn id(&self) -> String {
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

fn is_on(event: Option<&Event>) -> bool {
    event.is_some_and(|event| event.state == State::Firing)
}

/// Whether a window of which the record says something, and which has no rows to be judged, has none any more, rather than
/// none yet.
fn is_gone(last: &Event, monitor: &Monitor, present: Present<'_>) -> bool {
    let end = Timestamp::from_microsecond(last.window_end);
    present.is_newest && end.is_ok_and(|end| !monitor.is_provisional(end, present.as_of))
}

/// The end of an alert that is recorded as firing, and that no series answers for any more: its rule was
/// removed or renamed, or its rows are gone.
fn orphaned(last: &Event, present: Present<'_>) -> Event {
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
    }
}

/// The bound in the words of the monitor file.
fn threshold(condition: Condition) -> String {
    match condition {
        Condition::Above(bound) | Condition::Below(bound) => bound.to_string(),
        Condition::Outside(low, high) => format!("{low} to {high}"),
        Condition::ChangeFromBaseline(Change { bound, relative, .. }) => {
            let sign = if bound > 0.0 { "+" } else { "" };
            // 7 % is 0.07, and a hundred times that is not quite 7.
            let percent = (bound * 1e11).round() / 1e9;
            if relative { format!("{sign}{percent}%") } else { format!("{sign}{bound}") }
        }
    }
}

#[cfg(test)]
mod tests;
