//! Damage: which file of a table is to blame when the table cannot be read.
//!
//! The engine's errors often do not name the file. So when a read has failed, and only then, the files are
//! looked at one by one, up to a bound. This module explains a failure; it must not decide that there is one.

use bytes::Bytes;
use deltalake::logstore::LogStore;
use deltalake::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use deltalake::{DeltaTable, ObjectStore, Path};
use futures::TryStreamExt;
use object_store::ObjectStoreExt;

use super::{At, Lake, SourceError, shown};
use crate::cause::plain;
use crate::lineage::Pin;

/// Most commits that are looked at, newest first; there is a checkpoint before these.
const COMMITS_MAX: usize = 200;

/// Most bytes of Parquet that are decoded to find the damaged file.
const BYTES_MAX: u64 = 1 << 30;

/// The commit of `table` that is not JSON.
pub(super) async fn of_log(table: &DeltaTable) -> Option<SourceError> {
    let log = table.log_store();
    let store = log.object_store(None);
    let files: Vec<_> = store.list(Some(log.log_path())).try_collect().await.ok()?;
    let mut commits: Vec<Path> =
        files.into_iter().map(|file| file.location).filter(|path| path.extension() == Some("json")).collect();
    commits.sort();
    for path in commits.iter().rev().take(COMMITS_MAX) {
        let bytes = store.get(path).await.ok()?.bytes().await.ok()?;
        let lines = bytes.split(|byte| *byte == b'\n').enumerate();
        for (index, line) in lines.filter(|(_, line)| !line.trim_ascii().is_empty()) {
            if let Err(error) = serde_json::from_slice::<serde_json::Value>(line) {
                let what = if error.is_eof() { "breaks off" } else { "is not JSON" };
                return Some(damaged(table, path, format!("{what} in line {}", index + 1)));
            }
        }
    }
    None
}

/// The file of the table at `pin` that cannot be read.
pub(super) async fn of_files(lake: Lake<'_>, key: &'static str, pin: &Pin) -> Option<SourceError> {
    let url = url::Url::parse(&format!("{}/", pin.table)).ok()?;
    let table = lake.table(key, &url, At::Version(pin.version)).await.ok()?;
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
                return Some(SourceError::Damaged {
                    table,
                    file,
                    what: "is not there".to_owned(),
                    is_gone: true,
                });
            }
            Ok(found) if found.size != *size => {
                return Some(damaged(
                    &table,
                    path,
                    format!("has {} bytes, but {size} in the log", found.size),
                ));
            }
            _ => {}
        }
    }
    let mut left = BYTES_MAX;
    for (path, size) in &files {
        if *size > left {
            continue;
        }
        left -= *size;
        let bytes = store.get(path).await.ok()?.bytes().await.ok()?;
        // A decoder that panics has found the file, too.
        match tokio::task::spawn_blocking(move || decode(bytes)).await {
            Ok(Ok(())) => {}
            Ok(Err(why)) => return Some(damaged(&table, path, format!("is damaged: {why}"))),
            Err(_) => return Some(damaged(&table, path, "is damaged".to_owned())),
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

fn damaged(table: &DeltaTable, path: &Path, what: String) -> SourceError {
    SourceError::Damaged { table: shown(table.table_url()), file: path.to_string(), what, is_gone: false }
}
