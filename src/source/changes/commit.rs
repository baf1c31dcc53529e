//! Commits: what one version of a table added and removed, from its file in the log.
//!
//! Lenient: what it does not know, it passes over, since other writers may. Pure; it must not judge what the
//! actions mean together.

use std::collections::HashMap;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::span::{TimeColumn, Times};

/// What one version did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Commit {
    /// Files that came, in the order of the log.
    pub(super) added: Vec<Action>,
    /// Files that went, in the order of the log.
    pub(super) removed: Vec<Action>,
    /// The table's id, if its metadata were written anew.
    pub(super) table_id: Option<String>,
    /// Whether the protocol was written anew.
    pub(super) protocol: bool,
}

/// A file that came or went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Action {
    pub(super) file: File,
    /// Whether rows may have come, gone or changed by it. If not, they are only in other files now.
    pub(super) changes_data: bool,
}

/// A file of a table, as far as the log tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    /// The path as the log writes it: percent-encoded, and mostly relative to the table.
    pub(super) path: String,
    /// Bytes of Parquet.
    pub(super) size: u64,
    /// Rows that are not deleted, if known.
    pub(super) rows: Option<u64>,
    /// When they are, if known.
    pub(super) times: Option<Times>,
    /// Which of its rows are deleted, by the name of the deletion vector.
    pub(super) deletion_vector: Option<String>,
}

impl File {
    /// The path as it is, by which files are told apart.
    pub(super) fn key(&self) -> String {
        decoded(&self.path)
    }
}

/// What is wrong with the file of a commit, in words that follow its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken(pub(super) String);

/// A line of a commit, as far as it matters here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    add: Option<FileAction>,
    remove: Option<FileAction>,
    meta_data: Option<Metadata>,
    protocol: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileAction {
    path: String,
    /// Without it, rows may have changed.
    data_change: Option<bool>,
    size: Option<i64>,
    partition_values: Option<HashMap<String, Option<String>>>,
    stats: Option<String>,
    deletion_vector: Option<DeletionVector>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeletionVector {
    storage_type: String,
    path_or_inline_dv: String,
    offset: Option<i64>,
    cardinality: Option<u64>,
}

#[derive(Deserialize)]
struct Metadata {
    id: String,
}

/// Reads the file of a commit.
///
/// # Errors
/// If a line is not JSON, or an action without what every such action has.
pub(super) fn parse(bytes: &Bytes, column: &TimeColumn) -> Result<Commit, Broken> {
    // A writer says at least who it is. A file that a machine did not live to write would be passed over for good.
    if bytes.trim_ascii().is_empty() {
        return Err(Broken("is empty".to_owned()));
    }
    let mut commit = Commit::default();
    let lines = bytes.split(|byte| *byte == b'\n').enumerate();
    for (index, line) in lines.filter(|(_, line)| !line.trim_ascii().is_empty()) {
        let line: Line = serde_json::from_slice(line).map_err(|error| broken(index + 1, &error))?;
        commit.added.extend(line.add.map(|action| action.read(column)));
        commit.removed.extend(line.remove.map(|action| action.read(column)));
        commit.table_id = line.meta_data.map(|metadata| metadata.id).or(commit.table_id);
        commit.protocol |= line.protocol.is_some();
    }
    Ok(commit)
}

fn broken(line: usize, error: &serde_json::Error) -> Broken {
    Broken(if error.is_eof() {
        format!("breaks off in line {line}")
    } else if error.is_data() {
        format!("has no action in line {line}: {error}")
    } else {
        format!("is not JSON in line {line}")
    })
}

impl FileAction {
    fn read(self, column: &TimeColumn) -> Action {
        let vector = self.deletion_vector;
        let deleted = vector.as_ref().map_or(Some(0), |vector| vector.cardinality);
        let told = column.told(self.stats.as_deref(), &self.partition_values.unwrap_or_default());
        let file = File {
            size: self.size.and_then(|size| size.try_into().ok()).unwrap_or_default(),
            rows: told.rows.zip(deleted).and_then(|(rows, deleted)| rows.checked_sub(deleted)),
            times: told.times,
            deletion_vector: vector
                .map(|vector| name(&vector.storage_type, &vector.path_or_inline_dv, vector.offset)),
            path: self.path,
        };
        Action { file, changes_data: self.data_change.unwrap_or(true) }
    }
}

/// What tells a deletion vector from others.
pub(super) fn name(storage_type: &str, path_or_inline: &str, offset: Option<i64>) -> String {
    format!("{storage_type}{path_or_inline}@{}", offset.unwrap_or_default())
}

/// `path` without its percent-encoding.
fn decoded(path: &str) -> String {
    let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = match rest {
            [b'%', high, low, ..] => hex(*high).zip(hex(*low)),
            _ => None,
        };
        if let Some((high, low)) = escaped {
            bytes.push(high * 16 + low);
            rest = &rest[3..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests;
