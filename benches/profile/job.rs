//! The two sides of the ratio: reading the columns, and the whole job.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::col;
use futures::StreamExt;
use jiff::Timestamp;
use secchi::config::{self, Monitor, Settings};
use secchi::profile::query::Watch;
use secchi::run::{self, Order, Stop};
use secchi::source::{self, Lake, Versions};

/// Nobody watches.
struct Unwatched;

impl Watch for Unwatched {
    fn begin(&self, _: &str, _: &Arc<dyn ExecutionPlan>, _: u64) {}
    fn end(&self) {}
}

fn monitor(table: &Path) -> (Monitor, Settings) {
    let file = table.join("bench.yaml");
    let text = "\
monitor: bench
inference:
  table: inference
  timestamp_col: event_time
  model_id_col: model_version
  prediction_col: prediction
  prediction_proba_col: score
  label_col: label
  request_id_col: request_id
  problem_type: classification
granularities: [1 day]
alerts: []
output: { uri: monitoring }
";
    std::fs::write(&file, text).expect("the monitor file");
    let settings = Settings::default();
    (config::load(&file, &settings).expect("a right monitor file"), settings)
}

/// Reads the columns that are profiled, and the two that rows are grouped by. Returns the rows.
pub async fn scan(table: &Path) -> u64 {
    let (monitor, settings) = monitor(table);
    let snapshot =
        source::open(&monitor, Versions::default(), Lake::new(&settings)).await.expect("the table");
    let columns = snapshot.schema.fields().iter().filter(|field| field.name() != "request_id");
    let columns: Vec<_> = columns.map(|field| col(format!("\"{}\"", field.name()))).collect();
    let frame =
        snapshot.ctx.table("inference").await.expect("the table").select(columns).expect("its columns");
    let streams = frame.execute_stream_partitioned().await.expect("a plan");
    let tasks: Vec<_> = streams
        .into_iter()
        .map(|mut stream| {
            tokio::spawn(async move {
                let mut rows = 0;
                while let Some(batch) = stream.next().await {
                    rows += batch.as_ref().map(RecordBatch::num_rows).expect("a batch") as u64;
                }
                rows
            })
        })
        .collect();
    let mut rows = 0;
    for task in tasks {
        rows += task.await.expect("no panic");
    }
    rows
}

/// Runs the monitor, from the file to the metric tables. Returns the rows.
pub async fn run(table: &Path) -> u64 {
    let (monitor, settings) = monitor(table);
    // Each measurement writes its tables for the first time.
    let output = table.join("monitoring");
    if output.exists() {
        std::fs::remove_dir_all(&output).expect("the tables of the last measurement");
    }
    let now = Timestamp::now();
    let order = Order { notify: false, ..Order::at(now) };
    let (_switch, stop) = Stop::new();
    let outcome = run::run(&monitor, &settings, order, &Unwatched, &stop).await.expect("a run");
    outcome.rows
}
