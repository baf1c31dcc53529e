//! From what was typed to monitors: files, folders and names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Which;
use crate::config::{self, Monitor, Problems, Settings, nearest};

/// Where monitors are looked for by name.
const FOLDER: &str = "monitors";
/// Shows all options, and is no monitor.
const TEMPLATE: &str = "template.yaml";

/// A monitor with the settings that go with it.
pub struct Loaded {
    /// The monitor.
    pub monitor: Monitor,
    /// Its settings.
    pub settings: Settings,
}

/// The monitors that are meant, and what is wrong with the others: one that is not there or cannot be loaded
/// does not keep the others from it. Of monitors that would write the same tables, none is loaded.
pub fn load_all(which: &Which) -> (Vec<Loaded>, Vec<Problems>) {
    let (files, mut problems) = files(which);
    let mut loaded: Vec<Loaded> = Vec::new();
    for file in &files {
        match load(file, which) {
            Ok(next) => loaded.push(next),
            // Monitors share a file of settings, whose problems are told once.
            Err(problem) if !problems.contains(&problem) => problems.push(problem),
            Err(_) => {}
        }
    }
    let mut owners: BTreeMap<(String, String), Vec<PathBuf>> = BTreeMap::new();
    for Loaded { monitor, .. } in &loaded {
        owners.entry(tables_of(monitor)).or_default().push(monitor.file.clone());
    }
    loaded.retain(|Loaded { monitor, .. }| {
        let files = owners.get(&tables_of(monitor)).map(Vec::as_slice).unwrap_or_default();
        let Some(other) = files.iter().find(|file| **file != monitor.file) else { return true };
        problems.push(Problems::of_file(
            &monitor.file,
            format!("writes the same tables as {}, so neither is run", other.display()),
            "give one of them another `monitor` name or another `output`",
        ));
        false
    });
    (loaded, problems)
}

/// The output folder and the name in front of the tables.
fn tables_of(monitor: &Monitor) -> (String, String) {
    (monitor.output.to_string(), monitor.table_prefix())
}

/// The files that are meant, each once, and the names that name none.
fn files(which: &Which) -> (Vec<PathBuf>, Vec<Problems>) {
    let typed: Vec<String> =
        if which.monitors.is_empty() { vec![FOLDER.to_owned()] } else { which.monitors.clone() };
    let mut files: Vec<PathBuf> = Vec::new();
    let mut problems = Vec::new();
    for name in &typed {
        match find(Path::new(name)) {
            Ok(found) => {
                for file in found {
                    if !files.contains(&file) {
                        files.push(file);
                    }
                }
            }
            Err(problem) => problems.push(problem),
        }
    }
    (files, problems)
}

fn find(typed: &Path) -> Result<Vec<PathBuf>, Problems> {
    if typed.is_file() {
        return Ok(vec![typed.to_owned()]);
    }
    if typed.is_dir() {
        return files_in(typed);
    }
    let named = [Path::new(FOLDER).join(typed.with_extension("yaml")), Path::new(FOLDER).join(typed)];
    match named.into_iter().find(|file| file.is_file()) {
        Some(file) => Ok(vec![file]),
        None => Err(Problems::of_file(
            typed,
            "is neither a file, nor a folder, nor the name of a monitor in ./monitors",
            match meant(typed) {
                Some(name) => format!("did you mean `{name}`?"),
                None => {
                    "`secchi init TABLE` writes a monitor file; `secchi demo DIR` makes an example".to_owned()
                }
            },
        )),
    }
}

/// The monitor in ./monitors whose name is nearly the one that was typed.
fn meant(typed: &Path) -> Option<String> {
    let names = files_in(Path::new(FOLDER)).ok()?;
    let names: Vec<&str> = names.iter().filter_map(|file| file.file_stem()?.to_str()).collect();
    nearest(typed.file_stem()?.to_str()?, names).map(str::to_owned)
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>, Problems> {
    let unreadable = |error: std::io::Error| {
        Problems::of_file(folder, format!("cannot be read: {error}"), "check the folder's permissions")
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let is_yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        let is_monitor =
            path.file_name().is_some_and(|name| name != TEMPLATE && name != config::SETTINGS_FILE);
        if path.is_file() && is_yaml && is_monitor {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(Problems::of_file(folder, "holds no monitor files", "`secchi init TABLE` writes one"));
    }
    Ok(files)
}

/// Loads a monitor file with its settings.
fn load(file: &Path, which: &Which) -> Result<Loaded, Problems> {
    let settings = match which.config.clone().or_else(|| config::settings_file_for(file)) {
        Some(settings) => config::load_settings(&settings)?,
        None => Settings::default(),
    };
    let monitor = config::load(file, &settings)?;
    Ok(Loaded { monitor, settings })
}
