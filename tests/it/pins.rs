//! Looking back: which versions of its tables a run reads, and how a message says it so that they are read again.

use serde_json::{Value, json};

use crate::support::cli::Said;
use crate::support::http::HookServer;
use crate::support::scene::Scene;
use crate::support::tables;
use crate::support::tls::Tls;

/// The tables of `bad`, each with a version 0 and a version 1, and when these were committed.
const COMMITS: [(&str, [&str; 2]); 3] = [
    ("bad", ["2026-05-05T00:00:00Z", "2026-05-10T00:00:00Z"]),
    ("labels", ["2026-05-04T00:00:00Z", "2026-05-08T00:00:00Z"]),
    ("reference", ["2026-05-04T00:00:00Z", "2026-05-08T00:00:00Z"]),
];

/// A scene in which labels and baseline changed after the first version of the inference table.
async fn scene() -> Scene {
    let scene = Scene::new().await;
    let day = |n: u32| format!("WHERE CAST(substr(request_id, 2) AS INT) / 24 = {n}");
    scene.table("bad", &format!("SELECT * FROM model {}", day(2))).await;
    for rows in [day(0), day(1)] {
        scene.table("labels", &format!("SELECT request_id, label AS truth FROM model {rows}")).await;
        scene.table("reference", &format!("SELECT *, label AS truth FROM model {rows}")).await;
    }
    for (table, times) in COMMITS {
        for (version, time) in times.iter().enumerate() {
            rewrite_commit(&scene, table, version, Some(time));
        }
    }
    scene.edit("label_col: label", "label_col: truth\n  label_table: ../lake/labels");
    scene.edit("alerts: []\n", "alerts: []\nbaseline: { table: ../lake/reference }\n");
    scene
}

/// Makes a commit one of this time; without one, it does not say who made it, how and when.
fn rewrite_commit(scene: &Scene, table: &str, version: usize, time: Option<&str>) {
    let file = format!("lake/{table}/_delta_log/{version:020}.json");
    let log = std::fs::read_to_string(scene.path(&file)).expect("the commit");
    let lines = log.lines().filter_map(|line| {
        let mut action: Value = serde_json::from_str(line).expect("an action is JSON");
        if let Some(info) = action.get_mut("commitInfo") {
            let time: jiff::Timestamp = time?.parse().expect("a time");
            info["timestamp"] = json!(time.as_millisecond());
        }
        Some(format!("{action}\n"))
    });
    let log: String = lines.collect();
    scene.write(&file, &log);
}

/// The id of the only run in this output, and the versions of the three tables.
async fn pins(scene: &Scene, output: &str) -> (String, [u64; 3]) {
    let sql =
        "SELECT run_id, source_version, label_version, baseline_version FROM runs WHERE status = 'SUCCEEDED'";
    let rows = tables::query(&scene.path(output), sql).await;
    assert_eq!(rows.len(), 1, "{output}");
    let version = |column: &str| rows[0][column].as_u64().expect("a version");
    let id = rows[0]["run_id"].as_str().expect("a run id").to_owned();
    (id, ["source_version", "label_version", "baseline_version"].map(version))
}

