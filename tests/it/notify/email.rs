//! E-mail: the letter, and the conversation with the server.

use std::pin::pin;

use secchi::notify::{NotifyError, Outcome, Receipt};

use super::given::{self, PASSWORD};
use crate::support::smtp::{Message, Security, SmtpOptions, SmtpServer, Stage};

fn outcomes(receipts: &[Receipt]) -> Vec<(&str, bool, u32)> {
    receipts
        .iter()
        .map(|receipt| (receipt.channel.as_str(), receipt.outcome == Outcome::Sent, receipt.attempts))
        .collect()
}

async fn send_to(to: &[&str], options: SmtpOptions) -> (Vec<Receipt>, Vec<Message>) {
    let folder = tempfile::tempdir().expect("a folder");
    let security = options.security;
    let server = SmtpServer::start(options).await;
    let settings = given::settings(&server, security, &folder, PASSWORD);
    let monitor = given::monitor(vec![given::email(to)]);
    let (receipts, _) = given::send(&monitor, &settings, &[given::event()]).await;
    (receipts, server.messages())
}

#[tokio::test]
async fn a_letter_goes_encrypted_and_logged_in() {
    for security in [Security::StartTls, Security::Implicit] {
        let login = Some(("ops".to_owned(), PASSWORD.to_owned()));
        let (receipts, messages) =
            send_to(&["ana@example.com"], SmtpOptions { security, login, ..SmtpOptions::default() }).await;
        assert_eq!(outcomes(&receipts), [("email to ana@example.com", true, 1)]);
        assert_eq!((messages[0].tls, messages[0].authenticated_as.as_deref()), (true, Some("ops")));
    }
}

#[tokio::test]
async fn a_letter_has_the_headers_that_make_it_recognisable() {
    let (_, messages) = send_to(&["Ana <ana@example.com>", "bo@example.com"], SmtpOptions::default()).await;
    let (_, again) = send_to(&["Ana <ana@example.com>", "bo@example.com"], SmtpOptions::default()).await;
    assert_eq!(messages, again, "the same events make the same letter");
    assert_eq!(messages.len(), 1, "one letter for all");
    assert_eq!(messages[0].from, "secchi@example.com");
    assert_eq!(messages[0].to, ["ana@example.com", "bo@example.com"]);
    let (headers, body) = messages[0].data.split_once("\r\n\r\n").expect("headers and a body");
    let headers = headers.replace("\r\n ", " ");
    for header in [
        "Date: Sat, 02 May 2026 06:15:09 +0000",
        "From: Secchi <secchi@example.com>",
        "To: Ana <ana@example.com>, bo@example.com",
        "Subject: [critical] credit-default: monthly_income v3 population_stability_index 8.28 > 0.25",
        "Auto-Submitted: auto-generated",
        "X-Secchi-Monitor: credit-default",
        "MIME-Version: 1.0",
    ] {
        assert!(headers.lines().any(|line| line == header), "{header} is not in\n{headers}");
    }
    let id = headers.lines().find_map(|line| line.strip_prefix("Message-ID: <")).expect("an id");
    let key = id.strip_suffix("@secchi>").expect("our domain");
    assert_eq!(key.len(), 32);
    assert!(headers.contains(&format!("boundary=\"secchi-{key}\"")), "{headers}");
    let parts: Vec<&str> = body.split(&format!("--secchi-{key}")).collect();
    assert!(parts[1].contains("Content-Type: text/plain; charset=utf-8"), "{}", parts[1]);
    assert!(parts[2].contains("Content-Type: text/html; charset=utf-8"), "{}", parts[2]);
    assert_eq!(parts[3].trim_end(), "--");
    assert!(messages[0].data.is_ascii());
    assert!(messages[0].data.lines().all(|line| line.len() <= 998));
}

#[tokio::test]
async fn good_recipients_get_what_another_is_refused() {
    let refused = vec!["gone@example.com".to_owned()];
    let to = ["ana@example.com", "gone@example.com", "bo@example.com"];
    let (receipts, messages) = send_to(&to, SmtpOptions { refused, ..SmtpOptions::default() }).await;
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].to, ["ana@example.com", "bo@example.com"]);
    let expected = [
        ("email to ana@example.com", true, 1),
        ("email to gone@example.com", false, 1),
        ("email to bo@example.com", true, 1),
    ];
    assert_eq!(outcomes(&receipts), expected);
    let Outcome::Failed(error) = &receipts[1].outcome else { unreachable!("{receipts:?}") };
    assert!(error.to_string().ends_with("refuses `gone@example.com`"), "{error}");
    let cause = std::error::Error::source(error).expect("a cause").to_string();
    assert_eq!(cause, "permanent error (550): 5.1.1 no such mailbox");
}

#[tokio::test]
async fn a_wrong_password_is_not_tried_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let login = Some(("ops".to_owned(), PASSWORD.to_owned()));
    let security = Security::StartTls;
    let server = SmtpServer::start(SmtpOptions { security, login, ..SmtpOptions::default() }).await;
    let settings = given::settings(&server, security, &folder, "hunter3");
    let receipt = given::send_one(given::email(&["ana@example.com"]), &settings).await;
    let Outcome::Failed(error @ NotifyError::Login { .. }) = &receipt.outcome else {
        unreachable!("{receipt:?}")
    };
    assert_eq!(
        error.to_string(),
        format!("mail server 127.0.0.1:{} refuses the login of `ops`", server.port())
    );
    assert_eq!(receipt.attempts, 1);
    assert!(!given::all_words(&receipt).contains("hunter3"));
}

