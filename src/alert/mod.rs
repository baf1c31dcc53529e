//! Alerts: from rows of the metric tables to what happened.
//!
//! A rule watches one metric in many series (one for each column, model version, slice). In each series
//! the windows are judged in order; what changes from window to window becomes an [`Event`]. The events that
//! are recorded already are taken as said: what is new is told as their continuation. This is a pure function
//! of the rows and of that record: it reads no clock and sends nothing.

pub mod event;
mod follow;
mod judge;
pub mod learned;
mod observe;
mod past;
mod presence;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

pub use event::{Direction, Event, State, Transition};
use follow::{Alert, is_gone, is_on, orphaned};
use jiff::Timestamp;
use learned::{LearnedBounds, Resolved};
use observe::Watch;
pub use observe::{Observation, SeriesKey};
pub use past::Past;
use presence::Presence;

use crate::config::{Condition, Monitor, Rule};
use crate::contract::{TABLE, quality};
use crate::drift::DriftRow;
use crate::drift::families::{Families, pvalue_column};
use crate::profile::row::ProfileRow;
use crate::window::Granularity;

/// Whether a series is one of the rule's metric although it never has a value. Of a column it is not: a text has no mean. But quality
/// that cannot be measured in any window is not judged, which must not look like content.
fn is_always_of(key: &SeriesKey, rule: &Rule) -> bool {
    key.column_name == TABLE && quality(rule.metric.name()).is_some()
}

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
    /// The last event before these of each alert that was on.
    pub fired: Vec<Event>,
    /// Windows that were judged, of all rules and series.
    pub judged: u64,
    /// Windows that could not be judged.
    pub unjudged: Unjudged,
}

/// How many windows could not be judged, by the rule and why.
pub type Unjudged = BTreeMap<(String, Cow<'static, str>), u64>;

/// The judging of one run: it is shown the rows of some columns at a time, then says what came of it.
#[derive(Debug)]
pub struct Judging<'a> {
    monitor: &'a Monitor,
    recorded: &'a Recorded,
    present: Present<'a>,
    past: Past<'a>,
    evaluation: Evaluation,
    /// Ids of the alerts whose series there are.
    followed: BTreeSet<String>,
    /// The windows with rows of each length that rules look at: those of the past, and those that were shown.
    presence: BTreeMap<Granularity, Presence>,
    /// End of the newest window with rows, of any length.
    newest: Option<i64>,
    /// Series, each of the rule at a place among the monitor's, that are judged once all columns have been compared.
    waiting: Vec<(usize, SeriesKey, Vec<Observation>)>,
    learned: LearnedBounds,
}

impl<'a> Judging<'a> {
    /// Judges by the rules of `monitor`, as the continuation of what is `recorded`, where windows that the run does not compute
    /// are as the `past` says.
    pub fn new(
        monitor: &'a Monitor,
        recorded: &'a Recorded,
        present: Present<'a>,
        mut past: Past<'a>,
        learned: LearnedBounds,
    ) -> Self {
        let (evaluation, followed) = (Evaluation::default(), BTreeSet::new());
        let present = Present { computed_at: recorded.after_all(present.computed_at), ..present };
        let presence = past.take_presence();
        let newest = presence.values().filter_map(Presence::newest).max();
        Self {
            monitor,
            recorded,
            present,
            past,
            evaluation,
            followed,
            presence,
            newest,
            waiting: Vec::new(),
            learned,
        }
    }

    /// Learns bounds from rows of windows of the baseline: all that there are of some columns, or of whole tables.
    pub fn learn(&mut self, profile: &[ProfileRow], drift: &[DriftRow]) {
        let Self { monitor, present, .. } = *self;
        for rule in &monitor.rules {
            if matches!(rule.condition, Condition::Learned(_)) {
                let watch = Watch { monitor, rule, as_of: present.as_of, learns: true };
                self.learned.learn(&watch, profile, drift);
            }
        }
    }

    /// The bounds that have been learned, by this run or before.
    pub fn learned(&self) -> &LearnedBounds {
        &self.learned
    }

    /// Judges rows of the tables: all that the run computes of some columns, or of whole tables. The first of the `drift` rows
    /// was noted at `first` among the families; what these decide is judged by [`Self::finish`].
    pub fn judge(&mut self, profile: &[ProfileRow], drift: &[DriftRow], first: usize) {
        let lengths: BTreeMap<String, Granularity> =
            self.monitor.rules.iter().map(|rule| (rule.granularity.to_string(), rule.granularity)).collect();
        for row in profile {
            let Some(window) = row.window_start.zip(row.window_end) else { continue };
            self.newest = self.newest.max(Some(window.1));
            let length = row.granularity.as_ref().and_then(|text| lengths.get(text));
            if let Some(length) = length {
                self.presence.entry(*length).or_default().note(window, &SeriesKey::of_profile(row));
            }
        }
        let columns: BTreeSet<&str> = profile.iter().map(|row| row.column_name.as_str()).collect();
        self.judge_columns(&columns, profile, drift, first);
        for presence in self.presence.values_mut() {
            columns.iter().for_each(|column| presence.forget(column));
        }
    }

