//! Staged rows: those of one metric table on their way, some at a time.
//!
//! What is added waits until it makes a good file, and is written to files that nobody reads. The commit names them all at
//! once, in place of what the table had of the same windows.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{Schema, SchemaRef};
use deltalake::kernel::Add;

use super::held::Held;
use super::metric_rows::{Measured, with_lineage};
use super::patience::Patience;
use super::replaced::{Replaced, all_columns, fit};
use super::revision::{Known, Revised};
use super::table::{Commit, Committed, OutputTable};
use super::{Account, Seen, Sink, SinkError, Written, custom, encode, files, schema};
use crate::contract::Table;
use crate::drift::families::{Families, Together};
use crate::lineage::Lineage;
use crate::scope::Scope;
use crate::source::shown;

/// Bytes of rows in memory that make a good file for each month.
const WAITING_MAX: usize = 32 << 20;

/// Rows that are encoded at once: on the way they take several times the room that they have as columns.
const ENCODED_AT_ONCE: usize = 2048;

/// A table, and what goes of it.
struct Opened {
    output: OutputTable,
    replaced: Replaced,
}

/// Rows of one table that replace those that it has of a scope.
pub struct Staged<'a> {
    sink: &'a Sink<'a>,
    contract: &'static Table,
    seen: &'a Seen,
    lineage: &'a Lineage,
    scope: &'a Scope,
    schema: SchemaRef,
    /// Rows that are in no file yet, with their revisions.
    waiting: Vec<RecordBatch>,
    waiting_bytes: usize,
    held: Held,
    files: Vec<Add>,
    /// The rows that go, once one is added.
    known: Option<Known>,
    /// As it was when rows were compared with it.
    opened: Option<Opened>,
    rows: u64,
    restated: u64,
}

impl<'a> Staged<'a> {
    pub(super) fn new(
        sink: &'a Sink<'a>,
        contract: &'static Table,
        seen: &'a Seen,
        lineage: &'a Lineage,
        scope: &'a Scope,
    ) -> Self {
        let schema = schema::schema(contract, sink.monitor.inference.model_id_col.as_deref());
        let custom = custom::columns(contract, &sink.monitor.custom_metrics);
        Self {
            sink,
            contract,
            seen,
            lineage,
            scope,
            schema: custom::with_columns(&schema, &custom),
            waiting: Vec::new(),
            waiting_bytes: 0,
            held: Held::default(),
            files: Vec::new(),
            known: None,
            opened: None,
            rows: 0,
            restated: 0,
        }
    }

    /// Adds rows of the scope, of which none may be there already.
    ///
    /// # Errors
    /// If they cannot be encoded or written.
    pub async fn add<R: Measured>(&mut self, rows: &[R]) -> Result<(), SinkError> {
        for rows in rows.chunks(ENCODED_AT_ONCE) {
            let batch = self.encode(rows)?;
            self.add_encoded(batch).await?;
        }
        Ok(())
    }

    /// Adds rows of the scope that lack what their families will say.
    ///
    /// # Errors
    /// If they cannot be encoded or held.
    pub fn hold<R: Measured>(&mut self, rows: &[R]) -> Result<(), SinkError> {
        for rows in rows.chunks(ENCODED_AT_ONCE) {
            let batch = self.encode(rows)?;
            self.held.add(batch)?;
        }
        Ok(())
    }

    /// Completes the rows that are held, in the order in which `families` have noted them, and adds them.
    ///
    /// # Errors
    /// If they cannot be read any more, or written.
    pub async fn release(&mut self, families: &Families<'_>) -> Result<(), SinkError> {
        let mut place = 0;
        for batch in std::mem::take(&mut self.held).release()? {
            let batch = batch?;
            let after = place + batch.num_rows();
            let batch = encode::with_fields(&batch, &Together::COLUMNS, &families.together(place..after))?;
            self.add_encoded(batch).await?;
            place = after;
        }
        Ok(())
    }

