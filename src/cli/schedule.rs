//! Schedules: which times a cron expression names, in the time zone of its monitor.
//!
//! Where clocks go forward, a time of day that is skipped comes at the jump; where they go back, a time of day
//! comes once and a rhythm (`*/15`, `*`) goes on through both hours. A function of an instant: it reads no clock.

use chrono::{DateTime, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;

use crate::config::OFF;

/// The times at which a monitor runs.
#[derive(Debug, Clone)]
pub struct Schedule {
    cron: Cron,
    zone: Tz,
}

impl Schedule {
    /// The times of `cron` in the zone of that IANA name, in any case; `None` if there is no such zone.
    pub fn new(cron: Cron, timezone: &str) -> Option<Self> {
        let zone = TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(timezone))?;
        Some(Self { cron, zone: *zone })
    }

    /// The first time after `instant`; `None` if there is no further one.
    pub fn next(&self, instant: Timestamp) -> Option<Timestamp> {
        let instant: DateTime<Utc> = DateTime::from_timestamp_micros(instant.as_microsecond())?;
        let next = self.cron.find_next_occurrence(&instant.with_timezone(&self.zone), false).ok()?;
        Timestamp::from_microsecond(next.timestamp_micros()).ok()
    }
}

/// An expression as typed after `--cron`: five fields as in a monitor file, or six with seconds in front.
pub fn parse(text: &str) -> Result<Cron, String> {
    let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
    parser.parse(text).map_err(|error| match text.split_whitespace().count() {
        // `Component error: Number out of bounds.` is a sentence of its own.
        5 | 6 => {
            let error = error.to_string();
            error.rsplit(": ").next().unwrap_or(&error).trim_end_matches('.').to_lowercase()
        }
        fields => format!("it has {fields} of five or six fields"),
    })
}

/// Times at which something is done by itself, as typed.
#[derive(Debug, Clone)]
pub enum Times {
    /// Never.
    Off,
    /// These.
    At(Box<Cron>),
}

/// As [`parse`], or `off`.
pub fn parse_times(text: &str) -> Result<Times, String> {
    if text == OFF { Ok(Times::Off) } else { parse(text).map(|cron| Times::At(Box::new(cron))) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The times after `from`, as many as are expected.
    #[track_caller]
    fn check(cron: &str, zone: &str, from: &str, expected: &[&str]) {
        let schedule = Schedule::new(parse(cron).unwrap(), zone).unwrap();
        let mut after = from.parse().unwrap();
        for next in expected {
            after = schedule.next(after).unwrap();
            assert_eq!(&after.to_string(), next, "{cron} in {zone} from {from}");
        }
    }

    #[test]
    fn times_are_in_the_zone_of_the_monitor() {
        check("15 6 * * *", "UTC", "2026-05-01T06:15:00Z", &["2026-05-02T06:15:00Z"]);
        check("15 6 * * *", "Europe/Berlin", "2026-05-01T00:00:00Z", &["2026-05-01T04:15:00Z"]);
        check("15 6 * * *", "europe/berlin", "2026-05-01T00:00:00Z", &["2026-05-01T04:15:00Z"]);
        check("0 0 * * *", "Asia/Kathmandu", "2026-05-01T00:00:00Z", &["2026-05-01T18:15:00Z"]);
        let midnight = || parse("0 0 * * *").unwrap();
        assert!(Schedule::new(midnight(), "Europe/Atlantis").is_none());
    }

    #[test]
    fn a_time_is_after_the_instant_also_within_its_second() {
        check("* * * * *", "UTC", "2026-05-01T06:15:00Z", &["2026-05-01T06:16:00Z"]);
        check("* * * * *", "UTC", "2026-05-01T06:15:00.000001Z", &["2026-05-01T06:16:00Z"]);
        check("* * * * *", "UTC", "2026-05-01T06:14:59.999999Z", &["2026-05-01T06:15:00Z"]);
        check(
            "* * * * * *",
            "UTC",
            "2026-05-01T06:14:58.5Z",
            &["2026-05-01T06:14:59Z", "2026-05-01T06:15:00Z"],
        );
    }

    /// In Berlin 02:00 became 03:00 on 29 March 2026, at 01:00 UTC.
    #[test]
    fn clocks_that_go_forward_skip_no_day() {
        check(
            "30 2 * * *",
            "Europe/Berlin",
            "2026-03-28T00:00:00Z",
            &["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"],
        );
        check(
            "30 * * * *",
            "Europe/Berlin",
            "2026-03-29T00:00:00Z",
            &["2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z"],
        );
        check(
            "0 6 * * *",
            "Europe/Berlin",
            "2026-03-28T00:00:00Z",
            &["2026-03-28T05:00:00Z", "2026-03-29T04:00:00Z"],
        );
    }

    /// In Berlin 03:00 became 02:00 on 25 October 2026, at 01:00 UTC.
    #[test]
    fn clocks_that_go_back_repeat_no_day_and_keep_the_rhythm() {
        check(
            "30 2 * * *",
            "Europe/Berlin",
            "2026-10-24T12:00:00Z",
            &["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
        );
        check(
            "*/30 * * * *",
            "Europe/Berlin",
            "2026-10-25T00:00:00Z",
            &["2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z"],
        );
        // Between the two 02:30 of the day, the next one is tomorrow's.
        check("30 2 * * *", "Europe/Berlin", "2026-10-25T00:45:00Z", &["2026-10-26T01:30:00Z"]);
    }

    /// Lord Howe's clocks move by half an hour.
    #[test]
    fn clocks_may_move_by_less_than_an_hour() {
        check(
            "15 * * * *",
            "Australia/Lord_Howe",
            "2026-10-03T14:00:00Z",
            &["2026-10-03T14:45:00Z", "2026-10-03T16:15:00Z"],
        );
    }

    #[test]
    fn an_expression_without_a_time_has_no_next() {
        let schedule = Schedule::new(parse("0 0 30 2 *").unwrap(), "UTC").unwrap();
        assert_eq!(schedule.next(Timestamp::UNIX_EPOCH), None);
    }
}
