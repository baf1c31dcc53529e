//! Damage: which file of a table is to blame when the table cannot be read.
//!
//! The engine's errors often do not name the file. So when a read has failed, and only then, the files are
//! looked at one by one, up to a bound. This module explains a failure; it must not decide that there is one.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use deltalake::logstore::LogStore;
use deltalake::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use deltalake::{DeltaTable, ObjectStore, Path};
use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use serde::Deserialize;
use url::Url;

use super::{At, Lake, SourceError, shown};
use crate::cause::{Trouble, plain, trouble};

/// Most commits that are looked at, newest first; there is a checkpoint before these.
const COMMITS_MAX: usize = 200;

/// Most bytes of Parquet that are decoded to find the damaged file.
const BYTES_MAX: u64 = 1 << 30;

/// Most ranges of missing commits that are told.
const RANGES_MAX: usize = 3;

/// The commit of `table` that is not JSON, or those that are not there; `key` names the table, which was to be
/// read `at` a version.
pub(super) async fn of_log(key: &'static str, table: &DeltaTable, at: At) -> Option<SourceError> {
    let log = table.log_store();
    let store = log.object_store(None);
    let files: Vec<_> = store.list(Some(log.log_path())).try_collect().await.ok()?;
    let mut paths: Vec<Path> = files.into_iter().map(|file| file.location).collect();
    paths.sort();
    let names: Vec<&str> = paths.iter().filter_map(Path::filename).collect();
    let until = if let At::Version(version) = at { version } else { u64::MAX };
    if let Some((missing, before)) = gap(&names, until) {
        return Some(SourceError::Gap { key, table: shown(table.table_url()), missing, before });
    }
    let commits = paths.iter().filter(|path| path.extension() == Some("json"));
    for path in commits.rev().take(COMMITS_MAX) {
        let bytes = store.get(path).await.ok()?.bytes().await.ok()?;
        let lines = bytes.split(|byte| *byte == b'\n').enumerate();
        for (index, line) in lines.filter(|(_, line)| !line.trim_ascii().is_empty()) {
            if let Err(error) = serde_json::from_slice::<serde_json::Value>(line) {
                let what = if error.is_eof() { "breaks off" } else { "is not JSON" };
                return Some(damaged(key, table, path, format!("{what} in line {}", index + 1)));
            }
        }
    }
    of_checkpoint(key, table, &paths, until).await
}

/// What the file `_last_checkpoint` says.
#[derive(Deserialize)]
struct LastCheckpoint {
    version: u64,
    parts: Option<usize>,
}

/// The newest checkpoint of a log of these files, which is not whole. Where all commits are there, it is not needed.
async fn of_checkpoint(
    key: &'static str,
    table: &DeltaTable,
    paths: &[Path],
    until: u64,
) -> Option<SourceError> {
    let store = table.log_store().object_store(None);
    let pointer = paths.iter().find(|path| path.filename() == Some("_last_checkpoint"))?;
    let bytes = store.get(pointer).await.ok()?.bytes().await.ok()?;
    let LastCheckpoint { version, parts } = serde_json::from_slice(&bytes).ok()?;
    let beginning = format!("{version:020}.checkpoint");
    let is_of_it = |path: &Path| path.filename().is_some_and(|name| name.starts_with(&beginning));
    let (files, others): (Vec<&Path>, Vec<&Path>) = paths.iter().partition(|path| is_of_it(path));
    let (file, what) = match (files.len(), parts) {
        (0, _) => (pointer, format!("names a checkpoint of version {version}, which is not there")),
        (there, Some(parts)) if there < parts => {
            (pointer, format!("names a checkpoint of {parts} parts, of which {there} can be found"))
        }
        _ => broken(&store, &files).await?,
    };
    let others: Vec<&str> = others.into_iter().filter_map(Path::filename).collect();
    if gap(&others, until).is_some() {
        return Some(damaged(key, table, file, what));
    }
    Some(SourceError::Checkpoint { table: shown(table.table_url()), file: file.to_string(), what, version })
}

/// The first of `files` that is not Parquet, though its name says so, and why.
async fn broken<'a>(store: &Arc<dyn ObjectStore>, files: &[&'a Path]) -> Option<(&'a Path, String)> {
    for &file in files.iter().filter(|file| file.extension() == Some("parquet")) {
        let bytes = store.get(file).await.ok()?.bytes().await.ok()?;
        match tokio::task::spawn_blocking(move || decode(bytes)).await {
            Ok(Ok(())) => {}
            Ok(Err(why)) => return Some((file, format!("is damaged: {why}"))),
            Err(_) => return Some((file, "is damaged".to_owned())),
        }
    }
    None
}

/// The versions that a log of these files lacks up to `until`, in words, and the one before the first of them, if
/// that can be read. What is older than the newest checkpoint is not needed.
fn gap(names: &[&str], until: u64) -> Option<(String, Option<u64>)> {
    let version = |name: &str, is: fn(&str) -> bool| {
        let (digits, rest) = name.split_once('.')?;
        let version = (digits.len() == 20 && is(rest)).then(|| digits.parse().ok()).flatten()?;
        (version <= until).then_some(version)
    };
    let commits: BTreeSet<u64> =
        names.iter().filter_map(|name| version(name, |rest| rest == "json")).collect();
    let is_checkpoint = |rest: &str| rest.starts_with("checkpoint.");
    let checkpoint = names.iter().filter_map(|name| version(name, is_checkpoint)).max();
    let mut next = checkpoint.map_or(0, |checkpoint| checkpoint + 1);
    let mut ranges = Vec::new();
    for &commit in commits.range(next..) {
        if commit > next {
            ranges.push((next, commit - 1));
        }
        next = commit + 1;
    }
    let (first, _) = *ranges.first()?;
    let said: Vec<String> = ranges
        .iter()
        .take(RANGES_MAX)
        .map(|&(from, to)| if from == to { from.to_string() } else { format!("{from} to {to}") })
        .collect();
    let more = if ranges.len() > RANGES_MAX { " and more" } else { "" };
    let is_one = matches!(ranges[..], [(from, to)] if from == to);
    let noun = if is_one { "version" } else { "versions" };
    Some((format!("{noun} {}{more}", said.join(", ")), first.checked_sub(1)))
}

