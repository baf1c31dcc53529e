//! Times: lengths of time, window lengths, time zones and schedules.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, SpanRelativeTo};

use super::Notes;
use crate::config::problem::nearest;
use crate::window::Granularity;

/// How long is waited where nothing is said.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A length of time, such as `2 days`.
pub fn duration(typed: &str, pointer: &str, notes: &mut Notes<'_>) -> Option<SignedDuration> {
    let parsed = typed
        .parse::<Span>()
        .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
        .ok()
        .filter(|duration| !duration.is_negative());
    if parsed.is_none() {
        notes.problem(
            pointer,
            format!("is `{typed}`, which is not a length of time"),
            "such as `2 days`, `6 hours`, `90 seconds`",
        );
    }
    parsed
}

/// How long is waited; the default if nothing was typed.
pub fn timeout(typed: Option<&str>, pointer: &str, notes: &mut Notes<'_>) -> Duration {
    let Some(typed) = typed else { return TIMEOUT };
    let Some(timeout) = duration(typed, pointer, notes) else { return TIMEOUT };
    if timeout.is_zero() {
        notes.problem(
            pointer,
            format!("is `{typed}`, which is no time at all"),
            "leave it out for 10 seconds",
        );
    }
    timeout.unsigned_abs()
}

/// A window length, such as `1 day`.
pub fn granularity(typed: &str, pointer: &str, notes: &mut Notes<'_>) -> Option<Granularity> {
    let known = Granularity::from_str(typed);
    if let Err(error) = &known {
        let error = error.to_string();
        let hint = error.split_once("; ").map_or("for example `1 day`", |(_, hint)| hint);
        notes.problem(pointer, format!("is `{typed}`, which is not a granularity"), hint);
    }
    known.ok()
}

/// A time zone by its IANA name; UTC if there is none of that name.
pub fn zone(name: &str, pointer: &str, notes: &mut Notes<'_>) -> TimeZone {
    TimeZone::get(name).unwrap_or_else(|_| {
        let known: Vec<String> = jiff::tz::db().available().map(|zone| zone.to_string()).collect();
        let city = known
            .iter()
            .find(|zone| zone.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(name)));
        let near = city.map(String::as_str).or_else(|| nearest(name, known.iter().map(String::as_str)));
        let hint = near
            .map_or("such as `UTC` or `Europe/Berlin`".to_owned(), |near| format!("did you mean `{near}`?"));
        notes.problem(pointer, format!("is `{name}`, which is not a time zone"), hint);
        TimeZone::UTC
    })
}

/// A schedule of five fields; croner would also take seconds and years.
pub fn cron(typed: &str, pointer: &str, notes: &mut Notes<'_>) -> Option<Cron> {
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    let parsed = parser.parse(typed);
    if let Err(error) = &parsed {
        let fields = typed.split_whitespace().count();
        let error = error.to_string();
        // `Component error: Number out of bounds.` is a sentence of its own.
        let why = error.rsplit(": ").next().unwrap_or(&error).trim_end_matches('.').to_lowercase();
        let why = if fields == 5 { why } else { format!("it has {fields} of five fields") };
        notes.problem(
            pointer,
            format!("is `{typed}`, which is not a cron expression: {why}"),
            "minute, hour, day of month, month, day of week: `15 * * * *` is a quarter past every hour",
        );
    }
    let cron = parsed.ok()?;
    // Dates repeat after 400 years, and croner looks further than that.
    if cron.find_next_occurrence(&DateTime::<Utc>::UNIX_EPOCH, true).is_err() {
        notes.problem(
            pointer,
            format!("is `{typed}`, a time that never comes"),
            "no such month has such a day; `0 6 L * *` is the last day of every month",
        );
        return None;
    }
    Some(cron)
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::config::given::{GOOD, good_monitor, problems_with};

    #[test]
    fn schedules_have_five_fields() {
        assert_snapshot!(problems_with("schedule: { cron: 61 * * * * }\n"), @r"
        churn.yaml:5:19: `schedule.cron` is `61 * * * *`, which is not a cron expression: number out of bounds
          hint: minute, hour, day of month, month, day of week: `15 * * * *` is a quarter past every hour
        ");
        assert_snapshot!(problems_with("schedule: { cron: hourly }\n"), @r"
        churn.yaml:5:19: `schedule.cron` is `hourly`, which is not a cron expression: it has 1 of five fields
          hint: minute, hour, day of month, month, day of week: `15 * * * *` is a quarter past every hour
        ");
        assert_snapshot!(problems_with("schedule: { cron: 0 15 * * * * }\n"), @r"
        churn.yaml:5:19: `schedule.cron` is `0 15 * * * *`, which is not a cron expression: it has 6 of five fields
          hint: minute, hour, day of month, month, day of week: `15 * * * *` is a quarter past every hour
        ");
        assert_snapshot!(problems_with("schedule: { cron: 0 0 31 2 * }\n"), @r"
        churn.yaml:5:19: `schedule.cron` is `0 0 31 2 *`, a time that never comes
          hint: no such month has such a day; `0 6 L * *` is the last day of every month
        ");
        assert_snapshot!(problems_with("schedule: { cron: '0 0 31 4,6 *' }\n"), @r"
        churn.yaml:5:19: `schedule.cron` is `0 0 31 4,6 *`, a time that never comes
          hint: no such month has such a day; `0 6 L * *` is the last day of every month
        ");
        for cron in ["0 0 29 2 *", "0 0 31 * *", "0 6 L * *"] {
            good_monitor(&format!("{GOOD}schedule: {{ cron: {cron} }}\n"));
        }
        assert_snapshot!(problems_with("schedule: {}\n"), @r"
        churn.yaml:5:11: `schedule.cron` is missing
          hint: Five fields (minute, hour, day of month, month, day of week), in the monitor's time zone
        ");
    }

    #[test]
    fn windows_and_zones_are_named_as_the_manual_names_them() {
        assert_snapshot!(problems_with("granularities: [1 day, 2 hours, 1day]\n"), @r"
        churn.yaml:5:24: `granularities[1]` is `2 hours`, which is not a granularity
          hint: use `5 minutes`, `30 minutes`, `1 hour`, `1 day`, `n weeks`, `1 month` or `1 year`
        churn.yaml:5:33: `granularities[2]` is `1day`, which is not a granularity
          hint: use `5 minutes`, `30 minutes`, `1 hour`, `1 day`, `n weeks`, `1 month` or `1 year`
        ");
        assert_snapshot!(problems_with("granularities: []\n"), @r"
        churn.yaml:5:16: `granularities` is empty
          hint: leave it out for `1 day`
        ");
        assert_snapshot!(problems_with("timezone: Berlin\nlateness: -1 day\n"), @r"
        churn.yaml:5:11: `timezone` is `Berlin`, which is not a time zone
          hint: did you mean `Europe/Berlin`?
        churn.yaml:6:11: `lateness` is `-1 day`, which is not a length of time
          hint: such as `2 days`, `6 hours`, `90 seconds`
        ");
        assert_snapshot!(problems_with("timezone: Middle-earth/Bree\n"), @r"
        churn.yaml:5:11: `timezone` is `Middle-earth/Bree`, which is not a time zone
          hint: such as `UTC` or `Europe/Berlin`
        ");
    }
}
