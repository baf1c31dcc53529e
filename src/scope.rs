//! The scope of a run: which windows it computes anew.
//!
//! Everything else stays as it is in the tables. This module knows windows alone; it must not read or count.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::comparisons::Comparisons;
use crate::spans::Spans;
use crate::window::{Calendar, Granularity, Window};

/// What rows of a table are computed anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Scope {
    /// All.
    #[default]
    All,
    /// Those of some windows.
    Windows(Windows),
}

/// Some windows of each length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Windows {
    by_granularity: BTreeMap<Granularity, BTreeSet<Window>>,
    /// Whether rows that lie in no window, those of the baseline, are computed anew, too.
    pub baseline: bool,
}

/// The scope of a run in each table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes {
    /// Base windows.
    pub states: Scope,
    /// Windows of which some base window is in the scope.
    pub profile: Scope,
    /// These, and those that are compared with them.
    pub drift: Scope,
}

impl Scope {
    /// Whether rows of this window, or those that lie in none, are computed anew.
    pub fn has(&self, at: Option<(Granularity, Window)>) -> bool {
        match (self, at) {
            (Self::All, _) => true,
            (Self::Windows(windows), None) => windows.baseline,
            (Self::Windows(windows), Some((granularity, window))) => windows.has(granularity, window),
        }
    }

    /// The same, for rows that say their window by its length and its start.
    pub fn starts(&self) -> Starts {
        let Some(windows) = self.windows() else { return Starts { starts: None, baseline: true } };
        let mut starts: HashMap<String, HashSet<i64>> = HashMap::new();
        for (granularity, window) in windows.iter() {
            starts.entry(granularity.to_string()).or_default().insert(window.start.as_microsecond());
        }
        Starts { starts: Some(starts), baseline: windows.baseline }
    }

    /// The windows; `None` if all are in it.
    pub fn windows(&self) -> Option<&Windows> {
        match self {
            Self::All => None,
            Self::Windows(windows) => Some(windows),
        }
    }
}

/// Which rows are in a scope, by the length of their window and its start.
#[derive(Debug, Clone)]
pub struct Starts {
    starts: Option<HashMap<String, HashSet<i64>>>,
    baseline: bool,
}

impl Starts {
    /// Whether rows of the window of this length that starts at `start`, in microseconds, are in it; rows without a start
    /// lie in no window.
    pub fn has(&self, granularity: Option<&str>, start: Option<i64>) -> bool {
        let Some(starts) = &self.starts else { return true };
        let Some(start) = start else { return self.baseline };
        granularity
            .and_then(|granularity| starts.get(granularity))
            .is_some_and(|starts| starts.contains(&start))
    }
}

impl Windows {
    /// Adds a window. Tells whether it is new.
    pub fn insert(&mut self, granularity: Granularity, window: Window) -> bool {
        self.by_granularity.entry(granularity).or_default().insert(window)
    }

    /// Whether the window is one of them.
    pub fn has(&self, granularity: Granularity, window: Window) -> bool {
        self.by_granularity.get(&granularity).is_some_and(|windows| windows.contains(&window))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (Granularity, Window)> + '_ {
        let of = |(granularity, windows): (&Granularity, &'_ BTreeSet<Window>)| {
            let granularity = *granularity;
            windows.iter().map(move |window| (granularity, *window)).collect::<Vec<_>>()
        };
        self.by_granularity.iter().flat_map(of)
    }

    /// These, and all that they are compared with.
    #[must_use]
    pub fn with_looked_at(&self, comparisons: &Comparisons, calendar: &Calendar) -> Self {
        let mut wanted = Self { baseline: false, ..self.clone() };
        for (granularity, windows) in &self.by_granularity {
            for before in comparisons.looked_at(calendar, *granularity, windows) {
                wanted.insert(*granularity, before);
            }
        }
        wanted
    }

