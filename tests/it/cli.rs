//! The command line: what it says of itself, where it says it, and how it ends.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::cli::{Said, secchi};
use crate::support::http::HookServer;
use crate::support::scene::{Scene, is_as_approved};
use crate::support::tls::Tls;

const COMMANDS: [&str; 7] = ["demo", "init", "validate", "schema", "run", "maintain", "serve"];

#[track_caller]
fn ended(said: &Said, code: i32) {
    assert_eq!(said.code, code, "stdout: {}\nstderr: {}", said.out, said.err);
}

#[test]
fn every_command_explains_itself() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let help = |args: &[&str]| {
        let said = secchi(folder.path(), args);
        ended(&said, 0);
        format!("$ secchi {}\n{}", args.join(" "), said.out)
    };
    let mut page = vec![help(&["--help"])];
    page.extend(COMMANDS.iter().map(|command| help(&[command, "--help"])));
    is_as_approved("cli_help", &page.join("\n"));
}

#[test]
fn the_schemas_are_as_published() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, args) in
        [("cli_monitor_schema", &["schema"][..]), ("cli_settings_schema", &["schema", "--settings"])]
    {
        let said = secchi(folder.path(), args);
        ended(&said, 0);
        let _: Value = serde_json::from_str(&said.out).expect("a schema is JSON");
        is_as_approved(name, &said.out);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_init_writes_is_a_monitor() {
    let scene = Scene::new().await;
    let shown = scene.secchi(&["init", "lake/good", "-o", "-"]);
    ended(&shown, 0);
    assert_eq!(shown.err, "");
    is_as_approved("cli_init", &shown.out);

    let told = scene.secchi(&["init", "lake/good", "-o", "drafts/good.yaml"]);
    ended(&told, 0);
    let written = std::fs::read_to_string(scene.path("drafts/good.yaml")).expect("the draft");
    assert_eq!(written.trim_end().replace("../lake/good", "lake/good"), shown.out.trim_end());
    let valid = scene.secchi(&["validate", "--connect", "drafts/good.yaml"]);
    ended(&valid, 0);
    is_as_approved("cli_init_then_validate", &format!("{}{}", told.out, valid.out));

    scene.table("bare", "SELECT request_id, amount FROM model").await;
    ended(&scene.secchi(&["init", "lake/bare", "-o", "drafts/bare.yaml"]), 0);
    let unfilled = scene.secchi(&["validate", "drafts/bare.yaml"]);
    ended(&unfilled, 1);
    is_as_approved("cli_init_left_as_it_was", &unfilled.err);

    let again = scene.secchi(&["init", "lake/good", "-o", "drafts/good.yaml"]);
    ended(&again, 1);
    let nowhere = scene.secchi(&["init", "lake/nowhere", "-o", "-"]);
    ended(&nowhere, 1);
    let scheme = scene.secchi(&["init", "gopher://lake", "-o", "-"]);
    ended(&scheme, 1);
    is_as_approved("cli_init_refuses", &[again.err, nowhere.err, scheme.err].concat());
}

#[test]
fn a_lake_that_would_be_too_small_is_refused_with_the_least_it_needs() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let said = secchi(folder.path(), &["demo", "small", "--rows", "100"]);
    ended(&said, 1);
    assert_eq!(
        said.err,
        "error: 100 rows of each model are too few for 60 days\n  hint: `--rows 600` or more; 36000 if it is left out\n"
    );
    assert!(!folder.path().join("small").exists());
}

/// `monitors/template.yaml` shows every option, so it must be what the program writes today.
#[test]
fn the_template_is_what_init_writes_for_the_demo() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    ended(&secchi(folder.path(), &["demo", ".", "--rows", "2000", "--no-run"]), 0);
    let table = "lake/inference/credit_default";
    ended(&secchi(folder.path(), &["init", table, "-o", "monitors/template.yaml"]), 0);
    let written = std::fs::read_to_string(folder.path().join("monitors/template.yaml")).expect("the draft");
    let template = concat!(env!("CARGO_MANIFEST_DIR"), "/monitors/template.yaml");
    if std::env::var_os("SECCHI_BLESS").is_some() {
        std::fs::write(template, &written).expect("the template");
    }
    let kept = std::fs::read_to_string(template).expect("the template");
    assert_eq!(kept, written, "write it anew with SECCHI_BLESS=1");
}

