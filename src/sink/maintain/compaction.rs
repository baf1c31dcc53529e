//! Compaction: rows of many files, in order, in few.
//!
//! What is written is in no version before the commit, which names all of it in place of what goes. A run that commits in
//! between wins: of the heaps only those are committed whose files are as they were.

use std::collections::{HashMap, HashSet};
use std::num::NonZero;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::partition;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::context::SessionContext;
use datafusion::prelude::ident;
use deltalake::delta_datafusion::create_session_state_with_spill_config;
use deltalake::kernel::{Add, DeletionVectorDescriptor, LogicalFileView};
use deltalake::operations::write::writer::{DeltaWriter, WriterConfig};
use deltalake::{DeltaTable, DeltaTableError};
use futures::TryStreamExt;

use super::Place;
use super::layout::{self, DataFile, heaps};
use crate::contract::{Table, profile_states};
use crate::sink::extent::Extent;
use crate::sink::files::{self, WORTH_A_DICTIONARY};
use crate::sink::replaced::{all_columns, fit};
use crate::sink::table::{Committed, OutputTable};
use crate::sink::{SinkError, ledger};
use crate::source::Lake;

/// How often a commit is tried before the table is left for the next time.
const COMMITS_MAX: usize = 3;

/// Bytes of rows that are sorted in memory; what is more goes to disk meanwhile.
const SORTED_IN_MEMORY: usize = 256 << 20;

/// Rows of a batch on their way. States are kilobytes each.
const ROWS_AT_ONCE: usize = 1024;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// What became of the files of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Files whose rows were written anew, and their bytes.
    pub gone: Sizes,
    /// The files that they are in now.
    pub made: Sizes,
    /// Whether others committed all the while, so that some of it is left for the next time.
    pub is_busy: bool,
}

/// Files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sizes {
    /// How many they are.
    pub files: u64,
    /// How many bytes they have.
    pub bytes: u64,
}

impl Sizes {
    /// Files of so many bytes each.
    pub fn of(bytes: impl IntoIterator<Item = u64>) -> Self {
        bytes
            .into_iter()
            .fold(Self::default(), |sum, bytes| Self { files: sum.files + 1, bytes: sum.bytes + bytes })
    }
}

/// The files of `table`, loaded at a version, which is one of metrics if it `is_of_metrics`.
pub fn described(table: &DeltaTable, contract: &Table) -> Result<Vec<DataFile>, DeltaTableError> {
    let is_of_metrics = !contract.partition_by.is_empty();
    let file = |file: LogicalFileView| DataFile {
        path: file.path().into_owned(),
        month: file.partition_values_map().into_values().next().flatten(),
        bytes: file.size().unsigned_abs(),
        extent: if is_of_metrics { Extent::of(&file) } else { Extent::default() },
    };
    Ok(table.snapshot()?.log_data().into_iter().map(file).collect())
}

/// Bytes of a good file of `table`: what the table says, or else our own.
pub fn target(table: &DeltaTable) -> Result<u64, DeltaTableError> {
    let typed = table.snapshot()?.table_config().target_file_size;
    Ok(typed.map_or(layout::TARGET, NonZero::get))
}

/// Where a table says that its columns have other names in its files.
const COLUMN_MAPPING: &str = "delta.columnMapping.mode";

/// Whether rows of `table` can be written as they are read: names of columns would be lost where files have others.
fn keeps_names(table: &DeltaTable) -> Result<bool, DeltaTableError> {
    let mode = table.snapshot()?.metadata().configuration().get(COLUMN_MAPPING);
    Ok(mode.is_none_or(|mode| mode == "none"))
}

/// What there is to do in `table`, loaded at a version.
pub fn planned(table: &DeltaTable, contract: &Table) -> Result<Sizes, DeltaTableError> {
    if !keeps_names(table)? {
        return Ok(Sizes::default());
    }
    let files = described(table, contract)?;
    Ok(Sizes::of(heaps(&files, target(table)?).into_iter().flatten().map(|file| file.bytes)))
}

/// Rows that were written anew.
struct Heap {
    gone: Vec<Seen>,
    made: Vec<Add>,
}

/// A file as it was read.
struct Seen {
    path: String,
    bytes: u64,
    deleted: Option<DeletionVectorDescriptor>,
}

