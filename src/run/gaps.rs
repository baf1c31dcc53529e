//! Windows without rows: what a table that is no longer written looks like.
//!
//! No row means no window, and so no metric that a rule could watch. Therefore every run says since when there
//! are none, and where some are missing in between. A pure function of the windows and of the run's present.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::config::Monitor;
use crate::contract::ALL_VERSIONS;
use crate::notify::show;
use crate::profile::Profiles;
use crate::window::{Calendar, Granularity, Window};

/// Most empty windows that are counted one by one.
const COUNT_MAX: u64 = 100_000;

/// What there is to say about windows of the finest granularity that have no rows, at `as_of`.
pub(super) fn findings(monitor: &Monitor, profiles: &Profiles, as_of: Timestamp) -> Vec<String> {
    let Some(granularity) = monitor.granularities.first().copied() else { return Vec::new() };
    let whole = profiles.windows.iter().find(|(series, _)| {
        let segment = &series.segment;
        series.granularity == granularity && segment.slice.is_none() && segment.model_version == ALL_VERSIONS
    });
    let windows: Vec<Window> = whole.into_iter().flat_map(|(_, windows)| windows.keys().copied()).collect();
    let last_end = as_of.checked_sub(monitor.lateness).unwrap_or(as_of);
    let begun = windows.partition_point(|window| window.start <= as_of);
    let (windows, future) = windows.split_at(begun);
    let mut findings = gaps(&monitor.calendar, granularity, windows, last_end);
    // Else a clock that is years ahead would make a table that is no longer written look alive.
    findings.extend(not_begun(&monitor.calendar, granularity, future));
    findings
}

/// What there is to say about `windows` in order that have rows and have not begun.
fn not_begun(calendar: &Calendar, granularity: Granularity, windows: &[Window]) -> Option<String> {
    let first = shown(windows.first()?.start, calendar.zone());
    let windows = counted(windows.len() as u64, granularity);
    Some(format!("rows in {windows} that have not begun, the first of {first}"))
}

/// What there is to say about windows without rows among `windows` in order, and after them, where those that end after
/// `last_end` may still be empty.
fn gaps(
    calendar: &Calendar,
    granularity: Granularity,
    windows: &[Window],
    last_end: Timestamp,
) -> Vec<String> {
    let zone = calendar.zone();
    let between = windows.windows(2).filter_map(|pair| match pair {
        [before, after] if before.end < after.start => Some((before.end, after.start)),
        _ => None,
    });
    let between: Vec<(Timestamp, Timestamp)> = between.collect();
    let mut findings = Vec::new();
    if let Some((first, _)) = between.first() {
        let count = between.iter().map(|(from, to)| count(calendar, granularity, *from, *to)).sum();
        let (first, windows) = (shown(*first, zone), counted(count, granularity));
        findings.push(format!("no rows in {windows} between others, the first of {first}"));
    }
    if let Some(newest) = windows.last() {
        let count = count(calendar, granularity, newest.end, last_end);
        if count > 0 {
            let (since, windows) = (shown(newest.end, zone), counted(count, granularity));
            findings
                .push(format!("no rows since {since}: {windows} until {} empty", be(count, last_end, zone)));
        }
    }
    findings
}

/// How many windows lie between two instants.
fn count(calendar: &Calendar, granularity: Granularity, from: Timestamp, to: Timestamp) -> u64 {
    let mut count = 0;
    let mut at = from;
    while count < COUNT_MAX {
        match calendar.window_of(granularity, at) {
            Ok(window) if window.end <= to && window.end > at => at = window.end,
            _ => break,
        }
        count += 1;
    }
    count
}

fn counted(count: u64, granularity: Granularity) -> String {
    match count {
        1 => format!("1 window of {granularity}"),
        COUNT_MAX.. => format!("{COUNT_MAX} windows of {granularity} or more"),
        _ => format!("{count} windows of {granularity}"),
    }
}

fn be(count: u64, until: Timestamp, zone: &TimeZone) -> String {
    format!("{} {}", shown(until, zone), if count == 1 { "is" } else { "are" })
}

fn shown(instant: Timestamp, zone: &TimeZone) -> String {
    show::start(instant.as_microsecond(), zone)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The findings of a monitor whose rows lie in the hours that begin at these times.
    #[track_caller]
    fn check(granularity: &str, starts: &[&str], last_end: &str, expected: &[&str]) {
        let calendar = Calendar::new(TimeZone::get("Europe/Berlin").unwrap());
        let granularity: Granularity = granularity.parse().unwrap();
        let window = |start: &&str| calendar.window_of(granularity, start.parse().unwrap()).unwrap();
        let windows: Vec<Window> = starts.iter().map(window).collect();
        assert_eq!(gaps(&calendar, granularity, &windows, last_end.parse().unwrap()), expected);
    }

    #[test]
    fn a_table_that_is_written_has_none() {
        let days = ["2026-04-05T12:00Z", "2026-04-06T12:00Z"];
        check("1 day", &days, "2026-04-06T22:00Z", &[]);
        check("1 day", &days, "2026-04-07T21:59Z", &[]);
        check("1 day", &days, "2026-04-01T00:00Z", &[]);
        check("1 day", &[], "2026-04-01T00:00Z", &[]);
    }

    #[test]
    fn a_table_that_is_written_no_more_is_told() {
        let days = ["2026-04-05T12:00Z", "2026-04-06T12:00Z"];
        check(
            "1 day",
            &days,
            "2026-04-07T22:00Z",
            &["no rows since 2026-04-07: 1 window of 1 day until 2026-04-08 is empty"],
        );
        let expected = ["no rows since 2026-04-07: 4 windows of 1 day until 2026-04-11 12:00 are empty"];
        check("1 day", &days, "2026-04-11T10:00Z", &expected);
        let years = [
            "no rows since 2026-04-05 14:05: 100000 windows of 5 minutes or more until 2031-04-05 14:00 are empty",
        ];
        check("5 minutes", &["2026-04-05T12:00Z"], "2031-04-05T12:00Z", &years);
    }

    #[test]
    fn windows_that_have_not_begun_are_told() {
        let calendar = Calendar::new(TimeZone::get("Europe/Berlin").unwrap());
        let day: Granularity = "1 day".parse().unwrap();
        let window = |start: &str| calendar.window_of(day, start.parse().unwrap()).unwrap();
        let windows = [window("2030-04-05T12:00Z"), window("2031-01-01T12:00Z")];
        assert_eq!(not_begun(&calendar, day, &[]), None);
        let expected = "rows in 2 windows of 1 day that have not begun, the first of 2030-04-05";
        assert_eq!(not_begun(&calendar, day, &windows).as_deref(), Some(expected));
    }

    #[test]
    fn windows_that_are_missing_between_others_are_told() {
        let days = ["2026-04-01T12:00Z", "2026-04-03T12:00Z", "2026-04-06T12:00Z", "2026-04-07T12:00Z"];
        check(
            "1 day",
            &days,
            "2026-04-08T12:00Z",
            &["no rows in 3 windows of 1 day between others, the first of 2026-04-02"],
        );
        // The hour that is skipped in spring is no window.
        check("1 hour", &["2026-03-29T00:30Z", "2026-03-29T01:30Z"], "2026-03-29T02:00Z", &[]);
    }
}
