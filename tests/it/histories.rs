//! Random histories of a table: after each, what runs have added up is what one run over everything gives.

use std::fmt::Write as _;
use std::path::PathBuf;

use arrow::array::RecordBatch;
use datafusion::execution::context::SessionContext;
use datafusion::prelude::{col, lit};
use deltalake::DeltaTable;
use deltalake::operations::write::SchemaMode;
use deltalake::protocol::SaveMode;
use jiff::Timestamp;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use secchi::config::{self, Settings};
use secchi::run::{self, Order, Outcome, Stop};
use secchi::window::Granularity;
use serde_json::Value;

use crate::support::scene::Scene;
use crate::support::tables;
use crate::support::unwatched::Unwatched;

/// Histories that are tried, unless the environment says how many.
const HISTORIES: u64 = 6;

/// What happens to the table, one after the other.
const STEPS: usize = 6;

/// Things that can happen to a table; the last of them runs the monitor.
pub const CHANGES: u32 = 12;

/// Days that rows lie in.
const DAYS: u32 = 24;

const MONITOR: &str = "
monitor: history
owner: OWNER
inference:
  table: ../lake/history
  timestamp_col: event_time
  model_id_col: model_version
  request_id_col: request_id
  prediction_col: prediction
  prediction_proba_col: score
  label_col: label