fn look_back(scene: &Scene, args: &str, output: &str) -> Said {
    let args: Vec<&str> = args.split_whitespace().collect();
    scene.secchi(&[&["run", "bad"], args.as_slice(), &["--output", output]].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_without_a_version_are_read_as_they_were_then() {
    let scene = scene().await;
    let cases = [
        ("", [1, 1, 1]),
        ("--as-of 2026-05-06", [0, 0, 0]),
        ("--as-of 2026-05-09", [0, 1, 1]),
        ("--table-version 0", [0, 0, 0]),
        ("--table-version 1", [1, 1, 1]),
        ("--table-version 1 --as-of 2026-05-06", [1, 0, 0]),
        ("--table-version 0 --as-of 2026-05-09", [0, 1, 1]),
        ("--table-version 0 --label-version 1", [0, 1, 0]),
        ("--table-version 0 --baseline-version 1", [0, 0, 1]),
        ("--label-version 0 --baseline-version 0", [1, 0, 0]),
    ];
    for (case, (args, expected)) in cases.into_iter().enumerate() {
        let output = format!("out/{case}");
        let said = look_back(&scene, args, &output);
        assert_eq!(said.code, 0, "{args}: {}", said.err);
        assert_eq!(pins(&scene, &output).await.1, expected, "{args}");
    }
    // A version in the monitor file stays, whatever the time.
    scene.edit("../lake/reference }", "../lake/reference, version: 1 }");
    for (args, expected) in
        [("--table-version 0", [0, 0, 1]), ("--table-version 0 --baseline-version 0", [0, 0, 0])]
    {
        let output = format!("out/at {args}");
        assert_eq!(look_back(&scene, args, &output).code, 0, "{args}");
        assert_eq!(pins(&scene, &output).await.1, expected, "{args}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_there_yet_is_named_with_the_way_out() {
    let scene = scene().await;
    let check = |args: &str, parts: &[&str]| {
        let said = look_back(&scene, args, "out/failed");
        assert_eq!(said.code, 1, "{args}");
        for part in parts {
            assert!(said.err.contains(part), "{args}: {part:?} is not in {}", said.err);
        }
    };
    check(
        "--label-version 2",
        &["lake/labels` has no version 2: its newest is 1", "correct --label-version"],
    );
    check("--baseline-version 2", &["lake/reference` has no version 2", "--baseline-version"]);
    rewrite_commit(&scene, "labels", 0, Some("2026-05-07T00:00:00Z"));
    check(
        "--table-version 0",
        &[
            "lake/labels` has no version at 2026-05-05T00:00:00Z: its first commit is of 2026-05-07T00:00:00Z",
            "hint: name the version to join as --label-version, or give a later --as-of",
        ],
    );
    rewrite_commit(&scene, "reference", 0, Some("2026-05-07T00:00:00Z"));
    check(
        "--table-version 0 --label-version 0",
        &[
            "lake/reference` has no version at 2026-05-05T00:00:00Z",
            "hint: name the version to compare with as `baseline.version` or --baseline-version, or give a later --as-of",
        ],
    );
}

/// A commit need not say when it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_without_a_time_is_no_other_commit() {
    let scene = scene().await;
    scene.table("labels", "SELECT request_id, label AS truth FROM model").await;
    rewrite_commit(&scene, "labels", 1, None);
    rewrite_commit(&scene, "labels", 2, Some("2026-05-08T00:00:00Z"));
    for (args, output, expected) in
        [("--as-of 2026-05-06", "out/before", [0, 0, 0]), ("--as-of 2026-05-09", "out/after", [0, 2, 1])]
    {
        let said = look_back(&scene, args, output);
        assert_eq!(said.code, 0, "{args}: {}", said.err);
        assert_eq!(pins(&scene, output).await.1, expected, "{args}");
    }
    rewrite_commit(&scene, "bad", 0, None);
    let said = look_back(&scene, "--table-version 0", "out/timeless");
    assert_eq!(said.code, 1);
    let error = "carries no time, at which to read labels and baseline";
    assert!(
        said.err.contains(error) && said.err.contains("hint: give the time with --as-of"),
        "{}",
        said.err
    );
    let versions = "--table-version 0 --label-version 1 --baseline-version 0";
    assert_eq!(look_back(&scene, versions, "out/versions").code, 0);
    assert_eq!(pins(&scene, "out/versions").await.1, [0, 1, 0]);
}

/// What a message names is the same run, whatever was committed since and however it was pinned.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_in_a_message_repeats_the_run() {
    for (args, expected) in [
        ("", [1, 1, 1]),
        ("--table-version 0", [0, 0, 0]),
        ("--as-of 2026-05-09", [0, 1, 1]),
        ("--table-version 1 --label-version 0 --baseline-version 1", [1, 0, 1]),
    ] {
        let scene = scene().await;
        let hook = HookServer::start([], Tls::Off).await;
        let rule = "{ rule: amount, metric: avg, above: 0, columns: [amount] }";
        let channel = format!("{{ webhook: {{ url: \"{}\" }} }}", hook.url());
        scene.edit("alerts: []", &format!("alerts: [{rule}]\nnotify: [{channel}]"));
        let said = look_back(&scene, args, "monitoring");
        assert_eq!(said.code, 0, "{args}: {}", said.err);
        let first = pins(&scene, "monitoring").await;
        assert_eq!(first.1, expected, "{args}");

        for (table, _) in COMMITS {
            let columns = if table == "labels" { "request_id, label AS truth" } else { "*" };
            let columns = if table == "reference" { "*, label AS truth" } else { columns };
            scene.table(table, &format!("SELECT {columns} FROM model WHERE request_id = 'r1'")).await;
        }
        let told = hook.requests();
        assert_eq!(told.len(), 1, "{args}");
        let told: Value = serde_json::from_slice(&told[0].body).expect("a message is JSON");
        let command = told["alerts"][0]["command"].as_str().expect("a command");
        let words: Vec<&str> = command.split(' ').collect();
        let again = scene.secchi(&words[1..]);
        assert_eq!(again.code, 0, "{command}: {}", again.err);
        assert_eq!(pins(&scene, "again").await, first, "{command}");
        assert_eq!(hook.requests().len(), 1, "nobody is told again");
    }
}