    /// Judges series of these columns, of the past and of these rows.
    fn judge_columns(
        &mut self,
        columns: &BTreeSet<&str>,
        profile: &[ProfileRow],
        drift: &[DriftRow],
        first_row: usize,
    ) {
        let Self { monitor, recorded, present, .. } = *self;
        for (place, rule) in monitor.rules.iter().enumerate() {
            let Some(first) = self.past.start(rule.granularity) else { continue };
            let watch = Watch { monitor, rule, as_of: present.as_of, learns: false };
            let mut series = watch.observed(profile, drift, first_row);
            for column in columns {
                for (key, observations) in self.past.take(place, column) {
                    series.entry(key).or_default().extend(observations);
                }
            }
            watch.add_baseline(&mut series, profile);
            for (key, mut observations) in series {
                let is_of_metric =
                    |observation: &Observation| observation.value.is_some() || observation.place.is_some();
                let alert_id = Alert { monitor, rule, learned_windows: None, key: &key, present }.id();
                let is_known = is_always_of(&key, rule) || is_on(recorded.last.get(&alert_id));
                if !is_known && !observations.iter().any(is_of_metric) {
                    continue;
                }
                if let Some(presence) = self.presence.get(&rule.granularity) {
                    let absent = presence.absent(&key, &observations, |end| watch.is_complete(end));
                    observations.extend(absent);
                }
                observations.sort_by_key(|observation| observation.start);
                match observations.iter().any(|observation| observation.place.is_some()) {
                    true => self.waiting.push((place, key, observations)),
                    false => self.judge_series(rule, first, &key, &observations),
                }
            }
        }
    }

    /// Judges a series by its rule, now that all of it is known; `first` is where the rules of its granularity begin to look.
    fn judge_series(&mut self, rule: &Rule, first: i64, key: &SeriesKey, observations: &[Observation]) {
        let Self { monitor, recorded, present, .. } = *self;
        let Resolved { rule, learned_windows } = match self.learned.resolve(rule, key) {
            Ok(resolved) => resolved,
            Err(why) => {
                let alert = Alert { monitor, rule, learned_windows: None, key, present };
                return self.leave(&alert, why, observations);
            }
        };
        let alert = Alert { monitor, rule: &rule, learned_windows, key, present };
        let has_value = observations.iter().any(|observation| observation.value.is_some());
        if has_value || is_always_of(key, &rule) || is_on(recorded.last.get(&alert.id())) {
            let alert_id = alert.follow(observations, first, recorded, &mut self.evaluation);
            self.followed.insert(alert_id);
        }
    }

    /// Leaves an alert as it is recorded: there is no bound to judge these windows by.
    fn leave(&mut self, alert: &Alert<'_>, why: Cow<'static, str>, observations: &[Observation]) {
        let unjudged = observations.iter().filter(|observation| observation.is_computed).count() as u64;
        *self.evaluation.unjudged.entry((alert.rule.name.clone(), why)).or_default() += unjudged;
        let alert_id = alert.id();
        let last = self.recorded.last.get(&alert_id).filter(|last| is_on(Some(last)));
        self.evaluation.firing.extend(last.cloned());
        self.followed.insert(alert_id);
    }

    /// Judges what has waited for all columns to be compared.
    fn judge_waiting(&mut self, families: &Families<'_>) {
        let monitor = self.monitor;
        for (place, key, mut observations) in std::mem::take(&mut self.waiting) {
            let Some(rule) = monitor.rules.get(place) else { continue };
            let Some(first) = self.past.start(rule.granularity) else { continue };
            for observation in &mut observations {
                let Some(place) = observation.place else { continue };
                let together = families.at(place);
                let metric = rule.metric.name();
                observation.pvalue = together.metric(pvalue_column(metric));
                observation.value = observation.value.or_else(|| together.metric(metric));
            }
            self.judge_series(rule, first, &key, &observations);
        }
    }

    /// What came of it, now that all rows have been judged and the `families` are closed.
    pub fn finish(mut self, families: &Families<'_>) -> Evaluation {
        // Columns of which the run computes nothing: they may have no rows any more.
        let left = self.past.columns();
        self.judge_columns(&left.iter().map(String::as_str).collect(), &[], &[], 0);
        self.judge_waiting(families);
        let Self { monitor, recorded, present, past, mut evaluation, followed, newest, .. } = self;
        let is_past = |last: &Event| Some(last.window_end) <= newest || is_gone(last, monitor, present);
        // Of windows further back than the rules look it is not known whether they have rows.
        let left = recorded.last.values();
        let left = left.filter(|last| is_on(Some(last)) && !followed.contains(&last.alert_id));
        let (orphans, as_before): (Vec<&Event>, Vec<&Event>) =
            left.partition(|last| past.reaches(&last.granularity, last.window_start) && is_past(last));
        evaluation.firing.extend(as_before.into_iter().cloned());
        evaluation.events.extend(orphans.into_iter().map(|last| orphaned(last, present)));
        let told: BTreeSet<&str> = evaluation.events.iter().map(|event| event.alert_id.as_str()).collect();
        let fired = recorded.last.values().filter(|last| is_on(Some(last)));
        evaluation.fired = fired.filter(|last| told.contains(last.alert_id.as_str())).cloned().collect();
        evaluation.events.sort_by(|a, b| (a.window_start, &a.alert_id).cmp(&(b.window_start, &b.alert_id)));
        sort_firing(&mut evaluation.firing);
        evaluation
    }
}

#[cfg(test)]
mod tests;