LABELS
granularities: [1 day, 1 week, 1 month]
timezone: America/St_Johns
slicing_exprs: [region, amount > 50]
custom_metrics:
  - { type: aggregate, name: squares, input_columns: [amount], definition: \"avg(`{{input_column}}` * `{{input_column}}`)\", output_data_type: double }
baseline: { table: ../lake/reference }
alerts:
  - { rule: high, metric: avg, above: 52, columns: [amount], for: 1 of 2 }
output: { uri: ../OUTPUT }
";

/// Where labels are, if they arrive in a table of their own.
const LABELS: &str = "  label_table: ../lake/labels
  label_timestamp_col: label_time";

/// What a history is about.
#[derive(Debug, Clone, Copy)]
struct World {
    /// Whether times say no zone.
    is_local: bool,
    /// Whether labels arrive in a table of their own.
    is_labelled_apart: bool,
}

/// A table with a past.
pub struct History {
    world: World,
    /// Where it is.
    pub scene: Scene,
    /// What is random of it.
    pub chance: ChaCha8Rng,
    /// Rows that there have been.
    rows: u64,
    /// Whether the table has got a column more.
    has_more: bool,
    /// Who owns the monitor, which changes its settings and nothing else.
    owner: u32,
    /// What happened, for who reads a failure.
    pub told: String,
    now: Timestamp,
}

impl History {
    /// Begins one.
    pub async fn begin(seed: u64) -> Self {
        let world = World { is_local: seed % 3 == 1, is_labelled_apart: seed % 2 == 1 };
        let scene = Scene::new().await;
        let now = "2026-05-20T00:00:00Z".parse().expect("a time");
        let chance = ChaCha8Rng::seed_from_u64(seed);
        let mut history = Self {
            world,
            scene,
            chance,
            rows: 0,
            has_more: false,
            owner: 0,
            told: format!("history {seed}, {world:?}"),
            now,
        };
        history.settings();
        let reference = history.batch(200, 0..4).await;
        let reference = history.labels(&reference, reference.num_rows() as u64).await.unwrap_or(reference);
        tables::append(&history.scene.path("lake/reference"), vec![reference]).await;
        let first = history.batch(300, 0..4).await;
        if world.is_labelled_apart {
            let labels = history.arrived(1..50).await;
            tables::append(&history.scene.path("lake/labels"), vec![labels]).await;
        }
        tables::append(&history.folder(), vec![first]).await;
        history
    }

    /// Writes the monitors.
    fn settings(&self) {
        let labels = if self.world.is_labelled_apart { LABELS } else { "" };
        let text = MONITOR.replace("LABELS", labels).replace("OWNER", &format!("team-{}", self.owner));
        for (name, output) in [("history", "monitoring"), ("anew", "anew")] {
            self.scene.write(&format!("monitors/{name}.yaml"), text.replace("OUTPUT", output).trim_start());
        }
    }

    /// `batch` with labels, if those of the model arrive in a table of their own.
    async fn labels(&self, batch: &RecordBatch, rows: u64) -> Option<RecordBatch> {
        if !self.world.is_labelled_apart {
            return None;
        }
        let ctx = SessionContext::new();
        ctx.register_batch("rows", batch.clone()).expect("a new name");
        let sql = format!("SELECT *, CAST(prediction AS BIGINT) AS label FROM rows LIMIT {rows}");
        let batches = ctx.sql(&sql).await.expect("rows").collect().await.expect("rows");
        Some(arrow::compute::concat_batches(&batches[0].schema(), &batches).expect("one batch"))
    }

    /// Labels of the requests of these numbers, as they arrive now.
    async fn arrived(&mut self, requests: std::ops::Range<u64>) -> RecordBatch {
        let salt = self.chance.next_u32() % 1000;
        let sql = format!(
            "SELECT concat('r', n) AS request_id, CAST((n + {salt}) % 3 % 2 AS BIGINT) AS label, \
             arrow_cast({salt} + {} * 1000, 'Timestamp(Microsecond, Some(\"UTC\"))') AS label_time \
             FROM generate_series({}, {}) AS series(n)",
            self.rows,
            requests.start,
            requests.end - 1
        );
        let ctx = SessionContext::new();
        let batches = ctx.sql(&sql).await.expect("rows").collect().await.expect("rows");
        arrow::compute::concat_batches(&batches[0].schema(), &batches).expect("one batch")
    }

    fn folder(&self) -> PathBuf {
        self.scene.path("lake/history")
    }

    async fn table(&self) -> DeltaTable {
        tables::open(&self.folder()).await
    }

    /// New rows of some days.
    async fn batch(&mut self, rows: u64, days: std::ops::Range<u32>) -> RecordBatch {
        let (from, salt) = (self.rows, self.chance.next_u32() % 1000);
        self.rows += rows;
        let type_of_time = self.type_of_time();
        let label = match self.world.is_labelled_apart {
            true => String::new(),
            false => format!(", CASE WHEN n % 4 = 0 THEN NULL ELSE (n + {salt}) % 3 % 2 END AS label"),
        };
        let more = if self.has_more { ", CAST(n % 5 AS DOUBLE) AS more" } else { "" };
        let (first, days) = (i64::from(days.start), i64::from(days.end - days.start));
        let sql = format!(
            r#"
            SELECT
                arrow_cast(
                    1777593600000000 + {first} * 86400000000 + (n * 7919 + {salt}) % ({days} * 86400) * 1000000,
                    '{type_of_time}'
                ) AS event_time,
                concat('r', n) AS request_id,
                CASE WHEN (n + {salt}) % 11 = 0 THEN NULL ELSE concat('v', (n * 31 + {salt}) % 2) END AS model_version,
                CASE WHEN n % 13 = 0 THEN NULL ELSE CAST((n * 17 + {salt}) % 101 AS DOUBLE) END AS amount,
                CASE WHEN n % 3 = 0 THEN 'north' WHEN n % 29 = 0 THEN NULL ELSE 'south' END AS region,
                n % 2 AS prediction,
                CAST((n * 7 + {salt}) % 10 AS DOUBLE) / 10 AS score
                {label}{more}
            FROM generate_series({from}, {}) AS series(n)"#,
            from + rows - 1,
        );
        let ctx = SessionContext::new();
        let batches = ctx.sql(&sql).await.expect("rows").collect().await.expect("rows");
        arrow::compute::concat_batches(&batches[0].schema(), &batches).expect("one batch")
    }

    fn type_of_time(&self) -> &'static str {
        if self.world.is_local {
            "Timestamp(Microsecond, None)"
        } else {
            "Timestamp(Microsecond, Some(\"UTC\"))"
        }
    }

    fn days(&mut self) -> std::ops::Range<u32> {
        let from = self.chance.random_range(0..DAYS);
        from..(from + self.chance.random_range(1..4)).min(DAYS)
    }

    /// Something happens.
    async fn step(&mut self) {
        let what = self.chance.random_range(0..=CHANGES);
        self.change(what).await;
    }

    /// What is called `what`, of up to [`CHANGES`], happens.
    pub async fn change(&mut self, what: u32) {
        let days = self.days();
        let rows = self.chance.random_range(1..80);
        let part = i64::from(self.chance.next_u32() % 7);
        let day = 1_777_593_600_000_000 + i64::from(days.start) * 86_400_000_000;
        let of_days = format!(
            "event_time >= arrow_cast({day}, '{of}') AND event_time < arrow_cast({}, '{of}')",
            day + i64::from(days.end - days.start) * 86_400_000_000,
            of = self.type_of_time(),
        );
        let table = self.table().await;
        let said = match what {
            0..=3 => {
                let rows_of = self.batch(rows, days.clone()).await;
                let write = table.write(vec![rows_of]).with_save_mode(SaveMode::Append);
                write.with_schema_mode(SchemaMode::Merge).await.expect("an append");
                format!("append {rows} rows of days {days:?}")
            }
            4 => {
                table.delete().with_predicate(of_days).await.expect("a delete");
                format!("delete days {days:?}")
            }
            5 => {
                let some = format!("CAST(amount AS BIGINT) % 7 = {part}");
                table.delete().with_predicate(some.clone()).await.expect("a delete");
                format!("delete where {some}")
            }
            6 => {
                let updated = table.update().with_predicate(of_days).with_update("amount", lit(70.0_f64));
                updated.await.expect("an update");
                format!("update days {days:?}")
            }
            7 if self.world.is_labelled_apart => {
                let from = self.chance.random_range(0..self.rows);
                let requests = from..from + self.chance.random_range(1..40);
                let labels = self.arrived(requests.clone()).await;
                tables::append(&self.scene.path("lake/labels"), vec![labels]).await;
                format!("labels arrive of {requests:?}")
            }
            8 if self.world.is_labelled_apart => {
                let labels = tables::open(&self.scene.path("lake/labels")).await;
                if part % 2 == 0 {
                    let some = format!("CAST(substr(request_id, 2) AS BIGINT) % 7 = {part}");
                    let updated =
                        labels.update().with_predicate(some.clone()).with_update("label", lit(1_i64));
                    updated.await.expect("an update");
                    format!("labels change where {some}")
                } else {
                    labels.optimize().await.expect("an optimize");
                    "labels are compacted".to_owned()
                }
            }
            7 => {
                // Labels arrive.
                let awaited = col("label").is_null().and(col("prediction").eq(lit(part % 2)));
                let updated = table.update().with_predicate(awaited).with_update("label", lit(1_i64));
                updated.await.expect("an update");
                "labels arrive".to_owned()
            }
            8 => {
                table.optimize().await.expect("an optimize");
                "optimize".to_owned()
            }
            9 => {
                self.has_more = true;
                let rows_of = self.batch(rows, days.clone()).await;
                let write = table.write(vec![rows_of]).with_save_mode(SaveMode::Append);
                write.with_schema_mode(SchemaMode::Merge).await.expect("an append");
                format!("append {rows} rows of days {days:?}, with a column more")
            }
            10 => {
                self.owner += 1;
                self.settings();
                "the monitor gets another owner".to_owned()
            }
            CHANGES => {
                self.backfill(days.clone()).await;
                format!("backfill days {days:?}")
            }
            _ => {
                let rows_of = self.batch(rows, days.clone()).await;
                let write = table.write(vec![rows_of]).with_save_mode(SaveMode::Overwrite);
                write.with_schema_mode(SchemaMode::Merge).await.expect("an overwrite");
                format!("overwrite by {rows} rows of days {days:?}")
            }
        };
        let _ = write!(self.told, "\n  {said}");
    }

    /// Begins to compute some days anew, and may break off.
    async fn backfill(&mut self, days: std::ops::Range<u32>) {
        let settings = Settings::default();
        let file = self.scene.path("monitors/history.yaml");
        let monitor = config::load(&file, &settings).expect("a good monitor");
        let day = |day: u32| Timestamp::from_second(1_777_593_600 + i64::from(day) * 86_400).ok();
        let order = Order { notify: false, ..Order::at(self.now) };
        let span = [day(days.start).filter(|_| days.start > 2), day(days.end)];
        let parts = run::backfill(&monitor, &settings, order, span, Granularity::Day).await.expect("parts");
        let some = self.chance.random_range(0..=parts.chunks.len());
        for chunk in &parts.chunks[..some] {
            let order = Order { recount: Some(chunk.recount), ..order };
            let done = run::run(&monitor, &settings, order, &Unwatched, &Stop::new().1).await;
            done.unwrap_or_else(|error| panic!("{}: {}", self.told, secchi::cause::chain(&error)));
        }
        let _ = write!(self.told, "\n  {some} of {} parts of:", parts.chunks.len());
    }

    /// Runs a monitor.
    async fn run(&self, name: &str) -> Outcome {
        let settings = Settings::default();
        let file = self.scene.path(&format!("monitors/{name}.yaml"));
        let monitor = config::load(&file, &settings).expect("a good monitor");
        let order = Order { notify: false, ..Order::at(self.now) };
        let done = run::run(&monitor, &settings, order, &Unwatched, &Stop::new().1).await;
        done.unwrap_or_else(|error| panic!("{}: {}", self.told, secchi::cause::chain(&error)))
    }

    /// What the tables in `output` say, but for where it comes from.
    async fn rows(&self, output: &str) -> Vec<Value> {
        let lineage = "run_id, config_hash, label_version, source_version, source_version_from, engine_version, computed_at";
        let folder = self.scene.path(output);
        let profile = format!(
            "SELECT * EXCEPT (logging_table_commit_version, revision, {lineage}) FROM history_profile_metrics \
             ORDER BY granularity, window_start, model_version, slice_key, slice_value, column_name"
        );
        let drift = format!(
            "SELECT * EXCEPT (revision, {lineage}) FROM history_drift_metrics \
             ORDER BY granularity, window_start, drift_type, model_version, slice_key, slice_value, column_name"
        );
        let states = "SELECT * EXCEPT (histogram, run_id, config_hash, label_version, source_version, source_version_from, engine_version, \
             computed_at, distinct_sketch, state), encode(state, 'hex') AS state FROM history_profile_states \
             ORDER BY window_start, model_version, slice_key, slice_value, column_name";
        let mut rows = tables::query(&folder, &profile).await;
        rows.extend(tables::query(&folder, &drift).await);
        rows.extend(tables::query(&folder, states).await);
        rows
    }

    /// What runs have added up is what one run gives.
    async fn is_as_anew(&self) {
        let rows = tables::query(&self.scene.path("lake"), "SELECT count(*) AS rows FROM history").await;
        if rows[0]["rows"] == 0 {
            // A monitor does not begin with an empty table; one that was emptied has no windows any more.
            let windows = "SELECT count(*) AS rows FROM history_profile_metrics WHERE log_type = 'INPUT'";
            let left = tables::query(&self.scene.path("monitoring"), windows).await;
            assert_eq!(left[0]["rows"], 0, "{}", self.told);
            return;
        }
        let _ = std::fs::remove_dir_all(self.scene.path("anew"));
        self.run("anew").await;
        self.says_the_same().await;
    }

    /// Whether the outputs of both monitors do.
    pub async fn says_the_same(&self) {
        let (added_up, anew) = (self.rows("monitoring").await, self.rows("anew").await);
        for (ours, theirs) in added_up.iter().zip(&anew) {
            assert!(ours == theirs, "{}\nadded up: {ours:#}\nanew: {theirs:#}", self.told);
        }
        assert_eq!(added_up.len(), anew.len(), "{}", self.told);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_add_up_is_what_one_run_gives() {
    let histories = std::env::var("SECCHI_HISTORIES").ok().and_then(|text| text.parse().ok());
    let first = std::env::var("SECCHI_HISTORY").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    for seed in first..first + histories.unwrap_or(HISTORIES) {
        let mut history = History::begin(seed).await;
        history.run("history").await;
        for _ in 0..STEPS {
            history.step().await;
            if history.chance.random_bool(0.7) {
                let outcome = history.run("history").await;
                let anew = outcome.findings.iter().find(|finding| finding.starts_with("all rows"));
                assert_eq!(anew, None, "{}", history.told);
            }
        }
        history.run("history").await;
        history.is_as_anew().await;
        let outcome = history.run("history").await;
        assert!(outcome.is_unchanged, "{}", history.told);
    }
}
