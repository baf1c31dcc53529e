//! Changes: what happened to the rows of a table after one version, up to another, by its log.
//!
//! So that a run reads what is new, and reads anew only what changed. `commit` reads what a version did, `walk`
//! puts versions together, `span` knows times; both compute only, as does `schema` for columns. `files` and `times` look up what the log of
//! these versions does not tell. Reads the log, and of rows only times that are told nowhere else; it must not
//! decide what is done about a change.

mod commit;
mod files;
mod schema;
mod span;
mod times;
mod walk;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use commit::{Broken, Commit, File};
use deltalake::DeltaTable;
use deltalake::kernel::MetadataValue;
use deltalake::table::state::DeltaTableState;
use files::Earlier;
use futures::{StreamExt, TryStreamExt};
pub use schema::ColumnChange;
use span::TimeColumn;
pub use span::{Span, Times};
use walk::{Before, walk};

use super::{SourceError, shown};

/// Commits, or files, that are read at the same time.
const CONCURRENCY: usize = 16;

/// What has been counted of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted<'a> {
    /// Up to and with this version.
    pub version: u64,
    /// The id that the table had then, if it was recorded: another table may stand in its place by now.
    pub table_id: Option<&'a str>,
    /// How many files it had then, if that was recorded.
    pub files: Option<u64>,
}

/// What must be read to know what a table holds, for who has counted it at an earlier version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since {
    /// What changed.
    Changes(Changes),
    /// All rows must be read anew.
    Everything(Why),
}

/// What happened to the rows of a table after version `from`, up to version `to`.
///
/// Of a time that is not [touched](Self::touches), the rows at `to` are those at `from` and those of the files
/// [`added`](Self::added), no row twice. Of a time that is touched, they must be read at `to`. This holds as well if
/// more times are taken for touched: those of whole windows, say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// The version that has been counted.
    pub from: u64,
    /// The version that the table is read at.
    pub to: u64,
    /// How many of the versions in between changed rows.
    pub commits: u64,
    /// Files of `to` of which every row is new since `from`, by path. Rows that were deleted of them since are marked
    /// at `to`.
    pub added: Vec<AddedFile>,
    /// Where rows may have gone, come back or changed: in order, and apart from each other.
    pub touched: Vec<Span>,
    /// Whether rows that have no time may have gone, come back or changed, too.
    pub touched_without_time: bool,
    /// Whether the table's schema or settings were written anew.
    pub metadata: bool,
    /// What happened to its columns; `None` if what they were cannot be read any more.
    pub columns: Option<Vec<ColumnChange>>,
    /// Whether what readers and writers must know was written anew.
    pub protocol: bool,
}

impl Changes {
    /// Whether the rows of this time, in microseconds since the epoch, must be read anew; of `None`, those without a
    /// time.
    pub fn touches(&self, time: Option<i64>) -> bool {
        let Some(time) = time else { return self.touched_without_time };
        let after = self.touched.partition_point(|span| span.first <= time);
        self.touched[..after].last().is_some_and(|span| span.contains(time))
    }
}

/// A file with new rows only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedFile {
    /// The path as the log writes it: percent-encoded, and mostly relative to the table.
    pub path: String,
    /// Bytes of Parquet.
    pub size: u64,
    /// Rows that are not deleted, if the log tells.
    pub rows: Option<u64>,
    /// When they are, if the log tells.
    pub times: Option<Times>,
}

/// Why all rows must be read anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// What this version did is not in the log any more.
    Gone(u64),
    /// What was counted is of another table than what is there now, or of a later version.
    Recreated,
    /// Rows of this file may have changed, and nothing tells any more from when they were.
    Unknown(String),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone(version) => write!(f, "version {version} is not in the log any more"),
            Self::Recreated => f.write_str("the table was made anew"),
            Self::Unknown(file) => {
                write!(f, "nothing tells any more from when the rows of file `{file}` were")
            }
        }
    }
}

/// What happened to the rows of `table`, which is loaded at the version to read and which the monitor file names
/// under `key`, since it was counted. `time_column` says when a row was.
///
/// # Errors
/// If the log cannot be read, or holds what is none.
pub async fn since(
    key: &'static str,
    table: &DeltaTable,
    counted: Counted<'_>,
    time_column: &str,
) -> Result<Since, SourceError> {
    let failed = |error| SourceError::open(key, table.table_url(), error);
    let state = table.snapshot().map_err(failed)?;
    let (from, to, id) = (counted.version, state.version(), state.metadata().id());
    if from > to || counted.table_id.is_some_and(|counted| counted != id) {
        return Ok(Since::Everything(Why::Recreated));
    }
    let column = time_column_of(state, time_column);
    let mut commits = Vec::new();
    for (version, commit) in (from + 1..).zip(read(key, table, from + 1..=to, &column).await?) {
        let Some(commit) = commit else { return Ok(Since::Everything(Why::Gone(version))) };
        commits.push(commit);
    }
    let named: BTreeSet<String> = commits
        .iter()
        .flat_map(|commit| commit.added.iter().chain(&commit.removed))
        .map(|action| action.file.key())
        .collect();
    let earlier = match are_new(counted, state, &commits, &named) {
        true => Earlier { files: Before::Known(HashMap::new()), table_id: None },
        false => files::at(table, from, &named, &column).await.map_err(failed)?,
    };
    let mut ids =
        commits.iter().filter_map(|commit| commit.table_id.as_deref()).chain(earlier.table_id.as_deref());
    if ids.any(|earlier| earlier != id) {
        return Ok(Since::Everything(Why::Recreated));
    }
    let walked = walk(&commits, &earlier.files);
    let touched = match times_of(key, table, &walked.touched, &column).await? {
        Ok(touched) => touched,
        Err(file) => return Ok(Since::Everything(Why::Unknown(file))),
    };
    let metadata = commits.iter().any(|commit| commit.table_id.is_some());
    let columns = if metadata { schema::since(table, from).await.map_err(failed)? } else { Some(Vec::new()) };
    Ok(Since::Changes(Changes {
        columns,
        from,
        to,
        commits: walked.commits,
        added: walked.fresh.into_iter().map(AddedFile::from).collect(),
        touched_without_time: touched.iter().any(|times| times.without_time),
        touched: Span::merged(touched.iter().filter_map(|times| times.span).collect()),
        metadata,
        protocol: commits.iter().any(|commit| commit.protocol),
    }))
}

