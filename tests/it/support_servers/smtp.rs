//! `lettre` against the SMTP server.
use std::pin::pin;
use std::time::Duration;

use lettre::message::header::ContentType;
use lettre::transport::smtp::AsyncSmtpTransportBuilder;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Mechanism;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use crate::support::smtp::{Security, SmtpOptions, SmtpServer, Stage};

fn client(server: &SmtpServer, security: Security, ca_pem: &str) -> AsyncSmtpTransportBuilder {
    let host = server.host();
    let authority = Certificate::from_pem(ca_pem.as_bytes()).expect("a PEM certificate");
    let parameters =
        TlsParameters::builder(host.clone()).add_root_certificate(authority).build().expect("TLS parameters");
    let tls = match security {
        Security::Plain => Tls::None,
        Security::StartTls => Tls::Required(parameters),
        Security::Implicit => Tls::Wrapper(parameters),
    };
    AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host).port(server.port()).tls(tls)
}

fn ours(server: &SmtpServer, security: Security) -> AsyncSmtpTransportBuilder {
    client(server, security, server.ca_pem())
}

async fn send(client: AsyncSmtpTransportBuilder, to: &[&str]) -> Result<(), Error> {
    let mut message = Message::builder()
        .from("secchi@example.org".parse().expect("an address"))
        .subject("drift of `age`")
        .header(ContentType::TEXT_PLAIN);
    for to in to {
        message = message.to(to.parse().expect("an address"));
    }
    let message = message.body("PSI 0.31 > 0.20\r\n.\r\n..dots\r\n".to_owned()).expect("a message");
    let transport: AsyncSmtpTransport<Tokio1Executor> = client.build();
    transport.send(message).await.map(|_accepted| ())
}

fn with_login(security: Security) -> SmtpOptions {
    SmtpOptions { security, login: Some(("ops".to_owned(), "hunter2".to_owned())), ..SmtpOptions::default() }
}

fn code(refused: Result<(), Error>) -> u16 {
    let status = refused.expect_err("a refusal").status();
    status.expect("an answer of the server").into()
}

#[tokio::test]
async fn a_message_arrives_whole() {
    let server = SmtpServer::start(SmtpOptions::default()).await;
    let to = ["ana@example.org", "bo@example.org"];
    send(ours(&server, Security::Plain), &to).await.expect("sent");
    let messages = server.messages();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].from, "secchi@example.org");
    assert_eq!(messages[0].to, to);
    assert!(messages[0].data.contains("Subject: drift of `age`\r\n"));
    let body = "\r\n\r\nPSI 0.31 > 0.20\r\n.\r\n..dots\r\n";
    assert!(messages[0].data.contains(body), "{}", messages[0].data);
    assert!(!messages[0].tls);
    assert_eq!(messages[0].authenticated_as, None);
}

