//! One output table: made once, then replaced or appended to in single commits.

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::transaction::{
    CommitBuilder, CommitConflictError, CommitProperties, TransactionError,
};
use deltalake::kernel::{Action, Add, Metadata, Remove, StructField, Transaction};
use deltalake::logstore::LogStore;
use deltalake::operations::create::CreateBuilder;
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::{DeltaTable, DeltaTableError};
use serde_json::json;
use url::Url;
use uuid::Uuid;

use super::entries::{self, Line, Newest};
use super::{Account, KEY, SinkError, custom, files, ledger};
use crate::contract::Table;
use crate::lineage::ENGINE_VERSION;
use crate::source::{Lake, shown, spark_type};

/// Where a commit says who made it.
const ENGINE_INFO: &str = "engineInfo";

/// Where a commit has a name of its own.
const COMMIT_ID: &str = "secchi.commit_id";

/// The table property that names the monitor whose table it is.
const OWNER: &str = "secchi.monitor";

/// The table property that names the columns of which each file tells the extremes: those that rows are looked up by.
const STATS_COLUMNS: &str = "delta.dataSkippingStatsColumns";
/// These.
const LOOKED_UP: &str = "window_start,window_date,granularity,model_version,column_name";

/// Commits after which Delta writes a checkpoint.
const CHECKPOINT_INTERVAL: &str = "10";

/// Entries of a log in which a monitor's last commit is sought, before the whole log is: of its own tables the last commits
/// are its own, of those that it shares they may be of others.
const ENTRIES_MAX: u64 = 20;

/// How often an append gives way to the appends of others, which are of other monitors, before its rows are written anew,
/// after a pause.
const APPEND_RETRIES_MAX: usize = 15;

/// A table that is written to.
pub struct OutputTable {
    url: Url,
    table: DeltaTable,
}

