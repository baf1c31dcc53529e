//! Spans of time: from when to when the rows of a file are, as the log says it.
//!
//! Reads texts of the log; it must not open files.

use std::collections::HashMap;

use jiff::SignedDuration;
use jiff::civil::{DateTime, Time, date};
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;
use serde::Deserialize;
use serde_json::{Map, Value};

const EPOCH: DateTime = date(1970, 1, 1).at(0, 0, 0, 0);

/// Microseconds in the millisecond to which statistics are cut off.
const MILLISECOND: i64 = 1_000;

/// From a time to a time, both included, in microseconds since the epoch. Dates and times without a zone count as
/// if they were UTC's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The least time.
    pub first: i64,
    /// The greatest time.
    pub last: i64,
}

impl Span {
    /// Whether `time` lies in it.
    pub fn contains(self, time: i64) -> bool {
        (self.first..=self.last).contains(&time)
    }

    /// The span of both, and of what is between them.
    pub(super) fn around(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), last: self.last.max(other.last) }
    }

    /// The same times in as few spans as there can be, in order.
    pub(super) fn merged(mut spans: Vec<Self>) -> Vec<Self> {
        spans.sort_unstable();
        let mut merged: Vec<Self> = Vec::new();
        for span in spans {
            match merged.last_mut() {
                Some(before) if span.first <= before.last.saturating_add(1) => {
                    *before = before.around(span);
                }
                _ => merged.push(span),
            }
        }
        merged
    }
}

/// The times of the rows of a file. It may say more than there is, never less.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// From when to when they are; `None` if none of them has a time.
    pub span: Option<Span>,
    /// Whether there may be rows whose time is NULL.
    pub without_time: bool,
}

/// The column of a table that says when a row was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TimeColumn {
    /// Its name in files and in the log, which may be another one than in the schema.
    pub(super) physical: String,
    /// Whether the table is partitioned by it, so that it is in the log only.
    pub(super) is_partition: bool,
}

/// What the log tells of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// How many rows it has, those included that were marked as deleted since.
    pub(super) rows: Option<u64>,
    /// When they are.
    pub(super) times: Option<Times>,
}

impl TimeColumn {
    /// What the log tells of a file that has these statistics and partition values.
    pub(super) fn told(
        &self,
        stats: Option<&str>,
        partition_values: &HashMap<String, Option<String>>,
    ) -> Told {
        let stats: Option<Stats> = stats.and_then(|stats| serde_json::from_str(stats).ok());
        let times = if self.is_partition {
            partition_values.get(&self.physical).and_then(|value| of_partition(value.as_deref()))
        } else {
            stats.as_ref().and_then(|stats| stats.times(&self.physical))
        };
        Told { rows: stats.and_then(|stats| stats.num_records), times }
    }
}

/// The statistics of a file, as far as they matter here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stats {
    num_records: Option<u64>,
    min_values: Option<Map<String, Value>>,
    max_values: Option<Map<String, Value>>,
    null_count: Option<Map<String, Value>>,
}

impl Stats {
    fn times(&self, column: &str) -> Option<Times> {
        fn value<'a>(values: &'a Option<Map<String, Value>>, column: &str) -> Option<&'a Value> {
            values.as_ref()?.get(column)
        }
        let nulls = value(&self.null_count, column).and_then(Value::as_u64);
        if nulls.is_some() && nulls == self.num_records {
            return Some(Times { span: None, without_time: nulls != Some(0) });
        }
        let first = micros(value(&self.min_values, column)?.as_str()?)?;
        let last = at_most(value(&self.max_values, column)?.as_str()?)?;
        let span = Some(Span { first, last });
        (first <= last).then_some(Times { span, without_time: nulls != Some(0) })
    }
}

fn of_partition(value: Option<&str>) -> Option<Times> {
    match value {
        None | Some("") => Some(Times { span: None, without_time: true }),
        Some(text) => {
            let time = micros(text)?;
            Some(Times { span: Some(Span { first: time, last: time }), without_time: false })
        }
    }
}

