//! Webhooks: the request, its signature, and what an answer means.

use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use secchi::config::{Channel, ChannelKind, Secret, Settings};
use secchi::notify::{NotifyError, Outcome, Receipt};
use sha2::Sha256;

use super::given::{self, HOOK_KEY};
use crate::support::http::{Answer, HookServer, Received, Script};
use crate::support::tls::Tls;

fn signed(url: &str, key: Secret) -> Channel {
    let mut channel = given::webhook(url);
    if let ChannelKind::Webhook { secret, .. } = &mut channel.kind {
        *secret = Some(key);
    }
    channel
}

async fn post(script: impl Into<Script>) -> (Receipt, Vec<u64>, Vec<Received>) {
    let server = HookServer::start(script, Tls::Off).await;
    let monitor = given::monitor(vec![given::webhook(&server.url())]);
    let (mut receipts, pauses) = given::send(&monitor, &Settings::default(), &[given::event()]).await;
    (receipts.remove(0), pauses, server.requests())
}

/// What a receiver does by the convention of Standard Webhooks, written from its text.
fn is_genuine(request: &Received, key: &[u8]) -> bool {
    let header = |name| request.header(name).expect("the header");
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    for part in
        [header("webhook-id").as_bytes(), b".", header("webhook-timestamp").as_bytes(), b".", &request.body]
    {
        mac.update(part);
    }
    let (version, signature) = header("webhook-signature").split_once(',').expect("a version");
    version == "v1" && mac.verify_slice(&BASE64.decode(signature).expect("base64")).is_ok()
}

#[tokio::test]
async fn a_request_is_signed_by_the_convention() {
    let table = [(HOOK_KEY, b"signed and sealed".as_slice()), ("plain text key", b"plain text key")];
    for (secret, key) in table {
        let folder = tempfile::tempdir().expect("a folder");
        let server = HookServer::start(Script::default(), Tls::Off).await;
        let channel = signed(&server.url(), given::secret_file(&folder, secret));
        assert_eq!(given::send_one(channel, &Settings::default()).await.outcome, Outcome::Sent);
        let request = &server.requests()[0];
        assert!(is_genuine(request, key), "{secret}");
        assert!(!is_genuine(request, b"another key"));
        let tampered = Received { body: "{}".into(), ..request.clone() };
        assert!(!is_genuine(&tampered, key));
    }
}

#[tokio::test]
async fn a_request_says_what_it_is() {
    let (receipt, _, requests) = post(Script::default()).await;
    assert!(receipt.channel.starts_with("webhook 127.0.0.1:"), "{receipt:?}");
    let request = &requests[0];
    assert_eq!(request.method.as_str(), "POST");
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert!(request.header("user-agent").is_some_and(|agent| agent.starts_with("secchi/")));
    assert_eq!(request.header("webhook-timestamp"), Some("1777702509"));
    assert_eq!(request.header("webhook-signature"), None, "there is no secret to sign with");
    let body: serde_json::Value = serde_json::from_slice(&request.body).expect("JSON");
    assert_eq!(body["id"].as_str(), request.header("webhook-id"));
    assert_eq!(body["timestamp"], "2026-05-02T06:15:09Z");
}

#[tokio::test]
async fn a_repeat_is_the_same_request() {
    let (_, _, requests) = post([Answer::status(503), Answer::status(503)]).await;
    assert_eq!(requests.len(), 3);
    for request in &requests {
        assert_eq!(request.body, requests[0].body);
        assert_eq!(request.headers, requests[0].headers);
    }
}

#[tokio::test]
async fn an_answer_decides_whether_it_is_tried_again() {
    let table = [(200, 1, true), (202, 1, true), (204, 1, true)]
        .into_iter()
        .chain([408, 425, 429, 500, 502, 503, 504].map(|status| (status, 2, true)))
        .chain([301, 302, 307, 400, 401, 403, 404, 410, 413, 422].map(|status| (status, 1, false)));
    for (status, attempts, is_sent) in table {
        let (receipt, _, _) = post([Answer::status(status)]).await;
        assert_eq!((receipt.attempts, receipt.outcome == Outcome::Sent), (attempts, is_sent), "{status}");
    }
}

#[tokio::test]
async fn a_server_s_wish_for_time_is_granted_up_to_half_a_minute() {
    let busy = |seconds| Answer::status(429).header("retry-after", seconds);
    let (receipt, pauses, _) = post([busy("7"), busy("86400")]).await;
    assert_eq!((receipt.outcome, pauses), (Outcome::Sent, vec![7, 30]));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = HookServer::start(Script::default(), Tls::Off).await;
    let away = Answer::status(307).header("location", &format!("{}/location-secret", elsewhere.url()));
    let (receipt, _, _) = post([away]).await;
    let Outcome::Failed(error @ NotifyError::Status { status: 307, .. }) = &receipt.outcome else {
        unreachable!("{receipt:?}")
    };
    assert!(error.hint().contains("redirects"), "{}", error.hint());
    assert!(!given::all_words(&receipt).contains("location-secret"));
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn a_secret_that_cannot_be_used_stops_the_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = HookServer::start(Script::default(), Tls::Off).await;
    let unset = Secret::Env("SECCHI_TEST_VARIABLE_THAT_NOBODY_SETS".to_owned());
    for key in [unset, given::secret_file(&folder, "whsec_not*base64")] {
        let receipt = given::send_one(signed(&server.url(), key), &Settings::default()).await;
        assert!(matches!(receipt.outcome, Outcome::Failed(NotifyError::Secret { .. })), "{receipt:?}");
        assert!(!given::all_words(&receipt).contains("not*base64"));
    }
    assert!(server.requests().is_empty(), "unsigned where signed was asked for");
}

const ADDRESS: &str = "SECCHI_TEST_HOOK_ADDRESS";

#[tokio::test]
async fn a_private_authority_is_trusted_through_the_environment() {
    let folder = tempfile::tempdir().expect("a folder");
    let bundle = folder.path().join("ca.pem");
    let server = HookServer::start(Script::default(), Tls::On).await;
    std::fs::write(&bundle, server.ca_pem()).expect("a file");
    // The environment of this process is shared by all tests; a child has its own.
    let child = tokio::process::Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "notify::webhook::post_to_the_address_in_the_environment", "--ignored"])
        .env("SSL_CERT_FILE", &bundle)
        .env(ADDRESS, server.url())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .output();
    let output =
        tokio::time::timeout(Duration::from_secs(60), child).await.expect("in time").expect("a child");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
#[ignore = "half of the test above"]
async fn post_to_the_address_in_the_environment() {
    let address = std::env::var(ADDRESS).expect("an address");
    let receipt = given::send_one(given::webhook(&address), &Settings::default()).await;
    assert_eq!(receipt.outcome, Outcome::Sent, "{receipt:?}");
}
