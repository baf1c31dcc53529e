//! Local folders: what one lacks to be a table, and what keeps a table from being written to.
//!
//! The libraries below say of all this that a file is not there. Looks only; what is tried is gone at once.

use std::io;
use std::path::{Path, PathBuf};

use url::Url;

use super::{SourceError, shown};
use crate::config::nearest;

/// The folder of `url`, if that is a local one.
fn folder(url: &Url) -> Option<PathBuf> {
    url.to_file_path().ok().filter(|_| url.scheme() == "file")
}

/// What a local folder lacks to be a table.
pub fn gap(url: &Url) -> Option<&'static str> {
    let path = folder(url)?;
    if path.is_file() {
        Some("is a file, not a folder")
    } else if !path.is_dir() {
        Some("does not exist")
    } else if !path.join("_delta_log").is_dir() {
        Some("has no `_delta_log`")
    } else {
        None
    }
}

/// The folder beside a local one that is not there, whose name is nearly the same.
pub fn meant(url: &Url) -> Option<String> {
    let path = folder(url).filter(|path| !path.exists())?;
    let beside = std::fs::read_dir(path.parent()?).ok()?.flatten();
    let tables = beside.filter(|entry| entry.path().join("_delta_log").is_dir());
    let names: Vec<String> = tables.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let name = nearest(path.file_name()?.to_str()?, names.iter().map(String::as_str))?;
    Some(path.with_file_name(name).display().to_string())
}

/// Whether the table at `url`, below the folder that the monitor file names under `key`, can be written to,
/// or made if it is not there. Of a place that is not local nothing is known.
///
/// # Errors
/// What is in the way.
pub fn can_be_written(key: &'static str, url: &Url) -> Result<(), SourceError> {
    let Some(path) = folder(url) else { return Ok(()) };
    // Every commit is a new file in the log, and a log is made in the nearest folder that is there.
    let log = path.join("_delta_log");
    let Some(there) = log.ancestors().find(|path| path.symlink_metadata().is_ok()) else { return Ok(()) };
    let refused = |why: String, source| SourceError::NotWritable { key, table: shown(url), why, source };
    if !there.is_dir() {
        return Err(refused(format!("`{}` is not a folder", there.display()), None));
    }
    try_writing(there).map_err(|error| {
        refused(format!("nothing can be written in `{}`", there.display()), Some(error.kind().into()))
    })
}

/// Only trying tells: permissions are not all that a disk can refuse for.
fn try_writing(folder: &Path) -> io::Result<()> {
    tempfile::tempfile_in(folder).map(drop)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Whether a table could be written at `path` of `root`, and why not; `root` must stay as it is.
    #[track_caller]
    fn check(root: &Path, path: &str, expected: Result<(), &str>) {
        let entries = || {
            let entries = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
            let mut entries: Vec<PathBuf> = entries.collect();
            entries.sort();
            entries
        };
        let before = entries();
        let url = Url::from_directory_path(root.join(path)).unwrap();
        let told = can_be_written("output.uri", &url).map_err(|error| error.to_string());
        let expected = expected.map_err(|obstacle| {
            let table = url.as_str().trim_end_matches('/');
            format!(
                "`output.uri` cannot hold table `{table}`: `{}` is not a folder",
                root.join(obstacle).display()
            )
        });
        assert_eq!(told, expected, "{path}");
        assert_eq!(entries(), before, "{path}: nothing is left");
    }

    #[test]
    fn a_table_is_made_in_the_nearest_folder_that_is_there() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("notes.txt"), "not a folder").unwrap();
        std::fs::create_dir_all(root.path().join("table/_delta_log")).unwrap();
        check(root.path(), "table", Ok(()));
        check(root.path(), "new", Ok(()));
        check(root.path(), "new/and/deep/below", Ok(()));
        check(root.path(), "notes.txt", Err("notes.txt"));
        check(root.path(), "notes.txt/and/deep/below", Err("notes.txt"));
        std::fs::write(root.path().join("table/_delta_log.bak"), "").unwrap();
        check(root.path(), "table/_delta_log.bak/x", Err("table/_delta_log.bak"));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_nowhere_is_no_folder() {
        let root = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(root.path().join("gone"), root.path().join("link")).unwrap();
        check(root.path(), "link/table", Err("link"));
    }

    #[test]
    fn of_what_is_elsewhere_nothing_is_known() {
        for url in ["s3://lake/monitoring/runs/", "memory:///monitoring/"] {
            assert!(can_be_written("output.uri", &Url::parse(url).unwrap()).is_ok(), "{url}");
        }
    }
}
