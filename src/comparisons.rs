//! Comparisons: which windows a window is compared with, and which are compared with it.
//!
//! Both ways stand here side by side, since they must agree: what is counted anew says by the one what else is computed anew,
//! and by the other what that takes. This module knows windows and names of versions; it must not compare.

use std::collections::BTreeSet;

use crate::lineage::RegisteredModel;
use crate::window::{Calendar, Granularity, Period, Window};

/// What each window is compared with besides the one just before it and the baseline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparisons {
    /// How much earlier the window is that it is compared with: of these the first that is a whole number of windows.
    pub seasonal: Vec<Period>,
    /// How many windows before it are taken together; 0 for none.
    pub rolling: u16,
    /// The model version that the others are compared with.
    pub version: Option<OtherVersion>,
}

/// A model version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OtherVersion {
    /// The one that is called so.
    Named(String),
    /// The one that has this alias in the registry.
    Aliased(String),
}

impl Comparisons {
    /// How much earlier the window is that one of this length is compared with; `None` if with none.
    pub fn season(&self, granularity: Granularity) -> Option<Period> {
        self.seasonal.iter().copied().find(|period| period.is_of_whole(granularity))
    }

    /// The window of the season before, be there rows in it or not.
    pub fn seasonal(&self, calendar: &Calendar, granularity: Granularity, window: Window) -> Option<Window> {
        calendar.earlier(granularity, window, self.season(granularity)?)
    }

    /// The windows before it that are taken together, be there rows in them or not, oldest first.
    pub fn rolling(&self, calendar: &Calendar, granularity: Granularity, window: Window) -> Vec<Window> {
        let previous = |window: &Window| calendar.previous(granularity, *window).ok();
        let before = std::iter::successors(previous(&window), previous);
        let mut windows: Vec<Window> = before.take(usize::from(self.rolling)).collect();
        windows.reverse();
        windows
    }

    /// How many of the windows that are taken together must have rows: half of them.
    pub fn rolling_min(&self) -> usize {
        usize::from(self.rolling).div_ceil(2).max(1)
    }

    /// The single windows that `window` is compared with.
    pub fn single(
        &self,
        calendar: &Calendar,
        granularity: Granularity,
        window: Window,
    ) -> impl Iterator<Item = Window> + use<> {
        let previous = calendar.previous(granularity, window).ok();
        previous.into_iter().chain(self.seasonal(calendar, granularity, window))
    }

    /// All windows that `windows` of this length look at: those that they are compared with.
    pub fn looked_at(
        &self,
        calendar: &Calendar,
        granularity: Granularity,
        windows: &BTreeSet<Window>,
    ) -> BTreeSet<Window> {
        let previous = |window: Window| calendar.previous(granularity, window).ok();
        let mut looked_at = reached(windows, self.steps(), previous);
        looked_at.extend(windows.iter().filter_map(|window| self.seasonal(calendar, granularity, *window)));
        looked_at
    }

    /// All windows that look at one of `windows` of this length: those of which [`looked_at`](Self::looked_at) has one of them.
    pub fn looked_at_by(
        &self,
        calendar: &Calendar,
        granularity: Granularity,
        windows: &BTreeSet<Window>,
    ) -> BTreeSet<Window> {
        let mut looking = reached(windows, self.steps(), |window| calendar.next(granularity, window).ok());
        if let Some(period) = self.season(granularity) {
            looking.extend(windows.iter().flat_map(|window| calendar.later(granularity, *window, period)));
        }
        looking
    }

    /// How many windows a window looks back one by one.
    fn steps(&self) -> u16 {
        self.rolling.max(1)
    }

    /// The model version that others are compared with, where `model` says which has the alias; `None` if none is, or if the
    /// alias is nobody's, or of several.
    pub fn version(&self, model: Option<&RegisteredModel>) -> Option<String> {
        match self.version.as_ref()? {
            OtherVersion::Named(version) => Some(version.clone()),
            OtherVersion::Aliased(alias) => match aliased(alias, model)[..] {
                [version] => Some(version.to_owned()),
                _ => None,
            },
        }
    }

    /// What there is to say if an alias names no model version.
    pub fn finding(&self, model: Option<&RegisteredModel>) -> Option<String> {
        let Some(OtherVersion::Aliased(alias)) = &self.version else { return None };
        let name = &model?.name;
        match &aliased(alias, model)[..] {
            [_] => None,
            [] => Some(format!(
                "no version of `{name}` has the alias `{alias}` in the registry, so that versions are not compared"
            )),
            several => Some(format!(
                "the alias `{alias}` is of several versions of `{name}`, `{}`, so that versions are not compared",
                several.join("`, `")
            )),
        }
    }
}

/// What is reached from one of `windows` by one to so many steps. Each window is stepped from once, however many lead to it.
fn reached(
    windows: &BTreeSet<Window>,
    steps: u16,
    step: impl Fn(Window) -> Option<Window>,
) -> BTreeSet<Window> {
    let mut reached = BTreeSet::new();
    let mut last: Vec<Window> = windows.iter().copied().collect();
    for _ in 0..steps {
        last = last.into_iter().filter_map(&step).filter(|window| reached.insert(*window)).collect();
    }
    reached
}