    async fn add_encoded(&mut self, batch: RecordBatch) -> Result<(), SinkError> {
        let Revised { batch, restated } = self.known().await?.revise(batch)?;
        self.rows += batch.num_rows() as u64;
        self.restated += restated;
        self.waiting_bytes += batch.get_array_memory_size();
        self.waiting.push(batch);
        if self.waiting_bytes > WAITING_MAX {
            self.flush().await?;
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

    /// The rows that go. Makes no table: nothing is written yet.
    async fn known(&mut self) -> Result<&Known, SinkError> {
        let known = match self.known.take() {
            Some(known) => known,
            // As it was when the run began: if somebody has committed since, the commit is refused, and looks again.
            None => match &self.seen.table {
                None => Known::nothing(self.contract),
                Some(table) => {
                    let output = OutputTable::of(&self.seen.url, table.clone());
                    let metrics = &self.sink.monitor.custom_metrics;
                    let mut known = Known::nothing_of(output.delta(), self.contract, metrics)?;
                    let is_asked = known.is_asked();
                    let note = |batch: &RecordBatch| known.note(batch);
                    let replaced = Replaced::of(output.delta(), self.scope, &self.schema, is_asked, note);
                    self.opened = Some(Opened { replaced: replaced.await?, output });
                    known
                }
            },
        };
        Ok(self.known.insert(known))
    }

    /// The table as it is now, made if need be, and what goes of it.
    async fn look(&self) -> Result<Opened, SinkError> {
        let owner = Some(self.sink.monitor.name.as_str());
        let (lake, url) = (self.sink.lake, &self.seen.url);
        let output = OutputTable::open_or_create(lake, url, self.contract, &self.schema, owner).await?;
        let ignore = |_: &RecordBatch| Ok(());
        let replaced = Replaced::of(output.delta(), self.scope, &self.schema, false, ignore).await?;
        Ok(Opened { output, replaced })
    }

    /// Writes what waits to files.
    async fn flush(&mut self) -> Result<(), SinkError> {
        let waiting = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        let opened = match self.opened.take() {
            Some(opened) => opened,
            None => self.look().await?,
        };
        let files = write(&opened.output, &self.schema, waiting).await?;
        self.opened = Some(opened);
        self.files.extend(files);
        Ok(())
    }

    /// Replaces the rows that the table has of the scope by those that were added. The commit says what has been counted, if
    /// these are states.
    ///
    /// # Errors
    /// If they cannot be written; then the table is as before.
    pub async fn commit(mut self, account: Option<&Account>) -> Result<Written, SinkError> {
        self.known().await?;
        let commit = Commit::of(&self.sink.monitor.name, &self.lineage.run_id, Some(&self.seen.turn));
        let commit = Commit { account, ..commit };
        let mut opened = self.opened.take();
        let mut patience = Patience::new();
        loop {
            // As it was when rows were compared with it; if somebody has committed since, as it is then.
            let Opened { output, replaced, .. } = match opened.take() {
                Some(opened) => opened,
                None => self.look().await?,
            };
            let (table, delta) = (shown(output.url()), output.delta().clone());
            let last = self.waiting.iter().cloned().chain(replaced.staying).collect();
            let last = write(&output, &self.schema, last).await?;
            let files = [self.files.as_slice(), &last].concat();
            match output.replace(&replaced.files, &files, &self.schema, &commit).await {
                // Refused before anything was tried; of any other failure it is not known what became of the commit.
                Err(error @ SinkError::Superseded { .. }) => {
                    files::discard(&delta, &files).await;
                    return Err(error);
                }
                Err(error) => return Err(error),
                Ok(Committed::At(version)) => {
                    return Ok(Written { table, version, rows: self.rows, restated: self.restated });
                }
                Ok(Committed::Late(error)) => {
                    files::discard(&delta, &last).await;
                    if !patience.wait().await {
                        files::discard(&delta, &self.files).await;
                        return Err(error);
                    }
                }
            }
        }
    }

    /// Deletes what was written, as far as that can be: what stays is in no version of the table.
    pub async fn discard(self) {
        if self.files.is_empty() {
            return;
        }
        if let Ok(Some(output)) = OutputTable::open(self.sink.lake, &self.seen.url).await {
            files::discard(output.delta(), &self.files).await;
        }
    }
}

/// Writes `batches` to files with all columns that the table has or will have.
async fn write(
    output: &OutputTable,
    schema: &Schema,
    batches: Vec<RecordBatch>,
) -> Result<Vec<Add>, SinkError> {
    if batches.is_empty() {
        return Ok(Vec::new());
    }
    let found = output.delta().snapshot().map_err(|source| SinkError::write(output.url(), source))?;
    let all = all_columns(&found.snapshot().arrow_schema(), schema);
    let batches = batches.iter().map(|batch| fit(batch, &all)).collect::<Result<Vec<_>, _>>()?;
    output.write(&concat_batches(&all, &batches)?).await
}
