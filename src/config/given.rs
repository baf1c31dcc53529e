//! What the tests of this folder are given: a good monitor file, and what is said of worse ones.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use super::{Monitor, Problems, Settings, load, load_settings};

/// A monitor file with nothing wrong in it, as short as one can be that has a baseline and model versions.
pub const GOOD: &str = "\
monitor: churn
inference: { table: requests, timestamp_col: at, model_id_col: version }
baseline: { table: training }
output: { uri: metrics }
";

/// What `load` makes of a file of this name and text, alone in its folder.
pub fn loaded<T>(
    name: &str,
    text: &str,
    load: impl FnOnce(&Path) -> Result<T, Problems>,
) -> Result<T, Problems> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, text).unwrap();
    // Problems are told with the path that was typed; here it is the name alone.
    load(&file).map_err(|problems| Problems { file: PathBuf::from(name), ..problems })
}

/// The monitor of a file with nothing wrong in it.
#[track_caller]
pub fn good_monitor(text: &str) -> Monitor {
    loaded("churn.yaml", text, |file| load(file, &Settings::default())).unwrap()
}

/// What is wrong with a monitor file, as it is printed.
#[track_caller]
pub fn problems(text: &str) -> String {
    loaded("churn.yaml", text, |file| load(file, &Settings::default())).unwrap_err().to_string()
}

/// What is wrong with a good monitor file and these lines at its end.
#[track_caller]
pub fn problems_with(lines: &str) -> String {
    problems(&format!("{GOOD}{lines}"))
}

/// What is wrong with a good monitor file whose one rule has these lines.
#[track_caller]
pub fn problems_of_rule(lines: &str) -> String {
    problems(&format!("{GOOD}alerts:\n  - rule: drift\n    metric: population_stability_index\n{lines}"))
}

/// What is wrong with a file of settings, as it is printed.
#[track_caller]
pub fn problems_of_settings(text: &str) -> String {
    loaded("secchi.yaml", text, load_settings).unwrap_err().to_string()
}
