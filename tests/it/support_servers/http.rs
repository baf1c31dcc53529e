//! `reqwest` against the webhook receiver.
use std::pin::pin;
use std::time::Duration;

use hyper::Method;
use reqwest::{Certificate, Client, StatusCode};

use crate::support::http::{Answer, HookServer, Script};
use crate::support::tls::Tls;

/// A client for HTTP alone: it asks for no certificates, which not every machine has.
fn plain() -> Client {
    let nobody: [Certificate; 0] = [];
    Client::builder().no_proxy().tls_certs_only(nobody).build().expect("an HTTP client")
}

/// A client that trusts what the machine trusts, and one authority more.
fn trusting(ca_pem: &str) -> Client {
    let authorities = Certificate::from_pem_bundle(ca_pem.as_bytes()).expect("a bundle of PEM");
    Client::builder().no_proxy().tls_certs_merge(authorities).build().expect("an HTTPS client")
}

async fn post(client: &Client, url: &str) -> reqwest::Result<reqwest::Response> {
    let request = client.post(url).header("x-signature", "v1=abc");
    request.body(r#"{"text":"drift"}"#).send().await
}

#[tokio::test]
async fn a_post_is_recorded_with_method_path_headers_and_body() {
    for tls in [Tls::Off, Tls::On] {
        let server = HookServer::start(Script::default(), tls).await;
        let client = match tls {
            Tls::Off => plain(),
            Tls::On => trusting(server.ca_pem()),
        };
        let url = format!("{}/hooks/drift?team=risk", server.url());
        let response = post(&client, &url).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);

        let requests = server.requests();
        assert_eq!(requests.len(), 1);
        assert_eq!(requests[0].method, Method::POST);
        assert_eq!(requests[0].path, "/hooks/drift?team=risk");
        assert_eq!(requests[0].header("x-signature"), Some("v1=abc"));
        assert_eq!(&requests[0].body[..], br#"{"text":"drift"}"#);
    }
}

#[tokio::test]
async fn answers_follow_the_script_and_then_are_200() {
    let busy = Answer::status(429).header("retry-after", "7").body("slow");
    let server = HookServer::start([busy, Answer::status(503)], Tls::Off).await;
    let client = plain();
    let first = post(&client, &server.url()).await.expect("an answer");
    assert_eq!(first.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(first.headers()["retry-after"], "7");
    assert_eq!(first.text().await.expect("a body"), "slow");
    let mut statuses = Vec::new();
    for _ in 0..2 {
        let response = post(&client, &server.url()).await.expect("an answer");
        statuses.push(response.status().as_u16());
    }
    assert_eq!(statuses, [503, 200]);
}

#[tokio::test]
async fn an_unknown_authority_is_not_trusted() {
    let server = HookServer::start(Script::default(), Tls::On).await;
    let stranger = HookServer::start(Script::default(), Tls::On).await;
    let refused = post(&trusting(stranger.ca_pem()), &server.url()).await;
    assert!(refused.expect_err("no trust").is_connect());
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_hanging_answer_ends_with_the_clients_patience() {
    let server = HookServer::start([Answer::Hang], Tls::Off).await;
    let request = plain().post(server.url());
    let mut sending = pin!(request.timeout(Duration::from_secs(30)).send());
    tokio::select! {
        early = &mut sending => unreachable!("nobody answered, yet {early:?}"),
        () = server.silent() => tokio::time::pause(),
    }
    assert!(sending.await.expect_err("no answer").is_timeout());
    // Whether the hook took effect is unknown to the sender; the server has seen it.
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_stopped_server_refuses_connections() {
    let server = HookServer::start(Script::default(), Tls::Off).await;
    let url = server.url();
    server.stop().await;
    let refused = post(&plain(), &url).await;
    assert!(refused.expect_err("nobody listens").is_connect());
}
