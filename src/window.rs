//! Time windows: granularities, and the calendar that cuts time into them.
//!
//! A window is half-open, `[start, end)`, and the windows of one granularity partition time: every
//! instant lies in exactly one of them, in any time zone, across every daylight-saving change. This
//! module is arithmetic; it must not read a clock.

mod period;

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime, Weekday, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, Unit};
pub use period::{Period, UnknownPeriod};

/// The Monday from which windows of several weeks are counted.
const FIRST_MONDAY: Date = date(1970, 1, 5);

/// The least start of a window, in seconds: from here on it is the year 1 in every zone. Few readers know years before.
const FIRST: i64 = -62_135_510_400;

/// The length of a window, in the words of Databricks' `granularities`.
///
/// Ordered from fine to coarse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Granularity {
    /// `5 minutes`
    FiveMinutes,
    /// `30 minutes`
    ThirtyMinutes,
    /// `1 hour`
    Hour,
    /// `1 day`: midnight to midnight in the monitor's time zone, so 23 to 25 hours.
    Day,
    /// `n weeks`, from Monday; several weeks are counted from Monday 1970-01-05.
    Weeks(u8),
    /// `1 month`
    Month,
    /// `1 year`
    Year,
}

/// Why a text is not a granularity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a granularity; use `5 minutes`, `30 minutes`, `1 hour`, `1 day`, `n weeks`, `1 month` or `1 year`"
)]
pub struct UnknownGranularity(String);

impl FromStr for Granularity {
    type Err = UnknownGranularity;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownGranularity(text.to_owned());
        let mut words = text.split_whitespace();
        let (Some(count), Some(unit), None) = (words.next(), words.next(), words.next()) else {
            return Err(unknown());
        };
        let count: u8 = count.parse().map_err(|_| unknown())?;
        match (count, unit.strip_suffix('s').unwrap_or(unit)) {
            (5, "minute") => Ok(Self::FiveMinutes),
            (30, "minute") => Ok(Self::ThirtyMinutes),
            (1, "hour") => Ok(Self::Hour),
            (1, "day") => Ok(Self::Day),
            (weeks @ 1..=52, "week") => Ok(Self::Weeks(weeks)),
            (1, "month") => Ok(Self::Month),
            (1, "year") => Ok(Self::Year),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Granularity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FiveMinutes => f.write_str("5 minutes"),
            Self::ThirtyMinutes => f.write_str("30 minutes"),
            Self::Hour => f.write_str("1 hour"),
            Self::Day => f.write_str("1 day"),
            Self::Weeks(1) => f.write_str("1 week"),
            Self::Weeks(n) => write!(f, "{n} weeks"),
            Self::Month => f.write_str("1 month"),
            Self::Year => f.write_str("1 year"),
        }
    }
}

impl Granularity {
    /// The coarsest granularity of which each of `wanted` is a union: what is counted once, and added
    /// up for the rest. One day when `wanted` is empty.
    pub fn base_of(wanted: &[Self]) -> Self {
        wanted.iter().copied().reduce(Self::common).unwrap_or(Self::Day)
    }

    /// Its length on the clock; `None` if it is days that it is made of.
    fn on_the_clock(self) -> Option<SignedDuration> {
        match self {
            Self::FiveMinutes => Some(SignedDuration::from_mins(5)),
            Self::ThirtyMinutes => Some(SignedDuration::from_mins(30)),
            Self::Hour => Some(SignedDuration::from_hours(1)),
            Self::Day | Self::Weeks(_) | Self::Month | Self::Year => None,
        }
    }

    fn common(self, other: Self) -> Self {
        match (self.min(other), self.max(other)) {
            (Self::Weeks(a), Self::Weeks(b)) => Self::Weeks(gcd(a, b)),
            // A month or a year does not begin on a Monday.
            (Self::Weeks(_), Self::Month | Self::Year) => Self::Day,
            (finer, _) => finer,
        }
    }
}

fn gcd(a: u8, b: u8) -> u8 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// A half-open interval of time, `start <= t < end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    /// First instant that belongs to the window.
    pub start: Timestamp,
    /// First instant after it.
    pub end: Timestamp,
}

impl Window {
    /// Whether `instant` lies in the window.
    pub fn contains(&self, instant: Timestamp) -> bool {
        self.start <= instant && instant < self.end
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.start, self.end)
    }
}

