//! Entries of a table's log: what our own commits say of themselves.
//!
//! The newest of them are a few small files, where a look at all of the log costs as much as opening the table does.

use deltalake::logstore::LogStore;
use deltalake::{DeltaTable, DeltaTableError};
use serde::Deserialize;

/// A line of an entry, as far as it matters here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Who made the commit.
    pub commit_info: Option<CommitInfo>,
    /// Whose turn it was.
    pub txn: Option<Txn>,
}

/// What a commit says of itself.
#[derive(Deserialize)]
pub struct CommitInfo {
    /// The account of what was counted.
    #[serde(rename = "secchi.counted")]
    pub counted: Option<String>,
    /// The commit's own name.
    #[serde(rename = "secchi.commit_id")]
    pub commit_id: Option<String>,
}

/// A transaction of an application.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Txn {
    /// The application.
    pub app_id: String,
    /// Its number.
    pub version: i64,
}

/// What was looked for in the newest entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Newest<T> {
    /// The version of the newest entry that has it, and what it says.
    At(u64, T),
    /// No entry has it, and all that there ever were were looked at.
    Nowhere,
    /// None of those that were looked at has it. There are more, or there were.
    Further,
}

/// The newest entry of `log`, up to that of the version `newest`, of which some line is what is `sought`; so many are looked
/// at, at `most`.
///
/// # Errors
/// If one cannot be read.
pub async fn newest<T>(
    log: &dyn LogStore,
    newest: u64,
    most: u64,
    sought: impl Fn(Line) -> Option<T>,
) -> Result<Newest<T>, DeltaTableError> {
    for version in (0..=newest).rev().take(usize::try_from(most).unwrap_or(usize::MAX)) {
        match find(log, version, &sought).await? {
            None => return Ok(Newest::Further),
            Some(Some(found)) => return Ok(Newest::At(version, found)),
            Some(None) => {}
        }
    }
    Ok(if newest < most { Newest::Nowhere } else { Newest::Further })
}

/// The first entry after the version that `table` is loaded at of which some line is what is `sought`.
///
/// # Errors
/// If one cannot be read.
pub async fn first_after(
    table: &DeltaTable,
    sought: impl Fn(Line) -> Option<()>,
) -> Result<Option<u64>, DeltaTableError> {
    let mut version = table.version().map_or(0, |version| version + 1);
    while let Some(found) = find(table.log_store().as_ref(), version, &sought).await? {
        if found.is_some() {
            return Ok(Some(version));
        }
        version += 1;
    }
    Ok(None)
}

/// What is sought in the entry of this version; `None` if there is no entry.
async fn find<T>(
    log: &dyn LogStore,
    version: u64,
    sought: impl Fn(Line) -> Option<T>,
) -> Result<Option<Option<T>>, DeltaTableError> {
    let Some(bytes) = log.read_commit_entry(version).await? else { return Ok(None) };
    let lines = serde_json::Deserializer::from_slice(&bytes).into_iter::<Line>();
    Ok(Some(lines.filter_map(Result::ok).find_map(sought)))
}