/// The file of the table at `url` that cannot be read.
pub(super) async fn of_files(lake: Lake<'_>, key: &'static str, url: &Url, at: At) -> Option<SourceError> {
    let table = lake.table(key, url, at).await.ok()?;
    let store = table.log_store().object_store(None);
    let files: Vec<(Path, u64)> = table
        .get_active_add_actions_by_partitions(&[])
        .map_ok(|file| (file.object_store_path(), u64::try_from(file.size()).unwrap_or_default()))
        .try_collect()
        .await
        .ok()?;
    for (path, size) in &files {
        match store.head(path).await {
            Err(object_store::Error::NotFound { .. }) => {
                let (table, file) = (shown(table.table_url()), path.to_string());
                let what = "is not there".to_owned();
                return Some(SourceError::Damaged { key, table, file, what, is_gone: true });
            }
            Err(error) if trouble(&error) == Trouble::Denied => {
                return Some(denied(key, &table, path, error));
            }
            Ok(found) if found.size != *size => {
                let what = format!("has {} bytes, but {size} in the log", found.size);
                return Some(damaged(key, &table, path, what));
            }
            _ => {}
        }
    }
    let mut left = BYTES_MAX;
    for (path, size) in &files {
        let opened = match store.get(path).await {
            Err(error) if trouble(&error) == Trouble::Denied => {
                return Some(denied(key, &table, path, error));
            }
            opened => opened.ok()?,
        };
        if *size > left {
            continue;
        }
        left -= *size;
        let bytes = opened.bytes().await.ok()?;
        // A decoder that panics has found the file, too.
        match tokio::task::spawn_blocking(move || decode(bytes)).await {
            Ok(Ok(())) => {}
            Ok(Err(why)) => return Some(damaged(key, &table, path, format!("is damaged: {why}"))),
            Err(_) => return Some(damaged(key, &table, path, "is damaged".to_owned())),
        }
    }
    None
}

fn decode(bytes: Bytes) -> Result<(), String> {
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(bytes).and_then(ParquetRecordBatchReaderBuilder::build);
    for batch in reader.map_err(|error| plain(&error))? {
        batch.map_err(|error| plain(&error))?;
    }
    Ok(())
}

fn damaged(key: &'static str, table: &DeltaTable, path: &Path, what: String) -> SourceError {
    let (table, file) = (shown(table.table_url()), path.to_string());
    SourceError::Damaged { key, table, file, what, is_gone: false }
}

fn denied(key: &'static str, table: &DeltaTable, path: &Path, error: object_store::Error) -> SourceError {
    let (table, file) = (shown(table.table_url()), path.to_string());
    SourceError::DeniedFile { key, table, file, source: Box::new(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a log of these commits and checkpoints lacks.
    #[track_caller]
    fn check(commits: &[u64], checkpoints: &[&str], until: u64, expected: Option<(&str, Option<u64>)>) {
        let commits = commits.iter().map(|version| format!("{version:020}.json"));
        let commits: Vec<String> = commits.collect();
        let others = checkpoints.iter().copied().chain(["_last_checkpoint"]);
        let names: Vec<&str> = commits.iter().map(String::as_str).chain(others).collect();
        let found = gap(&names, until);
        let found = found.as_ref().map(|(missing, before)| (missing.as_str(), *before));
        assert_eq!(found, expected, "{names:?}");
    }

    /// The name of a checkpoint of `version`.
    fn checkpoint(version: u64) -> String {
        format!("{version:020}.checkpoint.parquet")
    }

    #[test]
    fn commits_that_are_missing_are_named() {
        let all = u64::MAX;
        check(&[0, 1, 2], &[], all, None);
        check(&[0, 2], &[], all, Some(("version 1", Some(0))));
        check(&[0, 1, 5, 7], &[], all, Some(("versions 2 to 4, 6", Some(1))));
        check(&[0, 2, 4, 6, 8], &[], all, Some(("versions 1, 3, 5 and more", Some(0))));
        check(&[1, 2], &[], all, Some(("version 0", None)));
        check(&[0, 1, 3], &[], 1, None);
        check(&[], &[], all, None);
    }

    #[test]
    fn what_a_checkpoint_holds_is_not_missed() {
        let ten = checkpoint(10);
        check(&[3, 9, 10, 11], &[&ten], u64::MAX, None);
        check(&[10, 12], &[&ten], u64::MAX, Some(("version 11", Some(10))));
        check(&[0, 2, 10], &[&ten], 2, Some(("version 1", Some(0))));
        let of_parts = format!("{:020}.checkpoint.0000000001.0000000002.parquet", 10);
        check(&[10, 11], &[&of_parts], u64::MAX, None);
    }
}