/// Writes rows of the table at `place` together, where that is worth it. Nothing is done, and nothing committed, where it is
/// not.
///
/// # Errors
/// If the table cannot be read or written; then it is as before, or what was to be done is.
pub async fn compact(lake: Lake<'_>, place: &Place<'_>, opened: DeltaTable) -> Result<Compacted, SinkError> {
    let failed = |error| SinkError::write(&place.url, error);
    if !keeps_names(&opened).map_err(failed)? {
        return Ok(Compacted::default());
    }
    let target = target(&opened).map_err(failed)?;
    let described = described(&opened, place.contract).map_err(failed)?;
    let mut written: Vec<Heap> = Vec::new();
    for heap in heaps(&described, target) {
        match write(&opened, place, &heap, target).await {
            Ok(heap) => written.push(heap),
            Err(error) => {
                discard(&opened, &written).await;
                return Err(error);
            }
        }
    }
    let wanted = written.len();
    let mut table = opened.clone();
    for _ in 0..COMMITS_MAX {
        let here = Here::of(&table).map_err(failed)?;
        let (kept, lost): (Vec<Heap>, Vec<Heap>) = written.into_iter().partition(|heap| here.has(heap));
        discard(&opened, &lost).await;
        written = kept;
        if written.is_empty() {
            return Ok(Compacted { is_busy: wanted > 0, ..Compacted::default() });
        }
        match commit(place, table, here, &written, target).await? {
            Committed::At(_) => {
                let made = written.iter().flat_map(|heap| &heap.made).map(|file| file.size.unsigned_abs());
                let gone = written.iter().flat_map(|heap| &heap.gone).map(|file| file.bytes);
                return Ok(Compacted {
                    gone: Sizes::of(gone),
                    made: Sizes::of(made),
                    is_busy: written.len() < wanted,
                });
            }
            Committed::Late(_) => match OutputTable::open(lake, &place.url).await? {
                Some(output) => table = output.delta().clone(),
                None => break,
            },
        }
    }
    discard(&opened, &written).await;
    Ok(Compacted { is_busy: true, ..Compacted::default() })
}

/// The files of a version, by their paths.
struct Here(HashMap<String, LogicalFileView>);

impl Here {
    fn of(table: &DeltaTable) -> Result<Self, DeltaTableError> {
        let files = table.snapshot()?.log_data().into_iter();
        Ok(Self(files.map(|file| (file.path().into_owned(), file)).collect()))
    }

    /// Whether the files of `heap` are as they were read.
    fn has(&self, heap: &Heap) -> bool {
        let is_as_it_was = |seen: &Seen| {
            self.0.get(&seen.path).is_some_and(|file| file.deletion_vector_descriptor() == seen.deleted)
        };
        heap.gone.iter().all(is_as_it_was)
    }
}

/// Puts what was written in the place of what goes. States stay with their account, which is that of the version that is
/// rearranged.
async fn commit(
    place: &Place<'_>,
    table: DeltaTable,
    here: Here,
    written: &[Heap],
    target: u64,
) -> Result<Committed, SinkError> {
    let account = match place.contract.name == profile_states::TABLE.name {
        true => ledger::newest(&table).await?.map(|entry| entry.text),
        false => None,
    };
    let gone = written.iter().flat_map(|heap| &heap.gone).filter_map(|seen| here.0.get(&seen.path));
    let gone = gone.map(|file| file.remove_action(false)).collect();
    let made = written.iter().flat_map(|heap| heap.made.clone()).collect();
    OutputTable::of(&place.url, table).rearrange(gone, made, target, account).await
}

async fn discard(table: &DeltaTable, heaps: &[Heap]) {
    for heap in heaps {
        files::discard(table, &heap.made).await;
    }
}

/// Writes the rows of `heap`, in order, to files that are in no version.
async fn write(
    table: &DeltaTable,
    place: &Place<'_>,
    heap: &[&DataFile],
    target: u64,
) -> Result<Heap, SinkError> {
    let read = |source: Source| SinkError::Read { table: place.url.clone(), source };
    let failed = |error| SinkError::write(&place.url, error);
    let state = table.snapshot().map_err(failed)?;
    let wanted: HashSet<&str> = heap.iter().map(|file| file.path.as_str()).collect();
    let views = state.log_data().into_iter().filter(|file| wanted.contains(file.path().as_ref()));
    let views: Vec<LogicalFileView> = views.collect();
    let seen = |file: &LogicalFileView| Seen {
        path: file.path().into_owned(),
        bytes: file.size().unsigned_abs(),
        deleted: file.deletion_vector_descriptor(),
    };
    let gone = views.iter().map(seen).collect();
    let rows = views.iter().map(rows_of).sum::<Option<u64>>();

    let schema = all_columns(&state.snapshot().arrow_schema(), &place.schema);
    let is_long = rows.is_none_or(|rows| rows >= WORTH_A_DICTIONARY as u64);
    // What is in whole groups of rows has its size; so that of a file is known but for half of the target at most. And a
    // reader of one window reads the groups that it is in.
    let parquet =
        files::parquet(&schema, is_long).set_max_row_group_bytes(Some((target / 2).max(1) as usize));
    let config = files::config(table, &schema, parquet.build(), NonZero::new(target)).map_err(failed)?;
    let mut stream = sorted(table, place.contract, &views).await.map_err(read)?;
    let mut writer =
        Writer { table, config, cut_by: cut_by(place.contract), open: None, made: Vec::new(), rows: 0 };
    let done = async {
        while let Some(batch) = stream.try_next().await.map_err(|error| read(error.into()))? {
            writer.write(&fit(&batch, &schema)?).await.map_err(failed)?;
        }
        writer.close().await.map_err(failed)
    };
    let done = match done.await {
        Ok(()) if rows.is_some_and(|rows| rows != writer.rows) => {
            let why =
                format!("its files have {} rows, but {} in the log", writer.rows, rows.unwrap_or_default());
            Err(read(why.into()))
        }
        done => done,
    };
    match done {
        Ok(()) => Ok(Heap { gone, made: writer.made }),
        Err(error) => {
            writer.abort().await;
            Err(error)
        }
    }
}