/// The greatest time that statistics with this maximum may stand for: they cut off what is below a millisecond.
fn at_most(text: &str) -> Option<i64> {
    let time = micros(text)?;
    let is_date = !text.contains(':');
    let may_be_cut_off = !is_date && time.rem_euclid(MILLISECOND) == 0;
    Some(if may_be_cut_off { time + MILLISECOND - 1 } else { time })
}

/// A time as the log writes it: with an offset, without a zone, or a date.
fn micros(text: &str) -> Option<i64> {
    let written = Pieces::parse(text).ok()?;
    let wall = DateTime::from_parts(written.date(), written.time().unwrap_or_else(Time::midnight));
    let offset = written.to_numeric_offset().map_or(0, Offset::seconds);
    let since_epoch = wall.duration_since(EPOCH) - SignedDuration::from_secs(offset.into());
    since_epoch.as_micros().try_into().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Of 2026-01-01T00:00:00Z.
    const NEW_YEAR: i64 = 1_767_225_600_000_000;
    const HOUR: i64 = 3_600_000_000;

    fn column(is_partition: bool) -> TimeColumn {
        TimeColumn { physical: "at".to_owned(), is_partition }
    }

    fn between(first: i64, last: i64, without_time: bool) -> Option<Times> {
        Some(Times { span: Some(Span { first, last }), without_time })
    }

    #[test]
    fn statistics_say_from_when_to_when() {
        #[track_caller]
        fn check(stats: &str, expected: Option<Times>) {
            let stats = stats.replace('\'', "\"");
            assert_eq!(column(false).told(Some(&stats), &HashMap::new()).times, expected, "{stats}");
        }
        let none = Some(Times { span: None, without_time: true });
        let range =
            "'minValues':{'at':'2026-01-01T00:00:00.000Z'},'maxValues':{'at':'2026-01-01T01:00:00.000Z'}";
        let widened = NEW_YEAR + HOUR + 999;
        check(
            &format!("{{'numRecords':2,{range},'nullCount':{{'at':0}}}}"),
            between(NEW_YEAR, widened, false),
        );
        check(
            &format!("{{'numRecords':2,{range},'nullCount':{{'at':1}}}}"),
            between(NEW_YEAR, widened, true),
        );
        check(&format!("{{'numRecords':2,{range}}}"), between(NEW_YEAR, widened, true));
        check(&format!("{{{range}}}"), between(NEW_YEAR, widened, true));
        check("{'numRecords':2,'nullCount':{'at':2}}", none);
        check("{'numRecords':2,'minValues':{},'maxValues':{},'nullCount':{'at':2}}", none);
        check("{'numRecords':0,'nullCount':{'at':0}}", Some(Times::default()));
        check("{'numRecords':2}", None);
        check("{'numRecords':2,'nullCount':{'at':0}}", None);
        check("{'numRecords':2,'minValues':{'at':'2026-01-01'},'nullCount':{'at':0}}", None);
        check("{'minValues':{'at':5},'maxValues':{'at':6}}", None);
        check("{'minValues':{'at':'soon'},'maxValues':{'at':'later'}}", None);
        check("{'minValues':{'at':'2026-01-02'},'maxValues':{'at':'2026-01-01'}}", None);
        check("{'numRecords':'2'}", None);
        check("not JSON", None);
        assert_eq!(column(false).told(None, &HashMap::new()), Told::default());
    }

    #[test]
    fn a_maximum_of_whole_milliseconds_may_be_cut_off() {
        for (text, expected) in [
            ("2026-01-01T00:00:00.000Z", NEW_YEAR + 999),
            ("2026-01-01T00:00:00.001Z", NEW_YEAR + 1_999),
            ("2026-01-01T00:00:00Z", NEW_YEAR + 999),
            ("2026-01-01T00:00:00.000001Z", NEW_YEAR + 1),
            ("2026-01-01T00:00:00", NEW_YEAR + 999),
            ("2026-01-01", NEW_YEAR),
            ("1969-12-31T23:59:59.999Z", -1),
            ("1969-12-31T23:59:59.998Z", -1_001),
        ] {
            assert_eq!(at_most(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn times_are_read_as_writers_write_them() {
        for (text, expected) in [
            ("2026-01-01T00:00:00.000Z", Some(NEW_YEAR)),
            ("2026-01-01T00:00:00Z", Some(NEW_YEAR)),
            ("2026-01-01T01:00:00.000+01:00", Some(NEW_YEAR)),
            ("2025-12-31T16:00:00.000-08:00", Some(NEW_YEAR)),
            ("2026-01-01T00:00:00.000001Z", Some(NEW_YEAR + 1)),
            ("2026-01-01T00:00:00.000001", Some(NEW_YEAR + 1)),
            ("2026-01-01 00:00:00", Some(NEW_YEAR)),
            ("2026-01-01 00:00:00.000002", Some(NEW_YEAR + 2)),
            ("2026-01-01", Some(NEW_YEAR)),
            ("1970-01-01", Some(0)),
            ("1969-12-31T23:59:59.999999Z", Some(-1)),
            ("9999-12-31T23:59:59.999999Z", Some(253_402_300_799_999_999)),
            ("9999-12-31T23:59:59.999999-01:00", Some(253_402_304_399_999_999)),
            ("0001-01-01T00:00:00.000Z", Some(-62_135_596_800_000_000)),
            ("", None),
            ("2026-13-01", None),
            ("+294247-01-10T04:00:54.775807Z", None),
        ] {
            assert_eq!(micros(text), expected, "{text}");
        }
    }

    #[test]
    fn a_partition_is_one_time() {
        #[track_caller]
        fn check(values: &[(&str, Option<&str>)], expected: Option<Times>) {
            let owned = |(name, value): &(&str, Option<&str>)| ((*name).to_owned(), value.map(str::to_owned));
            let values: HashMap<_, _> = values.iter().map(owned).collect();
            let stats = r#"{"numRecords":1,"minValues":{"at":"1999-01-01"},"maxValues":{"at":"1999-01-01"}}"#;
            assert_eq!(
                column(true).told(Some(stats), &values),
                Told { rows: Some(1), times: expected },
                "{values:?}"
            );
        }
        check(&[("at", Some("2026-01-01"))], between(NEW_YEAR, NEW_YEAR, false));
        check(&[("at", Some("2026-01-01 01:00:00"))], between(NEW_YEAR + HOUR, NEW_YEAR + HOUR, false));
        check(&[("at", Some("2026-01-01T00:00:00.000000Z"))], between(NEW_YEAR, NEW_YEAR, false));
        check(&[("at", None)], Some(Times { span: None, without_time: true }));
        check(&[("at", Some(""))], Some(Times { span: None, without_time: true }));
        check(&[("at", Some("d"))], None);
        check(&[("other", Some("2026-01-01"))], None);
    }

    #[test]
    fn spans_that_meet_are_one() {
        #[track_caller]
        fn check(spans: &[(i64, i64)], expected: &[(i64, i64)]) {
            let spans = spans.iter().map(|&(first, last)| Span { first, last }).collect();
            let merged: Vec<_> = Span::merged(spans).iter().map(|span| (span.first, span.last)).collect();
            assert_eq!(merged, expected);
        }
        check(&[], &[]);
        check(&[(5, 6), (1, 2)], &[(1, 2), (5, 6)]);
        check(&[(1, 2), (3, 4)], &[(1, 4)]);
        check(&[(1, 9), (2, 3), (4, 4)], &[(1, 9)]);
        check(&[(1, 2), (1, 2)], &[(1, 2)]);
        check(&[(i64::MIN, i64::MAX), (3, i64::MAX)], &[(i64::MIN, i64::MAX)]);
    }
}
