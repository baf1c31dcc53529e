//! The windows that a run does not compute, as the metric tables tell of them: what a rule that looks at several windows has
//! seen before the first one that the run computes, and what has come after it already.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::judge::horizon;
use super::observe::{Observation, Series, SeriesKey, Watch};
use super::presence::Presence;
use crate::config::Monitor;
use crate::scope::{Scope, Scopes};
use crate::window::{Granularity, Window};

/// What is known of windows that a run does not compute; nothing, if it computes all.
#[derive(Debug)]
pub struct Past<'a> {
    monitor: &'a Monitor,
    as_of: Timestamp,
    /// The first window that the run computes of each length that rules look at; `None` if it computes all. Of a length that
    /// is not here it computes none.
    first: Option<BTreeMap<Granularity, Window>>,
    /// From when on windows of each length, as a text, are known.
    known_from: BTreeMap<String, i64>,
    presence: BTreeMap<Granularity, Presence>,
    /// Of each rule, in the order of the monitor's: its series, by their columns.
    series: Vec<BTreeMap<String, Series>>,
}

impl<'a> Past<'a> {
    /// What is known, nothing yet, to the run that computes the windows of `scopes` at `as_of`.
    pub fn of(monitor: &'a Monitor, as_of: Timestamp, scopes: &Scopes) -> Self {
        let first = match (&scopes.profile, &scopes.drift) {
            (Scope::Windows(profile), Scope::Windows(drift)) => {
                let first = |granularity| {
                    let computed = profile.iter().chain(drift.iter());
                    let of_length = computed.filter(|(length, _)| *length == granularity);
                    Some((granularity, of_length.map(|(_, window)| window).min()?))
                };
                Some(monitor.rules.iter().filter_map(|rule| first(rule.granularity)).collect())
            }
            _ => None,
        };
        let series = monitor.rules.iter().map(|_| BTreeMap::new()).collect();
        Self { monitor, as_of, first, known_from: BTreeMap::new(), presence: BTreeMap::new(), series }
    }

    /// The lengths of which something is to be known, each with the first window that is computed.
    pub fn lengths(&self) -> Vec<(Granularity, Window)> {
        self.first.iter().flatten().map(|(granularity, first)| (*granularity, *first)).collect()
    }

    /// How many windows of the length are to be known before the first that is computed: what was before these does not count.
    pub fn horizon(&self, granularity: Granularity) -> usize {
        let of_length = self.monitor.rules.iter().filter(|rule| rule.granularity == granularity);
        of_length.map(horizon).max().unwrap_or_default() as usize
    }

    /// How many windows of the length are known, and are judged by all rules, before the one that starts at `until`, in
    /// microseconds.
    pub fn known_before(&self, granularity: Granularity, until: i64) -> usize {
        let Self { monitor, as_of, .. } = *self;
        let of_length = monitor.rules.iter().filter(|rule| rule.granularity == granularity);
        let rules: Vec<Watch<'_>> =
            of_length.map(|rule| Watch { monitor, rule, as_of, learns: false }).collect();
        let is_judged = |end: i64| rules.iter().all(|rule| rule.is_complete(end));
        self.presence.get(&granularity).map_or(0, |presence| presence.count_before(until, is_judged))
    }

    /// Notes that all windows of the length are known that start at `from`, in microseconds, or later.
    pub fn note_reach(&mut self, granularity: Granularity, from: i64) {
        self.known_from.insert(granularity.to_string(), from);
    }

    /// Whether the window of this length, as a text, that starts at `start` has been computed, or is known if it has rows.
    pub(super) fn reaches(&self, granularity: &str, start: i64) -> bool {
        self.first.is_none() || self.known_from.get(granularity).is_some_and(|from| *from <= start)
    }

    /// Notes that what `key` is about has rows in the window from the first until the second of these microseconds.
    pub fn note_rows(&mut self, granularity: Granularity, window: (i64, i64), key: &SeriesKey) {
        self.presence.entry(granularity).or_default().note(window, key);
    }

    /// Notes what a row says of the metric of the rule at `place` among the monitor's, and whether it says why not more.
    pub fn note(&mut self, place: usize, key: &SeriesKey, observation: Observation, has_reason: bool) {
        let Self { monitor, as_of, .. } = *self;
        let Some((rule, columns)) = monitor.rules.get(place).zip(self.series.get_mut(place)) else { return };
        if !(Watch { monitor, rule, as_of, learns: false }).is_judged(key, has_reason, &observation) {
            return;
        }
        // Nearly all are of a series that is known: no key is copied for them.
        match columns.get_mut(&key.column_name).and_then(|series| series.get_mut(key)) {
            Some(observations) => observations.push(observation),
            None => {
                let series = columns.entry(key.column_name.clone()).or_default();
                series.insert(key.clone(), vec![observation]);
            }
        }
    }

    /// When the first window of the length starts that is computed, in microseconds; `None` if there is none.
    pub(super) fn start(&self, granularity: Granularity) -> Option<i64> {
        match &self.first {
            None => Some(i64::MIN),
            Some(first) => first.get(&granularity).map(|window| window.start.as_microsecond()),
        }
    }

    /// Which windows have rows, which is not known any more.
    pub(super) fn take_presence(&mut self) -> BTreeMap<Granularity, Presence> {
        std::mem::take(&mut self.presence)
    }

    /// The series of the rule at `place` that are of a column, which are not known any more.
    pub(super) fn take(&mut self, place: usize, column: &str) -> Series {
        self.series.get_mut(place).and_then(|columns| columns.remove(column)).unwrap_or_default()
    }

    /// The columns that are left.
    pub(super) fn columns(&self) -> BTreeSet<String> {
        self.series.iter().flat_map(BTreeMap::keys).cloned().collect()
    }
}