/// Rows of `file`, if the log says how many it has.
fn rows_of(file: &LogicalFileView) -> Option<u64> {
    let deleted = file.deletion_vector_descriptor().map_or(0, |deleted| deleted.cardinality.unsigned_abs());
    Some((file.num_records()? as u64).saturating_sub(deleted))
}

/// The rows of `files`, in order.
async fn sorted(
    table: &DeltaTable,
    contract: &Table,
    files: &[LogicalFileView],
) -> Result<SendableRecordBatchStream, Source> {
    let mut state = create_session_state_with_spill_config(Some(SORTED_IN_MEMORY), None);
    let config = state.config().clone().with_batch_size(ROWS_AT_ONCE);
    *state.config_mut() = config;
    let ctx = SessionContext::new_with_state(state);
    let provider = table.table_provider().with_file_paths(files.iter().map(|file| file.path()));
    ctx.register_table("heap", provider.await?)?;
    let order = contract.sorted_by.iter().map(|name| ident(*name).sort(true, true)).collect();
    Ok(ctx.table("heap").await?.sort(order)?.execute_stream().await?)
}

/// The columns at whose values files of `contract` may be cut; at those of the first they are.
fn cut_by(contract: &Table) -> &'static [&'static str] {
    match contract.partition_by {
        [] => &[],
        _ => &contract.sorted_by[..2],
    }
}

/// Writes rows to files, each of one length of windows.
struct Writer<'t> {
    table: &'t DeltaTable,
    config: WriterConfig,
    cut_by: &'static [&'static str],
    /// The length of windows that is being written.
    open: Option<(Option<String>, DeltaWriter)>,
    made: Vec<Add>,
    rows: u64,
}

impl Writer<'_> {
    /// Writes rows that come after those before.
    async fn write(&mut self, batch: &RecordBatch) -> Result<(), DeltaTableError> {
        self.rows += batch.num_rows() as u64;
        let columns: Vec<_> =
            self.cut_by.iter().filter_map(|name| batch.column_by_name(name).cloned()).collect();
        let windows = match columns.is_empty() {
            true => std::iter::once(0..batch.num_rows()).collect(),
            false => partition(&columns)?.ranges(),
        };
        for window in windows {
            let lengths = columns.first().and_then(|lengths| lengths.as_string_opt::<i32>());
            let lengths = lengths.filter(|lengths| lengths.is_valid(window.start));
            let length = lengths.map(|lengths| lengths.value(window.start).to_owned());
            self.write_window(length, &batch.slice(window.start, window.len())).await?;
        }
        Ok(())
    }

    async fn write_window(
        &mut self,
        length: Option<String>,
        rows: &RecordBatch,
    ) -> Result<(), DeltaTableError> {
        if self.open.as_ref().is_some_and(|(open, _)| *open != length) {
            self.close().await?;
        }
        let store = || self.table.log_store().object_store(None);
        let (_, writer) =
            self.open.get_or_insert_with(|| (length, DeltaWriter::new(store(), self.config.clone())));
        writer.write(rows).await
    }

    /// Ends the file that is being written.
    async fn close(&mut self) -> Result<(), DeltaTableError> {
        if let Some((_, writer)) = self.open.take() {
            self.made.extend(writer.close().await?);
        }
        Ok(())
    }

    /// Gives up what was written.
    async fn abort(self) {
        if let Some((_, writer)) = self.open {
            // What it says of its own end is less than why it ends.
            writer.abort().await.unwrap_or_default();
        }
        files::discard(self.table, &self.made).await;
    }
}
