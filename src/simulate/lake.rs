//! The tables of one model, in the order in which they are written: baseline, inference, labels.
//!
//! Rows pass through in chunks, so memory does not grow with the lake.

use std::ops::Range;
use std::path::Path;

use arrow::error::ArrowError;

use super::calendar::DAYS;
use super::registry::Validation;
use super::tables::Table;
use super::truth::{Incident, ModelTruth, Signature, TableTruth, Truth};
use super::world::{self, CHUNK_ROWS, VALIDATION_ROWS, World};
use super::{Options, Progress, SimulateError, jobs};

/// Who is told how far the work is.
type Listener<'a> = &'a mut (dyn FnMut(Progress<'_>) + Send);

/// Commits of one model: its baseline, two empty tables, and for each day an inference and at most one label commit.
const COMMITS_PER_MODEL: u32 = 3 + 2 * DAYS;

/// Writes the tables of one model after the other, and remembers what is true of them.
pub(crate) struct Writer<'a> {
    lake: &'a Path,
    options: &'a Options,
    progress: Listener<'a>,
    /// Commits so far.
    commits: u32,
    validations: Vec<Validation>,
    truth: Truth,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(lake: &'a Path, options: &'a Options, progress: Listener<'a>) -> Self {
        let truth = Truth::new(options.seed);
        Self { lake, options, progress, commits: 0, validations: Vec::new(), truth }
    }

    /// What the versions were validated on, and what is true of the lake.
    pub(crate) fn finish(self) -> (Vec<Validation>, Truth) {
        (self.validations, self.truth)
    }

    /// Writes the tables of one model.
    pub(crate) async fn write_model<W: World>(&mut self) -> Result<(), SimulateError> {
        let model = W::model();
        self.write_baseline::<W>().await?;
        let signatures = self.write_inference::<W>().await?;
        let labels = self.write_labels::<W>().await?;
        for incident in model.incidents {
            let Some((_, signature)) = signatures.iter().find(|(day, _)| *day == incident.first_day) else {
                continue;
            };
            let shows =
                |(newest, _): &&(u32, u64)| incident.folder == "labels" && *newest >= incident.first_day;
            let label_version = labels.iter().find(shows).map(|(_, version)| *version);
            self.truth.incidents.push(Incident::of(incident, model, signature, label_version));
        }
        self.truth.models.push(ModelTruth::of(model));
        Ok(())
    }

    /// One commit with the rows that both versions were validated on, in the week before the story.
    async fn write_baseline<W: World>(&mut self) -> Result<(), SimulateError> {
        let model = W::model();
        let (path, description) =
            (format!("baseline/{}", model.name), "Held-out rows, as scored offline, with their labels.");
        let empty = world::baseline_batch::<W>(&[]).map_err(batch_error(&path))?;
        let mut table = Table::new(self.lake, path, description.to_owned(), empty.schema())?;
        let mut file = table.data_file()?;
        let mut sums = model.versions.map(|version| (version, 0, Vec::new()));
        for range in chunks(VALIDATION_ROWS) {
            let rows = world::validation::<W>(self.options.seed, range);
            for row in &rows {
                let version = W::request(row).version;
                for (_, count, losses) in sums.iter_mut().filter(|(name, ..)| *name == version) {
                    *count += 1;
                    add(losses, W::losses(row));
                }
            }
            let batch = world::baseline_batch::<W>(&rows).map_err(batch_error(table.path()))?;
            table.write(&mut file, batch).await?;
        }
        table.append(&jobs::validation(model, self.options.seed), file).await?;
        self.report(&table);
        self.validations.extend(sums.map(|(version, rows, losses)| Validation {
            model: model.name,
            version,
            table: table.path().to_owned(),
            table_version: table.version(),
            rows,
            metrics: losses.into_iter().map(|(name, sum)| (name, sum / rows as f64)).collect(),
        }));
        self.remember(&table);
        Ok(())
    }

    /// One commit a day; returns who signed which.
    async fn write_inference<W: World>(&mut self) -> Result<Vec<(u32, Signature)>, SimulateError> {
        let Options { seed, rows_per_model } = *self.options;
        let model = W::model();
        let path = format!("inference/{}", model.name);
        let empty = world::inference_batch::<W>(&[]).map_err(batch_error(&path))?;
        let mut table = Table::new(self.lake, path, model.description.to_owned(), empty.schema())?;
        table.create(&jobs::creation(model, &model.scoring, seed)).await?;
        self.report(&table);
        let mut signatures = Vec::new();
        for day in 0..DAYS {
            let count = model.rows_on(day, rows_per_model);
            let mut file = table.data_file()?;
            for range in chunks(count) {
                let rows = world::traffic::<W>(seed, day, count, range);
                let batch = world::inference_batch::<W>(&rows).map_err(batch_error(table.path()))?;
                table.write(&mut file, batch).await?;
            }
            let story = jobs::scoring(model, seed, day);
            table.append(&story, file).await?;
            self.report(&table);
            let signature = Signature { version: table.version(), user: story.user, job: story.job };
            signatures.push((day, signature));
        }
        self.remember(&table);
        Ok(signatures)
    }

    /// One commit on each day on which labels become known; returns the newest request day of each, and its version.
    async fn write_labels<W: World>(&mut self) -> Result<Vec<(u32, u64)>, SimulateError> {
        let Options { seed, rows_per_model } = *self.options;
        let model = W::model();
        let (path, description) =
            (format!("labels/{}", model.name), "What became of the requests, as it became known.");
        let empty = world::label_batch::<W>(&[], &[]).map_err(batch_error(&path))?;
        let mut table = Table::new(self.lake, path, description.to_owned(), empty.schema())?;
        table.create(&jobs::creation(model, &model.labelling, seed)).await?;
        self.report(&table);
        let mut versions = Vec::new();
        for day in 0..DAYS {
            let mut labels = world::labels_known_on::<W>(seed, day, rows_per_model);
            let mut file = table.data_file()?;
            let mut newest = None;
            loop {
                let (rows, times): (Vec<_>, Vec<_>) = labels.by_ref().take(CHUNK_ROWS as usize).unzip();
                if rows.is_empty() {
                    break;
                }
                newest = rows.iter().filter_map(|row| W::request(row).day).max().max(newest);
                let batch = world::label_batch::<W>(&rows, &times).map_err(batch_error(table.path()))?;
                table.write(&mut file, batch).await?;
            }
            if let Some(newest) = newest {
                table.append(&jobs::labelling(model, seed, day), file).await?;
                versions.push((newest, table.version()));
            }
            self.report(&table);
        }
        self.remember(&table);
        Ok(versions)
    }

    /// Tells the caller of one more commit.
    fn report(&mut self, table: &Table) {
        self.commits += 1;
        let done = f64::from(self.commits) / f64::from(2 * COMMITS_PER_MODEL);
        (self.progress)(Progress { table: table.path(), rows: table.rows(), done });
    }

    fn remember(&mut self, table: &Table) {
        let truth = TableTruth { rows: table.rows(), version: table.version() };
        self.truth.tables.insert(table.path().to_owned(), truth);
    }
}

/// Adds `losses` to the sums of the same names.
fn add(sums: &mut Vec<(&'static str, f64)>, losses: [(&'static str, f64); 2]) {
    for (name, loss) in losses {
        match sums.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += loss,
            None => sums.push((name, loss)),
        }
    }
}

/// The indices below `count`, in chunks.
fn chunks(count: u64) -> impl Iterator<Item = Range<u64>> {
    (0..count.div_ceil(CHUNK_ROWS)).map(move |chunk| chunk * CHUNK_ROWS..count.min((chunk + 1) * CHUNK_ROWS))
}

fn batch_error(table: &str) -> impl FnOnce(ArrowError) -> SimulateError {
    move |source| SimulateError::Batch { table: table.to_owned(), source }
}