#[tokio::test(flavor = "multi_thread")]
async fn validate_says_what_it_has_seen() {
    let scene = Scene::new().await;
    let read = scene.secchi(&["validate"]);
    ended(&read, 0);
    let connected = scene.secchi(&["validate", "--connect", "good"]);
    ended(&connected, 0);
    assert_eq!([read.err, connected.err], ["", ""]);
    // The other one has columns of every kind, labels of their own and the default rules.
    let columns = "SELECT * EXCLUDE (label), make_array(amount) AS amounts, event_time AS due FROM model";
    scene.table("rich", columns).await;
    scene.table("labels", "SELECT request_id, label AS truth FROM model").await;
    scene.edit("../lake/bad", "../lake/rich");
    scene.edit("label_col: label", "label_col: truth\n  label_table: ../lake/labels");
    scene.edit("  columns: { include: [amount, region] }\n", "");
    scene.edit("alerts: []\n", "baseline: { table: ../lake/good }\n");
    let rich = scene.secchi(&["validate", "--connect", "bad"]);
    ended(&rich, 0);
    is_as_approved("cli_validate", &format!("{}\n{}\n{}", read.out, connected.out, rich.out));
}

/// A channel that cannot be used is found before anything is done that it would have to tell of.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_not_set_loses_no_alert() {
    let mut scene = Scene::new().await;
    let hook = HookServer::start([], Tls::Off).await;
    scene.edit(
        "alerts: []",
        &format!(
            "alerts: [{{ rule: amount, metric: avg, above: 0, columns: [amount] }}]
notify: [{{ webhook: {{ url: \"{}\", secret: {{ env: HOOK_SECRET }} }} }}]",
            hook.url()
        ),
    );
    let mut page = String::new();
    let mut say =
        |command: &str, said: &Said| page.push_str(&format!("$ {command}\n{}{}\n", said.err, said.out));

    let read = scene.secchi(&["validate", "bad"]);
    ended(&read, 0);
    say("secchi validate bad", &read);
    let connected = scene.secchi(&["validate", "--connect", "bad"]);
    ended(&connected, 1);
    say("secchi validate --connect bad", &connected);
    let unset = scene.secchi(&["run", "bad", "good"]);
    ended(&unset, 1);
    say("secchi run bad good", &Said { out: String::new(), ..unset });
    scene.is_served("the other monitor").await;
    assert_eq!(scene.statuses("bad").await, [""; 0], "nothing was written");

    scene.env = vec![("HOOK_SECRET".to_owned(), "whsec_hunter2!".to_owned())];
    let malformed = scene.secchi(&["run", "bad"]);
    ended(&malformed, 1);
    assert!(!malformed.err.contains("hunter2"), "{}", malformed.err);
    say("HOOK_SECRET=… secchi run bad", &malformed);
    assert_eq!(scene.statuses("bad").await, [""; 0], "nothing was written");
    assert_eq!(hook.requests().len(), 0);

    scene.env = vec![("HOOK_SECRET".to_owned(), "whsec_aHVudGVyMg==".to_owned())];
    ended(&scene.secchi(&["run", "bad"]), 0);
    assert_eq!(hook.requests().len(), 1, "told, once it can be");
    scene.env = Vec::new();
    ended(&scene.secchi(&["run", "bad", "--no-notify"]), 0);
    is_as_approved("cli_secrets", &page);
}

/// What is misspelt but does not keep a monitor from running: a column may have gone since.
#[tokio::test(flavor = "multi_thread")]
async fn names_without_a_column_are_noted() {
    let scene = Scene::new().await;
    scene.edit("columns: { include: [amount, region] }", "columns: { exclude: [amuont] }");
    scene.edit(
        "alerts: []",
        "alerts: [{ rule: drift, metric: ks_test.statistic, above: 0.5, columns: [regoin] }]",
    );
    let validated = scene.secchi(&["validate", "--connect", "bad"]);
    ended(&validated, 0);
    let said = scene.secchi(&["run", "bad"]);
    ended(&said, 0);
    // Since when there are no rows depends on when the test runs.
    let is_steady = |line: &&str| line.starts_with("  note: ") && !line.contains("no rows since");
    let noted = said.out.lines().filter(is_steady);
    let noted: Vec<&str> = noted.collect();
    is_as_approved("cli_notes", &format!("{}\n{}\n", validated.err, noted.join("\n")));
}

/// What a rule waits for in vain, and labels of which the wrong one may count, are told by the run and, as far as it
/// can be seen without rows, before.
#[tokio::test(flavor = "multi_thread")]
async fn rules_that_cannot_fire_and_labels_that_contend_are_noted() {
    let scene = Scene::new().await;
    scene.table("unlabelled", "SELECT * EXCLUDE (label) FROM model").await;
    // Three requests change their label, one has the same twice.
    let labels = "SELECT request_id, label AS truth FROM model UNION ALL
         SELECT request_id, 1 - label FROM model WHERE request_id IN ('r1', 'r2', 'r3') UNION ALL
         SELECT request_id, label FROM model WHERE request_id = 'r4'";
    scene.table("labels", labels).await;
    scene.table("requests", "SELECT * EXCLUDE (label) FROM model").await;
    scene.edit("../lake/bad", "../lake/requests");
    scene.edit("label_col: label", "label_col: truth\n  label_table: ../lake/labels");
    scene.edit(
        "alerts: []",
        "baseline: { table: ../lake/unlabelled }
alerts:
  - { rule: mean, metric: avg, above: 0.5, columns: [amount, region] }
  - { rule: quality, metric: accuracy_score, change_from_baseline: { below: -5% } }
  - { rule: canary, metric: avg, above: 100, columns: [amount], model_versions: ['1', '2', '*'] }",
    );
    let validated = scene.secchi(&["validate", "--connect", "bad"]);
    ended(&validated, 0);
    let said = scene.secchi(&["run", "bad"]);
    ended(&said, 0);
    // Since when there are no rows depends on when the test runs.
    let is_steady = |line: &&str| line.starts_with("  note: ") && !line.contains("no rows since");
    let notes: Vec<&str> = said.out.lines().filter(is_steady).collect();
    is_as_approved("cli_vain", &format!("{}\n{}\n", validated.err, notes.join("\n")));
    // Where the table says when a label came, none contends.
    scene.table("later", "SELECT request_id, label AS truth, event_time AS at FROM model UNION ALL SELECT request_id, 1 - label, event_time FROM model").await;
    scene.edit("label_table: ../lake/labels", "label_table: ../lake/later\n  label_timestamp_col: at");
    let said = scene.secchi(&["run", "bad"]);
    ended(&said, 0);
    assert!(!format!("{}{}", said.err, said.out).contains("several labels"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_tell_how_it_ended() {
    let scene = Scene::new().await;
    let firing = "alerts: [{ rule: amount, metric: avg, above: 0, columns: [amount] }]";
    ended(&scene.secchi(&["run", "bad"]), 0);
    scene.edit("alerts: []", firing);
    ended(&scene.secchi(&["run", "bad"]), 0);
    ended(&scene.secchi(&["run", "bad", "--fail-on-alert"]), 3);
    ended(&scene.secchi(&["run", "good", "--fail-on-alert"]), 0);
    ended(&scene.secchi(&["run", "nobody"]), 1);
    // That something could not be run weighs more than that something fires.
    ended(&scene.secchi(&["run", "bad", "nobody", "--fail-on-alert"]), 1);
    for usage in [&["run", "--no-such-flag"][..], &["run", "--as-of", "yesterday"], &["sail"], &[]] {
        let said = scene.secchi(usage);
        ended(&said, 2);
        assert_eq!(said.out, "", "{usage:?}");
        assert_ne!(said.err, "", "{usage:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_one_document_and_alone_on_stdout() {
    let scene = Scene::new().await;
    let said = scene.secchi(&["run", "--json"]);
    ended(&said, 0);
    assert_eq!(said.err, "");
    let document: Value = serde_json::from_str(&said.out).expect("one document");
    assert_eq!(document["runs"].as_array().map(Vec::len), Some(2));
    assert_eq!(document["runs"][1]["status"], "succeeded");

    scene.edit("../lake/bad", "../lake/nowhere");
    scene.write("monitors/ugly.yaml", "monitor: [");
    let said = scene.secchi(&["-vv", "run", "--json"]);
    ended(&said, 1);
    assert!(
        said.err.contains("error: bad: ") && said.err.contains("error: monitors/ugly.yaml"),
        "{}",
        said.err
    );
    let document: Value = serde_json::from_str(&said.out).expect("one document, whatever went wrong");
    assert_eq!(document["runs"][0]["status"], "failed");
    assert_eq!(document["runs"][1]["status"], "succeeded");
    assert_eq!(document["invalid"][0]["file"], "monitors/ugly.yaml");

    let said = scene.secchi(&["run", "--json", "nobody"]);
    ended(&said, 1);
    let document: Value = serde_json::from_str(&said.out).expect("one document, also of no run");
    assert_eq!(document["runs"].as_array().map(Vec::len), Some(0));
}

/// What `docs/json.md` is made from describes what is printed.
#[tokio::test(flavor = "multi_thread")]
async fn json_is_as_its_schema_says_and_has_one_form_of_time() {
    let scene = Scene::new().await;
    scene.edit("alerts: []", "alerts: [{ rule: amount, metric: avg, above: 0, columns: [amount] }]");
    scene.edit_of("good", "../lake/good", "../lake/nowhere");
    scene.write("monitors/ugly.yaml", "monitor: [");
    let said = scene.secchi(&["run", "--json"]);
    ended(&said, 1);
    let document: Value = serde_json::from_str(&said.out).expect("one document");
    let schema = secchi::cli::document::schema().to_value();
    let schema = jsonschema::draft202012::new(&schema).expect("a schema");
    let problems: Vec<String> =
        schema.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(problems, [""; 0]);

    let run = &document["runs"][0];
    for (list, length) in [("events", 3), ("firing", 1), ("incidents", 1)] {
        assert_eq!(run[list].as_array().map(Vec::len), Some(length), "{list}");
    }
    let names = ["window_start", "window_end", "first_window_start", "computed_at"];
    let of_events = run["events"].as_array().into_iter().chain(run["firing"].as_array()).flatten();
    let of_events = of_events.flat_map(|event| names.map(|name| &event[name]));
    let of_incident = ["first_window_start", "last_window_end", "worst_window_start"];
    let of_incident = of_incident.map(|name| &run["incidents"][0][name]);
    for time in of_events.chain(of_incident).chain([&run["as_of"]]) {
        let text = time.as_str().unwrap_or_else(|| panic!("{time} is no text"));
        assert!(text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok(), "{text}");
    }
    assert_eq!(run["events"][0]["window_start"], "2026-05-01T00:00:00Z");
}

/// As in `secchi schema | head -1`.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_away_is_no_error() {
    let scene = Scene::new().await;
    for args in [&["schema"][..], &["--help"], &["init", "lake/good", "-o", "-"], &["run", "--json"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_secchi"));
        command
            .args(args)
            .current_dir(scene.path(""))
            .env_clear()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary is built with the tests");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args:?}");
        assert_eq!(output.status.code(), Some(0), "{args:?}");
    }
}
