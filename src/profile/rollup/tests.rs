#![allow(clippy::unwrap_used)]
use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::profile::classification::ClassificationState;
use crate::profile::exact::hostile;
use crate::profile::opaque::OpaqueState;
use crate::profile::regression::RegressionState;
use crate::profile::{ColumnState, Kind, QualityState, Slice};

fn base(calendar: &Calendar, at: &str, version: &str, rows: u64) -> BaseGroup {
    let window = calendar.window_of(Granularity::Day, at.parse().unwrap()).unwrap();
    let segment = Segment { model_version: version.to_owned(), slice: None };
    let columns = vec![ColumnState::Opaque(OpaqueState { count: rows, ..OpaqueState::default() })];
    let group = Arc::new(Group::new(rows, columns, None));
    BaseGroup { window: Some(window), is_out_of_range: false, segment, group }
}

#[test]
fn days_make_weeks_and_versions_make_all() {
    let calendar = Calendar::new(TimeZone::UTC);
    let groups = [
        base(&calendar, "2026-04-30T00:00:00Z", "1", 1),
        base(&calendar, "2026-05-01T00:00:00Z", "1", 10),
        base(&calendar, "2026-05-01T00:00:00Z", "2", 100),
        base(&calendar, "2026-05-04T00:00:00Z", "2", 1000),
    ];
    let rollup = Rollup {
        behind: &Spans::default(),
        granularities: &[Granularity::Day, Granularity::Weeks(1)],
        calendar: &calendar,
        wanted: None,
    };
    let series = rollup.windows(&groups);
    let rows = |granularity: Granularity, version: &str| -> Vec<u64> {
        let segment = Segment { model_version: version.to_owned(), slice: None };
        series[&Series { granularity, segment }].values().map(|group| group.row_count).collect()
    };
    assert_eq!(rows(Granularity::Day, "1"), [1, 10]);
    assert_eq!(rows(Granularity::Day, "*"), [1, 110, 1000]);
    assert_eq!(rows(Granularity::Weeks(1), "1"), [11]);
    assert_eq!(rows(Granularity::Weeks(1), "*"), [111, 1000]);
}

#[test]
fn a_table_without_versions_is_counted_once() {
    let calendar = Calendar::new(TimeZone::UTC);
    let groups = [base(&calendar, "2026-05-01T00:00:00Z", "*", 5)];
    let rollup = Rollup {
        granularities: &[Granularity::Day],
        calendar: &calendar,
        wanted: None,
        behind: &Spans::default(),
    };
    let series = rollup.windows(&groups);
    assert_eq!(series.len(), 1);
    assert_eq!(series.values().next().unwrap().values().next().unwrap().row_count, 5);
}

/// A row of a table, with a column of each kind.
#[derive(Clone, Debug)]
struct Row {
    at: Timestamp,
    version: &'static str,
    slice: &'static str,
    number: Option<f64>,
    name: Option<&'static str>,
    label: Option<&'static str>,
}

const KEY: &str = "region";

impl Row {
    /// Adds the row to `group`. Its model predicts classes, or else numbers.
    fn add_to(&self, group: &mut Group) {
        group.row_count += 1;
        let seconds = self.at.as_microsecond() as f64 / 1e6;
        for column in &mut group.columns {
            match column {
                ColumnState::Numeric(state) => match self.number {
                    Some(number) => state.add(number),
                    None => state.add_nulls(1),
                },
                ColumnState::Time(state) => state.add(seconds),
                ColumnState::Text(state) => match self.name {
                    Some(name) => state.add(name, 1),
                    None => state.add_nulls(1),
                },
                ColumnState::Opaque(state) => match self.name {
                    Some(name) => state.add(Some(name.len() as u64)),
                    None => state.add_nulls(1),
                },
            }
        }
        match (&mut group.table.quality, self.label) {
            (Some(QualityState::Classification(state)), Some(label)) => {
                state.add_row(self.name.unwrap_or("a"), label, label == "a", self.number);
            }
            (Some(QualityState::Regression(state)), Some(label)) => {
                state.add(self.number.unwrap_or(0.5), label.len() as f64);
            }
            _ => {}
        }
    }
}

fn empty(of_classes: bool) -> Group {
    let kinds = [Kind::Numeric, Kind::Time, Kind::Text, Kind::Opaque];
    let quality = match of_classes {
        true => QualityState::Classification(ClassificationState::default()),
        false => QualityState::Regression(RegressionState::default()),
    };
    Group::new(0, kinds.map(ColumnState::empty).to_vec(), Some(quality))
}

/// The rows of each key, as one group.
fn counted<K: Ord>(rows: &[Row], of_classes: bool, keys: impl Fn(&Row) -> Vec<K>) -> BTreeMap<K, Group> {
    let mut groups = BTreeMap::new();
    for row in rows {
        for key in keys(row) {
            row.add_to(groups.entry(key).or_insert_with(|| empty(of_classes)));
        }
    }
    groups.values_mut().for_each(Group::settle);
    groups
}

