//! What every notifier must do: deliver, say what became of it, tell failures apart, try again when that
//! can help, and give no secret away.

use std::pin::pin;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use secchi::config::{Channel, ChannelKind, Settings};
use secchi::notify::{NotifyError, Outcome, Receipt};
use secchi::remedy::Remedy;
use tempfile::TempDir;

use super::given::{self, HOOK_KEY, PASSWORD};
use crate::support::http::{Answer, HookServer, Script};
use crate::support::smtp::{Security, SmtpOptions, SmtpServer, Stage};
use crate::support::tls::Tls;

/// The state of the world in which a message is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
enum World {
    Well,
    /// The server has just been stopped.
    Stopped,
    /// The host's name means nothing.
    Unknown,
    /// The certificate is of an authority that nobody trusts.
    Distrusted,
    /// The server fails for the moment, this many times.
    Failing(usize),
    /// The server refuses for good.
    Refusing,
    /// The server never answers.
    Silent,
}

/// The notifiers.
const NOTIFIERS: [Notifier; 2] = [Notifier::Email, Notifier::Webhook];

#[derive(Clone, Copy, Debug)]
enum Notifier {
    Email,
    Webhook,
}

/// What it takes to send, and the server for as long as it is needed.
struct Setting {
    channel: Channel,
    settings: Settings,
    server: Server,
    _folder: TempDir,
}

enum Server {
    Smtp(SmtpServer),
    Hook(HookServer),
    None,
}

impl Server {
    fn delivered(&self) -> usize {
        match self {
            Self::Smtp(server) => server.messages().len(),
            Self::Hook(server) => server.requests().len(),
            Self::None => 0,
        }
    }

    async fn silent(&self) {
        match self {
            Self::Smtp(server) => server.silent().await,
            Self::Hook(server) => server.silent().await,
            Self::None => std::future::pending().await,
        }
    }
}

impl Notifier {
    async fn setting(self, world: World) -> Setting {
        match self {
            Self::Email => email(world).await,
            Self::Webhook => webhook(world).await,
        }
    }
}

async fn email(world: World) -> Setting {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = if world == World::Refusing { vec!["ana@example.com".to_owned()] } else { Vec::new() };
    let options = SmtpOptions {
        security: Security::StartTls,
        login: Some(("ops".to_owned(), PASSWORD.to_owned())),
        refused,
        put_off: if let World::Failing(times) = world { times } else { 0 },
        hang: (world == World::Silent).then_some(Stage::Mail),
        ..SmtpOptions::default()
    };
    let server = SmtpServer::start(options).await;
    let mut settings = given::settings(&server, Security::StartTls, &folder, PASSWORD);
    let smtp = settings.smtp.as_mut().expect("a mail server");
    match world {
        World::Unknown => smtp.host = "mail.invalid".to_owned(),
        World::Distrusted => smtp.ca_file = None,
        _ => {}
    }
    let server = if world == World::Stopped {
        server.stop().await;
        Server::None
    } else {
        Server::Smtp(server)
    };
    Setting { channel: given::email(&["ana@example.com"]), settings, server, _folder: folder }
}

async fn webhook(world: World) -> Setting {
    let folder = tempfile::tempdir().expect("a folder");
    let script = match world {
        World::Failing(1) => Script::from([Answer::status(503)]),
        World::Failing(2) => Script::from([Answer::status(503), Answer::status(500)]),
        World::Failing(_) => Script::from([Answer::status(503), Answer::status(429), Answer::status(500)]),
        World::Refusing => Script::from([Answer::status(404).body("no hook at /services/path-secret")]),
        World::Silent => Script::from([Answer::Hang, Answer::Hang, Answer::Hang]),
        _ => Script::default(),
    };
    let tls = if world == World::Distrusted { Tls::On } else { Tls::Off };
    let server = HookServer::start(script, tls).await;
    let host = if world == World::Unknown { "http://hooks.invalid".to_owned() } else { server.url() };
    let address = host.replace("://", "://user:userinfo-secret@");
    let mut channel =
        given::webhook(&format!("{address}/services/path-secret?token=query-secret#fragment-secret"));
    if let ChannelKind::Webhook { secret, .. } = &mut channel.kind {
        *secret = Some(given::secret_file(&folder, HOOK_KEY));
    }
    let server = if world == World::Stopped {
        server.stop().await;
        Server::None
    } else {
        Server::Hook(server)
    };
    Setting { channel, settings: Settings::default(), server, _folder: folder }
}

/// Sends one message in `world` with each notifier, checks what holds for all receipts, and hands each
/// receipt over with the number of messages that have arrived.
async fn in_each(world: World, check: impl Fn(&Receipt, usize)) {
    for notifier in NOTIFIERS {
        let setting = notifier.setting(world).await;
        let sending = pin!(given::send_one(setting.channel, &setting.settings));
        let receipt = if world == World::Silent {
            until_patience_ends(sending, &setting.server).await
        } else {
            sending.await
        };
        gives_no_secret_away(&receipt);
        if let Outcome::Failed(error) = &receipt.outcome {
            assert!(!error.hint().is_empty());
            assert!(error.to_string().contains(['.', ':']), "an error names the server: {error}");
        }
        check(&receipt, setting.server.delivered());
    }
}

