//! How often a window is beyond a bound that was learned, though nothing drifts.
//!
//! Bounds are learned, and rows of the tables made, as a run does; only rows and tables are left out. What each rule looks at is
//! then held against its bound window by window.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Pareto, StandardNormal};
use secchi::alert::learned::{Learned, LearnedBounds};
use secchi::alert::{Judging, Past, Present, Recorded};
use secchi::config::{Monitor, Settings, Tail, load};
use secchi::drift::{self, Against};
use secchi::profile::covariance::{Bounds, CovarianceState, Reference, Room, Scale};
use secchi::profile::{ColumnState, Group, Profiles, QualityState, Segment, Series, Subject, row};
use secchi::scope::{Scope, Scopes};
use secchi::window::{Granularity, Window};

use super::columns::{self, COLUMNS, draws};
use super::experiment::each;

/// Windows of the baselines that are tried.
pub const BASELINES: [u64; 4] = [7, 14, 30, 60];

/// Windows that are held against what was learned.
pub const DAYS: u64 = 30;

/// A rule, and what it looks at.
pub struct Watched {
    /// As the page has it.
    pub label: &'static str,
    metric: &'static str,
    pub tail: Tail,
    of: Of,
}

/// What a rule looks at.
enum Of {
    Columns(&'static [&'static str]),
    Quality,
    Together(Together),
}

/// How the columns that are looked at together are drawn.
#[derive(Clone, Copy, PartialEq)]
enum Together {
    /// None has to do with another.
    Unrelated,
    /// Each is one of three numbers, and noise.
    Related,
    /// As unrelated, and two of them have heavy tails.
    HeavyTails,
}

const TOGETHER: [Together; 3] = [Together::Unrelated, Together::Related, Together::HeavyTails];

/// Columns that are looked at together.
const WIDTH: usize = 10;

const NUMBERS: &[&str] = &["normal", "log_normal", "uniform", "few_integers", "mostly_zero"];
const ALL: &[&str] =
    &["normal", "log_normal", "uniform", "few_integers", "mostly_zero", "names_4", "names_25"];
const WITH_NULLS: &[&str] = &["uniform", "mostly_zero", "names_4", "names_25"];
const HEAVY: &[&str] = &["heavy_tail"];

/// The rules that are tried.
pub const WATCHED: [Watched; 12] = {
    const fn watched(label: &'static str, metric: &'static str, tail: Tail, of: Of) -> Watched {
        Watched { label, metric, tail, of }
    }
    use Tail::{Above, Below, Outside};
    [
        watched("`population_stability_index`", "population_stability_index", Above, Of::Columns(ALL)),
        watched("`js_distance`", "js_distance", Above, Of::Columns(ALL)),
        watched("`ks_test.statistic`", "ks_test.statistic", Above, Of::Columns(NUMBERS)),
        watched("`wasserstein_distance`", "wasserstein_distance", Above, Of::Columns(NUMBERS)),
        watched("`percent_null`", "percent_null", Above, Of::Columns(WITH_NULLS)),
        watched("`avg`", "avg", Outside, Of::Columns(NUMBERS)),
        watched("`avg` of a heavy tail", "avg", Outside, Of::Columns(HEAVY)),
        watched("`accuracy_score`", "accuracy_score", Below, Of::Quality),
        together("`correlation_change`", "correlation_change", Together::Unrelated),
        together("`reconstruction_error`, columns unrelated", "reconstruction_error", Together::Unrelated),
        together("`reconstruction_error`, columns related", "reconstruction_error", Together::Related),
        together("`reconstruction_error`, two heavy tails", "reconstruction_error", Together::HeavyTails),
    ]
};

const fn together(label: &'static str, metric: &'static str, together: Together) -> Watched {
    Watched { label, metric, tail: Tail::Above, of: Of::Together(together) }
}

/// What was seen of a rule.
#[derive(Clone, Copy, Default)]
pub struct Seen {
    /// Values of all columns and windows.
    pub values: u64,
    /// Those beyond the bound.
    pub beyond: u64,
    /// Windows by which two of the last three were.
    pub twice: u64,
}

/// What was seen of each rule with baselines of so many windows of so many rows, of so many monitors.
pub fn seen(rows: u64, baselines: &[u64], monitors: u64) -> BTreeMap<u64, [Seen; WATCHED.len()]> {
    let monitor = monitor();
    let mut sums: BTreeMap<u64, [Seen; WATCHED.len()]> = BTreeMap::new();
    for of_one in each(monitors, |seed| of_monitor(&monitor, seed, rows, baselines)) {
        for (windows, seen) in of_one {
            let sums = sums.entry(windows).or_insert([Seen::default(); WATCHED.len()]);
            for (sum, seen) in sums.iter_mut().zip(seen) {
                sum.values += seen.values;
                sum.beyond += seen.beyond;
                sum.twice += seen.twice;
            }
        }
    }
    sums
}

