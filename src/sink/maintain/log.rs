//! The log of a table as files: which of them nobody needs any more.
//!
//! A choice by names and times; it must not read or delete.

use object_store::ObjectMeta;
use object_store::path::Path;

/// The folder of the log.
pub const FOLDER: &str = "_delta_log";

/// Digits of a version in a name.
const DIGITS: usize = 20;

/// A file of the log that belongs to a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub path: Path,
    version: u64,
    kind: Kind,
    /// When it was written, in milliseconds since 1970.
    written: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Commit,
    /// All that there was at a version.
    Checkpoint,
    /// A part of that, or something beside it.
    Other,
}

impl Entry {
    /// The entry that `file` of a table is, if it is one.
    pub fn of(file: &ObjectMeta) -> Option<Self> {
        let name = file.location.as_ref().strip_prefix(FOLDER)?.strip_prefix('/')?;
        let (version, rest) = name.split_once('.')?;
        let version = version.parse().ok().filter(|_| version.len() == DIGITS)?;
        let kind = match rest.split('.').collect::<Vec<_>>().as_slice() {
            ["json"] => Kind::Commit,
            ["checkpoint", "parquet"] => Kind::Checkpoint,
            // Of one in several parts it would have to be known whether all are there.
            ["checkpoint", ..] | ["crc"] => Kind::Other,
            _ => return None,
        };
        let written = file.last_modified.timestamp_millis();
        Some(Self { path: file.location.clone(), version, kind, written })
    }
}

/// The version of the newest checkpoint.
pub fn newest_checkpoint(entries: &[Entry]) -> Option<u64> {
    entries.iter().filter(|entry| entry.kind == Kind::Checkpoint).map(|entry| entry.version).max()
}

/// The entries of versions that nobody needs, oldest first: those that were written before a time, in milliseconds, and
/// come before a checkpoint from which on all later versions can be read, and `needed`, too. A checkpoint counts if it was
/// there `since` another time: who began to read before may need what it stands for.
pub fn expired(entries: &[Entry], needed: u64, before: i64, since: i64) -> Vec<&Entry> {
    let is_late = |entry: &&Entry| entry.kind == Kind::Commit && entry.written >= before;
    let kept = entries.iter().filter(is_late).map(|entry| entry.version).min();
    let from = needed.min(kept.unwrap_or(u64::MAX));
    let is_known =
        |entry: &&Entry| entry.kind == Kind::Checkpoint && entry.version <= from && entry.written < since;
    let checkpoints = entries.iter().filter(is_known).map(|entry| entry.version);
    let Some(from) = checkpoints.max() else { return Vec::new() };
    let is_expired = |entry: &&Entry| entry.version < from && entry.written < before;
    let mut expired: Vec<&Entry> = entries.iter().filter(is_expired).collect();
    expired.sort_by_key(|entry| entry.version);
    expired
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use chrono::DateTime;

    use super::*;

    fn listed(name: &str, written: i64) -> ObjectMeta {
        ObjectMeta {
            location: Path::from(name),
            last_modified: DateTime::from_timestamp_millis(written).unwrap(),
            size: 1,
            e_tag: None,
            version: None,
        }
    }

    /// A log with commits 0 to 9, written at that time, and checkpoints of these versions.
    fn log(checkpoints: &[u64]) -> Vec<Entry> {
        let commits = (0..10u64).map(|version| (version, "json"));
        let checkpoints = checkpoints.iter().map(|version| (*version, "checkpoint.parquet"));
        let files = commits.chain(checkpoints).map(|(version, rest)| {
            listed(&format!("{FOLDER}/{version:020}.{rest}"), i64::try_from(version).unwrap())
        });
        files.map(|file| Entry::of(&file).unwrap()).collect()
    }

    #[track_caller]
    fn check(checkpoints: &[u64], needed: u64, before: i64, expected: &[&str]) {
        let log = log(checkpoints);
        let names = expired(&log, needed, before, i64::MAX).into_iter();
        let names: Vec<&str> = names.map(|entry| entry.path.filename().unwrap()).collect();
        assert_eq!(
            names,
            expected.iter().map(|name| format!("{:0>20}{}", &name[..1], &name[1..])).collect::<Vec<_>>()
        );
    }

    #[test]
    fn what_comes_before_a_checkpoint_expires_with_time() {
        check(&[3, 6], 9, 5, &["0.json", "1.json", "2.json"]);
        check(
            &[3, 6],
            9,
            7,
            &["0.json", "1.json", "2.json", "3.json", "3.checkpoint.parquet", "4.json", "5.json"],
        );
        check(&[3, 6], 9, 0, &[]);
        check(&[], 9, 100, &[]);
    }

    #[test]
    fn a_checkpoint_that_is_new_does_not_count() {
        let log = log(&[3, 6]);
        let from = |since| expired(&log, 9, 100, since).last().map(|entry| entry.version);
        assert_eq!((from(7), from(6), from(3)), (Some(5), Some(2), None));
    }

    #[test]
    fn what_is_needed_stays_however_old_it_is() {
        check(&[3, 6, 9], 4, 100, &["0.json", "1.json", "2.json"]);
        check(&[3, 6, 9], 2, 100, &[]);
    }

    #[test]
    fn of_the_files_of_a_log_those_of_versions_are_entries() {
        let entry = |name: &str| Entry::of(&listed(&format!("{FOLDER}/{name}"), 0));
        let kind = |rest: &str| entry(&format!("00000000000000000007.{rest}")).map(|entry| entry.kind);
        assert_eq!(kind("json"), Some(Kind::Commit));
        assert_eq!(kind("checkpoint.parquet"), Some(Kind::Checkpoint));
        for rest in ["checkpoint.0000000001.0000000002.parquet", "checkpoint.80a083e8.parquet", "crc"] {
            assert_eq!(kind(rest), Some(Kind::Other), "{rest}");
        }
        for name in
            ["_last_checkpoint", "7.json", "_commits/00000000000000000007.json", "_sidecars/a.parquet"]
        {
            assert_eq!(entry(name), None, "{name}");
        }
        assert_eq!(newest_checkpoint(&log(&[3, 6])), Some(6));
    }
}
