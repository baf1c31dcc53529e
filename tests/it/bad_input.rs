//! Bad input: what is wrong is named, with what to do about it, and it stops its own monitor alone.
//!
//! Each case spoils one of two monitors, runs the binary, and puts what was said on a page; the pages are
//! the snapshots, so that they can be read as a person reads them who was woken at night.

use std::path::PathBuf;

use crate::support::http::{Answer, HookServer};
use crate::support::s3::{S3Options, S3Server};
use crate::support::scene::{Scene, is_as_approved};
use crate::support::tls::Tls;

/// Words of libraries and languages, which mean nothing to who is on call.
const NOISE: [&str; 15] = [
    "panicked",
    "RUST_BACKTRACE",
    "backtrace",
    "External error",
    "Join Error",
    "Execution error",
    "Arrow error",
    "Parquet error",
    "Object Store error",
    "Generic",
    "DataFusion",
    "Kernel",
    "kernel",
    "Some(",
    "__",
];

/// What was said in each case, in order.
#[derive(Default)]
struct Page(String);

impl Page {
    /// Validates and runs both monitors: `bad` must fail, tell why and leave nothing; `good` must not notice.
    async fn check(&mut self, case: &str, scene: &Scene) {
        let names: Vec<&str> = scene.args.iter().map(String::as_str).collect();
        let validate = [&["validate", "--connect"], named(&names)].concat();
        let run = [&["run"], names.as_slice()].concat();
        let validated = scene.secchi(&validate);
        let said = scene.secchi(&run);
        for said in [&validated, &said] {
            for noise in NOISE {
                assert!(!said.err.contains(noise), "{case}: {noise:?} in {}", said.err);
            }
        }
        assert_eq!(said.code, 1, "{case}: {}", said.err);
        scene.is_served(case).await;
        for entry in std::fs::read_dir(scene.path("monitoring")).expect("the good monitor's folder") {
            let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
            assert!(!name.starts_with("bad"), "{case}: {name} is written");
        }
        let statuses = scene.statuses("bad").await;
        assert!(statuses.is_empty() || statuses == ["STARTED", "FAILED"], "{case}: {statuses:?}");

        self.title(case);
        let (validate, run) = (validate.join(" "), run.join(" "));
        if validated.code == 0 {
            self.say(&format!("{run}  # validate saw nothing wrong"), &said.err);
        } else if validated.err == said.err {
            self.say(&format!("{run}  # and validate"), &said.err);
        } else {
            self.say(&validate, &validated.err);
            self.say(&run, &said.err);
        }
    }

    fn title(&mut self, case: &str) {
        let blank = if self.0.is_empty() { "" } else { "\n" };
        self.0.push_str(&format!("{blank}# {case}\n"));
    }

    fn say(&mut self, command: &str, err: &str) {
        self.0.push_str(&format!("$ secchi {command}\n{err}"));
    }
}