/// A monitor of which each rule learns, in the order of [`WATCHED`].
fn monitor() -> Monitor {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("learned.yaml");
    let rules = WATCHED.iter().enumerate().map(|(place, Watched { metric, tail, of, .. })| {
        let tail = match tail {
            Tail::Above => "above",
            Tail::Below => "below",
            Tail::Outside => "outside",
        };
        let columns = match of {
            Of::Columns(columns) => format!(", columns: [{}]", columns.join(", ")),
            _ => String::new(),
        };
        format!("  - {{ rule: r{place}, metric: {metric}, {tail}: learned{columns} }}\n")
    });
    let text = format!(
        "monitor: learned
inference:
  {{ table: requests, timestamp_col: at, prediction_col: predicted, label_col: label, problem_type: classification }}
baseline: {{ table: training }}
output: {{ uri: metrics }}
alerts:
{}",
        rules.collect::<String>()
    );
    std::fs::write(&file, text).expect("a file");
    load(&file, &Settings::default()).expect("a monitor")
}

/// A day of rows that are drawn.
struct Day {
    window: Window,
    rows: u64,
    columns: Vec<ColumnState>,
    quality: QualityState,
    together: [CovarianceState; TOGETHER.len()],
}

/// What one monitor sees. The days of its longest baseline are drawn once: a shorter one has the last of them.
fn of_monitor(
    monitor: &Monitor,
    seed: u64,
    rows: u64,
    baselines: &[u64],
) -> BTreeMap<u64, [Seen; WATCHED.len()]> {
    let longest = baselines.iter().copied().max().unwrap_or_default();
    let watched: Vec<usize> = places_of_columns();
    let references = TOGETHER.map(|together| Arc::new(reference(together)));
    let days: Vec<Day> =
        (0..longest + DAYS).map(|day| drawn(monitor, [seed, rows, day], &watched, &references)).collect();
    let (before, after) = days.split_at(longest as usize);
    let of_baseline = |windows: &u64| {
        let baseline = &before[before.len() - *windows as usize..];
        let mut seen = [Seen::default(); WATCHED.len()];
        for (together, reference) in references.iter().enumerate() {
            let profiles = profiles(&watched, baseline, after, together, reference);
            look(monitor, &profiles, together, &mut seen);
        }
        (*windows, seen)
    };
    baselines.iter().map(of_baseline).collect()
}

/// Where among all columns those are that rules look at.
fn places_of_columns() -> Vec<usize> {
    let is_watched = |name: &str| ALL.contains(&name) || HEAVY.contains(&name);
    (0..COLUMNS.len()).filter(|place| is_watched(COLUMNS[*place].name)).collect()
}

fn drawn(monitor: &Monitor, seed: [u64; 3], watched: &[usize], references: &[Arc<Reference>; 3]) -> Day {
    let first: Timestamp = "2026-01-01T12:00:00Z".parse().expect("a time");
    // Every second day: none is compared with the day before, of which nobody asks here.
    let noon = first + SignedDuration::from_hours(48 * seed[2] as i64);
    let [_, rows, _] = seed;
    let state =
        |place: &usize| COLUMNS[*place].drawn(&mut draws(seed, *place), rows, None, &Default::default());
    let mut rng = draws(seed, COLUMNS.len() + 1);
    let together = |place: usize| {
        let values: Vec<[f64; WIDTH]> = (0..rows).map(|_| row_of(&mut rng, TOGETHER[place])).collect();
        let columns: Vec<Vec<f64>> =
            (0..WIDTH).map(|column| values.iter().map(|row| row[column]).collect()).collect();
        // In the order of scales, which have their column's number as a name.
        let scales = references[place].scales().iter();
        let given =
            scales.map(|scale| columns[scale.column().parse::<usize>().expect("a number")].as_slice());
        let mut state = CovarianceState::default();
        state
            .add_all(&references[place], &given.collect::<Vec<_>>(), &mut Room::default())
            .expect("as many columns as scales");
        state
    };
    Day {
        window: monitor.calendar.window_of(Granularity::Day, noon).expect("a window"),
        rows,
        columns: watched.iter().map(state).collect(),
        quality: QualityState::Classification(columns::labelled(seed, rows)),
        together: [0, 1, 2].map(together),
    }
}

/// A row of the columns that are looked at together.
fn row_of(rng: &mut ChaCha8Rng, together: Together) -> [f64; WIDTH] {
    let mut normal = || rng.sample::<f64, _>(StandardNormal);
    match together {
        Together::Unrelated => std::array::from_fn(|_| normal()),
        Together::Related => {
            let numbers = [normal(), normal(), normal()];
            std::array::from_fn(|column| numbers[column % 3] + 0.5 * normal())
        }
        Together::HeavyTails => {
            let mut row = std::array::from_fn(|_| normal());
            for value in &mut row[..2] {
                *value = Pareto::new(1.0, 1.5).expect("a law").sample(rng);
            }
            row
        }
    }
}

