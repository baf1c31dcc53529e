//! A table with a past: things happen to it and to what belongs to it, at random, as they happen to tables.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

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
use serde_json::{Value, json};

use crate::support::deletion_vector;
use crate::support::scene::Scene;
use crate::support::tables;
use crate::support::unwatched::Unwatched;

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// New rows, which may be of days that have been counted.
    Append,
    /// Rows of some days are deleted.
    DeleteDays,
    /// Rows of all days are deleted.
    DeleteSome,
    /// Rows are marked as deleted, in the file where they are.
    Mark,
    /// Rows of some days get other values.
    Update,
    /// Rows come, in the place of those of the same requests.
    Merge,
    /// Labels arrive.
    Label,
    /// Labels change, or are written anew as they are.
    Relabel,
    /// Files are compacted.
    Optimize,
    /// Files that no version needs are deleted.
    Vacuum,
    /// New rows have a column more.
    AddColumn,
    /// The monitor gets other settings, which decide nothing that is counted.
    Settings,
    /// The alias of the model version with which others are compared moves, or is taken away.
    Promote,
    /// All rows go, and others come.
    Overwrite,
    /// Some days are to be counted anew, which is broken off.
    Backfill,
    /// All rows are written anew without the column more, if there is one.
    DropColumn,
    /// All rows are written anew with a column of another type.
    Retype,
    /// Another table is put in the place of this one.
    Recreate,
}

/// What happens to a table in a store, each as often as it stands here.
pub const USUAL: [Change; 15] = [
    Change::Append,
    Change::Append,
    Change::Append,
    Change::Append,
    Change::DeleteDays,
    Change::DeleteSome,
    Change::Mark,
    Change::Update,
    Change::Merge,
    Change::Label,
    Change::Relabel,
    Change::Optimize,
    Change::AddColumn,
    Change::Settings,
    Change::Overwrite,
];

/// What happens besides.
const RARE: [Change; 7] = [
    Change::Vacuum,
    Change::Backfill,
    Change::Backfill,
    Change::Promote,
    Change::DropColumn,
    Change::Retype,
    Change::Recreate,
];

/// Days that rows lie in.
const DAYS: u32 = 24;

/// The first of them, in microseconds.
const FIRST_DAY: i64 = 1_777_593_600_000_000;

/// A day.
const DAY: i64 = 86_400_000_000;

const MONITOR: &str = "
monitor: history
owner: OWNER
inference:
  table: ../lake/history
  timestamp_col: event_time
  model_id_col: model_version
  request_id_col: request_id
  prediction_col: prediction
SURE
  label_col: label