#[tokio::test]
async fn no_common_way_to_log_in_is_a_refused_login() {
    let login = Some(("ops".to_owned(), PASSWORD.to_owned()));
    let options = SmtpOptions {
        security: Security::Implicit,
        login,
        mechanisms: "CRAM-MD5".to_owned(),
        ..SmtpOptions::default()
    };
    let (receipts, _) = send_to(&["ana@example.com"], options).await;
    assert!(matches!(receipts[0].outcome, Outcome::Failed(NotifyError::Login { .. })), "{receipts:?}");
}

#[tokio::test]
async fn a_server_without_starttls_gets_no_password() {
    let folder = tempfile::tempdir().expect("a folder");
    let login = Some(("ops".to_owned(), PASSWORD.to_owned()));
    let server = SmtpServer::start(SmtpOptions { login, ..SmtpOptions::default() }).await;
    let settings = given::settings(&server, Security::StartTls, &folder, PASSWORD);
    let receipt = given::send_one(given::email(&["ana@example.com"]), &settings).await;
    assert!(matches!(receipt.outcome, Outcome::Failed(NotifyError::Tls { .. })), "{receipt:?}");
    assert_eq!(receipt.attempts, 1);
    assert!(server.messages().is_empty());
}

#[tokio::test]
async fn tls_on_a_port_that_speaks_none_is_not_tried_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = SmtpServer::start(SmtpOptions::default()).await;
    let settings = given::settings(&server, Security::Implicit, &folder, PASSWORD);
    let receipt = given::send_one(given::email(&["ana@example.com"]), &settings).await;
    assert!(matches!(receipt.outcome, Outcome::Failed(NotifyError::Tls { .. })), "{receipt:?}");
}

#[tokio::test]
async fn a_password_or_authority_that_is_not_there_is_told_before_anything_is_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let server =
        SmtpServer::start(SmtpOptions { security: Security::StartTls, ..SmtpOptions::default() }).await;
    let settings = given::settings(&server, Security::StartTls, &folder, PASSWORD);
    std::fs::remove_file(folder.path().join("secret")).expect("the file was there");
    let receipt = given::send_one(given::email(&["ana@example.com"]), &settings).await;
    assert!(matches!(receipt.outcome, Outcome::Failed(NotifyError::Secret { .. })), "{receipt:?}");
    assert_eq!(receipt.attempts, 0);

    let settings = given::settings(&server, Security::StartTls, &folder, PASSWORD);
    std::fs::write(folder.path().join("ca.pem"), "not a certificate").expect("a file");
    let receipt = given::send_one(given::email(&["ana@example.com"]), &settings).await;
    assert!(matches!(receipt.outcome, Outcome::Failed(NotifyError::Authority { .. })), "{receipt:?}");
}

#[tokio::test]
async fn an_address_may_have_letters_beyond_ascii() {
    let (receipts, messages) = send_to(&["jörg@example.com"], SmtpOptions::default()).await;
    assert_eq!(outcomes(&receipts), [("email to jörg@example.com", true, 1)]);
    assert_eq!(messages[0].to, ["jörg@example.com"]);
}

/// Whether the letter counts as sent when the server falls silent at `stage`, and how often it is tried.
async fn silence_at(stage: Stage) -> (bool, u32) {
    let folder = tempfile::tempdir().expect("a folder");
    let server = SmtpServer::start(SmtpOptions { hang: Some(stage), ..SmtpOptions::default() }).await;
    let settings = given::settings(&server, Security::Plain, &folder, PASSWORD);
    let mut sending = pin!(given::send_one(given::email(&["ana@example.com"]), &settings));
    tokio::select! {
        early = &mut sending => unreachable!("nobody answered, yet {early:?}"),
        () = server.silent() => tokio::time::pause(),
    }
    let receipt = sending.await;
    tokio::time::resume();
    (receipt.outcome == Outcome::Sent, receipt.attempts)
}

#[tokio::test]
async fn silence_before_the_server_has_taken_the_letter_is_a_failure() {
    for stage in [Stage::Greeting, Stage::Mail, Stage::Message] {
        assert_eq!(silence_at(stage).await, (false, 3), "{stage:?}");
    }
}

#[tokio::test]
async fn silence_after_the_server_has_taken_the_letter_is_none() {
    assert_eq!(silence_at(Stage::Quit).await, (true, 1));
}

#[tokio::test]
async fn only_those_who_have_not_got_the_letter_are_tried_again() {
    // The first two sessions are put off before any recipient is named; then one is refused for good.
    let refused = vec!["gone@example.com".to_owned()];
    let options = SmtpOptions { refused, put_off: 2, ..SmtpOptions::default() };
    let (receipts, messages) = send_to(&["gone@example.com", "ana@example.com"], options).await;
    assert_eq!(messages.len(), 1);
    assert_eq!(
        outcomes(&receipts),
        [("email to gone@example.com", false, 3), ("email to ana@example.com", true, 3)]
    );
}