/// The scales of the columns that are looked at together: units, which need not be those of the sample.
fn reference(together: Together) -> Reference {
    let scale = |column: usize| {
        let (mean, stddev, low, high) = match (together, column) {
            (Together::HeavyTails, 0 | 1) => (3.0, 30.0, 1.0067, 21.544),
            (Together::Related, _) => (0.0, 1.118, -2.601, 2.601),
            _ => (0.0, 1.0, -2.3263, 2.3263),
        };
        Scale::of_numbers(&column.to_string(), mean, stddev, Bounds::of(&[low, mean, high], (low, high)))
    };
    Reference::new((0..WIDTH).map(scale).collect()).expect("few columns")
}

/// What a run has counted: the days of a baseline, all together and each, and those after it.
fn profiles(
    watched: &[usize],
    baseline: &[Day],
    after: &[Day],
    together: usize,
    reference: &Arc<Reference>,
) -> Profiles {
    let group = |day: &Day, columns: Vec<ColumnState>| {
        let mut group = Group::new(day.rows, columns, Some(day.quality.clone()));
        group.table.covariance = Some(day.together[together].clone());
        group
    };
    // Columns are looked at once.
    let states = |day: &Day| if together == 0 { day.columns.clone() } else { Vec::new() };
    let mut days = baseline.iter().map(|day| group(day, states(day)));
    let mut whole = days.next().expect("a baseline has days");
    days.for_each(|day| whole.merge(&day));
    whole.settle();
    let edges: Vec<_> = whole.columns.iter_mut().map(columns::cut).collect();
    let cut = |day: &Day| {
        let mut states = states(day);
        for (state, edges) in states.iter_mut().zip(&edges) {
            if let ColumnState::Numeric(state) = state {
                assert!(state.distribution.cut_between_buckets(edges), "a day has finer buckets than all");
            }
        }
        (day.window, Arc::new(group(day, states)))
    };
    let segment = Segment { model_version: "*".to_owned(), slice: None };
    let series = Series { granularity: Granularity::Day, segment: segment.clone() };
    let infos = watched.iter().filter(|_| together == 0).map(|place| COLUMNS[*place].info());
    let columns: Vec<_> = infos.collect();
    Profiles {
        all_columns: columns.clone().into(),
        columns,
        is_last: true,
        has_scores: false,
        fairness: None,
        windows: BTreeMap::from([(series.clone(), after.iter().map(cut).collect())]),
        baseline: BTreeMap::from([(segment, Arc::new(whole))]),
        rehearsal: BTreeMap::from([(series, baseline.iter().map(cut).collect())]),
        gaps: Default::default(),
        lost: Arc::default(),
        reference: Some(Arc::clone(reference)),
        without_losses: None,
        expectations: Arc::default(),
    }
}

/// Learns, and holds what is there of the days after against it.
fn look(monitor: &Monitor, profiles: &Profiles, together: usize, seen: &mut [Seen; WATCHED.len()]) {
    let as_of: Timestamp = "2027-01-01T00:00:00Z".parse().expect("a time");
    let present = Present { as_of, run_id: "run", computed_at: as_of, is_newest: true };
    let recorded = Recorded::default();
    let past = Past::of(monitor, as_of, &Scopes::default());
    let mut judging = Judging::new(monitor, &recorded, present, past, LearnedBounds::default());
    let subjects: Vec<Subject> = profiles.subjects().concat();
    judging.learn(&row::rehearsed(profiles, &subjects), &drift::rehearsed(profiles, &subjects));
    let Monitor { comparisons, calendar, .. } = monitor;
    let against = Against { comparisons, calendar, version: None, scope: &Scope::All };
    let profile = row::rows(profiles, &subjects, monitor.quantiles);
    let profile: Vec<_> = profile.into_iter().filter(|row| row.window.is_some()).collect();
    let drift = drift::compare(profiles, &subjects, against);
    for Learned { rule, column_name, lesson, .. } in judging.learned().told() {
        let (low, high) = lesson.bounds.expect("enough windows");
        let place: usize = rule[1..].parse().expect("a number");
        let Watched { metric, tail, of, .. } = &WATCHED[place];
        let is_asked = match of {
            Of::Together(of) => *of == TOGETHER[together],
            _ => together == 0,
        };
        if !is_asked {
            continue;
        }
        let of_profile = profile.iter().filter(|row| row.column_name == column_name);
        let of_drift = drift.iter().filter(|row| row.column_name == column_name);
        let values = of_profile
            .filter_map(|row| row.metric(metric))
            .chain(of_drift.filter_map(|row| row.metric(metric)));
        let is_beyond = |value: f64| match tail {
            Tail::Above => value > high,
            Tail::Below => value < low,
            Tail::Outside => value < low || value > high,
        };
        let beyond: Vec<bool> = values.map(is_beyond).collect();
        assert_eq!(beyond.len() as u64, DAYS, "{metric} of {column_name}");
        let twice = |last: usize| beyond[last.saturating_sub(2)..=last].iter().filter(|is| **is).count() >= 2;
        seen[place].values += DAYS;
        seen[place].beyond += beyond.iter().filter(|is| **is).count() as u64;
        seen[place].twice += (0..beyond.len()).filter(|last| twice(*last)).count() as u64;
    }
}
