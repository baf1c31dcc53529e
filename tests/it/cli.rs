//! The command line: what it says of itself, where it says it, and how it ends.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::cli::{Said, secchi};
use crate::support::scene::{Scene, is_as_approved};

const COMMANDS: [&str; 6] = ["demo", "init", "validate", "schema", "run", "serve"];

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

    let again = scene.secchi(&["init", "lake/good", "-o", "drafts/good.yaml"]);
    ended(&again, 1);
    let nowhere = scene.secchi(&["init", "lake/nowhere", "-o", "-"]);
    ended(&nowhere, 1);
    let scheme = scene.secchi(&["init", "gopher://lake", "-o", "-"]);
    ended(&scheme, 1);
    is_as_approved("cli_init_refuses", &[again.err, nowhere.err, scheme.err].concat());
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
    is_as_approved("cli_validate", &format!("{}\n{}", read.out, connected.out));
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
    let noted = said.out.lines().filter(|line| line.starts_with("  note: "));
    let noted: Vec<&str> = noted.collect();
    is_as_approved("cli_notes", &format!("{}\n{}\n", validated.err, noted.join("\n")));
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
