//! Random histories of a table: after each, what runs have added up is what one run over everything gives.

use std::fmt::Write as _;
use std::path::PathBuf;

use arrow::array::RecordBatch;
use datafusion::execution::context::SessionContext;
use datafusion::prelude::{col, lit};
use deltalake::DeltaTable;
use deltalake::protocol::SaveMode;
use jiff::Timestamp;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use secchi::config::{self, Settings};
use secchi::run::{self, Order, Outcome, Stop};
use secchi::source::Versions;
use serde_json::Value;

use crate::support::scene::Scene;
use crate::support::tables;
use crate::support::unwatched::Unwatched;

/// Histories that are tried, unless the environment says how many.
const HISTORIES: u64 = 6;

/// What happens to the table, one after the other.
const STEPS: usize = 6;

/// Days that rows lie in.
const DAYS: u32 = 24;

const MONITOR: &str = "
monitor: history
inference:
  table: ../lake/history
  timestamp_col: event_time
  model_id_col: model_version
  request_id_col: request_id
  prediction_col: prediction
  prediction_proba_col: score
  label_col: label
granularities: [1 day, 1 week, 1 month]
timezone: America/St_Johns
slicing_exprs: [region, amount > 50]
custom_metrics:
  - { type: aggregate, name: squares, input_columns: [amount], definition: \"avg(`{{input_column}}` * `{{input_column}}`)\", output_data_type: double }
baseline: { table: ../lake/reference }
output: { uri: ../OUTPUT }
";

/// A table with a past.
struct History {
    scene: Scene,
    chance: ChaCha8Rng,
    /// Rows that there have been.
    rows: u64,
    /// What happened, for who reads a failure.
    told: String,
    now: Timestamp,
}

impl History {
    async fn begin(seed: u64) -> Self {
        let scene = Scene::new().await;
        for (name, output) in [("history", "monitoring"), ("anew", "anew")] {
            scene.write(&format!("monitors/{name}.yaml"), MONITOR.replace("OUTPUT", output).trim_start());
        }
        let now = "2026-05-20T00:00:00Z".parse().expect("a time");
        let chance = ChaCha8Rng::seed_from_u64(seed);
        let mut history = Self { scene, chance, rows: 0, told: format!("history {seed}"), now };
        let reference = history.batch(200, 0..4).await;
        tables::append(&history.scene.path("lake/reference"), vec![reference]).await;
        let first = history.batch(300, 0..4).await;
        tables::append(&history.folder(), vec![first]).await;
        history
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
        let (first, days) = (i64::from(days.start), i64::from(days.end - days.start));
        let sql = format!(
            r#"
            SELECT
                arrow_cast(
                    1777593600000000 + {first} * 86400000000 + (n * 7919 + {salt}) % ({days} * 86400) * 1000000,
                    'Timestamp(Microsecond, Some("UTC"))'
                ) AS event_time,
                concat('r', n) AS request_id,
                CASE WHEN (n + {salt}) % 11 = 0 THEN NULL ELSE concat('v', (n * 31 + {salt}) % 2) END AS model_version,
                CASE WHEN n % 13 = 0 THEN NULL ELSE CAST((n * 17 + {salt}) % 101 AS DOUBLE) END AS amount,
                CASE WHEN n % 3 = 0 THEN 'north' WHEN n % 29 = 0 THEN NULL ELSE 'south' END AS region,
                n % 2 AS prediction,
                CAST((n * 7 + {salt}) % 10 AS DOUBLE) / 10 AS score,
                CASE WHEN n % 4 = 0 THEN NULL ELSE (n + {salt}) % 3 % 2 END AS label
            FROM generate_series({from}, {}) AS series(n)"#,
            from + rows - 1,
        );
        let ctx = SessionContext::new();
        let batches = ctx.sql(&sql).await.expect("rows").collect().await.expect("rows");
        arrow::compute::concat_batches(&batches[0].schema(), &batches).expect("one batch")
    }

    fn days(&mut self) -> std::ops::Range<u32> {
        let from = self.chance.random_range(0..DAYS);
        from..(from + self.chance.random_range(1..4)).min(DAYS)
    }

    /// Something happens.
    async fn step(&mut self) {
        let what = self.chance.random_range(0..10);
        let days = self.days();
        let rows = self.chance.random_range(1..80);
        let part = i64::from(self.chance.next_u32() % 7);
        let day = 1_777_593_600_000_000 + i64::from(days.start) * 86_400_000_000;
        let of_days = format!(
            "event_time >= arrow_cast({day}, 'Timestamp(Microsecond, Some(\"UTC\"))') AND event_time < \
             arrow_cast({}, 'Timestamp(Microsecond, Some(\"UTC\"))')",
            day + i64::from(days.end - days.start) * 86_400_000_000
        );
        let table = self.table().await;
        let said = match what {
            0..=3 => {
                let rows_of = self.batch(rows, days.clone()).await;
                table.write(vec![rows_of]).with_save_mode(SaveMode::Append).await.expect("an append");
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
            _ => {
                let rows_of = self.batch(rows, days.clone()).await;
                table.write(vec![rows_of]).with_save_mode(SaveMode::Overwrite).await.expect("an overwrite");
                format!("overwrite by {rows} rows of days {days:?}")
            }
        };
        let _ = write!(self.told, "\n  {said}");
    }

    /// Runs a monitor.
    async fn run(&self, name: &str) -> Outcome {
        let settings = Settings::default();
        let file = self.scene.path(&format!("monitors/{name}.yaml"));
        let monitor = config::load(&file, &settings).expect("a good monitor");
        let order = Order { as_of: self.now, versions: Versions::default(), now: self.now, notify: false };
        let done = run::run(&monitor, &settings, order, &Unwatched, &Stop::new().1).await;
        done.unwrap_or_else(|error| panic!("{}: {}", self.told, secchi::cause::chain(&error)))
    }

    /// What the tables in `output` say, but for where it comes from.
    async fn rows(&self, output: &str) -> Vec<Value> {
        let lineage = "run_id, config_hash, source_version, source_version_from, engine_version, computed_at";
        let folder = self.scene.path(output);
        let profile = format!(
            "SELECT * EXCEPT (logging_table_commit_version, revision, {lineage}) FROM history_profile_metrics \
             ORDER BY granularity, window_start, model_version, slice_key, slice_value, column_name"
        );
        let drift = format!(
            "SELECT * EXCEPT (revision, {lineage}) FROM history_drift_metrics \
             ORDER BY granularity, window_start, drift_type, model_version, slice_key, slice_value, column_name"
        );
        let states = "SELECT * EXCEPT (histogram, run_id, config_hash, source_version, source_version_from, engine_version, \
             computed_at, distinct_sketch, state), encode(state, 'hex') AS state FROM history_profile_states \
             ORDER BY window_start, model_version, slice_key, slice_value, column_name";
        let mut rows = tables::query(&folder, &profile).await;
        rows.extend(tables::query(&folder, &drift).await);
        rows.extend(tables::query(&folder, states).await);
        rows
    }

    /// What runs have added up is what one run gives.
    async fn is_as_anew(&self) {
        let _ = std::fs::remove_dir_all(self.scene.path("anew"));
        self.run("anew").await;
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