/// The versions that have the alias.
fn aliased<'a>(alias: &str, model: Option<&'a RegisteredModel>) -> Vec<&'a str> {
    let versions = model.into_iter().flat_map(|model| &model.versions);
    let has = |aliases: &[String]| aliases.iter().any(|other| other == alias);
    versions.filter(|(_, version)| has(&version.aliases)).map(|(name, _)| name.as_str()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;
    use crate::lineage::ModelVersion;
    use crate::window::tests::{granularities, near_a_change, zones};

    fn comparisons(seasonal: &[&str], rolling: u16) -> Comparisons {
        let seasonal = seasonal.iter().map(|text| text.parse().unwrap()).collect();
        Comparisons { seasonal, rolling, version: None }
    }

    #[test]
    fn each_length_has_the_first_period_that_its_windows_add_up_to() {
        let season = |granularity: &str| {
            let season = comparisons(&["1 week", "1 year"], 0).season(granularity.parse().unwrap());
            season.map(|period| period.to_string())
        };
        assert_eq!(season("1 hour").as_deref(), Some("1 week"));
        assert_eq!(season("1 day").as_deref(), Some("1 week"));
        assert_eq!(season("1 month").as_deref(), Some("1 year"));
        assert_eq!(season("2 weeks"), None);
    }

    #[test]
    fn a_window_looks_at_those_before_it() {
        let (calendar, day) = (Calendar::new(TimeZone::UTC), Granularity::Day);
        let at = |day_of_may: u8| {
            let noon = format!("2026-05-{day_of_may:02}T12:00:00Z").parse().unwrap();
            calendar.window_of(day, noon).unwrap()
        };
        let days = |days: &[u8]| days.iter().map(|day| at(*day)).collect::<BTreeSet<_>>();
        let check = |comparisons: &Comparisons, before: &[u8], after: &[u8]| {
            assert_eq!(comparisons.looked_at(&calendar, day, &days(&[15])), days(before));
            assert_eq!(comparisons.looked_at_by(&calendar, day, &days(&[15])), days(after));
        };
        check(&Comparisons::default(), &[14], &[16]);
        check(&comparisons(&["1 week"], 0), &[8, 14], &[16, 22]);
        check(&comparisons(&[], 3), &[12, 13, 14], &[16, 17, 18]);
        check(&comparisons(&["2 days"], 3), &[12, 13, 14], &[16, 17, 18]);
        let several = comparisons(&[], 3).looked_at(&calendar, day, &days(&[8, 14, 15]));
        assert_eq!(several, days(&[5, 6, 7, 11, 12, 13, 14]));
    }

    #[test]
    fn an_alias_is_of_one_version_or_of_none() {
        let version = |aliases: &[&str]| ModelVersion {
            aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            ..ModelVersion::default()
        };
        let versions = [("3", version(&["champion", "old"])), ("4", version(&["old"]))];
        let versions = versions.map(|(name, version)| (name.to_owned(), version)).into();
        let model = RegisteredModel { name: "churn".to_owned(), versions };
        let other = |version| Comparisons { version: Some(version), ..Comparisons::default() };
        let check = |alias: &str, version: Option<&str>, finding: Option<&str>| {
            let comparisons = other(OtherVersion::Aliased(alias.to_owned()));
            assert_eq!(comparisons.version(Some(&model)).as_deref(), version);
            assert_eq!(comparisons.finding(Some(&model)).as_deref(), finding);
        };
        check("champion", Some("3"), None);
        let nobody =
            "no version of `churn` has the alias `best` in the registry, so that versions are not compared";
        check("best", None, Some(nobody));
        let several =
            "the alias `old` is of several versions of `churn`, `3`, `4`, so that versions are not compared";
        check("old", None, Some(several));
        assert_eq!(other(OtherVersion::Named("7".to_owned())).version(None).as_deref(), Some("7"));
        assert_eq!(Comparisons::default().version(Some(&model)), None);
    }

    proptest! {
        #[test]
        fn a_window_looks_at_those_that_are_looked_at_by_it(
            second in -3_000_000_000i64..4_000_000_000,
            after_change in prop::option::of(-10_800i64..10_800),
            granularity in granularities(),
            zone in zones(),
            seasonal in prop::collection::vec(
                prop::sample::select(vec!["1 hour", "25 hours", "1 day", "1 week", "4 weeks", "1 month", "1 year"]),
                0..3,
            ),
            rolling in 0u16..30,
        ) {
            let calendar = Calendar::new(TimeZone::get(zone).unwrap());
            let comparisons = comparisons(&seasonal, rolling);
            let window = calendar.window_of(granularity, near_a_change(&calendar, second, after_change)).unwrap();
            let of = |windows: &[Window]| windows.iter().copied().collect::<BTreeSet<_>>();
            for before in comparisons.looked_at(&calendar, granularity, &of(&[window])) {
                prop_assert!(before.end <= window.start);
                prop_assert!(comparisons.looked_at_by(&calendar, granularity, &of(&[before])).contains(&window));
            }
            for after in comparisons.looked_at_by(&calendar, granularity, &of(&[window])) {
                prop_assert!(comparisons.looked_at(&calendar, granularity, &of(&[after])).contains(&window));
            }
            // What several look at is what one of them looks at; drift compares with nothing else.
            let next = calendar.next(granularity, window).unwrap();
            let each = [window, next].map(|window| {
                let single = comparisons.single(&calendar, granularity, window);
                single.chain(comparisons.rolling(&calendar, granularity, window)).collect::<BTreeSet<_>>()
            });
            let both = comparisons.looked_at(&calendar, granularity, &of(&[window, next]));
            prop_assert_eq!(both, &each[0] | &each[1]);
        }
    }
}
