//! Delta tables, written as the jobs of the story would have written them, at the times of the story.
//!
//! delta-rs encodes the data files and their statistics, and puts the commits. The commits themselves are put together
//! here, because delta-rs stamps its own with the wall clock and with random names, and a simulated lake has the same
//! bytes each time. For the same reason each file gets the modification time of its commit, by which time travel goes.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::{Add, StructType};
use deltalake::logstore::{CommitOrBytes, LogStoreRef, commit_uri_from_version};
use deltalake::writer::{DeltaWriter, RecordBatchWriter};
use deltalake::{DeltaTableBuilder, DeltaTableError};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::{SimulateError, io_error};

/// Namespace of all identifiers that a real system would draw at random.
pub(crate) const NAMESPACE: Uuid = Uuid::from_u128(0x5ecc_1d15_c000_4000_8000_0000_0000_0001);

/// Keeps every version readable, so that time travel through the story never expires.
const RETENTION: &str = "interval 3650 days";

/// Who commits, when and why: what a person reads in the history of a table.
#[derive(Debug)]
pub(crate) struct Story {
    /// The account.
    pub user: String,
    /// Name of the job.
    pub job: String,
    /// Number of the job in the scheduler.
    pub job_id: u32,
    /// Number of this run of the job.
    pub job_run: u32,
    /// When, in microseconds since the epoch.
    pub time: i64,
    /// The components that the rows went through, e.g. `ingest-crm 4.2.0`.
    pub components: Vec<String>,
}

/// A Delta table that is being written.
pub(crate) struct Table {
    /// Path below the lake, e.g. `inference/credit_default`.
    path: String,
    description: String,
    folder: PathBuf,
    url: Url,
    schema: SchemaRef,
    log: LogStoreRef,
    /// The version that the next commit makes.
    next_version: u64,
    rows: u64,
}

impl Table {
    /// Prepares the table at `path` below `lake`; the first commit creates it.
    pub(crate) fn new(
        lake: &Path,
        path: String,
        description: String,
        schema: SchemaRef,
    ) -> Result<Self, SimulateError> {
        let folder = lake.join(&path);
        std::fs::create_dir_all(&folder).map_err(io_error(&folder))?;
        let url = Url::from_directory_path(&folder)
            .map_err(|()| SimulateError::Location { path: folder.clone() })?;
        let log = DeltaTableBuilder::from_url(url.clone())
            .and_then(DeltaTableBuilder::build)
            .map_err(|source| SimulateError::Table { table: path.clone(), source: Box::new(source) })?
            .log_store();
        Ok(Self { path, description, folder, url, schema, log, next_version: 0, rows: 0 })
    }

    /// Path below the lake.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Rows so far.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Version of the last commit.
    pub(crate) fn version(&self) -> u64 {
        self.next_version.saturating_sub(1)
    }

    /// A data file to fill with batches and to hand to [`Table::append`].
    pub(crate) fn data_file(&self) -> Result<DataFile, SimulateError> {
        let writer = RecordBatchWriter::try_new(self.url.as_str(), self.schema.clone(), None, None)
            .map_err(|source| self.error(source))?;
        Ok(DataFile { writer, rows: 0 })
    }

    /// Writes `batch` to the end of `file`.
    pub(crate) async fn write(&self, file: &mut DataFile, batch: RecordBatch) -> Result<(), SimulateError> {
        file.rows += batch.num_rows() as u64;
        file.writer.write(batch).await.map_err(|source| self.error(source))
    }

    /// Commits an empty table.
    pub(crate) async fn create(&mut self, story: &Story) -> Result<(), SimulateError> {
        self.commit(story, "CREATE TABLE", None).await
    }

    /// Commits the rows of `file`.
    pub(crate) async fn append(&mut self, story: &Story, mut file: DataFile) -> Result<(), SimulateError> {
        let files = file.writer.flush().await.map_err(|source| self.error(source))?;
        for written in files {
            let add = self.named(written, story)?;
            self.commit(story, "WRITE", Some((add, file.rows))).await?;
        }
        self.rows += file.rows;
        Ok(())
    }

    /// `written` under a name and with a time that are the same in each simulation; delta-rs draws a random name.
    fn named(&self, mut written: Add, story: &Story) -> Result<Add, SimulateError> {
        let id = Uuid::new_v5(&NAMESPACE, format!("{}/{}", self.path, self.next_version).as_bytes());
        let name = format!("part-00000-{id}-c000.snappy.parquet");
        let (from, to) = (self.folder.join(&written.path), self.folder.join(&name));
        std::fs::rename(&from, &to).map_err(io_error(&from))?;
        set_time(&to, story.time)?;
        written.path = name;
        written.modification_time = story.time / 1_000;
        // delta-rs keeps statistics in hash maps, whose order differs from run to run.
        written.stats = written
            .stats
            .map(|stats| in_order(&stats))
            .transpose()
            .map_err(|source| SimulateError::Json { path: to, source })?;
        Ok(written)
    }

