//! Maintenance: output tables stay quick to read and small to keep, however often runs write to them.
//!
//! Four things in turn: rows of many small files are written to few ([`layout`] chooses, [`compaction`] writes), the log
//! gets a checkpoint where much has come since the last, and data files and entries of the log that no version within the
//! table's retention needs are deleted. None changes a row, and none stands in a run's way: whoever commits second looks again. It
//! must not take turns as runs do, nor decide when it is time.

mod compaction;
mod layout;
mod leftovers;
mod log;

use std::collections::HashSet;
use std::time::Duration;

use arrow::datatypes::{Field, SchemaRef};
pub use compaction::Sizes;
use deltalake::protocol::checkpoints::create_checkpoint;
use deltalake::table::config::TablePropertiesExt;
use deltalake::{DeltaTable, DeltaTableError};
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt};
use url::Url;

use self::log::Entry;
use super::table::{self, App};
use super::{SinkError, custom, ledger, schema, url};
use crate::config::Monitor;
use crate::contract::{self, Table};
use crate::source::{Lake, shown};

/// How long a run may take at most: so long data files stay whatever the table says, and entries of the log after the
/// checkpoint that stands for them.
const IN_USE: Duration = Duration::from_hours(24);

/// Data files that are deleted at the same time.
const AT_ONCE: usize = 16;

/// An output table.
#[derive(Debug)]
pub struct Place<'m> {
    url: Url,
    contract: &'static Table,
    schema: SchemaRef,
    custom: Vec<Field>,
    monitor: &'m Monitor,
    /// The monitor whose table it is; `None` of one that several write to.
    owner: Option<&'m str>,
}

impl<'m> Place<'m> {
    /// The tables of `monitor` alone.
    pub fn own(monitor: &'m Monitor) -> Vec<Self> {
        let contracts = [
            &contract::profile_states::TABLE,
            &contract::profile_metrics::TABLE,
            &contract::drift_metrics::TABLE,
        ];
        let place = |contract: &'static Table| Self {
            url: url(monitor, contract),
            contract,
            schema: schema::schema(contract, monitor.inference.model_id_col.as_deref()),
            custom: custom::columns(contract, &monitor.custom_metrics),
            monitor,
            owner: Some(&monitor.name),
        };
        contracts.into_iter().map(place).collect()
    }

    /// The tables that `monitor` shares with all that have its output.
    pub fn shared(monitor: &'m Monitor) -> Vec<Self> {
        let place = |contract: &'static Table| Self {
            url: url(monitor, contract),
            contract,
            schema: schema::schema(contract, None),
            custom: Vec::new(),
            monitor,
            owner: None,
        };
        [&contract::alerts::TABLE, &contract::runs::TABLE].into_iter().map(place).collect()
    }

    /// URL of the table.
    pub fn table(&self) -> String {
        shown(&self.url)
    }

    /// The table as it is now; `None` if there is none.
    async fn open(&self, lake: Lake<'_>) -> Result<Option<DeltaTable>, SinkError> {
        let Self { url, contract, schema, custom, monitor, owner } = self;
        let app = App::new(&monitor.name, contract.name);
        let partition_by = contract.partition_by;
        Ok(table::check(lake, url, schema, custom, partition_by, &app, *owner).await?.0)
    }
}

/// What was done to a table or, on trial, would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upkeep {
    /// The table.
    pub table: String,
    /// Its version afterwards.
    pub version: u64,
    /// Its files before.
    pub before: Sizes,
    /// Files whose rows were written anew.
    pub rewritten: Sizes,
    /// Its files afterwards; on trial, as before.
    pub after: Sizes,
    /// Whether runs committed all the while, so that files are left for the next time.
    pub is_busy: bool,
    /// The version that got a checkpoint.
    pub checkpoint: Option<u64>,
    /// Entries of the log that were deleted.
    pub log_entries: u64,
    /// Data files that were deleted.
    pub deleted: Sizes,
}

impl Upkeep {
    /// Whether there was nothing to do.
    pub fn is_nothing(&self) -> bool {
        let Self { rewritten, is_busy, checkpoint, log_entries, deleted, .. } = self;
        *rewritten == Sizes::default()
            && !is_busy
            && checkpoint.is_none()
            && *log_entries == 0
            && *deleted == Sizes::default()
    }
}

/// Maintains the table at `place`, or says on trial what there is to do; `None` if there is no table.
///
/// # Errors
/// If the table is not ours, or cannot be read or written. What was done before stays done.
pub async fn maintain(
    lake: Lake<'_>,
    place: &Place<'_>,
    now: Timestamp,
    is_trial: bool,
) -> Result<Option<Upkeep>, SinkError> {
    let failed = |error| SinkError::write(&place.url, error);
    let Some(opened) = place.open(lake).await? else { return Ok(None) };
    let before = sizes(&opened, place).map_err(failed)?;
    let (rewritten, made, is_busy) = match is_trial {
        true => (compaction::planned(&opened, place.contract).map_err(failed)?, Sizes::default(), false),
        false => {
            let compacted = compaction::compact(lake, place, opened).await?;
            (compacted.gone, compacted.made, compacted.is_busy)
        }
    };
    // What is listed before the table is looked at is in no version after, if it is in none then.
    let folder = Folder { place, now, is_trial, listed: list(lake, place).await? };
    let Some(table) = place.open(lake).await? else { return Ok(None) };
    let checkpoint = folder.checkpoint(&table, made.files > 0).await?;
    let folder = match checkpoint {
        Some(_) if !is_trial => Folder { listed: list(lake, place).await?, ..folder },
        _ => folder,
    };
    let deleted = folder.vacuum(&table).await?;
    // At the end, since what the table was opened with is among it.
    let log_entries = folder.clean_log(&table).await?;
    Ok(Some(Upkeep {
        table: place.table(),
        version: table.version().unwrap_or_default(),
        before,
        rewritten,
        after: sizes(&table, place).map_err(failed)?,
        is_busy,
        checkpoint,
        log_entries,
        deleted,
    }))
}