/// Of what `run` is given, the names of monitors.
fn named<'a>(args: &'a [&'a str]) -> &'a [&'a str] {
    let end = args.iter().position(|arg| arg.starts_with("--")).unwrap_or(args.len());
    &args[..end]
}

/// Cases that are one edit of the monitor file.
async fn edits(page: &mut Page, cases: &[(&str, &str, &str)]) {
    for (case, from, to) in cases {
        let scene = Scene::new().await;
        scene.edit(from, to);
        page.check(case, &scene).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_cannot_be_opened() {
    let mut page = Page::default();
    edits(
        &mut page,
        &[
            ("a table that is not there", "table: ../lake/bad", "table: ../lake/nowhere"),
            ("a table whose name is misspelt", "table: ../lake/bad", "table: ../lake/godo"),
            (
                "a baseline that is not there",
                "granularities:",
                "baseline: { table: ../lake/nowhere }\ngranularities:",
            ),
            (
                "a label table that is not there",
                "  label_col: label",
                "  label_col: truth\n  label_table: ../lake/nowhere",
            ),
            (
                "a registry that is not there",
                "granularities:",
                "registry: { mlflow: ../lake/mlruns, model: credit }\ngranularities:",
            ),
        ],
    )
    .await;

    let scene = Scene::new().await;
    scene.edit("../lake/bad", "../lake/files");
    std::fs::create_dir(scene.path("lake/files")).expect("a folder");
    scene.write("lake/files/rows.csv", "a,b\n1,2\n");
    page.check("a folder without _delta_log", &scene).await;

    let scene = Scene::new().await;
    std::fs::remove_file(scene.path(FIRST_COMMIT)).expect("the commit");
    page.check("a folder whose _delta_log is empty", &scene).await;

    let scene = Scene::new().await;
    scene.write(FIRST_COMMIT, "{\"protocol\":{\"minReaderVersion\":1,\n");
    page.check("a commit that is not JSON", &scene).await;

    let scene = Scene::new().await;
    for version in 1..=4 {
        let commit = format!("{{\"commitInfo\":{{\"timestamp\":{version},\"operation\":\"NOTHING\"}}}}\n");
        scene.write(&format!("lake/bad/_delta_log/{version:020}.json"), &commit);
    }
    std::fs::remove_file(scene.path("lake/bad/_delta_log/00000000000000000002.json")).expect("the commit");
    page.check("a log in which a commit is missing", &scene).await;
    let said = scene.secchi(&["run", "bad", "--table-version", "1"]);
    assert_eq!(said.code, 0, "what the hint says helps: {}", said.err);

    let scene = Scene::new().await;
    let commit = std::fs::read_to_string(scene.path(FIRST_COMMIT)).expect("the commit");
    let others = commit.lines().filter(|line| !line.contains("\"protocol\""));
    let protocol = r#"{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["holographic"],"writerFeatures":["holographic"]}}"#;
    scene.write(FIRST_COMMIT, &[protocol].into_iter().chain(others).collect::<Vec<_>>().join("\n"));
    page.check("a table that needs a reader feature of the future", &scene).await;
    is_as_approved("bad_input_tables", &page.0);
}

const FIRST_COMMIT: &str = "lake/bad/_delta_log/00000000000000000000.json";

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_are_not_there() {
    let mut page = Page::default();
    edits(
        &mut page,
        &[
            ("timestamp_col", "timestamp_col: event_time", "timestamp_col: event_tim"),
            ("model_id_col", "model_id_col: model_version", "model_id_col: modle_version"),
            ("request_id_col", "request_id_col: request_id", "request_id_col: req"),
            ("prediction_col", "prediction_col: prediction", "prediction_col: Prediction"),
            ("prediction_proba_col", "prediction_proba_col: score", "prediction_proba_col: scores"),
            ("label_col", "label_col: label", "label_col: lable"),
            ("columns.include", "include: [amount, region]", "include: [amuont, region]"),
            (
                "columns.categorical",
                "columns: { include: [amount, region] }",
                "columns: { categorical: [reigon] }",
            ),
        ],
    )
    .await;
    for (case, labels) in [
        ("label_col of the label table", "request_id, label AS was, event_time AS at"),
        ("request_id_col of the label table", "request_id AS request, label AS truth, event_time AS at"),
        ("label_timestamp_col of the label table", "request_id, label AS truth, event_time AS since"),
    ] {
        let scene = Scene::new().await;
        scene.table("labels", &format!("SELECT {labels} FROM model")).await;
        scene.edit(
            "  label_col: label",
            "  label_col: truth\n  label_table: ../lake/labels\n  label_timestamp_col: at",
        );
        page.check(case, &scene).await;
    }
    let scene = Scene::new().await;
    scene.table("labels", "SELECT request_id, label FROM model").await;
    scene.edit("  label_col: label", "  label_col: label\n  label_table: ../lake/labels");
    page.check("label_col in the inference table, too", &scene).await;
    is_as_approved("bad_input_columns", &page.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_of_the_wrong_type() {
    let mut page = Page::default();
    for (case, replaced) in [
        ("timestamp_col is a text", "CAST(event_time AS VARCHAR) AS event_time"),
        ("model_id_col is an array", "make_array(model_version) AS model_version"),
        ("prediction_col is an array", "make_array(prediction) AS prediction"),
        ("prediction_proba_col is a text", "CAST(score AS VARCHAR) AS score"),
        ("label_col is an array", "make_array(label) AS label"),
    ] {
        let scene = Scene::new().await;
        scene.table("odd", &format!("SELECT * REPLACE ({replaced}) FROM model")).await;
        scene.edit("../lake/bad", "../lake/odd");
        page.check(case, &scene).await;
    }
    for (case, column) in [
        ("a regression that predicts a text", "prediction"),
        ("a regression with labels that are texts", "label"),
    ] {
        let scene = Scene::new().await;
        scene
            .table("odd", &format!("SELECT * REPLACE (CAST({column} AS VARCHAR) AS {column}) FROM model"))
            .await;
        scene.edit("../lake/bad", "../lake/odd");
        scene.edit("  prediction_proba_col: score", "  problem_type: regression");
        page.check(case, &scene).await;
    }
    let scene = Scene::new().await;
    scene
        .table(
            "labels",
            "SELECT CAST(substr(request_id, 2) AS BIGINT) AS request_id, label AS truth FROM model",
        )
        .await;
    scene.edit("  label_col: label", "  label_col: truth\n  label_table: ../lake/labels");
    page.check("a request id that is a text here and a number in the label table", &scene).await;
    is_as_approved("bad_input_types", &page.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_cannot_be_read() {
    let mut page = Page::default();
    for (case, rows) in [
        ("a table without rows", "SELECT * FROM model WHERE false"),
        (
            "a table in which no row has a time",
            r#"SELECT * REPLACE (arrow_cast(NULL, 'Timestamp(Microsecond, Some("UTC"))') AS event_time) FROM model"#,
        ),
    ] {
        let scene = Scene::new().await;
        scene.table("odd", rows).await;
        scene.edit("../lake/bad", "../lake/odd");
        page.check(case, &scene).await;
    }
    let scene = Scene::new().await;
    scene.table("odd", &format!("SELECT * REPLACE ({} AS event_time) FROM model", at(LAST_DAY))).await;
    scene.edit("../lake/bad", "../lake/odd");
    page.check("a table in which every time is of the year 9999", &scene).await;
    let scene = Scene::new().await;
    scene.table("reference", "SELECT * FROM model WHERE false").await;
    scene.edit("granularities:", "baseline: { table: ../lake/reference }\ngranularities:");
    page.check("a baseline without rows", &scene).await;

    #[allow(clippy::type_complexity)] // What is done, and how.
    let spoil: [(&str, fn(PathBuf)); 4] = [
        ("a Parquet file that is cut off", |file| {
            let bytes = std::fs::read(&file).expect("the file");
            std::fs::write(file, &bytes[..bytes.len() / 2]).expect("a shorter file");
        }),
        ("a Parquet file that is damaged inside", |file| {
            let mut bytes = std::fs::read(&file).expect("the file");
            bytes[4..600].fill(0xff);
            std::fs::write(file, &bytes).expect("a damaged file");
        }),
        ("a Parquet file that is empty", |file| std::fs::write(file, "").expect("an empty file")),
        ("a Parquet file that is gone", |file| std::fs::remove_file(file).expect("a file")),
    ];
    for (case, spoil) in spoil {
        let scene = Scene::new().await;
        let files = std::fs::read_dir(scene.path("lake/bad")).expect("the table");
        let mut files = files.map(|entry| entry.expect("an entry").path());
        spoil(files.find(|path| path.extension().is_some_and(|is| is == "parquet")).expect("a Parquet file"));
        page.check(case, &scene).await;
    }
    is_as_approved("bad_input_rows", &page.0);
}

/// 9999-12-31, which often stands for "never", in microseconds.
const LAST_DAY: i64 = 253_402_214_400_000_000;

/// The SQL of an instant.
fn at(micros: i64) -> String {
    format!(r#"arrow_cast({micros}, 'Timestamp(Microsecond, Some("UTC"))')"#)
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_whose_time_no_window_can_hold_are_counted_apart() {
    let scene = Scene::new().await;
    // In a time zone clocks are read by, and in UTC; the 28th has a day, but the week of it does not end in time.
    for (case, times) in [
        ("instants", "event_time"),
        ("times on the wall", "arrow_cast(event_time, 'Timestamp(Microsecond, None)')"),
    ] {
        let name = case.replace(' ', "_");
        let odd = format!(
            "SELECT * REPLACE ({times} AS event_time) FROM (SELECT * REPLACE (CASE WHEN request_id = 'r0' THEN NULL
                WHEN request_id IN ('r1', 'r2') THEN {} WHEN request_id = 'r3' THEN {} WHEN request_id = 'r4' THEN {}
                ELSE event_time END AS event_time) FROM model)",
            at(LAST_DAY),
            at(LAST_DAY - 3 * 86_400_000_000),
            at(300_000_000_000_000_000),
        );
        scene.table(&name, &odd).await;
        let monitor = std::fs::read_to_string(scene.path("monitors/bad.yaml")).expect("the monitor");
        let monitor = monitor
            .replace("../lake/bad", &format!("../lake/{name}"))
            .replace("monitor: bad", &format!("monitor: {name}"))
            .replace("[1 day]", "[1 day, 1 week]\ntimezone: Europe/Berlin");
        scene.write(&format!("monitors/{name}.yaml"), &monitor);
        let said = scene.secchi(&["run", &format!("monitors/{name}.yaml")]);
        assert_eq!(said.code, 0, "{case}: {}", said.err);
        for note in [
            "note: 1 row has no `event_time`, and so no window",
            "note: 4 rows have a `event_time` in the year 9999 or later, or before the year 1, and so no window",
        ] {
            assert!(said.out.contains(note), "{case}: {}", said.out);
        }
        let sql = format!(
            "SELECT granularity, sum(row_count) AS rows FROM {name}_profile_metrics WHERE column_name = ':table' AND \
             model_version = '*' AND slice_key IS NULL GROUP BY 1 ORDER BY 1"
        );
        let rows = scene.rows(&sql).await;
        let counts: Vec<_> = rows.iter().map(|row| row["rows"].as_u64()).collect();
        assert_eq!(
            counts,
            [Some(67), Some(67)],
            "{case}: the windows of all granularities hold the same rows"
        );
    }
}

/// Damage to one file, by what is said of it.
type Spoil = (&'static str, &'static str, fn(PathBuf));

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_its_own_that_are_damaged() {
    let mut page = Page::default();
    let cut: fn(PathBuf) = |file| std::fs::write(file, "{\"add\":").expect("the file");
    let remove: fn(PathBuf) = |file| std::fs::remove_file(file).expect("the file");
    let cases: [Spoil; 5] = [
        ("a metric file that is cut off", "bad_profile_metrics/window_month=2026-05-01", cut),
        ("a metric file that is gone", "bad_drift_metrics/window_month=2026-05-01", remove),
        ("a log of metrics that is cut off", "bad_profile_metrics/_delta_log", cut),
        ("a log of alerts that is cut off", "alerts/_delta_log", cut),
        ("a log of runs that is incomplete", "runs/_delta_log", remove),
    ];
    for (case, folder, spoil) in cases {
        let scene = Scene::new().await;
        assert_eq!(scene.secchi(&["run", "bad"]).code, 0, "{case}");
        let files = std::fs::read_dir(scene.path("monitoring").join(folder)).expect("the folder");
        let mut files: Vec<PathBuf> = files.map(|entry| entry.expect("an entry").path()).collect();
        files.retain(|file| file.extension().is_some_and(|is| is == "json" || is == "parquet"));
        files.sort();
        spoil(files.into_iter().next().expect("a file"));
        // Other settings, so that all rows are computed anew.
        scene.edit("alerts: []", "alerts: []\nowner: risk@example.com");
        let said = scene.secchi(&["run", "bad"]);
        assert_eq!(said.code, 1, "{case}: {}", said.err);
        for noise in NOISE {
            assert!(!said.err.contains(noise), "{case}: {noise:?} in {}", said.err);
        }
        page.title(case);
        page.say("run bad", &said.err);
        let table = folder.split('/').next().expect("a table");
        assert!(said.err.contains(&format!("monitoring/{table}` away")), "{case}: {}", said.err);
        std::fs::rename(scene.path("monitoring").join(table), scene.path("away")).expect("moved away");
        let said = scene.secchi(&["run", "bad", "--no-notify"]);
        assert_eq!(said.code, 0, "{case}: what the hint says helps: {}", said.err);
    }
    is_as_approved("bad_input_own_tables", &page.0);
}

/// Nobody keeps an administrator from reading, so that there is nothing to see as one.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_may_not_be_read_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::new().await;
    let files = std::fs::read_dir(scene.path("lake/bad")).expect("the table");
    let mut files = files.map(|entry| entry.expect("an entry").path());
    let file = files.find(|path| path.extension().is_some_and(|is| is == "parquet")).expect("a Parquet file");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o000)).expect("no right to read");
    if std::fs::read(&file).is_ok() {
        return;
    }
    let said = scene.secchi(&["run", "bad"]);
    let name = file.file_name().expect("a name").to_string_lossy().into_owned();
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(
        said.err.contains(&format!("error: bad: access denied to file `{name}` of table")),
        "{}",
        said.err
    );
    assert!(
        said.err.contains("hint: let the job's user read the file, and every file beside it"),
        "{}",
        said.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn slicing_expressions_that_are_none() {
    let mut page = Page::default();
    let cases = [
        ("a column that is not there", "reigon"),
        ("an aggregate", "avg(amount)"),
        ("a window function", "row_number() OVER (ORDER BY amount)"),
        ("not SQL", "region = = 'north'"),
        ("half of SQL", "(region"),
        ("two expressions", "region, amount"),
        ("an expression and a statement", "region; DROP TABLE inference"),
        ("a subquery", "(SELECT max(amount) FROM inference)"),
        ("a membership in a subquery", "region IN (SELECT region FROM baseline)"),
        ("a function that is not there", "uper(region)"),
        ("a function of too few arguments", "substr(region)"),
        ("operands that do not fit", "region + interval '1 day'"),
        ("an array", "make_array(region)"),
        ("everything", "*"),
        ("a text that is no number", "CAST(region AS INT) > 3"),
        ("a division by zero", "prediction / (prediction - prediction)"),
        ("a parameter", "$region"),
        ("a pattern that is none", "regexp_like(region, '(')"),
        ("what the engine gets wrong", "region SIMILAR TO '('"),
        ("chance", "random() > 0.5"),
        ("the clock", "event_time > now()"),
    ];
    for (case, expression) in cases {
        let scene = Scene::new().await;
        let quoted = serde_json::to_string(expression).expect("a text");
        scene.edit("slicing_exprs: [region]", &format!("slicing_exprs: [{quoted}]"));
        page.check(&format!("{case}: {expression}"), &scene).await;
    }
    is_as_approved("bad_input_slices", &page.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn monitor_files_that_mean_nothing() {
    let mut page = Page::default();
    edits(
        &mut page,
        &[
            ("an unknown key", "timestamp_col:", "timestamp_column: event_time\n  timestamp_col:"),
            ("a key that is missing", "  timestamp_col: event_time\n", ""),
            ("a bad cron", "granularities:", "schedule: { cron: \"61 * * * *\" }\ngranularities:"),
            ("a bad URL", "../lake/bad", "s3://[bucket/table"),
            ("an unknown scheme", "../lake/bad", "gopher://lake/bad"),
            (
                "a bad URL of a webhook",
                "granularities:",
                "notify: [{ webhook: { url: hooks.example.com } }]\ngranularities:",
            ),
            (
                "a webhook in the clear",
                "granularities:",
                "notify: [{ webhook: { url: \"http://hooks.example.com\" } }]\ngranularities:",
            ),
            (
                "e-mail without a server",
                "granularities:",
                "notify: [{ email: { to: [a@example.com] } }]\ngranularities:",
            ),
            (
                "a measure of another problem type",
                "alerts: []",
                "alerts: [{ rule: error, metric: mean_squared_error, above: 1 }]",
            ),
            (
                "a field of a struct that is no number",
                "alerts: []",
                "alerts: [{ rule: precision, metric: precision.one_vs_all.true, below: 0.5 }]",
            ),
            ("a place that was not filled in", "label_col: label", "label_col: \"?\""),
            ("not YAML", "granularities: [1 day]", "granularities: [1 day"),
            ("a tab", "  timestamp_col", "\ttimestamp_col"),
            ("a name that is no name", "monitor: bad", "monitor: \"../bad\""),
            ("a bad granularity", "[1 day]", "[1 fortnight]"),
            (
                "several mistakes at once",
                "[1 day]",
                "[1 fortnight]\ntimezone: Europe/Atlantis\nlateness: soon",
            ),
        ],
    )
    .await;
    let scene = Scene::new().await;
    std::fs::write(scene.path("monitors/bad.yaml"), b"monitor: \xff\xfe").expect("a file");
    page.check("not a text", &scene).await;
    let scene = Scene::new().await;
    scene.write("monitors/bad.yaml", "");
    page.check("an empty file", &scene).await;
    is_as_approved("bad_input_monitor_files", &page.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn monitors_that_are_not_meant() {
    let mut page = Page::default();
    for (case, typed) in [
        ("a name that nobody has", "bda"),
        ("a file that is not there", "monitors/bda.yaml"),
        ("a folder that is not there", "monitor/"),
        ("a folder without monitors", "lake"),
    ] {
        let mut scene = Scene::new().await;
        scene.args = vec![typed.to_owned(), "good".to_owned()];
        page.check(case, &scene).await;
    }
    let mut scene = Scene::new().await;
    scene.write(
        "monitors/bad-copy.yaml",
        &std::fs::read_to_string(scene.path("monitors/bad.yaml")).expect("the monitor"),
    );
    page.check("two monitors that write the same tables", &scene).await;
    scene = Scene::new().await;
    scene.args =
        vec!["monitors/bad.yaml".to_owned(), "--table-version".to_owned(), "1".to_owned(), "good".to_owned()];
    scene.table("good", "SELECT * FROM model WHERE false").await;
    page.check("a version that the table does not have", &scene).await;

    let mut scene = Scene::new().await;
    scene.args = vec!["--as-of".to_owned(), jiff::Timestamp::now().to_string()];
    scene.table("later", "SELECT * FROM model").await;
    let commit = "lake/later/_delta_log/00000000000000000000.json";
    let log = std::fs::read_to_string(scene.path(commit)).expect("the first commit");
    // Decades later, by the first digit of its milliseconds.
    scene.write(commit, &log.replace("\"timestamp\":1", "\"timestamp\":2"));
    scene.edit("../lake/bad", "../lake/later");
    page.check("a time before the table's first commit", &scene).await;
    is_as_approved("bad_input_names", &page.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn outputs_that_cannot_be_written() {
    let mut page = Page::default();
    for (case, output) in
        [("an output that is a file", "notes.txt"), ("an output below a file", "notes.txt/out")]
    {
        let scene = Scene::new().await;
        scene.write("notes.txt", "not a folder");
        scene.edit("uri: ../monitoring", &format!("uri: ../{output}"));
        page.check(case, &scene).await;
        assert_eq!(std::fs::read_to_string(scene.path("notes.txt")).expect("the file"), "not a folder");
    }
    for table in ["bad_profile_metrics", "bad_drift_metrics", "alerts", "runs"] {
        let scene = Scene::new().await;
        scene.table(&format!("taken/{table}"), "SELECT * FROM model").await;
        scene.edit("uri: ../monitoring", "uri: ../lake/taken");
        page.check(&format!("another table where {table} would be"), &scene).await;
        for other in std::fs::read_dir(scene.path("lake/taken")).expect("the output") {
            let name = other.expect("an entry").file_name().to_string_lossy().into_owned();
            assert_eq!(name, table, "nothing else is written");
        }
    }
    is_as_approved("bad_input_outputs", &page.0);
}

/// A folder that takes no files: one without the right to write or, since that is no bar to an administrator,
/// the kernel's own.
#[cfg(unix)]
fn sealed(scene: &Scene) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let folder = scene.path("sealed");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o555)).expect("no right to write");
    if tempfile::tempfile_in(&folder).is_ok() { PathBuf::from("/sys") } else { folder }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn outputs_without_the_right_to_write() {
    let scene = Scene::new().await;
    let folder = sealed(&scene);
    let output = folder.join("secchi/monitoring");
    scene.edit("uri: ../monitoring", &format!("uri: {}", output.display()));
    for args in [&["validate", "--connect"][..], &["run"]] {
        let said = scene.secchi(args);
        assert_eq!(said.code, 1, "{args:?}: {}", said.err);
        let lines: Vec<&str> = said.err.lines().collect();
        let [error, cause, hint] = lines[..] else { panic!("{args:?}: {}", said.err) };
        let table = format!("file://{}/alerts", output.display());
        let expected = format!(
            "error: bad: `output.uri` cannot hold table `{table}`: nothing can be written in `{}`",
            folder.display()
        );
        assert_eq!(error, expected);
        assert!(cause.starts_with("  cause: "), "{cause}");
        assert_eq!(hint, "  hint: name a folder as `output.uri` that the job's user may write to");
        assert!(!folder.join("secchi").exists(), "{args:?} leaves nothing");
    }
    scene.is_served("an output without the right to write").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_cannot_be_used() {
    let mut page = Page::default();
    let mut scene = Scene::new().await;
    scene.edit("../lake/bad", "s3://lake/bad");
    scene.write(
        "secchi.yaml",
        "storage:\n  - prefix: s3://lake/\n    secrets: { aws_secret_access_key: { env: LAKE_SECRET } }\n",
    );
    page.check("a secret whose variable is not set", &scene).await;
    scene.write(
        "secchi.yaml",
        "storage:\n  - prefix: s3://lake/\n    secrets: { aws_secret_access_key: { file: lake.secret } }\n",
    );
    std::fs::remove_dir_all(scene.path("monitoring")).expect("what the last case left");
    page.check("a secret whose file is not there", &scene).await;

    for (case, text) in [
        ("settings with an unknown key", "smpt: { host: smtp.example.com }\n"),
        ("settings that are not YAML", "defaults: { timezone: UTC\n"),
        (
            "settings with a secret in the clear",
            "storage: [{ prefix: \"s3://lake/\", options: { aws_secret_access_key: hunter2 } }]\n",
        ),
    ] {
        scene = Scene::new().await;
        scene.write("secchi.yaml", text);
        let said = scene.secchi(&["run"]);
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{case}");
        assert!(!scene.path("monitoring").exists(), "{case}: nothing is written");
        assert!(!said.err.contains("hunter2"), "{case}: {}", said.err);
        page.title(case);
        page.say("run", &said.err);
    }
    scene = Scene::new().await;
    let said = scene.secchi(&["run", "--config", "elsewhere.yaml"]);
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    page.title("settings that are not there");
    page.say("run --config elsewhere.yaml", &said.err);
    is_as_approved("bad_input_settings", &page.0);
}

/// A scene whose bad table is in S3, at a server that does not know it.
async fn in_s3(table: &str, server: &S3Server) -> Scene {
    let mut scene = Scene::new().await;
    scene.edit("../lake/bad", table);
    scene.env = server.env().into_iter().collect();
    scene.write(
        "secchi.yaml",
        "storage: [{ prefix: \"s3://\", options: { max_retries: \"1\", retry_timeout: 5s } }]\n",
    );
    scene
}

#[tokio::test(flavor = "multi_thread")]
async fn object_stores_that_refuse() {
    let mut page = Page::default();
    let server = S3Server::start().await;
    let scene = in_s3("s3://lake/bad", &server).await;
    page.check("a table that is not in the bucket", &scene).await;
    let scene = in_s3("s3://laek/bad", &server).await;
    page.check("a bucket that is not there", &scene).await;
    let scene = in_s3("s3://lake/bad", &server).await;
    scene.edit("../monitoring", "s3://laek/monitoring");
    scene.edit("s3://lake/bad", "../lake/bad");
    page.check("an output in a bucket that is not there", &scene).await;

    let other =
        S3Server::start_with(S3Options { secret_key: "changed".to_owned(), ..S3Options::default() }).await;
    let mut scene = in_s3("s3://lake/bad", &other).await;
    for (name, value) in &mut scene.env {
        if name == "AWS_SECRET_ACCESS_KEY" {
            "outdated".clone_into(value);
        }
    }
    page.check("a secret that is wrong", &scene).await;
    std::fs::remove_dir_all(scene.path("monitoring")).expect("what the last case left");
    scene.edit("s3://lake/bad", "../lake/bad");
    scene.edit("../monitoring", "s3://lake/monitoring");
    page.check("an output with a secret that is wrong", &scene).await;

    let reader = S3Server::start_with(S3Options { read_only: true, ..S3Options::default() }).await;
    let scene = in_s3("s3://lake/bad", &reader).await;
    scene.edit("s3://lake/bad", "../lake/bad");
    scene.edit("../monitoring", "s3://lake/monitoring");
    page.check("an output that may be read and not written", &scene).await;

    // Without keys the machine is asked for its own, at an address that clouds have.
    let cloud = HookServer::start([(); 8].map(|()| Answer::status(403)), Tls::Off).await;
    let mut scene = in_s3("s3://lake/bad", &server).await;
    scene.env.retain(|(name, _)| !name.contains("KEY"));
    scene.env.push(("AWS_METADATA_ENDPOINT".to_owned(), cloud.url()));
    page.check("no keys at all", &scene).await;

    let scene = in_s3("s3://lake/bad", &server).await;
    server.stop().await;
    page.check("a server that is not there", &scene).await;
    is_as_approved("bad_input_s3", &page.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn receivers_that_cannot_be_reached() {
    let mut page = Page::default();
    let good = HookServer::start([], Tls::Off).await;
    let failing = HookServer::start([500, 500, 500].map(Answer::status), Tls::Off).await;
    let closed = HookServer::start([], Tls::Off).await;
    let port = closed.url().rsplit_once(':').expect("a port").1.to_owned();
    closed.stop().await;

    let scene = Scene::new().await;
    scene.write(
        "secchi.yaml",
        &format!("smtp: {{ host: 127.0.0.1, port: {port}, tls: none, from: secchi@example.com }}\n"),
    );
    scene.edit(
        "alerts: []",
        &format!(
            "alerts: [{{ rule: amount, metric: avg, above: 0, columns: [amount] }}]
notify:
  - email: {{ to: [ops@example.com] }}
  - webhook: {{ url: \"{}\" }}
  - webhook: {{ url: \"{}\" }}",
            failing.url(),
            good.url(),
        ),
    );
    let said = scene.secchi(&["run"]);
    assert_eq!(said.code, 1, "{}", said.err);
    scene.is_served("unreachable receivers").await;
    assert_eq!(scene.statuses("bad").await, ["STARTED", "SUCCEEDED"]);
    let alerts = scene.rows("SELECT count(*) AS rows FROM alerts WHERE monitor_name = 'bad'").await;
    assert_eq!(alerts[0]["rows"], 3, "one a day");
    assert_eq!(good.requests().len(), 1, "the receiver that is there is told");
    page.title("a mail server that is not there, and a webhook that fails");
    page.say("run", &said.err);
    is_as_approved("bad_input_receivers", &page.0);
}

/// Two monitors whose tables would have one name, and that no command sees together.
#[tokio::test(flavor = "multi_thread")]
async fn the_tables_of_another_monitor_are_left_alone() {
    let scene = Scene::new().await;
    let good = std::fs::read_to_string(scene.path("monitors/good.yaml")).expect("the monitor");
    let named = |name: &str| good.replace("monitor: good", &format!("monitor: {name}"));
    for (file, name) in [("first/monitors/one.yaml", "a-b"), ("second/monitors/one.yaml", "a_b")] {
        let text = named(name).replace("../", "../../");
        std::fs::create_dir_all(scene.path(file).parent().expect("a folder")).expect("a folder");
        scene.write(file, &text);
    }
    assert_eq!(scene.secchi(&["run", "first/monitors/one.yaml"]).code, 0);
    assert_eq!(scene.secchi(&["run", "first/monitors/one.yaml"]).code, 0, "its own tables are");
    let said = scene.secchi(&["run", "second/monitors/one.yaml"]);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("`output.uri` would overwrite table"), "{}", said.err);
    assert!(said.err.contains("of the monitor `a-b`"), "{}", said.err);
    assert!(said.err.contains("rename one of the two monitors"), "{}", said.err);
}
