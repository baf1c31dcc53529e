//! Windows without rows: what a table that is no longer written looks like.
//!
//! No row means no window, and so no metric that a rule could watch. Therefore every run says since when there
//! are none, and where some are missing in between. A pure function of the windows and of the run's present.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::config::Monitor;
use crate::notify::show;
use crate::profile::Profiles;
use crate::scope::Scope;
use crate::sink::RowsUntil;
use crate::window::{Calendar, Granularity, Window};

/// Most empty windows that are counted one by one.
const COUNT_MAX: u64 = 100_000;

/// What there is to say at `as_of` about windows of the finest granularity where all are known that have rows.
pub(super) fn findings(monitor: &Monitor, profiles: &Profiles, as_of: Timestamp) -> Vec<String> {
    let Some(granularity) = monitor.granularities.first().copied() else { return Vec::new() };
    let (windows, future): (Vec<Window>, Vec<Window>) =
        profiles.windows_of_whole(granularity).partition(|window| window.start <= as_of);
    let missing = missing(&monitor.calendar, granularity, &windows);
    missing.into_iter().chain(not_begun(&monitor.calendar, granularity, &future)).collect()
}

/// What there is to say at `as_of` of a table that has rows until then.
pub(super) fn since(monitor: &Monitor, rows: Option<RowsUntil>, as_of: Timestamp) -> Option<String> {
    let last_end = as_of.checked_sub(monitor.lateness).unwrap_or(as_of);
    match rows?.at(as_of)?.end {
        Some(end) => no_rows(&monitor.calendar, *monitor.granularities.first()?, end, last_end),
        None => Some("no rows in any window that has begun".to_owned()),
    }
}

/// Until when there are rows, by what a run has counted at `as_of`: all windows, or those of `computed` and some beside, where
/// there were rows until `before`. `None` if the others have to be looked at to tell.
pub(super) fn rows_until(
    monitor: &Monitor,
    profiles: &Profiles,
    computed: &Scope,
    before: Option<RowsUntil>,
    as_of: Timestamp,
) -> Option<RowsUntil> {
    let granularity = monitor.granularities.first().copied()?;
    let found = of_windows(profiles.windows_of_whole(granularity), as_of);
    if computed.windows().is_none() {
        return Some(found);
    }
    let before = before?.at(as_of)?;
    let last =
        monitor.calendar.window_of(granularity, before.end?.checked_sub(1.microsecond()).ok()?).ok()?;
    let ahead = [before.ahead, found.ahead].into_iter().flatten().min();
    match computed.has(Some((granularity, last))) {
        // Its rows may be gone.
        true => {
            found.end.filter(|end| Some(*end) >= before.end).map(|end| RowsUntil { end: Some(end), ahead })
        }
        false => Some(RowsUntil { end: found.end.max(before.end), ahead }),
    }
}

/// Until when there are rows, where these are all windows that have some.
pub(super) fn of_windows(windows: impl Iterator<Item = Window>, as_of: Timestamp) -> RowsUntil {
    let (begun, ahead): (Vec<Window>, Vec<Window>) = windows.partition(|window| window.start <= as_of);
    RowsUntil {
        end: begun.iter().map(|window| window.end).max(),
        ahead: ahead.iter().map(|window| window.start).min(),
    }
}

/// What there is to say about `windows` in order that have rows and have not begun: they would make a table look alive that is no
/// longer written.
fn not_begun(calendar: &Calendar, granularity: Granularity, windows: &[Window]) -> Option<String> {
    let first = shown(windows.first()?.start, calendar.zone());
    let windows = counted(windows.len() as u64, granularity);
    Some(format!("rows in {windows} that have not begun, the first of {first}"))
}

/// What there is to say about windows without rows among `windows` in order.
fn missing(calendar: &Calendar, granularity: Granularity, windows: &[Window]) -> Option<String> {
    let between = windows.windows(2).filter_map(|pair| match pair {
        [before, after] if before.end < after.start => Some((before.end, after.start)),
        _ => None,
    });
    let between: Vec<(Timestamp, Timestamp)> = between.collect();
    let first = shown(between.first()?.0, calendar.zone());
    let count = between.iter().map(|(from, to)| count(calendar, granularity, *from, *to)).sum();
    Some(format!("no rows in {} between others, the first of {first}", counted(count, granularity)))
}

/// What there is to say about windows without rows from `since` on, where those that end after `last_end` may still be empty.
fn no_rows(
    calendar: &Calendar,
    granularity: Granularity,
    since: Timestamp,
    last_end: Timestamp,
) -> Option<String> {
    let count = count(calendar, granularity, since, last_end);
    let (zone, windows) = (calendar.zone(), counted(count, granularity));
    let since = shown(since, zone);
    (count > 0).then(|| format!("no rows since {since}: {windows} until {} empty", be(count, last_end, zone)))
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
        let missing = missing(&calendar, granularity, &windows);
        let last_end = last_end.parse().unwrap();
        let since = windows.last().and_then(|last| no_rows(&calendar, granularity, last.end, last_end));
        assert_eq!(missing.into_iter().chain(since).collect::<Vec<_>>(), expected);
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
