//! Spans of time: from when until when, each half-open, in order and apart from each other.
//!
//! Windows make spans where they are next to each other. This module knows numbers alone.

use serde::{Deserialize, Serialize};

use crate::window::Window;

/// Times in microseconds since the epoch: of each span the first, and the first that is beyond.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(i64, i64)>", into = "Vec<(i64, i64)>")]
pub struct Spans(Vec<(i64, i64)>);

impl From<Vec<(i64, i64)>> for Spans {
    fn from(spans: Vec<(i64, i64)>) -> Self {
        spans.into_iter().collect()
    }
}

impl From<Spans> for Vec<(i64, i64)> {
    fn from(spans: Spans) -> Self {
        spans.0
    }
}

impl FromIterator<(i64, i64)> for Spans {
    fn from_iter<I: IntoIterator<Item = (i64, i64)>>(spans: I) -> Self {
        let mut spans: Vec<(i64, i64)> = spans.into_iter().filter(|(from, until)| from < until).collect();
        spans.sort_unstable();
        let mut apart: Vec<(i64, i64)> = Vec::with_capacity(spans.len());
        for (from, until) in spans {
            match apart.last_mut() {
                Some((_, end)) if from <= *end => *end = until.max(*end),
                _ => apart.push((from, until)),
            }
        }
        Self(apart)
    }
}

impl<'a> FromIterator<&'a Window> for Spans {
    fn from_iter<I: IntoIterator<Item = &'a Window>>(windows: I) -> Self {
        windows
            .into_iter()
            .map(|window| (window.start.as_microsecond(), window.end.as_microsecond()))
            .collect()
    }
}

impl Spans {
    /// All times.
    pub fn all() -> Self {
        Self(vec![(i64::MIN, i64::MAX)])
    }

    /// The spans, in order.
    pub fn iter(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.0.iter().copied()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `time` lies in one.
    pub fn has(&self, time: i64) -> bool {
        self.overlap(time, time.saturating_add(1))
    }

    /// Whether a time of `window` lies in one.
    pub fn touch(&self, window: Window) -> bool {
        self.overlap(window.start.as_microsecond(), window.end.as_microsecond())
    }

    fn overlap(&self, from: i64, until: i64) -> bool {
        let after = self.0.partition_point(|(start, _)| *start < until);
        self.0[..after].last().is_some_and(|(_, end)| *end > from)
    }

    /// The times of both.
    pub fn and(&self, more: &Self) -> Self {
        self.iter().chain(more.iter()).collect()
    }

    /// The times from the first of these to the last.
    pub fn hull(&self) -> Self {
        let hull = self.0.first().zip(self.0.last());
        hull.map(|((from, _), (_, until))| (*from, *until)).into_iter().collect()
    }

    /// These times and those in the shortest gaps between them, so that there are at most `most` spans, and one if there were
    /// some.
    #[must_use]
    pub fn at_most(&self, most: usize) -> Self {
        let gap = |pair: &[(i64, i64)]| (pair[1].0.saturating_sub(pair[0].1), pair[0].1, pair[1].0);
        let mut gaps: Vec<_> = self.0.windows(2).map(gap).collect();
        gaps.sort_unstable();
        let filled = (gaps.len() + 1).saturating_sub(most.max(1));
        self.iter().chain(gaps.into_iter().take(filled).map(|(_, from, until)| (from, until))).collect()
    }

    /// The times that are in these and in `others`.
    pub fn in_both(&self, others: &Self) -> Self {
        self.without(&self.without(others))
    }

    /// The times of these that are in none of `others`.
    pub fn without(&self, others: &Self) -> Self {
        let mut left = Vec::new();
        for (mut from, until) in self.iter() {
            for (start, end) in others.iter() {
                if start >= until || end <= from {
                    continue;
                }
                left.push((from, start));
                from = end;
            }
            left.push((from, until));
        }
        left.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn spans() -> impl Strategy<Value = Spans> {
        vec((0_i64..40, 0_i64..40), 0..6).prop_map(Spans::from)
    }

    proptest! {
        #[test]
        fn they_are_sets_of_times(a in spans(), b in spans()) {
            for time in -1..41 {
                prop_assert_eq!(a.and(&b).has(time), a.has(time) || b.has(time));
                prop_assert_eq!(a.without(&b).has(time), a.has(time) && !b.has(time));
                prop_assert_eq!(a.in_both(&b).has(time), a.has(time) && b.has(time));
                prop_assert!(Spans::all().has(time));
            }
            prop_assert_eq!(a.without(&a).is_empty(), true);
            prop_assert_eq!(Spans::all().without(&a).and(&a), Spans::all());
            let apart = Vec::from(a.and(&b)).windows(2).all(|pair| pair[0].1 < pair[1].0);
            prop_assert!(apart);
        }

        #[test]
        fn there_are_fewer_where_gaps_are_filled(a in spans(), most in 1_usize..5) {
            let fewer = a.at_most(most);
            prop_assert!(fewer.iter().count() <= most);
            prop_assert!(a.without(&fewer).is_empty());
            prop_assert_eq!(fewer.hull(), a.hull());
            if a.iter().count() <= most {
                prop_assert_eq!(fewer, a);
            }
        }

        #[test]
        fn a_span_is_touched_by_what_shares_a_time(a in spans(), from in 0_i64..40, length in 1_i64..9) {
            prop_assert_eq!(a.overlap(from, from + length), (from..from + length).any(|time| a.has(time)));
        }
    }
}
