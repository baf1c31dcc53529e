//! Two monitors on small tables in a temporary folder: `good`, and `bad`, which a test may spoil.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::prelude::SessionContext;
use insta::{Settings, assert_snapshot};
use serde_json::Value;
use tempfile::TempDir;

use super::cli::{Said, secchi_with};
use super::process::Process;
use super::s3::S3Server;
use super::tables;

/// Three days of a classifier, a row an hour.
const ROWS: &str = r#"
SELECT
    arrow_cast(1777593600000000 + n * 3600000000, 'Timestamp(Microsecond, Some("UTC"))') AS event_time,
    concat('r', n) AS request_id,
    '1' AS model_version,
    CAST(n % 7 AS DOUBLE) AS amount,
    CASE WHEN n % 3 = 0 THEN 'north' ELSE 'south' END AS region,
    n % 2 AS prediction,
    CAST(n % 10 AS DOUBLE) / 10 AS score,
    n % 2 AS label
FROM generate_series(0, 71) AS series(n)
"#;

/// Both monitors, but for the name.
const MONITOR: &str = "
monitor: NAME
inference:
  table: ../lake/NAME
  timestamp_col: event_time
  model_id_col: model_version
  request_id_col: request_id
  prediction_col: prediction
  prediction_proba_col: score
  label_col: label
  columns: { include: [amount, region] }
granularities: [1 day]
slicing_exprs: [region]
alerts: []
output: { uri: ../monitoring }
";

/// Rows that a whole run of one of them gives.
const ROWS_WRITTEN: [(&str, u64); 2] = [("profile_metrics", 54), ("drift_metrics", 36)];

/// Two monitors and their tables; `bad` is there to be spoiled.
pub struct Scene {
    folder: TempDir,
    /// What `run` is given.
    pub args: Vec<String>,
    /// The environment.
    pub env: Vec<(String, String)>,
}