/// Cuts time into windows, in one time zone.
#[derive(Clone, Debug)]
pub struct Calendar {
    zone: TimeZone,
}

/// An instant so far from the present that the calendar has no window for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no calendar window around {instant}")]
pub struct OutOfCalendar {
    instant: Timestamp,
}

impl Calendar {
    /// The calendar of `zone`.
    pub fn new(zone: TimeZone) -> Self {
        Self { zone }
    }

    /// The zone that the windows are aligned in.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The window of `granularity` in which `instant` lies.
    ///
    /// # Errors
    /// [`OutOfCalendar`] before the year 1, and within a window's length of the last instant that can be told.
    pub fn window_of(&self, granularity: Granularity, instant: Timestamp) -> Result<Window, OutOfCalendar> {
        let window = match granularity.on_the_clock() {
            Some(length) => self.clock_window(instant, length),
            None => self.date_window(granularity, instant),
        };
        window.ok().filter(|window| window.start.as_second() >= FIRST).ok_or(OutOfCalendar { instant })
    }

    /// The window just before `window`, which must be one of this calendar's.
    ///
    /// # Errors
    /// [`OutOfCalendar`] at the beginning of time.
    pub fn previous(&self, granularity: Granularity, window: Window) -> Result<Window, OutOfCalendar> {
        let before = window
            .start
            .checked_sub(SignedDuration::from_nanos(1))
            .map_err(|_| OutOfCalendar { instant: window.start })?;
        self.window_of(granularity, before)
    }

    /// The window just after `window`, which must be one of this calendar's.
    ///
    /// # Errors
    /// [`OutOfCalendar`] at the end of time.
    pub fn next(&self, granularity: Granularity, window: Window) -> Result<Window, OutOfCalendar> {
        self.window_of(granularity, window.end)
    }

    /// Windows of less than a day follow the wall clock. Where the clock jumps inside one, the window
    /// is cut at the jump, so that windows stay disjoint.
    fn clock_window(&self, instant: Timestamp, length: SignedDuration) -> Result<Window, jiff::Error> {
        let mut start = instant.checked_sub(into_window(self.on_the_wall(instant), length)?)?;
        let mut end = start.checked_add(length)?;
        // `preceding` is strict, and a jump at the very instant belongs to it.
        let just_after = instant.checked_add(SignedDuration::from_nanos(1))?;
        if let Some(jump) = self.zone.preceding(just_after).next() {
            start = start.max(jump.timestamp());
        }
        if let Some(jump) = self.zone.following(instant).next() {
            end = end.min(jump.timestamp());
        }
        Ok(Window { start, end })
    }

    /// What the clock on the wall shows.
    fn on_the_wall(&self, instant: Timestamp) -> DateTime {
        instant.to_zoned(self.zone.clone()).datetime()
    }

    fn date_window(&self, granularity: Granularity, instant: Timestamp) -> Result<Window, jiff::Error> {
        let (first, next) = dates(granularity, self.day_of(instant)?)?;
        Ok(Window { start: self.midnight(first)?, end: self.midnight(next)? })
    }

    /// The day that `instant` is of.
    fn day_of(&self, instant: Timestamp) -> Result<Date, jiff::Error> {
        let shown = self.on_the_wall(instant).date();
        let tomorrow = shown.checked_add(1.day())?;
        // Where the clock goes back over midnight, a day that is over comes back; its rows are of the day after.
        Ok(if self.midnight(tomorrow)? <= instant { tomorrow } else { shown })
    }

    /// The first instant of `day`; where the clock jumps over midnight, the instant after the jump.
    fn midnight(&self, day: Date) -> Result<Timestamp, jiff::Error> {
        Ok(day.to_zoned(self.zone.clone())?.start_of_day()?.timestamp())
    }
}

/// How far the clock is in a window of this length when it shows `local`.
fn into_window(local: DateTime, length: SignedDuration) -> Result<SignedDuration, jiff::Error> {
    let midnight = local.date().at(0, 0, 0, 0);
    let since_midnight = local.since((Unit::Nanosecond, midnight))?.to_duration(midnight)?;
    let into = since_midnight.as_nanos().rem_euclid(length.as_nanos());
    Ok(SignedDuration::from_nanos(i64::try_from(into).unwrap_or_default()))
}

