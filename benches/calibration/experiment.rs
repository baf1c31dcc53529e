//! A monitor without rules of its own, and what it tells of windows that are drawn.
//!
//! Everything from states to alerts is what a run does; only rows and tables are left out.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use secchi::alert::learned::LearnedBounds;
use secchi::alert::{Event, Judging, Past, Present, Recorded, Transition};
use secchi::config::{Monitor, Settings, load};
use secchi::drift::{self, Against, Families};
use secchi::profile::gap::Gaps;
use secchi::profile::{ColumnInfo, Group, Profiles, QualityState, Segment, Series, row};
use secchi::scope::{Scope, Scopes};
use secchi::window::{Granularity, Window};

use super::columns::{self, COLUMNS, Shift};

/// Rows of a baseline.
pub const BASELINE: u64 = 20_000;

/// What is tried.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    /// Rows of a window.
    pub rows: u64,
    /// Windows, a day each.
    pub days: u64,
    /// Whether there is a baseline; else each day is compared with the one before.
    pub has_baseline: bool,
    /// What is done to every window.
    pub shift: Option<Shift>,
}

/// A monitor without rules of its own.
pub fn monitor(has_baseline: bool) -> Monitor {
    monitor_of(has_baseline, "classification")
}

/// The same, of a model for this type of problem.
pub fn monitor_of(has_baseline: bool, problem_type: &str) -> Monitor {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("calibration.yaml");
    let baseline = if has_baseline { "baseline: { table: training }\n" } else { "" };
    let text = format!(
        "monitor: calibration
inference:
  {{ table: requests, timestamp_col: at, prediction_col: predicted, label_col: label, problem_type: {problem_type} }}
{baseline}output: {{ uri: metrics }}
"
    );
    std::fs::write(&file, text).expect("a file");
    load(&file, &Settings::default()).expect("a monitor")
}

/// The events that the `seed`-th monitor tells of.
pub fn told(monitor: &Monitor, trial: Trial, seed: u64) -> Vec<Event> {
    let Trial { rows, days, has_baseline, shift } = trial;
    let columns: Arc<[_]> = COLUMNS.iter().map(columns::Column::info).collect();
    let (states, edges) = columns::baseline([seed, rows], BASELINE);
    let quality = |seed, rows| Some(QualityState::Classification(columns::labelled(seed, rows)));
    let baseline = Group::new(BASELINE, states, quality([seed, rows, 0], BASELINE));
    let window = |day| {
        let seed = [seed, rows, day];
        Group::new(rows, columns::window(seed, rows, shift, &edges), quality(seed, rows))
    };
    judged(monitor, columns, has_baseline.then_some(baseline), days, window)
}

/// The events that `monitor` tells of windows of so many days.
pub fn judged(
    monitor: &Monitor,
    columns: Arc<[ColumnInfo]>,
    baseline: Option<Group>,
    days: u64,
    window: impl Fn(u64) -> Group,
) -> Vec<Event> {
    let segment = Segment { model_version: "*".to_owned(), slice: None };
    let first: Timestamp = "2026-01-01T12:00:00Z".parse().expect("a time");
    let windows = (1..=days).map(|day| {
        let noon = first + jiff::SignedDuration::from_hours(24 * day as i64);
        let at = monitor.calendar.window_of(Granularity::Day, noon).expect("a window");
        (at, Arc::new(window(day)))
    });
    let windows: BTreeMap<Window, Arc<Group>> = windows.collect();
    let series = Series { granularity: Granularity::Day, segment: segment.clone() };
    let profiles = Profiles {
        columns: columns.to_vec(),
        all_columns: columns,
        is_last: true,
        has_scores: false,
        fairness: None,
        windows: BTreeMap::from([(series, windows)]),
        baseline: baseline.map(|group| (segment, Arc::new(group))).into_iter().collect(),
        rehearsal: BTreeMap::new(),
        gaps: Gaps::new(),
        lost: Arc::default(),
        reference: None,
        without_losses: None,
        expectations: Arc::default(),
    };
    let as_of: Timestamp = "2027-01-01T00:00:00Z".parse().expect("a time");
    let present = Present { as_of, run_id: "run", computed_at: as_of, is_newest: true };
    let recorded = Recorded::default();
    let mut judging = Judging::new(
        monitor,
        &recorded,
        present,
        Past::of(monitor, as_of, &Scopes::default()),
        LearnedBounds::default(),
    );
    let mut families = Families::new(Some("label"), &monitor.importance);
    let Monitor { comparisons, calendar, .. } = monitor;
    let against = Against { comparisons, calendar, version: None, scope: &Scope::All };
    for subjects in profiles.subjects() {
        let profile = row::rows(&profiles, &subjects, monitor.quantiles);
        let drift = drift::compare(&profiles, &subjects, against);
        let first = families.note(&drift);
        judging.judge(&profile, &drift, first);
    }
    families.close();
    judging.finish(&families).events
}

/// Alerts by their rule, of each of so many monitors.
pub fn alerts(trial: Trial, monitors: u64) -> Vec<HashMap<String, u64>> {
    each(monitors, |seed| {
        let monitor = monitor(trial.has_baseline);
        let mut alerts = HashMap::new();
        for event in told(&monitor, trial, seed) {
            if event.transition == Transition::First {
                *alerts.entry(event.rule).or_default() += 1;
            }
        }
        alerts
    })
}

/// The share of so many monitors that tell of the column that is shifted.
pub fn caught(trial: Trial, monitors: u64) -> f64 {
    let shifted = trial.shift.map(Shift::column).expect("a shift");
    let told = each(monitors, |seed| {
        let monitor = monitor(trial.has_baseline);
        told(&monitor, trial, seed).iter().any(|event| event.column_name == shifted)
    });
    told.iter().filter(|is_told| **is_told).count() as f64 / monitors as f64
}

/// What `job` gives for each number below `count`, on all cores.
pub fn each<T: Send>(count: u64, job: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let next = AtomicU64::new(0);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut all: Vec<(u64, T)> = std::thread::scope(|scope| {
        let worker = || {
            let numbers =
                std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)).filter(|n| *n < count));
            numbers.map(|number| (number, job(number))).collect::<Vec<_>>()
        };
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker")).collect()
    });
    all.sort_by_key(|(number, _)| *number);
    all.into_iter().map(|(_, result)| result).collect()
}
