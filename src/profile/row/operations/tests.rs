#![allow(clippy::unwrap_used)]
use super::*;
use crate::contract::ALL_VERSIONS;
use crate::profile::estimate::Estimators;
use crate::profile::opaque::OpaqueState;
use crate::profile::row::group_rows;
use crate::profile::{ColumnInfo, Kind, Segment, Subject};
use crate::window::{Calendar, Granularity};
use jiff::tz::TimeZone;

const HOUR: &str = "2026-05-01T12:00:00Z";

/// The row of an hour with these requests and columns.
fn row(requests: RequestsState, columns: Vec<(Role, ColumnState)>, row_count: u64) -> ProfileRow {
    let (infos, states): (Vec<_>, Vec<_>) = columns
        .into_iter()
        .map(|(role, state)| {
            let name = role.name().to_owned();
            (ColumnInfo { name, data_type: "string".to_owned(), kind: Kind::Opaque, role }, state)
        })
        .unzip();
    let profiles = Profiles::of(infos);
    let mut group = Group::new(row_count, states, None);
    group.table.requests = Some(requests);
    let hour = Granularity::Hour;
    let window = Calendar::new(TimeZone::UTC).window_of(hour, HOUR.parse().unwrap()).unwrap();
    let segment = Segment { model_version: ALL_VERSIONS.to_owned(), slice: None };
    let at = Some((hour, window));
    group_rows(&profiles, &Estimators::default(), &[Subject::Table], at, &segment, &group, 3).remove(0)
}

fn statuses(counts: &[(&str, u64)]) -> (Role, ColumnState) {
    let mut state = TextState::default();
    counts.iter().for_each(|(status, count)| state.add(status, *count));
    (Role::Status, ColumnState::Text(state))
}

#[test]
fn an_hour_says_how_its_requests_went() {
    let start = HOUR.parse::<jiff::Timestamp>().unwrap().as_microsecond();
    let mut requests = RequestsState::default();
    requests.note(Some(start + 3_000_000_000), Some(start + 600_000_000));
    requests.add_label_delays(&[60.0, 120.0, 180.0], &mut Default::default());
    for id in ["a", "b", "a", "c"] {
        requests.ids.add(id.as_bytes());
    }
    let latency = crate::profile::oracle::numeric((1..=100).map(|ms| Some(f64::from(ms))));
    let payload = |lengths: &[u64]| {
        let mut state = OpaqueState::default();
        lengths.iter().for_each(|length| state.add(Some(*length)));
        (Role::Payload, ColumnState::Opaque(state))
    };
    let columns = vec![
        (Role::Latency, ColumnState::Numeric(latency)),
        statuses(&[("200", 90), ("404", 4), ("503", 6)]),
        payload(&[10, 30, 20, 40]),
        payload(&[100, 100, 100, 100]),
    ];
    let row = row(requests, columns, 4);
    assert_eq!((row.newest_row_age_seconds, row.newest_label_age_seconds), (Some(600.0), Some(3000.0)));
    assert_eq!(row.requests_per_second, Some(4.0 / 3600.0));
    assert_eq!(row.percent_duplicate_requests, Some(25.0));
    assert_eq!(row.percent_errors, Some(10.0));
    assert_eq!(row.payload_size, Some(Sizes { avg_bytes: 125.0, max_bytes: 100.0 }));
    let latency = row.latency.unwrap();
    assert!((latency.p50 - 50.5).abs() < 1e-12 && (latency.p99 - 99.01).abs() < 1e-12, "{latency:?}");
    assert_eq!(row.label_delay_seconds.map(|delay| delay.p50), Some(120.0));
    assert_eq!(row.metric("label_delay_seconds.p90"), row.label_delay_seconds.map(|delay| delay.p90));
    assert_eq!(row.reason, None);
}

#[test]
fn what_is_not_known_is_said() {
    let mut requests = RequestsState::default();
    requests.ids.add_nulls(3);
    let none = (Role::Latency, ColumnState::empty(Kind::Numeric));
    let row = row(requests, vec![none, statuses(&[])], 3);
    assert_eq!((row.newest_row_age_seconds, row.latency, row.percent_errors), (None, None, None));
    let expected = "percent_duplicate_requests: no row has a request id; latency: no latency is known; \
                    percent_errors: no status is known";
    assert_eq!(row.reason.as_deref(), Some(expected));
}

#[test]
fn a_status_is_a_number_or_a_word() {
    let fine = ["200", "OK", "200 OK", "204.0", " success ", "399"];
    let wrong = ["400", "503", "500 Internal Server Error", "timeout", "NaN", "-1"];
    assert!(fine.iter().all(|status| !is_error(status)) && wrong.iter().all(|status| is_error(status)));
}

#[test]
fn a_baseline_is_no_log_of_requests() {
    let group = Group::new(5, Vec::new(), None);
    let (profiles, segment) =
        (Profiles::of(Vec::new()), Segment { model_version: ALL_VERSIONS.to_owned(), slice: None });
    let rows = group_rows(&profiles, &Estimators::default(), &[Subject::Table], None, &segment, &group, 3);
    assert_eq!((rows[0].requests_per_second, rows[0].percent_duplicate_requests), (None, None));
}