#[tokio::test]
async fn encryption_and_login_go_together() {
    for security in [Security::StartTls, Security::Implicit] {
        for mechanism in [Mechanism::Plain, Mechanism::Login] {
            let server = SmtpServer::start(with_login(security)).await;
            let client = ours(&server, security)
                .credentials(("ops", "hunter2").into())
                .authentication(vec![mechanism]);
            send(client, &["ana@example.org"]).await.expect("sent");
            let messages = server.messages();
            assert!(messages[0].tls);
            assert_eq!(messages[0].authenticated_as.as_deref(), Some("ops"));
        }
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    for mechanism in [Mechanism::Plain, Mechanism::Login] {
        let server = SmtpServer::start(with_login(Security::StartTls)).await;
        let client = ours(&server, Security::StartTls)
            .credentials(("ops", "hunter3").into())
            .authentication(vec![mechanism]);
        assert_eq!(code(send(client, &["ana@example.org"]).await), 535);
        assert!(server.messages().is_empty());
    }
}

#[tokio::test]
async fn a_missing_login_is_refused() {
    let server = SmtpServer::start(with_login(Security::Implicit)).await;
    let client = ours(&server, Security::Implicit);
    assert_eq!(code(send(client, &["ana@example.org"]).await), 530);
}

#[tokio::test]
async fn a_mechanism_that_is_not_offered_is_not_tried() {
    let mut options = with_login(Security::Implicit);
    options.mechanisms = "LOGIN".to_owned();
    let server = SmtpServer::start(options).await;
    let client = ours(&server, Security::Implicit)
        .credentials(("ops", "hunter2").into())
        .authentication(vec![Mechanism::Plain]);
    let refused = send(client, &["ana@example.org"]).await;
    assert!(refused.expect_err("no common mechanism").is_client());
}

#[tokio::test]
async fn an_unencrypted_client_is_refused() {
    let server = SmtpServer::start(with_login(Security::StartTls)).await;
    let client = ours(&server, Security::Plain);
    assert_eq!(code(send(client, &["ana@example.org"]).await), 530);
}

#[tokio::test]
async fn a_server_without_starttls_gets_no_password() {
    let server = SmtpServer::start(with_login(Security::Plain)).await;
    let client = ours(&server, Security::StartTls).credentials(("ops", "hunter2").into());
    let refused = send(client, &["ana@example.org"]).await;
    assert!(refused.expect_err("no STARTTLS").is_client());
    assert!(server.messages().is_empty());
}

#[tokio::test]
async fn an_unknown_authority_is_not_trusted() {
    for security in [Security::StartTls, Security::Implicit] {
        let server = SmtpServer::start(with_login(security)).await;
        let stranger = SmtpServer::start(SmtpOptions::default()).await;
        let client = client(&server, security, stranger.ca_pem());
        let refused = send(client, &["ana@example.org"]).await;
        let error = refused.expect_err("no trust");
        assert_eq!(error.status(), None, "{error}");
        assert!(server.messages().is_empty());
    }
}

#[tokio::test]
async fn one_refused_recipient_fails_the_message() {
    let server = SmtpServer::start(SmtpOptions {
        refused: vec!["gone@example.org".to_owned()],
        ..SmtpOptions::default()
    })
    .await;
    let to = ["ana@example.org", "gone@example.org"];
    let refused = send(ours(&server, Security::Plain), &to).await;
    assert_eq!(code(refused), 550);
    // RFC 5321 would let the first recipient have it; lettre gives up instead.
    assert!(server.messages().is_empty());
    send(ours(&server, Security::Plain), &to[..1]).await.expect("sent");
}

#[tokio::test]
async fn the_first_attempts_may_be_put_off() {
    let server = SmtpServer::start(SmtpOptions { put_off: 2, ..SmtpOptions::default() }).await;
    for _ in 0..2 {
        let refused = send(ours(&server, Security::Plain), &["ana@example.org"]).await;
        let error = refused.expect_err("not yet");
        assert!(error.is_transient(), "{error}");
    }
    send(ours(&server, Security::Plain), &["ana@example.org"]).await.expect("sent");
    assert_eq!(server.messages().len(), 1);
}

#[tokio::test]
async fn only_the_sender_can_end_a_silence() {
    let kept = [(Stage::Greeting, 0), (Stage::Mail, 0), (Stage::Message, 1), (Stage::Quit, 1)];
    for (stage, kept) in kept {
        let server = SmtpServer::start(SmtpOptions { hang: Some(stage), ..SmtpOptions::default() }).await;
        let client = ours(&server, Security::Plain).timeout(Some(Duration::from_secs(10)));
        let mut sending = pin!(send(client, &["ana@example.org"]));
        tokio::select! {
            early = &mut sending => unreachable!("nobody answered, yet {early:?}"),
            () = server.silent() => tokio::time::pause(),
        }
        // lettre's own time-out is for the TCP connection alone: it lets an hour pass.
        let hour = tokio::time::timeout(Duration::from_secs(3600), sending).await;
        assert!(hour.is_err(), "{stage:?}: {hour:?}");
        assert_eq!(server.messages().len(), kept, "{stage:?}");
        tokio::time::resume();
    }
}

#[tokio::test]
async fn a_stopped_server_refuses_connections() {
    let server = SmtpServer::start(SmtpOptions::default()).await;
    let client = ours(&server, Security::Plain);
    server.stop().await;
    let refused = send(client, &["ana@example.org"]).await;
    assert_eq!(refused.expect_err("nobody listens").status(), None);
}