/// Stops the clock once the server is silent, so that the patience of the sender ends at once.
async fn until_patience_ends<F: Future>(mut sending: std::pin::Pin<&mut F>, server: &Server) -> F::Output {
    tokio::select! {
        _early = &mut sending => unreachable!("nobody answered"),
        () = server.silent() => tokio::time::pause(),
    }
    let output = sending.await;
    tokio::time::resume();
    output
}

fn gives_no_secret_away(receipt: &Receipt) {
    let words = given::all_words(receipt);
    let key = HOOK_KEY.trim_start_matches("whsec_");
    let encoded = BASE64.encode(PASSWORD);
    let secrets = [
        "hunter2",
        &encoded,
        key,
        "signed and sealed",
        "path-secret",
        "query-secret",
        "userinfo-secret",
        "fragment-secret",
    ];
    for secret in secrets {
        assert!(!words.contains(secret), "`{secret}` stands in {words}");
    }
}

#[track_caller]
fn failure(receipt: &Receipt) -> &NotifyError {
    match &receipt.outcome {
        Outcome::Failed(error) => error,
        other => unreachable!("expected a failure, got {other:?}"),
    }
}

#[tokio::test]
async fn a_message_is_delivered_once() {
    in_each(World::Well, |receipt, delivered| {
        assert_eq!((&receipt.outcome, receipt.attempts, delivered), (&Outcome::Sent, 1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_failure_that_passes_is_survived() {
    for times in [1, 2] {
        in_each(World::Failing(times), |receipt, _| {
            assert_eq!((&receipt.outcome, receipt.attempts), (&Outcome::Sent, times as u32 + 1));
        })
        .await;
    }
}

#[tokio::test]
async fn a_failure_that_stays_is_given_up_after_three_attempts() {
    in_each(World::Failing(3), |receipt, _| {
        assert_eq!((failure(receipt).remedy(), receipt.attempts), (Remedy::Retry, 3));
    })
    .await;
}

#[tokio::test]
async fn a_refusal_is_final() {
    in_each(World::Refusing, |receipt, _| {
        assert_eq!((failure(receipt).remedy(), receipt.attempts), (Remedy::FixMonitor, 1));
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_not_there_cannot_be_reached() {
    for world in [World::Stopped, World::Unknown] {
        in_each(world, |receipt, _| {
            let error = failure(receipt);
            assert!(matches!(error, NotifyError::Unreachable { .. }), "{error:?}");
            assert_eq!((error.remedy(), receipt.attempts), (Remedy::Retry, 3));
        })
        .await;
    }
}

#[tokio::test]
async fn a_stranger_s_certificate_is_not_trusted() {
    in_each(World::Distrusted, |receipt, delivered| {
        let error = failure(receipt);
        assert!(matches!(error, NotifyError::Tls { .. }), "{error:?}");
        assert_eq!((error.remedy(), receipt.attempts, delivered), (Remedy::FixMonitor, 1, 0));
    })
    .await;
}

#[tokio::test]
async fn silence_ends_with_the_sender_s_patience() {
    in_each(World::Silent, |receipt, _| {
        let error = failure(receipt);
        assert!(matches!(error, NotifyError::Silent { .. }), "{error:?}");
        assert_eq!((error.remedy(), receipt.attempts), (Remedy::Retry, 3));
    })
    .await;
}

#[tokio::test]
async fn a_failing_channel_does_not_stop_the_others() {
    let stopped = Notifier::Webhook.setting(World::Stopped).await;
    let refusing = Notifier::Webhook.setting(World::Refusing).await;
    let well = Notifier::Webhook.setting(World::Well).await;
    let mail = Notifier::Email.setting(World::Well).await;
    let channels = vec![stopped.channel, refusing.channel, mail.channel, well.channel];
    let (receipts, _) = given::send(&given::monitor(channels), &mail.settings, &[given::event()]).await;
    let sent: Vec<bool> = receipts.iter().map(|receipt| receipt.outcome == Outcome::Sent).collect();
    assert_eq!(sent, [false, false, true, true]);
}

#[tokio::test]
async fn a_silent_channel_does_not_keep_the_others_waiting() {
    let silent = Notifier::Webhook.setting(World::Silent).await;
    let well = Notifier::Email.setting(World::Well).await;
    let monitor = given::monitor(vec![silent.channel, well.channel]);
    let events = [given::event()];
    let mut sending = pin!(given::send(&monitor, &well.settings, &events));
    let arrived = async {
        while well.server.delivered() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        early = &mut sending => unreachable!("the silent channel cannot be done: {early:?}"),
        () = arrived => {}
    }
}

#[tokio::test]
async fn sending_can_move_to_another_thread() {
    let setting = Notifier::Webhook.setting(World::Well).await;
    let (monitor, settings) = (given::monitor(vec![setting.channel]), setting.settings);
    let sending =
        async move { secchi::notify::send(&monitor, &settings, &given::facts(), &[given::event()]).await };
    let receipts = tokio::spawn(sending).await.expect("a task that ends");
    assert_eq!(receipts[0].outcome, Outcome::Sent);
}