impl OutputTable {
    /// Opens the table at `url`, if there is one.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub async fn open(lake: Lake<'_>, url: &Url) -> Result<Option<Self>, SinkError> {
        Ok(lake.output_table(KEY, url).await?.map(|table| Self { url: url.clone(), table }))
    }

    /// Opens the table at `url`, or makes it. When two make it at once, one wins and both use it.
    ///
    /// # Errors
    /// If it can be neither opened nor made.
    pub async fn open_or_create(
        lake: Lake<'_>,
        url: &Url,
        contract: &Table,
        schema: &SchemaRef,
        owner: Option<&str>,
    ) -> Result<Self, SinkError> {
        if let Some(table) = Self::open(lake, url).await? {
            return Ok(table);
        }
        let failed = |source| SinkError::write(url, source);
        let columns: Vec<StructField> = schema
            .fields()
            .iter()
            .map(|field| field.as_ref().try_into_kernel())
            .collect::<Result<_, _>>()
            .map_err(|error| failed(error.into()))?;
        if url.scheme() == "file"
            && let Ok(path) = url.to_file_path()
        {
            std::fs::create_dir_all(&path).map_err(|source| SinkError::Folder { folder: path, source })?;
        }
        let name = url.path().trim_end_matches('/').rsplit('/').next().unwrap_or(contract.name);
        let created = CreateBuilder::new()
            .with_log_store(lake.folder(KEY, url)?)
            .with_table_name(name)
            .with_comment(contract.doc)
            .with_columns(columns)
            .with_partition_columns(contract.partition_by.iter().copied())
            .with_configuration([
                ("delta.checkpointInterval", Some(CHECKPOINT_INTERVAL)),
                (OWNER, owner),
                (STATS_COLUMNS, owner.map(|_| LOOKED_UP)),
            ])
            .with_raise_if_key_not_exists(false)
            .with_save_mode(SaveMode::Ignore)
            .with_commit_properties(CommitProperties::default().with_max_retries(0))
            .await;
        match created {
            Ok(table) => Ok(Self { url: url.clone(), table }),
            Err(error) => Self::open(lake, url).await?.ok_or_else(|| failed(error)),
        }
    }

    /// The table at `url`, as it was when it was opened.
    pub fn of(url: &Url, table: DeltaTable) -> Self {
        Self { url: url.clone(), table }
    }

    /// Where it is.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The table as it is.
    pub fn delta(&self) -> &DeltaTable {
        &self.table
    }

    /// Writes rows to files that are in no version of the table, one for each month.
    ///
    /// # Errors
    /// If one cannot be written.
    pub async fn write(&self, rows: &RecordBatch) -> Result<Vec<Add>, SinkError> {
        files::write(&self.table, rows).await.map_err(|source| SinkError::write(&self.url, source))
    }

    /// Puts `files` in the place of those that go, in one commit; readers see either the old or the new. Columns of `schema`
    /// that are new are added, and those that the files do not have are NULL.
    ///
    /// # Errors
    /// If the commit fails, or another runner has written first; then nothing has changed.
    pub async fn replace(
        self,
        gone: &[Remove],
        files: &[Add],
        schema: &Schema,
        commit: &Commit<'_>,
    ) -> Result<Committed, SinkError> {
        // Delta takes an overwrite and the compaction of the same files for compatible, and would then keep
        // both; so only the version that was read may be replaced.
        let id = commit_id();
        let properties = self.properties(commit, &id, 0).await?;
        let Self { url, table } = self;
        let replaced = async {
            let state = table.snapshot()?;
            let operation = DeltaOperation::Write {
                mode: SaveMode::Overwrite,
                partition_by: Some(state.metadata().partition_columns().to_vec()),
                predicate: None,
            };
            let widened = files::widened(state.metadata(), schema)?.map(Action::Metadata);
            let removed = gone.iter().cloned().map(Action::Remove);
            let added = files.iter().cloned().map(Action::Add);
            CommitBuilder::from(properties)
                .with_actions(widened.into_iter().chain(removed).chain(added).collect())
                .build(Some(state), table.log_store(), operation)
                .await
        };
        committed(&url, &table, &id, replaced.await.map(|commit| Some(commit.version()))).await
    }

    /// Commits what the log says of `commit`, and no row.
    ///
    /// # Errors
    /// If the commit fails, or another runner has written first; then nothing has changed.
    pub async fn note(self, commit: &Commit<'_>) -> Result<Committed, SinkError> {
        let id = commit_id();
        // What it says holds for the version that was looked at alone.
        let properties = self.properties(commit, &id, 0).await?;
        let Self { url, table } = self;
        let noted = async {
            let (mode, partition_by, predicate) = (SaveMode::Append, None, None);
            let operation = DeltaOperation::Write { mode, partition_by, predicate };
            CommitBuilder::from(properties).build(Some(table.snapshot()?), table.log_store(), operation).await
        };
        committed(&url, &table, &id, noted.await.map(|commit| Some(commit.version()))).await
    }

    /// Appends rows in one commit.
    ///
    /// # Errors
    /// If the commit fails, or another runner has written first; then nothing has changed.
    pub async fn append(self, batch: RecordBatch, commit: &Commit<'_>) -> Result<Committed, SinkError> {
        let id = commit_id();
        let properties = self.properties(commit, &id, APPEND_RETRIES_MAX).await?;
        let Self { url, table } = self;
        let write = table.clone().write(vec![batch]).with_save_mode(SaveMode::Append);
        let written = write.with_commit_properties(properties).await;
        committed(&url, &table, &id, written.map(|table| table.version())).await
    }

    /// Puts `files` in the place of those that go, which have the same rows, in one commit that carries `account` on. It is
    /// nobody's turn, so a run that is going on does not give way to it, but looks again.
    ///
    /// # Errors
    /// If the commit fails; whether it was made is then not known.
    pub async fn rearrange(
        &self,
        gone: Vec<Remove>,
        files: Vec<Add>,
        target: u64,
        account: Option<String>,
    ) -> Result<Committed, SinkError> {
        let metrics = json!({
            "numFilesAdded": files.len(),
            "numFilesRemoved": gone.len(),
            "numAddedBytes": files.iter().map(|file| file.size).sum::<i64>(),
            "numRemovedBytes": gone.iter().filter_map(|file| file.size).sum::<i64>(),
        });
        let id = commit_id();
        let metadata = [
            (ENGINE_INFO.to_owned(), json!(engine())),
            (COMMIT_ID.to_owned(), json!(id)),
            ("operationMetrics".to_owned(), metrics),
        ];
        let account = account.map(|account| (ledger::KEY.to_owned(), json!(account)));
        // Delta takes two compactions of the same files for compatible, and would keep the rows of both; so only the
        // version that was looked at may be rearranged.
        let properties = CommitProperties::default()
            .with_max_retries(0)
            .with_create_checkpoint(false)
            .with_cleanup_expired_logs(Some(false))
            .with_metadata(metadata.into_iter().chain(account));
        let rearranged = async {
            let operation = DeltaOperation::Optimize { predicate: None, target_size: target as i64 };
            let added = files.into_iter().map(|file| Action::Add(Add { data_change: false, ..file }));
            CommitBuilder::from(properties)
                .with_actions(gone.into_iter().map(Action::Remove).chain(added).collect())
                .build(Some(self.table.snapshot()?), self.table.log_store(), operation)
                .await
        };
        committed(&self.url, &self.table, &id, rearranged.await.map(|commit| Some(commit.version()))).await
    }

    /// What the log says of `commit`, which is named `id` and gives way `retries` times. Refused if it is not its turn.
    async fn properties(
        &self,
        commit: &Commit<'_>,
        id: &str,
        retries: usize,
    ) -> Result<CommitProperties, SinkError> {
        let properties = CommitProperties::default().with_max_retries(retries);
        let metadata = [
            (ENGINE_INFO.to_owned(), json!(engine())),
            (COMMIT_ID.to_owned(), json!(id)),
            ("secchi.run_id".to_owned(), json!(commit.run_id)),
            ("secchi.monitor".to_owned(), json!(commit.monitor)),
        ];
        let account = commit.account.and_then(|account| serde_json::to_string(account).ok());
        let account = account.map(|account| (ledger::KEY.to_owned(), json!(account)));
        let properties = match account {
            Some(account) => properties.with_metadata(metadata.into_iter().chain([account])),
            None => properties.with_metadata(metadata),
        };
        let Some(turn) = &commit.turn else { return Ok(properties) };
        let found = turn.app.sequence(&self.url, &self.table).await?;
        if found > turn.after {
            return Err(SinkError::Superseded {
                monitor: commit.monitor.to_owned(),
                table: shown(&self.url),
            });
        }
        Ok(properties.with_application_transaction(Transaction::new(turn.app.0.as_str(), turn.next)))
    }
}

