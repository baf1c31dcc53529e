//! Which windows have rows, and whose: where a series has none, others may have some.

use std::collections::{BTreeMap, BTreeSet};

use super::observe::{Observation, SeriesKey};

/// A model version, and a slice by its key and value.
type Segment = (String, Option<(String, String)>);

/// The windows of one length that have rows.
#[derive(Debug, Clone, Default)]
pub(super) struct Presence {
    /// Start and end of each, in microseconds.
    all: BTreeSet<(i64, i64)>,
    /// Starts of those in which a column has rows, by the segment that they are of.
    by_column: BTreeMap<String, BTreeMap<Segment, BTreeSet<i64>>>,
}

impl Presence {
    /// Notes that what `key` is about has a row in a window.
    pub(super) fn note(&mut self, (start, end): (i64, i64), key: &SeriesKey) {
        self.all.insert((start, end));
        if !self.by_column.contains_key(&key.column_name) {
            self.by_column.insert(key.column_name.clone(), BTreeMap::new());
        }
        let Some(segments) = self.by_column.get_mut(&key.column_name) else { return };
        segments.entry((key.model_version.clone(), key.slice.clone())).or_default().insert(start);
    }

    /// Forgets who has rows of a column; the windows stay.
    pub(super) fn forget(&mut self, column: &str) {
        self.by_column.remove(column);
    }

    /// How many windows there are that start before `until` and whose end is one of those that are meant.
    pub(super) fn count_before(&self, until: i64, is_meant: impl Fn(i64) -> bool) -> usize {
        self.all.range(..(until, i64::MIN)).filter(|(_, end)| is_meant(*end)).count()
    }

    /// End of the last window.
    pub(super) fn newest(&self) -> Option<i64> {
        self.all.last().map(|(_, end)| *end)
    }

    /// The complete windows after the first of `observations` in which the series has no rows.
    pub(super) fn absent(
        &self,
        key: &SeriesKey,
        observations: &[Observation],
        is_complete: impl Fn(i64) -> bool,
    ) -> Vec<Observation> {
        let Some(first) = observations.iter().map(|observation| observation.start).min() else {
            return Vec::new();
        };
        let seen: BTreeSet<i64> = observations.iter().map(|observation| observation.start).collect();
        let segment = (key.model_version.clone(), key.slice.clone());
        let own = self.by_column.get(&key.column_name).and_then(|segments| segments.get(&segment));
        let is_absent = |start: i64| !seen.contains(&start) && own.is_none_or(|own| !own.contains(&start));
        self.all
            .range((first, i64::MAX)..)
            .filter(|(start, end)| is_complete(*end) && is_absent(*start))
            .map(|(start, end)| Observation::absent(*start, *end))
            .collect()
    }
}