LABELS
granularities: [1 day, 1 week, 1 month]
timezone: America/St_Johns
slicing_exprs: [region, amount > 50]
custom_metrics:
  - { type: aggregate, name: squares, input_columns: [amount], definition: \"avg(`{{input_column}}` * `{{input_column}}`)\", output_data_type: double }
  - { type: drift, name: squares_delta, input_columns: [amount], definition: \"{{current_df}}.squares - {{base_df}}.squares\" }
registry: { table: ../lake/models, model: history }
comparisons: { seasonal: [1 week, 1 month], rolling: 3, version: { alias: champion } }
baseline: { table: ../lake/reference }
alerts:
  - { rule: high, metric: avg, above: 52, columns: [amount], for: 1 of 2 }
  - { rule: wrong, metric: accuracy_score, below: 0.6, for: 2 of 3, min_count: 3 }
  - { rule: other, metric: js_distance, above: 0.3, for: 2 of 2, min_count: 2, slices: [region] }
  - { rule: season, metric: avg_delta, outside: [-8, 8], columns: [amount], comparison: SEASONAL, for: 1 of 2 }
  - { rule: lately, metric: js_distance, above: 0.3, comparison: ROLLING, for: 2 of 3, min_count: 3 }
  - { rule: challenger, metric: percent_null_delta, outside: [-9, 9], comparison: VERSION, slices: [region] }
  - { rule: fewer, metric: row_count, below: 12, columns: [':table'], granularity: 1 week, model_versions: ['*'] }
output: { uri: ../OUTPUT }
";

/// Where labels are, if they arrive in a table of their own.
const LABELS: &str = "  label_table: ../lake/labels
  label_timestamp_col: label_time";

/// Where probabilities are: of one class, or of every class.
const SURE: [&str; 2] =
    ["  prediction_proba_col: score", "  prediction_proba_cols: { \"0\": against, \"1\": score }"];

/// What a history is about.
#[derive(Debug, Clone, Copy)]
struct World {
    /// Whether times say no zone.
    is_local: bool,
    /// Whether labels arrive in a table of their own.
    is_labelled_apart: bool,
    /// Whether every class has a probability.
    is_of_every_class: bool,
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
    /// Whether new rows have a column more.
    has_more: bool,
    /// Whether amounts are whole numbers.
    is_whole: bool,
    /// Who owns the monitor, which changes its settings and nothing else.
    owner: u32,
    /// Whether what happened since the last run can be told from a table that was never counted.
    pub is_known: bool,
    /// What happened, for who reads a failure.
    pub told: String,
    now: Timestamp,
}

impl History {
    /// Begins one.
    pub async fn begin(seed: u64) -> Self {
        let world = World {
            is_local: seed % 3 == 1,
            is_labelled_apart: seed % 2 == 1,
            is_of_every_class: seed % 5 < 2,
        };
        let scene = Scene::new().await;
        let now = "2026-05-20T00:00:00Z".parse().expect("a time");
        let chance = ChaCha8Rng::seed_from_u64(seed);
        let mut history = Self {
            world,
            scene,
            chance,
            rows: 0,
            has_more: false,
            is_whole: false,
            owner: 0,
            is_known: true,
            told: format!("history {seed}, {world:?}"),
            now,
        };
        history.settings();
        history.promote(Some(0)).await;
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
        let sure = SURE[usize::from(self.world.is_of_every_class)];
        let text = MONITOR.replace("LABELS", labels).replace("SURE", sure);
        let text = text.replace("OWNER", &format!("team-{}", self.owner));
        for (name, output) in [("history", "monitoring"), ("anew", "anew")] {
            self.scene.write(&format!("monitors/{name}.yaml"), text.replace("OUTPUT", output).trim_start());
        }
    }

    /// Registers both model versions, of which this one has the alias.
    async fn promote(&self, version: Option<u32>) {
        let folder = self.scene.path("lake/models");
        let _ = std::fs::remove_dir_all(&folder);
        let champion = version.map_or("none".to_owned(), |version| format!("v{version}"));
        let sql = format!(
            "SELECT 'history' AS name, version, CASE WHEN version = '{champion}' THEN 'champion' ELSE '' END AS aliases \
             FROM (VALUES ('v0'), ('v1')) AS versions(version)"
        );
        tables::append(&folder, vec![one_batch(&SessionContext::new(), &sql).await]).await;
    }

    /// `batch` with labels, if those of the model arrive in a table of their own.
    async fn labels(&self, batch: &RecordBatch, rows: u64) -> Option<RecordBatch> {
        if !self.world.is_labelled_apart {
            return None;
        }
        let ctx = SessionContext::new();
        ctx.register_batch("rows", batch.clone()).expect("a new name");
        let labelled = format!("SELECT *, CAST(prediction AS BIGINT) AS label FROM rows LIMIT {rows}");
        Some(one_batch(&ctx, &labelled).await)
    }

    /// Labels of the requests of these numbers, as they arrive now.
    async fn arrived(&mut self, requests: std::ops::Range<u64>) -> RecordBatch {
        let salt = self.chance.next_u32() % 1000;
        let labels = format!(
            "SELECT concat('r', n) AS request_id, CAST((n + {salt}) % 3 % 2 AS BIGINT) AS label, \
             arrow_cast({salt} + {} * 1000, 'Timestamp(Microsecond, Some(\"UTC\"))') AS label_time \
             FROM generate_series({}, {}) AS series(n)",
            self.rows,
            requests.start,
            requests.end - 1
        );
        one_batch(&SessionContext::new(), &labels).await
    }

    /// Where the table is.
    pub fn folder(&self) -> PathBuf {
        self.scene.path("lake/history")
    }

    async fn table(&self) -> DeltaTable {
        tables::open(&self.folder()).await
    }

    /// New rows of some days.
    async fn batch(&mut self, rows: u64, days: std::ops::Range<u32>) -> RecordBatch {
        let from = self.rows;
        self.rows += rows;
        self.numbered(from..from + rows, days).await
    }

    /// Rows of some days, with these numbers.
    async fn numbered(&mut self, rows: std::ops::Range<u64>, days: std::ops::Range<u32>) -> RecordBatch {
        let salt = self.chance.next_u32() % 1000;
        let type_of_time = self.type_of_time();
        let label = match self.world.is_labelled_apart {
            true => String::new(),
            false => format!(", CASE WHEN n % 4 = 0 THEN NULL ELSE (n + {salt}) % 3 % 2 END AS label"),
        };
        let against = match self.world.is_of_every_class {
            true => format!(", 1 - CAST((n * 7 + {salt}) % 10 AS DOUBLE) / 10 AS against"),
            false => String::new(),
        };
        let more = if self.has_more { ", NULLIF(CAST(n % 5 AS DOUBLE), -1) AS more" } else { "" };
        let amount = if self.is_whole { "BIGINT" } else { "DOUBLE" };
        let (first, days) = (i64::from(days.start), i64::from(days.end - days.start));
        let sql = format!(
            r#"
            SELECT
                arrow_cast(
                    {FIRST_DAY} + {first} * {DAY} + (n * 7919 + {salt}) % ({days} * 86400) * 1000000,
                    '{type_of_time}'
                ) AS event_time,
                concat('r', n) AS request_id,
                CASE WHEN (n + {salt}) % 11 = 0 THEN NULL ELSE concat('v', (n * 31 + {salt}) % 2) END AS model_version,
                CASE WHEN n % 13 = 0 THEN NULL ELSE CAST((n * 17 + {salt}) % 101 AS {amount}) END AS amount,
                CASE WHEN n % 3 = 0 THEN 'north' WHEN n % 29 = 0 THEN NULL ELSE 'south' END AS region,
                n % 2 AS prediction,
                CAST((n * 7 + {salt}) % 10 AS DOUBLE) / 10 AS score
                {against}{label}{more}
            FROM generate_series({}, {}) AS series(n)"#,
            rows.start,
            rows.end - 1,
        );
        one_batch(&SessionContext::new(), &sql).await
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
    pub async fn step(&mut self) {
        let which = self.chance.random_range(0..USUAL.len() + RARE.len());
        let change = USUAL.iter().chain(&RARE).nth(which).expect("one of them");
        self.change(*change).await;
    }

    /// This happens.
    pub async fn change(&mut self, change: Change) {
        self.happen(change).await;
        let rows = tables::query(&self.scene.path("lake"), "SELECT count(*) AS rows FROM history").await;
        if !self.is_known && rows[0]["rows"] == 0 {
            // A table of which nothing was counted is not begun with while it is empty.
            self.happen(Change::Append).await;
        }
    }

    async fn happen(&mut self, change: Change) {
        let days = self.days();
        let rows = self.chance.random_range(1..80);
        let part = i64::from(self.chance.next_u32() % 7);
        let day = FIRST_DAY + i64::from(days.start) * DAY;
        let of_days = format!(
            "event_time >= arrow_cast({day}, '{of}') AND event_time < arrow_cast({}, '{of}')",
            day + i64::from(days.end - days.start) * DAY,
            of = self.type_of_time(),
        );
        let of_part = |column: &str| format!("CAST({column} AS BIGINT) % 7 = {part}");
        let table = self.table().await;
        let said = match change {
            Change::Append | Change::AddColumn => {
                self.has_more |= change == Change::AddColumn;
                let rows_of = self.batch(rows, days.clone()).await;
                self.write(SaveMode::Append, SchemaMode::Merge, rows_of).await;
                let with = if self.has_more { ", with a column more" } else { "" };
                format!("append {rows} rows of days {days:?}{with}")
            }
            Change::DeleteDays => {
                table.delete().with_predicate(of_days).await.expect("a delete");
                format!("delete days {days:?}")
            }
            Change::DeleteSome => {
                table.delete().with_predicate(of_part("amount")).await.expect("a delete");
                format!("delete where {}", of_part("amount"))
            }
            Change::Mark => match self.mark(&table) {
                Some((file, rows)) => format!("mark rows {rows:?} of {file} as deleted"),
                None => "no file to mark rows in".to_owned(),
            },
            Change::Update => {
                let value = if self.is_whole { lit(70_i64) } else { lit(70.0_f64) };
                let updated = table.update().with_predicate(of_days).with_update("amount", value);
                updated.await.expect("an update");
                format!("update days {days:?}")
            }
            Change::Merge => {
                let from = self.chance.random_range(0..self.rows);
                let requests = from..from + rows;
                self.rows = self.rows.max(requests.end);
                self.has_more = false;
                let rows_of = self.numbered(requests.clone(), days.clone()).await;
                merge(table, rows_of).await;
                format!("merge requests {requests:?}, of days {days:?}")
            }
            Change::Label if self.world.is_labelled_apart => {
                let from = self.chance.random_range(0..self.rows);
                let requests = from..from + self.chance.random_range(1..40);
                let labels = self.arrived(requests.clone()).await;
                tables::append(&self.scene.path("lake/labels"), vec![labels]).await;
                format!("labels arrive of {requests:?}")
            }
            Change::Label => {
                let awaited = col("label").is_null().and(col("prediction").eq(lit(part % 2)));
                let updated = table.update().with_predicate(awaited).with_update("label", lit(1_i64));
                updated.await.expect("an update");
                "labels arrive".to_owned()
            }
            Change::Relabel if self.world.is_labelled_apart && part % 2 == 0 => {
                let labels = tables::open(&self.scene.path("lake/labels")).await;
                let some = of_part("substr(request_id, 2)");
                let updated = labels.update().with_predicate(some.clone()).with_update("label", lit(1_i64));
                updated.await.expect("an update");
                format!("labels change where {some}")
            }
            Change::Relabel if self.world.is_labelled_apart => {
                let labels = tables::open(&self.scene.path("lake/labels")).await;
                labels.optimize().await.expect("an optimize");
                "labels are compacted".to_owned()
            }
            Change::Relabel => {
                let some = of_part("substr(request_id, 2)");
                let updated = table.update().with_predicate(some.clone()).with_update("label", lit(0_i64));
                updated.await.expect("an update");
                format!("labels change where {some}")
            }
            Change::Optimize => {
                table.optimize().await.expect("an optimize");
                "optimize".to_owned()
            }
            Change::Vacuum => {
                let now = chrono::Duration::zero();
                let vacuum = table.vacuum().with_retention_period(now).with_enforce_retention_duration(false);
                vacuum.await.expect("a vacuum");
                "vacuum".to_owned()
            }
            Change::Settings => {
                self.owner += 1;
                self.settings();
                "the monitor gets another owner".to_owned()
            }
            Change::Promote => {
                let version = Some(self.chance.random_range(0..3)).filter(|version| *version < 2);
                self.promote(version).await;
                format!("the champion is {version:?}")
            }
            Change::Overwrite => {
                let rows_of = self.batch(rows, days.clone()).await;
                self.write(SaveMode::Overwrite, SchemaMode::Merge, rows_of).await;
                format!("overwrite by {rows} rows of days {days:?}")
            }
            Change::DropColumn => {
                self.has_more = false;
                let schema = table.snapshot().expect("it is loaded").schema();
                if schema.field("more").is_some() {
                    self.rewrite("SELECT * EXCEPT (more) FROM history").await;
                }
                "all rows are written without the column more".to_owned()
            }
            Change::Retype => {
                let amount = if self.is_whole { "DOUBLE" } else { "BIGINT" };
                let retyped = format!("SELECT * REPLACE (CAST(amount AS {amount}) AS amount) FROM history");
                if self.rewrite(&retyped).await {
                    self.is_whole = !self.is_whole;
                    self.is_known = false;
                }
                format!("amounts are {amount}, if there are some")
            }
            Change::Recreate => {
                std::fs::remove_dir_all(self.folder()).expect("the table was there");
                let rows_of = self.batch(100, days.clone()).await;
                tables::append(&self.folder(), vec![rows_of]).await;
                self.is_known = false;
                format!("another table, with 100 rows of days {days:?}")
            }
            Change::Backfill => {
                let parts = self.backfill(days.clone()).await;
                format!("backfill days {days:?}: {parts}")
            }
        };
        let _ = write!(self.told, "\n  {said}");
    }

    async fn write(&self, mode: SaveMode, schema: SchemaMode, rows: RecordBatch) {
        let write = self.table().await.write(vec![rows]).with_save_mode(mode);
        write.with_schema_mode(schema).await.expect("rows can be written");
    }

    /// Writes all rows as `sql` gives them, if there are some.
    async fn rewrite(&self, sql: &str) -> bool {
        let batches = tables::batches(&self.scene.path("lake"), sql).await;
        let Some(first) = batches.iter().find(|batch| batch.num_rows() > 0) else { return false };
        let rows = arrow::compute::concat_batches(&first.schema(), &batches).expect("one batch");
        self.write(SaveMode::Overwrite, SchemaMode::Overwrite, rows).await;
        true
    }

    /// Marks some rows of a file as deleted, as other writers do.
    fn mark(&mut self, table: &DeltaTable) -> Option<(String, Vec<u16>)> {
        let log = self.folder().join("_delta_log");
        let actions = |version: u64| {
            let text = std::fs::read_to_string(log.join(format!("{version:020}.json"))).unwrap_or_default();
            text.lines()
                .map(|line| serde_json::from_str(line).expect("a line is JSON"))
                .collect::<Vec<Value>>()
        };
        let newest = table.version().expect("it is loaded");
        let there: Vec<String> = table.get_file_uris().expect("it is loaded").collect();
        let is_there = |add: &Value| {
            let name = add["path"].as_str().and_then(|path| Path::new(path).file_name());
            there.iter().any(|uri| Path::new(uri).file_name() == name)
        };
        let adds = (0..=newest).flat_map(actions).filter_map(|mut action| {
            let add = action["add"].take();
            (!add.is_null()).then_some(add)
        });
        // What is said last of a file is what holds.
        let last: std::collections::BTreeMap<String, Value> =
            adds.filter(is_there).map(|add| (add["path"].to_string(), add)).collect();
        let rows = |add: &Value| {
            let stats: Value = serde_json::from_str(add["stats"].as_str()?).ok()?;
            stats["numRecords"].as_u64().and_then(|rows| u16::try_from(rows).ok())
        };
        let markable = last.into_values().filter(|add| add["deletionVector"].is_null());
        let markable: Vec<(Value, u16)> =
            markable.filter_map(|add| rows(&add).filter(|rows| *rows > 3).map(|rows| (add, rows))).collect();
        let which = self.chance.random_range(0..markable.len().max(1));
        let (mut add, rows) = markable.into_iter().nth(which)?;
        let from = self.chance.random_range(0..rows - 2);
        let until = from + self.chance.random_range(1..=(rows - from) / 2) * 2;
        let marked: Vec<u16> = (from..until).collect();
        add["deletionVector"] = deletion_vector::inline(&marked);
        let remove = json!({ "path": add["path"], "dataChange": true, "deletionTimestamp": 0 });
        let features: &[&str] = match self.world.is_local {
            true => &["deletionVectors", "timestampNtz"],
            false => &["deletionVectors"],
        };
        let protocol = json!({ "minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": features,
            "writerFeatures": features });
        let file = add["path"].to_string();
        let lines = [json!({ "protocol": protocol }), json!({ "remove": remove }), json!({ "add": add })];
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(log.join(format!("{:020}.json", newest + 1)), text).expect("a commit");
        Some((file, marked))
    }

    /// Begins to compute some days anew, and may break off.
    async fn backfill(&mut self, days: std::ops::Range<u32>) -> String {
        let settings = Settings::default();
        let file = self.scene.path("monitors/history.yaml");
        let monitor = config::load(&file, &settings).expect("a good monitor");
        let day = |day: u32| Timestamp::from_microsecond(FIRST_DAY + i64::from(day) * DAY).ok();
        let order = Order { notify: false, ..Order::at(self.now) };
        let span = [day(days.start).filter(|_| days.start > 2), day(days.end)];
        let parts = run::backfill(&monitor, &settings, order, span, Granularity::Day).await.expect("parts");
        let some = self.chance.random_range(0..=parts.chunks.len());
        for chunk in &parts.chunks[..some] {
            let order = Order { recount: Some(chunk.recount), ..order };
            let done = run::run(&monitor, &settings, order, &Unwatched, &Stop::new().1).await;
            done.unwrap_or_else(|error| panic!("{}: {}", self.told, secchi::cause::chain(&error)));
            self.is_known = true;
        }
        format!("{some} of {} parts", parts.chunks.len())
    }

    /// Runs a monitor.
    pub async fn run(&self, name: &str) -> Outcome {
        let settings = Settings::default();
        let file = self.scene.path(&format!("monitors/{name}.yaml"));
        let monitor = config::load(&file, &settings).expect("a good monitor");
        let order = Order { notify: false, ..Order::at(self.now) };
        let done = run::run(&monitor, &settings, order, &Unwatched, &Stop::new().1).await;
        done.unwrap_or_else(|error| panic!("{}: {}", self.told, secchi::cause::chain(&error)))
    }
}

/// Puts `rows` in the place of those of `table` of the same requests.
async fn merge(table: DeltaTable, rows: RecordBatch) {
    let names: Vec<String> = rows.schema().fields().iter().map(|field| field.name().clone()).collect();
    let source = SessionContext::new().read_batch(rows).expect("rows");
    let merge =
        table.merge(source, "t.request_id = s.request_id").with_source_alias("s").with_target_alias("t");
    let all = |name: &String| (name.clone(), col(format!("s.{name}")));
    let merge = merge.when_matched_update(|update| {
        names.iter().map(all).fold(update, |update, (name, value)| update.update(name, value))
    });
    let merge = merge.expect("an update").when_not_matched_insert(|insert| {
        names.iter().map(all).fold(insert, |insert, (name, value)| insert.set(name, value))
    });
    merge.expect("an insert").await.expect("a merge");
}

/// The answer to `sql`, in one batch.
async fn one_batch(ctx: &SessionContext, sql: &str) -> RecordBatch {
    let batches = ctx.sql(sql).await.expect("rows").collect().await.expect("rows");
    arrow::compute::concat_batches(&batches[0].schema(), &batches).expect("one batch")
}