/// Who makes commits.
fn engine() -> String {
    format!("secchi/{ENGINE_VERSION}")
}

/// A name for a commit, which no other has.
fn commit_id() -> String {
    Uuid::now_v7().to_string()
}

/// What came of the commit `id` to `table`, which was read before it.
///
/// A store may do what it is asked and fail to say so. Asked again, it says that somebody has committed first: that was
/// this very commit, and what it named must stay.
async fn committed(
    url: &Url,
    table: &DeltaTable,
    id: &str,
    written: Result<Option<u64>, DeltaTableError>,
) -> Result<Committed, SinkError> {
    let failed = |source| SinkError::write(url, source);
    match written {
        Ok(version) => Ok(Committed::At(version.ok_or_else(|| failed(DeltaTableError::NotInitialized))?)),
        Err(error) if is_late(&error) => match version_of(table, id).await.map_err(failed)? {
            Some(version) => Ok(Committed::At(version)),
            None => Ok(Committed::Late(failed(error))),
        },
        Err(error) => Err(failed(error)),
    }
}

/// The version after those that `table` has that was made by the commit `id`, if one was.
async fn version_of(table: &DeltaTable, id: &str) -> Result<Option<u64>, DeltaTableError> {
    let is_it = |line: Line| line.commit_info?.commit_id.filter(|found| found == id).map(drop);
    entries::first_after(table, is_it).await
}

/// What came of a commit.
pub enum Committed {
    /// It is this version.
    At(u64),
    /// Somebody else committed in between, and nothing was written. The table has to be opened again: then it
    /// shows whether that was another runner of the monitor.
    Late(SinkError),
}

/// Whether `error` says that somebody else has committed first.
fn is_late(error: &DeltaTableError) -> bool {
    let source = match error {
        DeltaTableError::VersionAlreadyExists(_) => return true,
        DeltaTableError::Transaction { source } => source,
        _ => return false,
    };
    match source {
        TransactionError::VersionAlreadyExists(_) | TransactionError::MaxCommitAttempts(_) => true,
        TransactionError::CommitConflict(conflict) => matches!(
            conflict,
            CommitConflictError::ConcurrentAppend
                | CommitConflictError::ConcurrentDeleteRead
                | CommitConflictError::ConcurrentDeleteDelete
                | CommitConflictError::ConcurrentTransaction
                | CommitConflictError::MetadataChanged
                | CommitConflictError::ProtocolChanged(_)
        ),
        _ => false,
    }
}

