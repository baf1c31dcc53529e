//! Periods: the same window a week earlier, or a year, as clock and calendar call it.
//!
//! A window is called by what the clock shows when it begins. Where the clock goes back, two windows are called the same, of
//! which the first one is meant; where it goes forward, and on 29 February, some name is nobody's.

use std::fmt;
use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::tz::AmbiguousOffset;
use jiff::{SignedDuration, Span};

use super::{Calendar, Granularity, OutOfCalendar, Window, dates, into_window};

/// A length of time on clock and calendar, such as `1 week`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    count: u16,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Hour,
    Day,
    Week,
    Month,
    Year,
}

/// Why a text is not a period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a period; use `n hours`, `n days`, `n weeks`, `n months` or `n years`, with n from 1 to 999"
)]
pub struct UnknownPeriod(String);

impl FromStr for Period {
    type Err = UnknownPeriod;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownPeriod(text.to_owned());
        let mut words = text.split_whitespace();
        let (Some(count), Some(unit), None) = (words.next(), words.next(), words.next()) else {
            return Err(unknown());
        };
        let unit = match unit.strip_suffix('s').unwrap_or(unit) {
            "hour" => Unit::Hour,
            "day" => Unit::Day,
            "week" => Unit::Week,
            "month" => Unit::Month,
            "year" => Unit::Year,
            _ => return Err(unknown()),
        };
        match count.parse() {
            Ok(count @ 1..=999) => Ok(Self { count, unit }),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Hour => "hour",
            Unit::Day => "day",
            Unit::Week => "week",
            Unit::Month => "month",
            Unit::Year => "year",
        };
        write!(f, "{} {unit}{}", self.count, if self.count == 1 { "" } else { "s" })
    }
}

impl Period {
    /// Whether it is a whole number of windows, so that what begins it earlier is a window.
    pub fn is_of_whole(self, granularity: Granularity) -> bool {
        match granularity {
            Granularity::FiveMinutes | Granularity::ThirtyMinutes | Granularity::Hour => true,
            Granularity::Day => self.unit != Unit::Hour,
            Granularity::Weeks(n) => self.unit == Unit::Week && self.count.is_multiple_of(u16::from(n)),
            Granularity::Month => matches!(self.unit, Unit::Month | Unit::Year),
            Granularity::Year => self.unit == Unit::Year,
        }
    }

    fn span(self) -> Span {
        let count = i64::from(self.count);
        match self.unit {
            Unit::Hour => Span::new().hours(count),
            Unit::Day => Span::new().days(count),
            Unit::Week => Span::new().weeks(count),
            Unit::Month => Span::new().months(count),
            Unit::Year => Span::new().years(count),
        }
    }
}

impl Calendar {
    /// The first of the windows that are called as `window` is, but a `period` earlier; `None` if none is, or if windows of
    /// this length do not add up to the period.
    pub fn earlier(&self, granularity: Granularity, window: Window, period: Period) -> Option<Window> {
        if !period.is_of_whole(granularity) {
            return None;
        }
        let name = self.name(granularity, window).ok()?;
        let before = name.checked_sub(period.span()).ok()?;
        // The last days of a long month have none of their name in a short one.
        let is_there = before.checked_add(period.span()).is_ok_and(|back| back == name);
        self.named(granularity, before).into_iter().next().filter(|_| is_there)
    }

    /// The windows of which [`Calendar::earlier`] is `window`.
    pub fn later(&self, granularity: Granularity, window: Window, period: Period) -> Vec<Window> {
        let name = self.name(granularity, window);
        let after = name.and_then(|name| name.checked_add(period.span()));
        let mut later = after.map(|after| self.named(granularity, after)).unwrap_or_default();
        later.retain(|later| self.earlier(granularity, *later, period) == Some(window));
        later
    }

    /// What clock and calendar show when a whole window begins of which `window` is all or a part.
    fn name(&self, granularity: Granularity, window: Window) -> Result<DateTime, jiff::Error> {
        match granularity.on_the_clock() {
            Some(length) => {
                let shown = self.on_the_wall(window.start);
                shown.checked_sub(into_window(shown, length)?)
            }
            None => Ok(dates(granularity, self.day_of(window.start)?)?.0.at(0, 0, 0, 0)),
        }
    }

    /// The windows that are called so, in order.
    fn named(&self, granularity: Granularity, name: DateTime) -> Vec<Window> {
        let mut windows: Vec<Window> = self.perhaps_named(granularity, name).unwrap_or_default();
        windows.retain(|window| self.name(granularity, *window).is_ok_and(|other| other == name));
        windows.sort_unstable();
        windows.dedup();
        windows
    }