    async fn commit(
        &mut self,
        story: &Story,
        operation: &str,
        data: Option<(Add, u64)>,
    ) -> Result<(), SimulateError> {
        let version = self.next_version;
        let json_error = |source| SimulateError::Json { path: self.folder.clone(), source };
        let mut actions = vec![self.commit_info(story, operation, data.as_ref())];
        if version == 0 {
            actions.push(json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}));
            actions.push(self.metadata(story)?);
        }
        if let Some((add, _)) = data {
            actions.push(json!({"add": serde_json::to_value(add).map_err(json_error)?}));
        }
        let lines: Vec<String> = actions.iter().map(Value::to_string).collect();
        self.log
            .write_commit_entry(version, CommitOrBytes::LogBytes(lines.join("\n").into()), Uuid::nil())
            .await
            .map_err(|source| self.error(source.into()))?;
        let entry = commit_uri_from_version(Some(version));
        set_time(&self.folder.join(entry.as_ref()), story.time)?;
        self.next_version += 1;
        Ok(())
    }

    fn commit_info(&self, story: &Story, operation: &str, data: Option<&(Add, u64)>) -> Value {
        let (files, bytes, rows) = data.map_or((0, 0, 0), |(add, rows)| (1, add.size, *rows));
        let parameters = match data {
            Some(_) => json!({"mode": "Append", "partitionBy": "[]"}),
            None => json!({"partitionBy": "[]", "properties": "{}", "isManaged": "false"}),
        };
        let mut info = json!({
            "timestamp": story.time / 1_000,
            "userId": format!("{}", 7_000_000 + story.job_id),
            "userName": story.user,
            "operation": operation,
            "operationParameters": parameters,
            "job": {
                "jobId": story.job_id.to_string(),
                "jobName": story.job,
                "jobRunId": format!("{}{:04}", story.job_id, story.job_run),
                "triggerType": "cron",
            },
            "isolationLevel": "WriteSerializable",
            "isBlindAppend": true,
            "operationMetrics": {
                "numFiles": files.to_string(),
                "numOutputBytes": bytes.to_string(),
                "numOutputRows": rows.to_string(),
            },
            "engineInfo": concat!("secchi-simulator/", env!("CARGO_PKG_VERSION")),
        });
        if let Some(read) = self.next_version.checked_sub(1) {
            info["readVersion"] = json!(read);
        }
        if !story.components.is_empty() {
            info["userMetadata"] = json!(story.components.join(", "));
        }
        json!({"commitInfo": info})
    }

    fn metadata(&self, story: &Story) -> Result<Value, SimulateError> {
        let schema: StructType = self
            .schema
            .as_ref()
            .try_into_kernel()
            .map_err(|source| self.error(DeltaTableError::from(source)))?;
        let schema = serde_json::to_string(&schema)
            .map_err(|source| SimulateError::Json { path: self.folder.clone(), source })?;
        Ok(json!({"metaData": {
            "id": Uuid::new_v5(&NAMESPACE, self.path.as_bytes()).to_string(),
            "name": self.path.replace('/', "_"),
            "description": self.description,
            "format": {"provider": "parquet", "options": {}},
            "schemaString": schema,
            "partitionColumns": [],
            "configuration": {"delta.logRetentionDuration": RETENTION},
            "createdTime": story.time / 1_000,
        }}))
    }

    fn error(&self, source: DeltaTableError) -> SimulateError {
        SimulateError::Table { table: self.path.clone(), source: Box::new(source) }
    }
}

/// A data file that is being written.
pub(crate) struct DataFile {
    writer: RecordBatchWriter,
    rows: u64,
}

/// The JSON object `text` with its keys in order, at every depth.
fn in_order(text: &str) -> Result<String, serde_json::Error> {
    let mut value: Value = serde_json::from_str(text)?;
    value.sort_all_objects();
    Ok(value.to_string())
}

/// Says that the file at `path` was last modified at `micros` since the epoch.
fn set_time(path: &Path, micros: i64) -> Result<(), SimulateError> {
    let time = SystemTime::UNIX_EPOCH + Duration::from_micros(micros.unsigned_abs());
    let file = File::options().write(true).open(path).map_err(io_error(path))?;
    file.set_modified(time).map_err(io_error(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_ordered_and_keep_their_numbers() {
        let text =
            r#"{"numRecords":2,"minValues":{"b":0.1,"a":-2812.37},"maxValues":{"b":0.30000000000000004}}"#;
        let expected =
            r#"{"maxValues":{"b":0.30000000000000004},"minValues":{"a":-2812.37,"b":0.1},"numRecords":2}"#;
        assert_eq!(in_order(text).unwrap(), expected);
    }
}