/// The first day of the window that `day` is of, and the first after it.
fn dates(granularity: Granularity, day: Date) -> Result<(Date, Date), jiff::Error> {
    Ok(match granularity {
        Granularity::Weeks(n) => {
            let monday = day.checked_sub(i64::from(day.weekday().since(Weekday::Monday)).days())?;
            let weeks = i64::from(monday.since((Unit::Day, FIRST_MONDAY))?.get_days()).div_euclid(7);
            let into = weeks.rem_euclid(i64::from(n));
            let first = monday.checked_sub(into.weeks())?;
            (first, first.checked_add(i64::from(n).weeks())?)
        }
        Granularity::Month => {
            let first = day.first_of_month();
            (first, first.checked_add(1.month())?)
        }
        Granularity::Year => {
            let first = day.first_of_year();
            (first, first.checked_add(1.year())?)
        }
        _ => (day, day.checked_add(1.day())?),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(zone: &str, granularity: &str, instant: &str, start: &str, end: &str) {
        let calendar = Calendar::new(TimeZone::get(zone).unwrap());
        let window = calendar.window_of(granularity.parse().unwrap(), instant.parse().unwrap()).unwrap();
        assert_eq!(window.to_string(), format!("{start}/{end}"));
    }

    #[test]
    fn a_day_begins_at_local_midnight() {
        check("UTC", "1 day", "2026-05-01T23:59:59Z", "2026-05-01T00:00:00Z", "2026-05-02T00:00:00Z");
        check(
            "Europe/Berlin",
            "1 day",
            "2026-05-01T23:00:00Z",
            "2026-05-01T22:00:00Z",
            "2026-05-02T22:00:00Z",
        );
    }

    #[test]
    fn days_of_a_clock_change_have_23_and_25_hours() {
        check(
            "Europe/Berlin",
            "1 day",
            "2026-03-29T12:00:00Z",
            "2026-03-28T23:00:00Z",
            "2026-03-29T22:00:00Z",
        );
        check(
            "Europe/Berlin",
            "1 day",
            "2026-10-25T12:00:00Z",
            "2026-10-24T22:00:00Z",
            "2026-10-25T23:00:00Z",
        );
    }

    #[test]
    fn a_zone_that_skips_midnight_begins_its_day_after_the_jump() {
        check(
            "America/Sao_Paulo",
            "1 day",
            "2018-11-04T12:00:00Z",
            "2018-11-04T03:00:00Z",
            "2018-11-05T02:00:00Z",
        );
    }

    #[test]
    fn a_day_that_comes_back_after_midnight_is_over() {
        // Until 2011 Newfoundland went back from 00:01 (-02:30) to 23:01 (-03:30) of the day before.
        for at in
            ["2006-10-29T02:30:30Z", "2006-10-29T02:31:00Z", "2006-10-29T03:29:59Z", "2006-10-29T12:00:00Z"]
        {
            check("America/St_Johns", "1 day", at, "2006-10-29T02:30:00Z", "2006-10-30T03:30:00Z");
        }
        check(
            "America/St_Johns",
            "1 day",
            "2006-10-29T02:29:59Z",
            "2006-10-28T02:30:00Z",
            "2006-10-29T02:30:00Z",
        );
    }

    #[test]
    fn both_hours_named_two_are_windows_of_their_own() {
        check(
            "Europe/Berlin",
            "1 hour",
            "2026-10-25T00:30:00Z",
            "2026-10-25T00:00:00Z",
            "2026-10-25T01:00:00Z",
        );
        check(
            "Europe/Berlin",
            "1 hour",
            "2026-10-25T01:30:00Z",
            "2026-10-25T01:00:00Z",
            "2026-10-25T02:00:00Z",
        );
    }

    #[test]
    fn hours_follow_a_half_hour_zone() {
        check(
            "Asia/Kolkata",
            "1 hour",
            "2026-05-01T00:45:00Z",
            "2026-05-01T00:30:00Z",
            "2026-05-01T01:30:00Z",
        );
    }

    #[test]
    fn a_half_hour_clock_change_cuts_the_hour() {
        // Lord Howe Island goes back from 02:00 (+11) to 01:30 (+10:30) at 15:00Z.
        check(
            "Australia/Lord_Howe",
            "1 hour",
            "2026-04-04T15:10:00Z",
            "2026-04-04T15:00:00Z",
            "2026-04-04T15:30:00Z",
        );
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_the_first() {
        check("UTC", "1 week", "2026-05-03T12:00:00Z", "2026-04-27T00:00:00Z", "2026-05-04T00:00:00Z");
        check("UTC", "1 month", "2026-02-28T12:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z");
        check("UTC", "1 year", "1969-12-31T12:00:00Z", "1969-01-01T00:00:00Z", "1970-01-01T00:00:00Z");
        check("UTC", "2 weeks", "1970-01-04T12:00:00Z", "1969-12-22T00:00:00Z", "1970-01-05T00:00:00Z");
    }

    #[test]
    fn the_base_is_what_all_are_unions_of() {
        let base = |texts: &[&str]| {
            let wanted: Vec<Granularity> = texts.iter().map(|t| t.parse().unwrap()).collect();
            Granularity::base_of(&wanted).to_string()
        };
        assert_eq!(base(&["1 week"]), "1 week");
        assert_eq!(base(&["1 week", "1 month"]), "1 day");
        assert_eq!(base(&["4 weeks", "6 weeks"]), "2 weeks");
        assert_eq!(base(&["1 month", "1 year"]), "1 month");
        assert_eq!(base(&["1 day", "1 hour", "1 month"]), "1 hour");
        assert_eq!(base(&[]), "1 day");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["2 hours", "1", "day", "1 day ago", "0 weeks", "53 weeks", "-1 day", ""] {
            assert!(text.parse::<Granularity>().is_err(), "{text}");
        }
    }

    pub(crate) fn granularities() -> impl Strategy<Value = Granularity> {
        prop_oneof![
            Just(Granularity::FiveMinutes),
            Just(Granularity::ThirtyMinutes),
            Just(Granularity::Hour),
            Just(Granularity::Day),
            (1u8..9).prop_map(Granularity::Weeks),
            Just(Granularity::Month),
            Just(Granularity::Year),
        ]
    }

    pub(crate) fn zones() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "UTC",
            "Europe/Berlin",
            "America/New_York",
            "Asia/Kolkata",
            "Asia/Kathmandu",
            "Australia/Lord_Howe",
            "America/Sao_Paulo",
            "America/St_Johns",
            "Pacific/Apia",
            "Africa/Casablanca",
        ])
    }

    /// The instant or, so many seconds after it, the clock's next change.
    pub(crate) fn near_a_change(calendar: &Calendar, second: i64, after_change: Option<i64>) -> Timestamp {
        let instant = Timestamp::from_second(second).unwrap();
        let change = calendar.zone().following(instant).next().map_or(instant, |change| change.timestamp());
        let near = |after| Timestamp::from_second(change.as_second() + after).unwrap();
        after_change.map_or(instant, near)
    }

    proptest! {
        #[test]
        fn windows_partition_time(
            second in -3_000_000_000i64..4_000_000_000,
            after_change in prop::option::of(-10_800i64..10_800),
            granularity in granularities(),
            zone in zones(),
        ) {
            let calendar = Calendar::new(TimeZone::get(zone).unwrap());
            let instant = near_a_change(&calendar, second, after_change);
            let window = calendar.window_of(granularity, instant).unwrap();
            prop_assert!(window.contains(instant));
            prop_assert_eq!(calendar.window_of(granularity, window.start).unwrap(), window);
            let next = calendar.next(granularity, window).unwrap();
            prop_assert_eq!(next.start, window.end);
            prop_assert_eq!(calendar.previous(granularity, next).unwrap(), window);
        }

        #[test]
        fn coarse_windows_are_unions_of_base_windows(
            second in -3_000_000_000i64..4_000_000_000,
            a in granularities(),
            b in granularities(),
            zone in zones(),
        ) {
            let calendar = Calendar::new(TimeZone::get(zone).unwrap());
            let instant = Timestamp::from_second(second).unwrap();
            let base = calendar.window_of(Granularity::base_of(&[a, b]), instant).unwrap();
            for granularity in [a, b] {
                let coarse = calendar.window_of(granularity, instant).unwrap();
                prop_assert!(coarse.start <= base.start && base.end <= coarse.end);
            }
        }
    }
}
