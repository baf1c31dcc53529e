//! One output table: made once, then replaced or appended to in single commits.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::transaction::CommitProperties;
use deltalake::kernel::{StructField, Transaction};
use deltalake::operations::create::CreateBuilder;
use deltalake::protocol::SaveMode;
use deltalake::{DeltaTable, DeltaTableError};
use serde_json::json;
use url::Url;

use super::{KEY, SinkError};
use crate::contract::Table;
use crate::lineage::ENGINE_VERSION;
use crate::source::{Lake, shown, spark_type};

/// Commits after which Delta writes a checkpoint.
const CHECKPOINT_INTERVAL: &str = "20";

/// A table that is written to.
pub struct OutputTable {
    url: Url,
    table: DeltaTable,
}

impl OutputTable {
    /// Opens the table at `url`, or makes it. When two make it at once, one wins and both use it.
    ///
    /// # Errors
    /// If it can be neither opened nor made.
    pub async fn open_or_create(
        lake: Lake<'_>,
        url: &Url,
        contract: &Table,
        schema: &SchemaRef,
    ) -> Result<Self, SinkError> {
        if let Some(table) = lake.table_if_any(KEY, url).await? {
            return Ok(Self { url: url.clone(), table });
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
            .with_configuration([("delta.checkpointInterval", Some(CHECKPOINT_INTERVAL))])
            .with_save_mode(SaveMode::Ignore)
            .with_commit_properties(CommitProperties::default().with_max_retries(0))
            .await;
        match created {
            Ok(table) => Ok(Self { url: url.clone(), table }),
            Err(error) => match lake.table_if_any(KEY, url).await? {
                Some(table) => Ok(Self { url: url.clone(), table }),
                None => Err(failed(error)),
            },
        }
    }

    /// The table as it is.
    pub fn delta(&self) -> &DeltaTable {
        &self.table
    }

    /// Replaces all rows in one commit; readers see either the old or the new. Returns the version.
    ///
    /// # Errors
    /// If the commit fails; then nothing has changed.
    pub async fn replace(self, batch: RecordBatch, commit: &Commit<'_>) -> Result<u64, SinkError> {
        self.write(batch, SaveMode::Overwrite, commit).await
    }

    /// Appends rows in one commit. Returns the version.
    ///
    /// # Errors
    /// If the commit fails; then nothing has changed.
    pub async fn append(self, batch: RecordBatch, commit: &Commit<'_>) -> Result<u64, SinkError> {
        self.write(batch, SaveMode::Append, commit).await
    }

    async fn write(self, batch: RecordBatch, mode: SaveMode, commit: &Commit<'_>) -> Result<u64, SinkError> {
        let Self { url, table } = self;
        let failed = |source| SinkError::write(&url, source);
        let state = table.snapshot().map_err(failed)?;
        let app = format!("secchi/{}/{}", commit.monitor, commit.table);
        let store = table.log_store();
        let sequence =
            state.transaction_version(store.as_ref(), &app).await.map_err(failed)?.unwrap_or(0) + 1;
        let properties = CommitProperties::default()
            .with_metadata([
                ("engineInfo".to_owned(), json!(format!("secchi/{ENGINE_VERSION}"))),
                ("secchi.run_id".to_owned(), json!(commit.run_id)),
                ("secchi.monitor".to_owned(), json!(commit.monitor)),
            ])
            .with_application_transaction(Transaction::new(app, sequence));
        let written = table
            .write(vec![batch])
            .with_save_mode(mode)
            .with_commit_properties(properties)
            .await
            .map_err(failed)?;
        written.version().ok_or_else(|| failed(DeltaTableError::NotInitialized))
    }
}

/// Whether the table at `url` can hold rows of `schema`, if there is a table.
///
/// # Errors
/// If it cannot be opened, or cannot hold them.
pub async fn check(lake: Lake<'_>, url: &Url, schema: &SchemaRef) -> Result<(), SinkError> {
    let Some(table) = lake.table_if_any(KEY, url).await? else { return Ok(()) };
    let found = table.snapshot().map_err(|source| SinkError::write(url, source))?.snapshot().arrow_schema();
    for field in schema.fields() {
        let why = match found.field_with_name(field.name()) {
            Err(_) => format!("has no column `{}`", field.name()),
            Ok(other) if spark_type(other.data_type()) != spark_type(field.data_type()) => {
                let (has, wanted) = (spark_type(other.data_type()), spark_type(field.data_type()));
                format!("has column `{}` as {has}, not {wanted}", field.name())
            }
            Ok(_) => continue,
        };
        return Err(SinkError::Taken { table: shown(url), why });
    }
    Ok(())
}

/// Who commits.
#[derive(Debug, Clone, Copy)]
pub struct Commit<'a> {
    /// The monitor.
    pub monitor: &'a str,
    /// The table, as the transaction id names it.
    pub table: &'a str,
    /// The run.
    pub run_id: &'a str,
}