/// How many files `table` has at the version that it is loaded at.
///
/// # Errors
/// If the table is not loaded.
pub fn count_files(key: &'static str, table: &DeltaTable) -> Result<u64, SourceError> {
    let state = table.snapshot().map_err(|error| SourceError::open(key, table.table_url(), error))?;
    Ok(state.log_data().num_files() as u64)
}

/// Whether none of the files `named` by `commits` was there before, as it is where these only append: then there are as many
/// files more as they name. That saves a look at all of the log.
fn are_new(
    counted: Counted<'_>,
    state: &DeltaTableState,
    commits: &[Commit],
    named: &BTreeSet<String>,
) -> bool {
    let is_append = |commit: &Commit| {
        commit.removed.is_empty() && commit.added.iter().all(|action| action.file.deletion_vector.is_none())
    };
    let (before, now) = (counted.files.filter(|_| counted.table_id.is_some()), state.log_data().num_files());
    commits.iter().all(is_append) && before.map(|files| files + named.len() as u64) == Some(now as u64)
}

/// The files of `table` at the version that it is loaded at. `time_column` says when a row was.
///
/// # Errors
/// If the table is not loaded.
pub fn present(
    key: &'static str,
    table: &DeltaTable,
    time_column: &str,
) -> Result<Vec<AddedFile>, SourceError> {
    let state = table.snapshot().map_err(|error| SourceError::open(key, table.table_url(), error))?;
    let column = time_column_of(state, time_column);
    Ok(state.log_data().into_iter().map(|view| files::file(&view, &column).into()).collect())
}

impl From<File> for AddedFile {
    fn from(file: File) -> Self {
        Self { path: file.path, size: file.size, rows: file.rows, times: file.times }
    }
}

/// The column `name` of a table, as its files and its log know it.
fn time_column_of(state: &DeltaTableState, name: &str) -> TimeColumn {
    let metadata = state.metadata();
    let mode = metadata.configuration().get("delta.columnMapping.mode");
    let is_mapped = mode.is_some_and(|mode| mode != "none");
    let schema = state.schema();
    let field = schema.field(name).filter(|_| is_mapped);
    let physical = match field.and_then(|field| field.metadata.get("delta.columnMapping.physicalName")) {
        Some(MetadataValue::String(physical)) => physical,
        _ => name,
    };
    let is_partition = metadata.partition_columns().iter().any(|column| column == name);
    TimeColumn { physical: physical.to_owned(), is_partition }
}

/// What these versions of `table` did, in their order; `None` of those that are not in the log any more.
async fn read(
    key: &'static str,
    table: &DeltaTable,
    versions: RangeInclusive<u64>,
    column: &TimeColumn,
) -> Result<Vec<Option<Commit>>, SourceError> {
    let url = table.table_url();
    let log = table.log_store();
    let commits = futures::stream::iter(versions).map(|version| {
        let log = Arc::clone(&log);
        async move {
            let bytes = log.read_commit_entry(version).await;
            let Some(bytes) = bytes.map_err(|error| SourceError::open(key, url, error))? else {
                return Ok(None);
            };
            let commit = commit::parse(&bytes, column).map_err(|Broken(what)| SourceError::Damaged {
                key,
                table: shown(url),
                file: format!("_delta_log/{version:020}.json"),
                what,
                is_gone: false,
            })?;
            Ok(Some(commit))
        }
    });
    commits.buffered(CONCURRENCY).try_collect().await
}

/// When the rows of `files` are, or the path of a file of which nobody can tell.
async fn times_of(
    key: &'static str,
    table: &DeltaTable,
    files: &[File],
    column: &TimeColumn,
) -> Result<Result<Vec<Times>, String>, SourceError> {
    let mut touched: Vec<Times> = files.iter().filter_map(|file| file.times).collect();
    let untold: BTreeSet<String> = files.iter().filter(|file| file.times.is_none()).map(File::key).collect();
    let store = table.log_store().object_store(None);
    let looked_up = futures::stream::iter(untold).map(|file| {
        let store = Arc::clone(&store);
        async move {
            let times = times::of_file(store, &file, column).await;
            times
                .map(|times| times.ok_or(file))
                .map_err(|error| SourceError::open(key, table.table_url(), error))
        }
    });
    let mut looked_up = looked_up.buffered(CONCURRENCY);
    while let Some(times) = looked_up.try_next().await? {
        match times {
            Ok(times) => touched.push(times),
            Err(file) => return Ok(Err(file)),
        }
    }
    Ok(Ok(touched))
}

#[cfg(test)]
mod tests;