impl Scene {
    /// Both monitors can be run.
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let scene = Self { folder, args: Vec::new(), env: Vec::new() };
        std::fs::create_dir_all(scene.path("monitors")).expect("a folder for monitors");
        for name in ["bad", "good"] {
            scene.table(name, "SELECT * FROM model").await;
            scene.write(&format!("monitors/{name}.yaml"), MONITOR.replace("NAME", name).trim_start());
        }
        scene
    }

    /// A path in the folder.
    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Writes a file.
    pub fn write(&self, path: &str, text: &str) {
        std::fs::write(self.path(path), text).expect("a file in the folder");
    }

    /// Makes the table `lake/<name>` of what `sql` selects from `model`.
    pub async fn table(&self, name: &str, sql: &str) {
        let ctx = SessionContext::new();
        let model = ctx.sql(ROWS).await.expect("the model's rows");
        ctx.register_table("model", model.into_view()).expect("a new name");
        let frame = ctx.sql(sql).await.expect(sql);
        let schema = Arc::clone(frame.schema().inner());
        let mut batches = frame.collect().await.expect(sql);
        batches.push(RecordBatch::new_empty(schema));
        tables::write(&self.path("lake").join(name), batches).await;
    }

    /// Makes the table `lake/<name>` anew.
    pub async fn replace(&self, name: &str, sql: &str) {
        std::fs::remove_dir_all(self.path("lake").join(name)).expect("the table was there");
        self.table(name, sql).await;
    }

    /// Appends what `sql` selects from `model` to the table `lake/<name>`; columns that it does not have are added to it.
    pub async fn append(&self, name: &str, sql: &str) {
        let ctx = SessionContext::new();
        let model = ctx.sql(ROWS).await.expect("the model's rows");
        ctx.register_table("model", model.into_view()).expect("a new name");
        let batches = ctx.sql(sql).await.expect(sql).collect().await.expect(sql);
        let table = tables::open(&self.path("lake").join(name)).await;
        let appended = table
            .write(batches)
            .with_save_mode(deltalake::protocol::SaveMode::Append)
            .with_schema_mode(deltalake::operations::write::SchemaMode::Merge);
        appended.await.expect("rows that can be appended");
    }

    /// Replaces a part of the monitor `bad`.
    pub fn edit(&self, from: &str, to: &str) {
        self.edit_of("bad", from, to);
    }

    /// Replaces a part of a monitor.
    pub fn edit_of(&self, name: &str, from: &str, to: &str) {
        let file = format!("monitors/{name}.yaml");
        let text = std::fs::read_to_string(self.path(&file)).expect("the monitor");
        assert!(text.contains(from), "{from:?} is not in {text}");
        self.write(&file, &text.replace(from, to));
    }

    /// Runs the binary in the folder.
    pub fn secchi(&self, args: &[&str]) -> Said {
        let env: Vec<(&str, &str)> =
            self.env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        secchi_with(self.folder.path(), args, &env)
    }

    /// Starts the binary in the folder.
    pub fn start(&self, args: &[&str]) -> Process {
        let env: Vec<(&str, &str)> =
            self.env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Process::start(self.folder.path(), args, &env)
    }

    /// Moves the table `lake/<name>` to the server, and its monitor to it.
    pub fn move_to_s3(&mut self, name: &str, server: &S3Server) {
        upload(server, &self.path(""), &self.path(&format!("lake/{name}")));
        std::fs::remove_dir_all(self.path(&format!("lake/{name}"))).expect("the table was there");
        self.edit_of(name, &format!("../lake/{name}"), &format!("s3://lake/lake/{name}"));
        self.env.extend(server.env());
    }

    /// What `sql` selects from the tables in `monitoring/`.
    pub async fn rows(&self, sql: &str) -> Vec<Value> {
        tables::query(&self.path("monitoring"), sql).await
    }

    /// The statuses of the runs of `monitor`.
    pub async fn statuses(&self, monitor: &str) -> Vec<String> {
        if !self.path("monitoring/runs").is_dir() {
            return Vec::new();
        }
        let sql =
            format!("SELECT status FROM runs WHERE monitor_name = '{monitor}' ORDER BY at, status DESC");
        let rows = self.rows(&sql).await;
        rows.iter().map(|row| row["status"].as_str().expect("a status").to_owned()).collect()
    }

    /// The good monitor was run to its end.
    pub async fn is_served(&self, case: &str) {
        for (table, expected) in ROWS_WRITTEN {
            let rows = self.rows(&format!("SELECT count(*) AS rows FROM good_{table}")).await;
            assert_eq!(rows[0]["rows"], expected, "{case}: good_{table}");
        }
        assert_eq!(self.statuses("good").await, ["STARTED", "SUCCEEDED"], "{case}");
    }
}

/// Copies a folder to the bucket `lake`, under its path below `root`.
pub fn upload(server: &S3Server, root: &Path, folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            upload(server, root, &path);
        } else {
            let key = path.strip_prefix(root).expect("below the root").display().to_string();
            server.put(&format!("lake/{key}"), std::fs::read(&path).expect("a file"));
        }
    }
}

/// Compares `text` with what a person has approved under `name`. What differs from run to run is blotted out.
pub fn is_as_approved(name: &str, text: &str) {
    let mut settings = Settings::clone_current();
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path("../snapshots");
    for (what, shown) in [
        (r"(file://)?/\S*/\.tmp[A-Za-z0-9]+", "${1}[folder]"),
        (r"part-\d+-[0-9a-f-]+-c000", "part-[id]"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:[port]"),
        (r"20\d\d-[01]\d-[0-3]\dT[0-9:.]+Z", "[time]"),
        (r"has \d+ bytes, but \d+ in the log", "has [n] bytes, but [n] in the log"),
        (r"\d+ (windows of 1 \w+) until 20\d\d-\d\d-\d\d \d\d:\d\d are", "[n] $1 until [now] are"),
        (r"\d+(\.\d+)? (ms|s)\b", "[duration]"),
        (r"\d+(\.\d+)? k?B\b", "[bytes]"),
    ] {
        settings.add_filter(what, shown);
    }
    settings.bind(|| assert_snapshot!(name, text));
}
