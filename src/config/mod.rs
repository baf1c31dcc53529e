//! Configuration: from YAML files to proven [`Monitor`]s and [`Settings`].
//!
//! text → [`yaml`] (values and places) → [`structure`] (known keys, right types) → `prove` (meaning).
//! Each step reports every problem that it finds, with file, line and hint; what is shaped well is proven even if
//! the rest is not, so that all is told at once. This module reads files of settings; it must not look at tables,
//! the network or the clock.

pub(crate) mod default_rules;
#[cfg(test)]
mod given;
mod monitor;
mod problem;
mod prove;
mod secret;
mod settings;
pub mod settings_spec;
pub mod spec;
pub mod structure;
pub mod yaml;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

pub use monitor::{
    Baseline, Change, Channel, ChannelKind, Columns, Condition, CustomInput, CustomMetric, Expectation,
    Inference, Label, LabelTable, Metric, Monitor, Operations, Prediction, Proba, Registry, RegistryPlace,
    Rule, Tail,
};
pub use problem::{Problem, Problems, nearest, suggest};
pub use prove::{OFF, hex16, is_this_machine};
pub use secret::{Secret, SecretError, SecretPlaces};
pub use settings::{Defaults, Settings, Smtp, Storage};
use settings_spec::SettingsSpec;
use spec::MonitorSpec;
pub use spec::{Comparison, CustomMetricType, ProblemType, Severity};
use yaml::Document;

/// Name of the file of settings.
pub const SETTINGS_FILE: &str = "secchi.yaml";

/// Reads and proves a monitor file, with the settings of its folder.
///
/// # Errors
/// Every problem of the file.
pub fn load(file: &Path, settings: &Settings) -> Result<Monitor, Problems> {
    let read = read::<MonitorSpec>(file, "check the path; `secchi init TABLE` writes a monitor file")?;
    let mut notes = prove::Notes::new(&read.document, folder_of(file)).but(&read.unread);
    let monitor = prove::monitor(&read.spec, file, settings, &mut notes);
    proven(file, monitor, &read.problems, notes)
}

/// Reads and proves a file of settings.
///
/// # Errors
/// Every problem of the file.
pub fn load_settings(file: &Path) -> Result<Settings, Problems> {
    let read =
        read::<SettingsSpec>(file, "check the path, or leave --config out where no settings are needed")?;
    let mut notes = prove::Notes::new(&read.document, folder_of(file)).but(&read.unread);
    let mut settings = prove::settings(&read.spec, &mut notes);
    settings.secret_places = SecretPlaces::of(file, &read.document);
    proven(file, Some(settings), &read.problems, notes)
}

/// The file of settings that goes with `monitor_file`: beside it, or beside its folder.
pub fn settings_file_for(monitor_file: &Path) -> Option<PathBuf> {
    let folder = std::path::absolute(folder_of(monitor_file)).ok()?;
    [Some(folder.as_path()), folder.parent()]
        .into_iter()
        .flatten()
        .map(|folder| folder.join(SETTINGS_FILE))
        .find(|candidate| candidate.is_file())
}

/// The URL of a table that was typed on the command line: a URL, or a path relative to here.
///
/// # Errors
/// What is wrong with it.
pub fn table_url(typed: &str) -> Result<url::Url, String> {
    let document = Document::default();
    let mut notes = prove::Notes::new(&document, Path::new("."));
    prove::location(typed, "", &mut notes)
        .ok_or_else(|| notes.problems().into_iter().map(|problem| problem.message).collect())
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A file as far as it could be read.
struct Read<T> {
    /// What it says.
    spec: T,
    /// Where it says so.
    document: Document,
    /// What could not be read.
    problems: Vec<Problem>,
    /// Where that stands, or would.
    unread: Vec<String>,
}

fn read<T: DeserializeOwned + JsonSchema>(file: &Path, where_else: &str) -> Result<Read<T>, Problems> {
    let text = std::fs::read_to_string(file).map_err(|error| match error.kind() {
        ErrorKind::InvalidData => Problems::of_file(file, "is not a text in UTF-8", "save it as UTF-8"),
        ErrorKind::PermissionDenied => {
            Problems::of_file(file, "may not be read", "let the job's user read it")
        }
        _ => Problems::of_file(file, format!("cannot be read: {error}"), where_else),
    })?;
    let failed = |problems: Vec<Problem>| Problems { file: file.to_owned(), problems };
    let mut document = Document::parse(&text).map_err(|problem| failed(vec![*problem]))?;
    let is_empty = document.value.is_null();
    if is_empty {
        document.value = serde_json::json!({});
    }
    let misfits = structure::misfits::<T>(&document);
    if is_empty && !misfits.is_empty() {
        return Err(Problems::of_file(file, "is empty", "`secchi init TABLE` writes a monitor file"));
    }
    let rest = if misfits.is_empty() { Some(document) } else { structure::rest::<T>(&document, &misfits) };
    let pointers = |misfit: &structure::Misfit| [Some(misfit.pointer.clone()), misfit.meant.clone()];
    let unread = misfits.iter().flat_map(pointers).flatten().collect();
    let problems = misfits.into_iter().map(|misfit| misfit.problem).collect();
    let Some(document) = rest else { return Err(failed(problems)) };
    // The schema is made from the type, so what fits the one fits the other.
    match serde_path_to_error::deserialize(&document.value) {
        Ok(spec) => Ok(Read { spec, document, problems, unread }),
        Err(_) if !problems.is_empty() => Err(failed(problems)),
        Err(error) => {
            let key = error.path().to_string();
            Err(failed(vec![Problem {
                place: None,
                key,
                message: error.into_inner().to_string(),
                hint: None,
            }]))
        }
    }
}

fn proven<T>(
    file: &Path,
    value: Option<T>,
    unread: &[Problem],
    notes: prove::Notes<'_>,
) -> Result<T, Problems> {
    let mut problems = unread.to_vec();
    problems.extend(notes.problems());
    problems.sort_by_key(|problem| problem.place);
    match value {
        Some(value) if problems.is_empty() => Ok(value),
        _ => Err(Problems { file: file.to_owned(), problems }),
    }
}

#[cfg(test)]
mod tests;