/// The states of `group` as they are written.
fn bytes(group: &Group) -> Vec<u8> {
    postcard::to_stdvec(&(group.row_count, &group.columns, &group.table.quality)).unwrap()
}

fn slice(value: &str) -> Option<Slice> {
    Some(Slice { key: KEY.to_owned(), value: value.to_owned() })
}

/// Zones whose clocks change by an hour and by half of one, at midnight and a minute after it, or across a whole day;
/// and some whose clocks do not.
const ZONES: [&str; 9] = [
    "UTC",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Asia/Kathmandu",
];

const GRANULARITIES: [Granularity; 9] = [
    Granularity::FiveMinutes,
    Granularity::ThirtyMinutes,
    Granularity::Hour,
    Granularity::Day,
    Granularity::Weeks(1),
    Granularity::Weeks(2),
    Granularity::Weeks(3),
    Granularity::Month,
    Granularity::Year,
];

fn rows() -> impl Strategy<Value = (&'static str, Vec<Row>)> {
    let place = (prop::sample::select(&ZONES[..]), -2_000_000_000i64..2_000_000_000);
    let number = prop_oneof![
        4 => hostile(),
        1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
    ];
    let name = || prop::option::of(prop::sample::select(vec!["", "a", "b", "Größe"]));
    let apart = prop_oneof![
        4 => -10_800_000_000i64..10_800_000_000,
        2 => -3_000_000_000_000i64..3_000_000_000_000,
        1 => prop::sample::select(vec![-1i64, 0, 1]),
    ];
    let versions = prop::sample::select(vec!["1", "2", "10", ":null", "*"]);
    let row = (
        apart,
        versions,
        prop::sample::select(vec!["north", "south"]),
        prop::option::of(number),
        name(),
        name(),
    );
    (place, prop::collection::vec(row, 1..60)).prop_map(|((zone, near), rows)| {
        // The first change of the clock after a time, if there is one.
        let near = Timestamp::from_second(near).unwrap();
        let change =
            TimeZone::get(zone).unwrap().following(near).next().map_or(near, |change| change.timestamp());
        let rows = rows.into_iter().map(|(apart, version, slice, number, name, label)| Row {
            at: Timestamp::from_microsecond(change.as_microsecond() + apart).unwrap(),
            version,
            slice,
            number,
            name,
            label,
        });
        (zone, rows.collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    /// Rows are counted once, by base windows, and added up in any order; that must be what counting them window by
    /// window gives, byte for byte.
    #[test]
    fn windows_that_are_added_up_are_those_that_are_counted(
        (zone, rows) in rows(),
        granularities in prop::sample::subsequence(&GRANULARITIES[..], 1..=4),
        of_classes in any::<bool>(),
        turn in any::<prop::sample::Index>(),
    ) {
        let calendar = Calendar::new(TimeZone::get(zone).unwrap());
        let base = Granularity::base_of(&granularities);
        let window = |granularity, row: &Row| calendar.window_of(granularity, row.at).unwrap();
        let sliced = counted(&rows, of_classes, |row| {
            vec![(window(base, row), row.version.to_owned(), row.slice)]
        });
        let sliced = sliced.into_iter().map(|((window, model_version, value), group)| {
            let segment = Segment { model_version, slice: slice(value) };
            BaseGroup { window: Some(window), is_out_of_range: false, segment, group: Arc::new(group) }
        });
        let mut groups: Vec<BaseGroup> = sliced.collect();
        groups.extend(whole(&groups, KEY));
        let at = turn.index(groups.len());
        groups.rotate_left(at);
        let actual = Rollup { granularities: &granularities, calendar: &calendar, wanted: None, behind: &Spans::default() }.windows(&groups);

        let expected = counted(&rows, of_classes, |row| {
            let versions = if row.version == ALL_VERSIONS { vec![ALL_VERSIONS] } else { vec![row.version, ALL_VERSIONS] };
            let mut keys = Vec::new();
            for granularity in &granularities {
                for model_version in &versions {
                    for slice in [None, slice(row.slice)] {
                        let segment = Segment { model_version: (*model_version).to_owned(), slice };
                        keys.push((Series { granularity: *granularity, segment }, window(*granularity, row)));
                    }
                }
            }
            keys
        });
        let keys = |(series, windows): (&Series, &BTreeMap<Window, Arc<Group>>)| {
            windows.keys().map(|window| (series.clone(), *window)).collect::<Vec<_>>()
        };
        prop_assert!(actual.iter().flat_map(keys).eq(expected.keys().cloned()));
        for ((series, window), expected) in &expected {
            let actual = &actual[series][window];
            prop_assert_eq!(actual.as_ref(), expected, "{:?} {}", series, window);
            prop_assert!(bytes(actual) == bytes(expected), "{:?} {}", series, window);
        }
    }
}