    fn perhaps_named(&self, granularity: Granularity, name: DateTime) -> Result<Vec<Window>, jiff::Error> {
        let window = |instant| self.window_of(granularity, instant);
        let Some(length) = granularity.on_the_clock() else {
            return Ok(window(self.midnight(name.date())?).into_iter().collect());
        };
        // Where a jump cuts a window, one part has its beginning, the other its end.
        let last = name.checked_add(length)?.checked_sub(SignedDuration::from_nanos(1))?;
        let mut windows: Vec<Result<Window, OutOfCalendar>> = Vec::new();
        for shown in [name, last] {
            let offsets = match self.zone.to_ambiguous_timestamp(shown).offset() {
                AmbiguousOffset::Unambiguous { offset } => vec![offset],
                AmbiguousOffset::Fold { before, after } => vec![before, after],
                AmbiguousOffset::Gap { .. } => Vec::new(),
            };
            for offset in offsets {
                windows.push(window(offset.to_timestamp(shown)?));
            }
        }
        Ok(windows.into_iter().flatten().collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;
    use crate::window::tests::{granularities, near_a_change, zones};

    #[track_caller]
    fn check(zone: &str, granularity: &str, at: &str, period: &str, expected: Option<&str>) {
        let calendar = Calendar::new(TimeZone::get(zone).unwrap());
        let granularity = granularity.parse().unwrap();
        let window = calendar.window_of(granularity, at.parse().unwrap()).unwrap();
        let earlier = calendar.earlier(granularity, window, period.parse().unwrap());
        assert_eq!(earlier.map(|window| window.start.to_string()).as_deref(), expected);
    }

    #[test]
    fn a_week_earlier_is_the_same_day_and_hour() {
        check("UTC", "1 day", "2026-05-08T12:00:00Z", "1 week", Some("2026-05-01T00:00:00Z"));
        check("UTC", "1 hour", "2026-05-08T12:30:00Z", "1 week", Some("2026-05-01T12:00:00Z"));
        check("UTC", "1 hour", "2026-05-08T12:30:00Z", "3 hours", Some("2026-05-08T09:00:00Z"));
        check("UTC", "1 month", "2026-05-08T12:00:00Z", "1 year", Some("2025-05-01T00:00:00Z"));
        check("UTC", "2 weeks", "2026-05-08T12:00:00Z", "52 weeks", Some("2025-04-28T00:00:00Z"));
        // The clock in Berlin went forward on 29 March.
        check("Europe/Berlin", "1 day", "2026-04-01T12:00:00Z", "1 week", Some("2026-03-24T23:00:00Z"));
        check("Europe/Berlin", "1 hour", "2026-04-01T12:00:00Z", "1 week", Some("2026-03-25T13:00:00Z"));
    }

    #[test]
    fn where_the_clock_changes_an_hour_is_missing_or_there_twice() {
        // 02:00 on 5 April; there was no such hour on 29 March.
        check("Europe/Berlin", "1 hour", "2026-04-05T00:00:00Z", "1 week", None);
        check("Europe/Berlin", "1 hour", "2026-04-05T01:00:00Z", "1 week", Some("2026-03-29T01:00:00Z"));
        // Both hours called two on 25 October, and the one a week after.
        check("Europe/Berlin", "1 hour", "2026-10-25T00:00:00Z", "1 week", Some("2026-10-18T00:00:00Z"));
        check("Europe/Berlin", "1 hour", "2026-10-25T01:00:00Z", "1 week", Some("2026-10-18T00:00:00Z"));
        check("Europe/Berlin", "1 hour", "2026-11-01T01:00:00Z", "1 week", Some("2026-10-25T00:00:00Z"));
        // Lord Howe Island goes forward by half an hour at 02:00 on 4 October, so that half of that hour is there.
        check(
            "Australia/Lord_Howe",
            "1 hour",
            "2026-10-10T15:00:00Z",
            "1 week",
            Some("2026-10-03T15:30:00Z"),
        );
        check("Australia/Lord_Howe", "30 minutes", "2026-10-10T15:00:00Z", "1 week", None);
    }

    #[test]
    fn a_day_that_is_not_on_the_calendar_is_no_window() {
        check("UTC", "1 day", "2028-02-29T12:00:00Z", "1 year", None);
        check("UTC", "1 day", "2028-02-28T12:00:00Z", "1 year", Some("2027-02-28T00:00:00Z"));
        check("UTC", "1 day", "2026-03-31T12:00:00Z", "1 month", None);
        // Samoa had no 30 December 2011.
        check("Pacific/Apia", "1 day", "2012-01-05T00:00:00Z", "1 week", Some("2011-12-29T10:00:00Z"));
        check("Pacific/Apia", "1 day", "2012-01-05T20:00:00Z", "1 week", None);
        check("UTC", "1 year", "0002-05-01T00:00:00Z", "1 year", None);
    }

    #[test]
    fn windows_that_do_not_add_up_to_a_period_have_none_earlier() {
        for (granularity, period) in [
            ("1 day", "24 hours"),
            ("1 week", "7 days"),
            ("1 week", "1 year"),
            ("2 weeks", "3 weeks"),
            ("1 month", "4 weeks"),
            ("1 year", "12 months"),
        ] {
            check("UTC", granularity, "2026-05-08T12:00:00Z", period, None);
        }
    }

    #[test]
    fn texts_are_periods_or_not() {
        for text in ["1 week", "52 weeks", "24 hours", "1 year", "12 months", "999 days"] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
        }
        for text in
            ["0 days", "1000 days", "1 fortnight", "week", "1", "1 week ago", "-1 day", "1.5 days", ""]
        {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
    }

    fn periods() -> impl Strategy<Value = Period> {
        let units = prop::sample::select(vec![Unit::Hour, Unit::Day, Unit::Week, Unit::Month, Unit::Year]);
        (1u16..60, units).prop_map(|(count, unit)| Period { count, unit })
    }

    proptest! {
        #[test]
        fn what_is_earlier_one_way_is_later_the_other_way(
            second in -3_000_000_000i64..4_000_000_000,
            after_change in prop::option::of(-10_800i64..10_800),
            granularity in granularities(),
            zone in zones(),
            period in periods(),
        ) {
            let calendar = Calendar::new(TimeZone::get(zone).unwrap());
            let instant = near_a_change(&calendar, second, after_change);
            let window = calendar.window_of(granularity, instant).unwrap();
            if let Some(earlier) = calendar.earlier(granularity, window, period) {
                prop_assert!(earlier.end <= window.start);
                prop_assert!(calendar.later(granularity, earlier, period).contains(&window));
            }
            for later in calendar.later(granularity, window, period) {
                prop_assert_eq!(calendar.earlier(granularity, later, period), Some(window));
            }
        }
    }
}