    /// Those that reach into none of `spans`.
    fn without(self, spans: &Spans) -> Self {
        let Self { mut by_granularity, baseline } = self;
        by_granularity.values_mut().for_each(|windows| windows.retain(|window| !spans.touch(*window)));
        Self { by_granularity, baseline }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        !self.baseline && self.by_granularity.values().all(BTreeSet::is_empty)
    }
}

impl Scopes {
    /// What is left of these if windows that reach into `spans` stay as they are.
    pub fn without(self, spans: &Spans) -> Self {
        let apart = |scope| match scope {
            Scope::All => Scope::All,
            Scope::Windows(windows) => Scope::Windows(windows.without(spans)),
        };
        let Self { states, profile, drift } = self;
        Self { states: apart(states), profile: apart(profile), drift: apart(drift) }
    }

    /// What follows from rows that are new, or others, in `touched` windows of the length `base`.
    ///
    /// Windows so near to an end of time that not each of `granularities` has one for them are left out: no row of the
    /// tables is of these.
    pub fn of(
        touched: &BTreeSet<Window>,
        base: Granularity,
        granularities: &[Granularity],
        calendar: &Calendar,
        comparisons: &Comparisons,
        baseline: bool,
    ) -> Self {
        let mut states = Windows { baseline, ..Windows::default() };
        let mut profile = Windows { baseline, ..Windows::default() };
        for window in touched {
            states.insert(base, *window);
            for granularity in granularities {
                if let Ok(window) = calendar.window_of(*granularity, window.start) {
                    profile.insert(*granularity, window);
                }
            }
        }
        let mut drift = Windows { baseline: false, ..profile.clone() };
        for (granularity, windows) in &profile.by_granularity {
            for after in comparisons.looked_at_by(calendar, *granularity, windows) {
                drift.insert(*granularity, after);
            }
        }
        Self {
            states: Scope::Windows(states),
            profile: Scope::Windows(profile),
            drift: Scope::Windows(drift),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn a_window_touches_the_longer_ones_that_it_is_in_and_the_comparisons_after() {
        let calendar = Calendar::new(TimeZone::UTC);
        let [day, week] = ["1 day", "1 week"].map(|text| text.parse::<Granularity>().unwrap());
        let at = |granularity, text: &str| {
            calendar.window_of(granularity, format!("{text}T12:00:00Z").parse().unwrap()).unwrap()
        };
        let touched = BTreeSet::from([at(day, "2026-11-18")]);
        let none = Comparisons::default();
        let Scopes { states, profile, drift } =
            Scopes::of(&touched, day, &[day, week], &calendar, &none, false);
        let of = |scope: &Scope| scope.windows().unwrap().iter().collect::<Vec<_>>();
        assert_eq!(of(&states), [(day, at(day, "2026-11-18"))]);
        assert_eq!(of(&profile), [(day, at(day, "2026-11-18")), (week, at(week, "2026-11-16"))]);
        let next = [(day, at(day, "2026-11-19")), (week, at(week, "2026-11-23"))];
        assert_eq!(of(&drift), [of(&profile)[0], next[0], of(&profile)[1], next[1]]);
        assert!(!profile.has(None) && !profile.has(Some((day, at(day, "2026-11-19")))));
        assert!(Scope::All.has(None) && Scope::All.windows().is_none());
        let with_baseline = Scopes::of(&touched, day, &[day], &calendar, &none, true);
        assert!(with_baseline.profile.has(None) && with_baseline.states.has(None));
        assert!(!with_baseline.drift.has(None));
        let seasonal = Comparisons { seasonal: vec!["1 week".parse().unwrap()], ..none };
        let Scopes { drift, .. } = Scopes::of(&touched, day, &[day], &calendar, &seasonal, false);
        let [next, a_week_later] = ["2026-11-19", "2026-11-25"].map(|text| (day, at(day, text)));
        assert_eq!(of(&drift), [of(&profile)[0], next, a_week_later]);
    }
}
