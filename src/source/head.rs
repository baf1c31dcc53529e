//! Heads: the newest entry of a table's log, by which it is seen at a glance that nothing was committed since.
//!
//! An entry is not changed once it is there, and tells files by names that no other has. Where it is the same, and none follows
//! it, the table is the same at the same version.

use deltalake::logstore::LogStore;
use deltalake::{DeltaTable, DeltaTableError};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Lake, SourceError};
use crate::config::{Monitor, hex16};
use crate::lineage::Pin;

/// The entries of the versions that a run reads, each by a hash; `None` where there is none any more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heads {
    /// Of the inference table.
    pub inference: Option<String>,
    /// Of the label table.
    pub labels: Option<String>,
    /// Of the baseline table.
    pub baseline: Option<String>,
}

/// What a run has read, as its account says.
#[derive(Debug, Clone, Copy)]
pub struct Pinned<'a> {
    /// The inference table.
    pub source: &'a Pin,
    /// The label table.
    pub labels: Option<&'a Pin>,
    /// The baseline table.
    pub baseline: Option<&'a Pin>,
    /// The entries of these versions.
    pub heads: &'a Heads,
}

/// The entry of the version that `table` is loaded at.
pub(super) async fn of(table: &DeltaTable) -> Result<Option<String>, DeltaTableError> {
    entry(table.log_store().as_ref(), table.version().unwrap_or_default()).await
}

/// Whether what `monitor` reads is what was `read`, as far as entries of logs tell; what they do not tell is not.
///
/// # Errors
/// If one cannot be read, which a closer look explains.
pub async fn is_as_it_was(lake: Lake<'_>, monitor: &Monitor, read: Pinned<'_>) -> Result<bool, SourceError> {
    let inference = &monitor.inference;
    let labels = monitor.arriving_label().map(|(_, labels)| &labels.table);
    let baseline = monitor.baseline.as_ref();
    let Pinned { source, labels: read_labels, baseline: read_baseline, heads } = read;
    Ok(is_same(lake, "inference.table", Some(&inference.table), None, Some(source), &heads.inference).await?
        && is_same(lake, "inference.label_table", labels, None, read_labels, &heads.labels).await?
        && is_same(
            lake,
            "baseline.table",
            baseline.map(|baseline| &baseline.table),
            baseline.and_then(|baseline| baseline.version),
            read_baseline,
            &heads.baseline,
        )
        .await?)
}

/// Whether the table at `url`, which stays at version `at` if one is named, is what was `read`.
async fn is_same(
    lake: Lake<'_>,
    key: &'static str,
    url: Option<&Url>,
    at: Option<u64>,
    read: Option<&Pin>,
    head: &Option<String>,
) -> Result<bool, SourceError> {
    let (Some(url), Some(read)) = (url, read) else { return Ok(url.is_none() && read.is_none()) };
    if super::shown(url) != read.table || head.is_none() || at.is_some_and(|at| at != read.version) {
        return Ok(false);
    }
    let log = lake.folder(key, url)?;
    let failed = |error| SourceError::open(key, url, error);
    let is_newest = match at {
        Some(_) => true,
        None => log.get_latest_version(read.version).await.map_err(failed)? == read.version,
    };
    Ok(is_newest && entry(log.as_ref(), read.version).await.map_err(failed)? == *head)
}

/// The entry of a version, if there is one.
pub(super) async fn entry(log: &dyn LogStore, version: u64) -> Result<Option<String>, DeltaTableError> {
    let bytes = log.read_commit_entry(version).await?;
    Ok(bytes.map(|bytes| hex16(&String::from_utf8_lossy(&bytes))))
}
