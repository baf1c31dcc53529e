//! The outbox: messages as files.

use std::fs;
use std::path::Path;

use secchi::alert::Event;
use secchi::config::{Channel, Settings, Severity};
use secchi::notify::{NotifyError, Outcome};

use super::given::{self, PASSWORD};
use crate::support::http::{HookServer, Script};
use crate::support::smtp::{Security, SmtpOptions, SmtpServer};
use crate::support::tls::Tls;

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_file_holds_the_very_bytes_that_would_have_been_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let mail = SmtpServer::start(SmtpOptions::default()).await;
    let hook = HookServer::start(Script::default(), Tls::Off).await;
    let monitor = given::monitor(vec![given::email(&["ana@example.com"]), given::webhook(&hook.url())]);
    let posting = given::settings(&mail, Security::Plain, &folder, PASSWORD);
    given::send(&monitor, &posting, &[given::event()]).await;

    let outbox = folder.path().join("not/there/yet");
    let (receipts, _) = given::send(&monitor, &given::outbox(&outbox), &[given::event()]).await;
    let names = names(&outbox);
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names[0].starts_with("2026-05-02-credit-default-"), "{names:?}");
    let written = |receipt: usize| match &receipts[receipt].outcome {
        Outcome::Written(path) => fs::read(path).expect("the file"),
        other => unreachable!("{other:?}"),
    };
    assert_eq!(receipts[0].channel, "email to ana@example.com");
    let sent = mail.messages()[0].data.replace("Secchi <secchi@example.com>", "Secchi <secchi@localhost>");
    assert_eq!(String::from_utf8(written(0)).expect("text").trim_end(), sent.trim_end());
    assert!(receipts[1].channel.starts_with("webhook 127.0.0.1:"), "{receipts:?}");
    assert_eq!(written(1), hook.requests()[0].body);
}

#[tokio::test]
async fn the_same_events_are_the_same_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = given::outbox(folder.path());
    let monitor = given::monitor(vec![given::email(&["ana@example.com"])]);
    for _ in 0..2 {
        given::send(&monitor, &settings, &[given::event()]).await;
    }
    assert_eq!(names(folder.path()).len(), 1);
    let other = Event { event_id: "another".to_owned(), ..given::event() };
    given::send(&monitor, &settings, &[other]).await;
    assert_eq!(names(folder.path()).len(), 2);
}

#[tokio::test]
async fn a_mail_server_is_used_where_there_is_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let mail = SmtpServer::start(SmtpOptions::default()).await;
    let outbox = folder.path().join("outbox");
    let settings = Settings {
        outbox: Some(outbox.clone()),
        ..given::settings(&mail, Security::Plain, &folder, PASSWORD)
    };
    let receipt = given::send_one(given::email(&["ana@example.com"]), &settings).await;
    assert_eq!(receipt.outcome, Outcome::Sent);
    assert!(!outbox.exists());
}

#[tokio::test]
async fn an_outbox_that_cannot_be_written_to_is_a_failure_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("a file");
    let receipt = given::send_one(given::email(&["ana@example.com"]), &given::outbox(&file)).await;
    let Outcome::Failed(error @ NotifyError::Outbox { .. }) = &receipt.outcome else {
        unreachable!("{receipt:?}")
    };
    assert!(error.to_string().contains("/file/2026-05-02-credit-default-"), "{error}");
    let receipt = given::send_one(given::email(&["ana@example.com"]), &Settings::default()).await;
    assert_eq!(receipt.outcome, Outcome::Failed(NotifyError::NoServer));
}

#[tokio::test]
async fn a_name_stays_in_its_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut monitor = given::monitor(vec![given::email(&["ana@example.com"])]);
    "../../etc/passwd\n".clone_into(&mut monitor.name);
    given::send(&monitor, &given::outbox(folder.path()), &[given::event()]).await;
    let names = names(folder.path());
    assert!(names[0].starts_with("2026-05-02-______etc_passwd_-"), "{names:?}");
}

#[tokio::test]
async fn a_channel_hears_its_severity_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = given::outbox(folder.path());
    let channel = Channel { severity: Severity::Critical, ..given::email(&["ana@example.com"]) };
    let monitor = given::monitor(vec![channel]);
    let warning = Event { severity: Severity::Warning, ..given::event() };
    let (receipts, _) = given::send(&monitor, &settings, &[warning]).await;
    assert_eq!(receipts, []);
    let (receipts, _) = given::send(&monitor, &settings, &[given::event()]).await;
    assert_eq!(receipts.len(), 1);
}

#[tokio::test]
async fn what_still_fires_is_no_reason_to_send() {
    let folder = tempfile::tempdir().expect("a folder");
    let monitor = given::monitor(vec![given::email(&["ana@example.com"])]);
    let still = given::later(&given::event(), 1, secchi::alert::Transition::StillFiring, 9.0);
    let (receipts, _) = given::send(&monitor, &given::outbox(folder.path()), &[still]).await;
    assert_eq!(receipts, []);
    assert_eq!(names(folder.path()), Vec::<String>::new());
}
