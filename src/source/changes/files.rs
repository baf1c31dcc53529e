//! The files of a table at an earlier version: of a file that went, the log mostly tells only there when its rows
//! were.
//!
//! Reads the log of the version once, and keeps what was asked for; it must not judge.

use std::collections::{BTreeSet, HashMap};

use deltalake::kernel::{LogicalFileView, Snapshot};
use deltalake::{DeltaTable, DeltaTableError};
use futures::TryStreamExt;

use super::commit::{self, File};
use super::span::TimeColumn;
use super::walk::Before;
use crate::cause::{Trouble, trouble};

/// What is known of an earlier version.
pub(super) struct Earlier {
    /// Its files.
    pub(super) files: Before,
    /// The table's id.
    pub(super) table_id: Option<String>,
}

/// Those of the files `named` that `table` had at `version`. Nothing is known of a version that cannot be read any
/// more: the log may have been cut off right behind it.
///
/// # Errors
/// If the store does not answer, or refuses.
pub(super) async fn at(
    table: &DeltaTable,
    version: u64,
    named: &BTreeSet<String>,
    column: &TimeColumn,
) -> Result<Earlier, DeltaTableError> {
    if named.is_empty() {
        return Ok(Earlier { files: Before::Known(HashMap::new()), table_id: None });
    }
    match look_up(table, version, named, column).await {
        Err(error) if trouble(&error) == Trouble::Other => {
            Ok(Earlier { files: Before::Unknown, table_id: None })
        }
        found => found,
    }
}

async fn look_up(
    table: &DeltaTable,
    version: u64,
    named: &BTreeSet<String>,
    column: &TimeColumn,
) -> Result<Earlier, DeltaTableError> {
    let log = table.log_store();
    let snapshot = Snapshot::try_new(log.as_ref(), Some(version)).await?;
    let keep = |mut files: HashMap<String, File>, view: LogicalFileView| async move {
        if named.contains(view.path().as_ref()) {
            files.insert(view.path().into_owned(), file(&view, column));
        }
        Ok(files)
    };
    let files = snapshot.file_views(log.as_ref(), None).try_fold(HashMap::new(), keep).await?;
    Ok(Earlier { files: Before::Known(files), table_id: Some(snapshot.metadata().id().to_owned()) })
}

pub(super) fn file(view: &LogicalFileView, column: &TimeColumn) -> File {
    let told = column.told(view.stats().as_deref(), &view.partition_values_map());
    File {
        path: view.path().into_owned(),
        size: view.size().try_into().unwrap_or_default(),
        rows: told.rows,
        times: told.times,
        deletion_vector: view.deletion_vector_descriptor().map(|vector| {
            let offset = vector.offset.map(i64::from);
            commit::name(vector.storage_type.as_ref(), &vector.path_or_inline_dv, offset)
        }),
    }
}