fn sizes(table: &DeltaTable, place: &Place<'_>) -> Result<Sizes, DeltaTableError> {
    Ok(Sizes::of(compaction::described(table, place.contract)?.into_iter().map(|file| file.bytes)))
}

/// All files of the table.
async fn list(lake: Lake<'_>, place: &Place<'_>) -> Result<Vec<ObjectMeta>, SinkError> {
    let store = lake.folder(super::KEY, &place.url)?.object_store(None);
    let failed =
        |error: object_store::Error| SinkError::Read { table: place.url.clone(), source: error.into() };
    store.list(None).try_collect().await.map_err(failed)
}

/// A table's folder, and what is done to it.
struct Folder<'p> {
    place: &'p Place<'p>,
    now: Timestamp,
    is_trial: bool,
    listed: Vec<ObjectMeta>,
}

impl Folder<'_> {
    /// Writes a checkpoint if the log since the last one is longer than the table wants it, or `is_due`.
    async fn checkpoint(&self, table: &DeltaTable, is_due: bool) -> Result<Option<u64>, SinkError> {
        let version = table.version().unwrap_or_default();
        let interval = self.properties(table)?.checkpoint_interval().get();
        let commits = match log::newest_checkpoint(&self.log()) {
            Some(last) => version.saturating_sub(last),
            None => version + 1,
        };
        if commits == 0 || (commits < interval && !is_due) {
            return Ok(None);
        }
        if !self.is_trial {
            create_checkpoint(table, None).await.map_err(|error| self.failed(error))?;
        }
        Ok(Some(version))
    }

    /// Deletes entries of the log that have expired by what the table says, but for those from the newest account on. Gives
    /// their number.
    async fn clean_log(&self, table: &DeltaTable) -> Result<u64, SinkError> {
        let properties = self.properties(table)?;
        if !properties.enable_expired_log_cleanup() {
            return Ok(0);
        }
        let before = self.ago(properties.log_retention_duration());
        let version = table.version().unwrap_or_default();
        let needed = match self.place.contract.name == contract::profile_states::TABLE.name {
            true => ledger::newest(table).await?.map_or(version, |entry| entry.version),
            false => version,
        };
        let log = self.log();
        let expired = log::expired(&log, needed, before, self.ago(IN_USE));
        // One after another, the oldest first, so that what is left has no gap whatever happens.
        let expired: Vec<Path> = expired.into_iter().map(|entry| entry.path.clone()).collect();
        let entries = expired.len() as u64;
        self.delete(table, expired, 1).await?;
        Ok(entries)
    }

    /// Deletes data files that no version within the table's retention needs, and those that are in no version and are as
    /// old.
    async fn vacuum(&self, table: &DeltaTable) -> Result<Sizes, SinkError> {
        let retention = self.properties(table)?.deleted_file_retention_duration();
        let before = self.ago(retention.max(IN_USE));
        let state = table.snapshot().map_err(|error| self.failed(error))?;
        let mut needed: HashSet<Path> =
            state.log_data().into_iter().map(|file| file.object_store_path()).collect();
        let store = table.log_store();
        let mut gone = state.all_tombstones(store.as_ref());
        while let Some(file) = gone.try_next().await.map_err(|error| self.failed(error))? {
            if file.deletion_timestamp().unwrap_or_default() >= before {
                let path = file.path();
                needed.insert(Path::parse(path.as_ref()).unwrap_or_else(|_| Path::from(path.as_ref())));
            }
        }
        let unneeded = leftovers::leftovers(&self.listed, &needed, before);
        let deleted = Sizes::of(unneeded.iter().map(|file| file.size));
        let unneeded = unneeded.into_iter().map(|file| file.location.clone()).collect();
        self.delete(table, unneeded, AT_ONCE).await?;
        Ok(deleted)
    }

    /// Deletes files, so many at the same time.
    async fn delete(&self, table: &DeltaTable, paths: Vec<Path>, at_once: usize) -> Result<(), SinkError> {
        if self.is_trial {
            return Ok(());
        }
        let store = &table.log_store().object_store(None);
        let deleted = futures::stream::iter(paths).map(|path| async move {
            match store.delete(&path).await {
                // Another maintenance was faster.
                Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(self.failed(error.into())),
            }
        });
        deleted.buffered(at_once).try_collect().await
    }

    fn log(&self) -> Vec<Entry> {
        self.listed.iter().filter_map(Entry::of).collect()
    }

    fn properties<'t>(&self, table: &'t DeltaTable) -> Result<&'t impl TablePropertiesExt, SinkError> {
        Ok(table.snapshot().map_err(|error| self.failed(error))?.table_config())
    }

    /// The time so long ago, in milliseconds since 1970.
    fn ago(&self, age: Duration) -> i64 {
        let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        self.now.as_millisecond().saturating_sub(age)
    }

    fn failed(&self, error: DeltaTableError) -> SinkError {
        SinkError::write(&self.place.url, error)
    }
}
