//! Staged rows: those of one metric table on their way, some at a time.
//!
//! What is added waits until it makes a good file, and is written to files that nobody reads. The commit names them all at
//! once, in place of everything that the table had.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use deltalake::kernel::Add;

use super::metric_rows::{Measured, with_lineage};
use super::revision::{Known, Revised};
use super::table::{Committed, OutputTable, Turn};
use super::{COMMITS_MAX, Sink, SinkError, Written, custom, encode, files, metric_table, schema, url};
use crate::contract::Table;
use crate::lineage::Lineage;
use crate::source::shown;

/// Bytes of rows in memory that make a good file for each day.
const WAITING_MAX: usize = 32 << 20;

/// Rows that are encoded at once: on the way they take several times the room that they have as columns.
const ENCODED_AT_ONCE: usize = 2048;

/// Rows of one table that replace those that it has.
pub struct Staged<'a> {
    sink: &'a Sink<'a>,
    contract: &'static Table,
    turn: &'a Turn,
    lineage: &'a Lineage,
    schema: SchemaRef,
    waiting: Vec<RecordBatch>,
    waiting_bytes: usize,
    files: Vec<Add>,
    /// The table and what it has, once the first file is written.
    opened: Option<(OutputTable, Known)>,
    rows: u64,
    restated: u64,
}

impl<'a> Staged<'a> {
    pub(super) fn new(
        sink: &'a Sink<'a>,
        contract: &'static Table,
        turn: &'a Turn,
        lineage: &'a Lineage,
    ) -> Self {
        let schema = schema::schema(contract, sink.monitor.inference.model_id_col.as_deref());
        let custom = custom::columns(contract, &sink.monitor.custom_metrics);
        Self {
            sink,
            contract,
            turn,
            lineage,
            schema: custom::with_columns(&schema, &custom),
            waiting: Vec::new(),
            waiting_bytes: 0,
            files: Vec::new(),
            opened: None,
            rows: 0,
            restated: 0,
        }
    }

    /// Adds rows, of which none may be there already.
    ///
    /// # Errors
    /// If they cannot be encoded or written.
    pub async fn add<R: Measured>(&mut self, rows: &[R]) -> Result<(), SinkError> {
        for rows in rows.chunks(ENCODED_AT_ONCE) {
            let batch = self.encode(rows)?;
            self.rows += batch.num_rows() as u64;
            self.waiting_bytes += batch.get_array_memory_size();
            self.waiting.push(batch);
            if self.waiting_bytes > WAITING_MAX {
                self.write().await?;
            }
        }
        Ok(())
    }

    fn encode<R: Measured>(&self, rows: &[R]) -> Result<RecordBatch, SinkError> {
        let schema = schema::without_comments(&self.schema);
        let mut batch = encode::encode(&schema, &with_lineage(rows, self.lineage))?;
        for (name, column) in R::binary_columns(rows) {
            batch = encode::with_column(&batch, name, column)?;
        }
        let version = batch.column_by_name("model_version").cloned();
        let own = schema::own_model_id(self.sink.monitor.inference.model_id_col.as_deref());
        match own.zip(version) {
            Some((own, version)) => Ok(encode::with_column(&batch, own, version)?),
            None => Ok(batch),
        }
    }

    /// Writes what waits.
    async fn write(&mut self) -> Result<(), SinkError> {
        let waiting = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        let Some(first) = waiting.first() else { return Ok(()) };
        let batch = concat_batches(&first.schema(), &waiting)?;
        drop(waiting);
        if self.opened.is_none() {
            let output = self.open().await?;
            let metrics = &self.sink.monitor.custom_metrics;
            let known = Known::of(output.delta(), self.contract, metrics).await?;
            self.opened = Some((output, known));
        }
        let Some((output, known)) = &self.opened else { return Ok(()) };
        let Revised { batch, restated } = known.revise(batch)?;
        self.restated += restated;
        self.files.extend(output.write(&batch).await?);
        Ok(())
    }

    async fn open(&self) -> Result<OutputTable, SinkError> {
        let Sink { lake, monitor, .. } = self.sink;
        let url = url(monitor, &metric_table(monitor, self.contract));
        let owner = Some(monitor.name.as_str());
        OutputTable::open_or_create(*lake, &url, self.contract, &self.schema, owner).await
    }

    /// Replaces the rows of the table by those that were added.
    ///
    /// # Errors
    /// If they cannot be written; then the table is as before.
    pub async fn commit(mut self) -> Result<Written, SinkError> {
        self.write().await?;
        let commit = self.sink.commit(&self.lineage.run_id, Some(self.turn));
        let mut output = self.opened.take().map(|(output, _)| output);
        let mut commits = 1;
        loop {
            // As it was when rows were compared with it; if somebody has committed since, as it is then.
            let output = match output.take() {
                Some(output) => output,
                None => self.open().await?,
            };
            let table = shown(output.url());
            match output.replace(&self.files, &self.schema, &commit).await {
                // Refused before anything was tried; of any other failure it is not known what became of the commit.
                Err(error @ SinkError::Superseded { .. }) => {
                    self.discard().await;
                    return Err(error);
                }
                Err(error) => return Err(error),
                Ok(Committed::At(version)) => {
                    return Ok(Written { table, version, rows: self.rows, restated: self.restated });
                }
                Ok(Committed::Late(error)) if commits >= COMMITS_MAX => return Err(error),
                Ok(Committed::Late(_)) => commits += 1,
            }
        }
    }

    /// Deletes what was written, as far as that can be: what stays is in no version of the table.
    pub async fn discard(self) {
        if self.files.is_empty() {
            return;
        }
        if let Ok(output) = self.open().await {
            files::discard(output.delta(), &self.files).await;
        }
    }
}
