//! Commits: when the versions of a table were committed, by the times that commits themselves carry.
//!
//! The times of the files in the log are other ones where a table was copied. Reads the log; it must not choose
//! what a time is asked for.

use deltalake::{DeltaTable, DeltaTableError};
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use serde::Deserialize;

/// Commits that are read at the same time.
const CONCURRENCY: usize = 16;

/// A line of a commit, as far as it matters here.
#[derive(Deserialize)]
struct Action {
    #[serde(rename = "commitInfo")]
    commit_info: Option<CommitInfo>,
}

/// Milliseconds since the epoch.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CommitInfo {
    in_commit_timestamp: Option<i64>,
    timestamp: Option<i64>,
}

/// The version that was the newest at a time, or why there is none.
pub(super) enum AtTime {
    /// This one.
    Version(u64),
    /// The first commit that there still is came later: at this time, if it says so.
    Later(Option<Timestamp>),
}

/// The newest version of `table`, which is loaded at its newest, that was committed by `time`.
pub(super) async fn version_at(table: &DeltaTable, time: Timestamp) -> Result<AtTime, DeltaTableError> {
    let versions = (0..=table.version().unwrap_or_default()).rev();
    let commits = futures::stream::iter(versions).map(|version| async move {
        let found = read(table, version).await?;
        Ok::<_, DeltaTableError>(found.map(|committed_at| (version, committed_at)))
    });
    let mut commits = commits.buffered(CONCURRENCY);
    let mut oldest = None;
    // A log is cut off at its beginning, so that before a commit that is gone there is none.
    while let Some(Some((version, committed_at))) = commits.try_next().await? {
        if committed_at.is_some_and(|committed_at| committed_at <= time) {
            return Ok(AtTime::Version(version));
        }
        oldest = committed_at.or(oldest);
    }
    Ok(AtTime::Later(oldest))
}

/// When `version` of `table` was committed; `None` if that is not known any more, or was never told.
pub(super) async fn time_of(table: &DeltaTable, version: u64) -> Result<Option<Timestamp>, DeltaTableError> {
    Ok(read(table, version).await?.flatten())
}

/// The time that the commit of `version` carries, if it does, if it is there.
async fn read(table: &DeltaTable, version: u64) -> Result<Option<Option<Timestamp>>, DeltaTableError> {
    let Some(bytes) = table.log_store().read_commit_entry(version).await? else { return Ok(None) };
    let actions = serde_json::Deserializer::from_slice(&bytes).into_iter::<Action>();
    let info = actions.filter_map(Result::ok).find_map(|action| action.commit_info);
    let millis = info.and_then(|info| info.in_commit_timestamp.or(info.timestamp));
    Ok(Some(millis.and_then(|millis| Timestamp::from_millisecond(millis).ok())))
}