/// The table at `url`, if there is one, and the last sequence of `app` in it, or 0, provided that rows of `schema` fit, and
/// that the columns `custom` can be added if they are not there.
///
/// # Errors
/// If it cannot be opened, or cannot hold them, or is another monitor's.
pub async fn check(
    lake: Lake<'_>,
    url: &Url,
    schema: &SchemaRef,
    custom: &[Field],
    partition_by: &[&str],
    app: &App,
    owner: Option<&str>,
) -> Result<(Option<DeltaTable>, i64), SinkError> {
    let Some(table) = lake.output_table(KEY, url).await? else { return Ok((None, 0)) };
    let state = table.snapshot().map_err(|source| SinkError::write(url, source))?;
    let made_by = state.metadata().configuration().get(OWNER).filter(|_| owner.is_some());
    if let Some(other) = made_by.filter(|made_by| Some(made_by.as_str()) != owner) {
        return Err(SinkError::Foreign { table: shown(url), owner: other.clone() });
    }
    let found = state.snapshot().arrow_schema();
    for field in schema.fields() {
        let why = match found.field_with_name(field.name()) {
            // Made by an earlier version of ours: the column is added.
            Err(_) if made_by.is_some() => continue,
            Err(_) => format!("has no column `{}`", field.name()),
            Ok(other) if spark_type(other.data_type()) != spark_type(field.data_type()) => {
                let (has, wanted) = (spark_type(other.data_type()), spark_type(field.data_type()));
                format!("has column `{}` as {has}, not {wanted}", field.name())
            }
            Ok(_) => continue,
        };
        return Err(SinkError::Taken { table: shown(url), why });
    }
    if let Some(why) = unwritable(state.metadata(), partition_by).filter(|_| owner.is_some()) {
        return Err(SinkError::Taken { table: shown(url), why });
    }
    custom::check(&shown(url), &found, custom)?;
    let sequence = app.sequence(url, &table).await?;
    Ok((Some(table), sequence))
}

/// Why the rows of a table with this `metadata` cannot be replaced, if somebody has changed it so.
fn unwritable(metadata: &Metadata, partition_by: &[&str]) -> Option<String> {
    let found = metadata.partition_columns();
    if found != partition_by {
        return Some(format!("is partitioned by {found:?}, not by {partition_by:?}"));
    }
    let properties = metadata.configuration();
    if properties.get("delta.appendOnly").is_some_and(|value| value == "true") {
        return Some("may only be appended to (`delta.appendOnly`)".to_owned());
    }
    let constraint = properties.keys().find_map(|name| name.strip_prefix("delta.constraints."))?;
    Some(format!("has the constraint `{constraint}`, which is not checked here"))
}

/// Who commits.
#[derive(Debug, Clone)]
pub struct Commit<'a> {
    /// The monitor.
    pub monitor: &'a str,
    /// The run.
    pub run_id: &'a str,
    /// Whose turn it is; `None` if runners need not take turns.
    pub turn: Option<Turn>,
    /// What has been counted, where states are written.
    pub account: Option<&'a Account>,
}

impl<'a> Commit<'a> {
    /// That of a run of `monitor`.
    pub fn of(monitor: &'a str, run_id: &'a str, turn: Option<&Turn>) -> Self {
        Self { monitor, run_id, turn: turn.cloned(), account: None }
    }
}

/// A monitor's right to write a table: nobody else has since it was looked at.
#[derive(Debug, Clone)]
pub struct Turn {
    /// The monitor's name in the table's log.
    pub app: App,
    /// Its last sequence, when it was looked at.
    pub after: i64,
    /// The sequence of what it writes now, the same in all tables of a run.
    pub next: i64,
}

/// A monitor's writes to a table, as the application id of Delta's transactions: numbered from 1.
#[derive(Debug, Clone)]
pub struct App(String);

impl App {
    /// `monitor` as a writer of `table`.
    pub fn new(monitor: &str, table: &str) -> Self {
        Self(format!("secchi/{monitor}/{table}"))
    }

    /// Its last sequence in `table`, or 0.
    async fn sequence(&self, url: &Url, table: &DeltaTable) -> Result<i64, SinkError> {
        let failed = |source| SinkError::write(url, source);
        let (state, store) = (table.snapshot().map_err(failed)?, table.log_store());
        let newest = self.newest_sequence(store.as_ref(), state.version()).await;
        if let Some(sequence) = newest.map_err(failed)? {
            return Ok(sequence);
        }
        let found = state.transaction_version(store.as_ref(), &self.0).await.map_err(failed)?;
        Ok(found.unwrap_or(0))
    }

    /// The same, by the newest entries of its log, up to that of this `version`; `None` if these do not say.
    pub(super) async fn newest_sequence(
        &self,
        log: &dyn LogStore,
        version: u64,
    ) -> Result<Option<i64>, DeltaTableError> {
        let of_ours = |line: Line| line.txn.filter(|txn| txn.app_id == self.0).map(|txn| txn.version);
        Ok(match entries::newest(log, version, ENTRIES_MAX, of_ours).await? {
            Newest::At(_, sequence) => Some(sequence),
            Newest::Nowhere => Some(0),
            Newest::Further => None,
        })
    }
}
