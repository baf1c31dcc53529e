//! An SMTP server that keeps the messages it is sent, and fails on request.
mod dialogue;

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;

use super::loopback::Loopback;
use super::tls::Identity;
use dialogue::Dialogue;

/// When a connection is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Security {
    /// Never.
    #[default]
    Plain,
    /// After `STARTTLS`, and before anything else of interest.
    StartTls,
    /// From the first byte.
    Implicit,
}

/// A point of the dialogue at which the server may fall silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Instead of the first line.
    Greeting,
    /// Instead of an answer to `MAIL FROM`.
    Mail,
    /// Instead of an answer to the message, which has been kept by then.
    Message,
    /// Instead of an answer to `QUIT`.
    Quit,
}

/// How a server is set up. The default takes every message, in the clear and from anyone.
#[derive(Clone, Debug)]
pub struct SmtpOptions {
    /// When a connection is encrypted. Default: never.
    pub security: Security,
    /// User and password that a client must log in with. Default: none, everyone may send.
    pub login: Option<(String, String)>,
    /// Ways to log in that are offered. Default: `PLAIN LOGIN`.
    pub mechanisms: String,
    /// Recipients that are refused for good, with 550. Default: none.
    pub refused: Vec<String>,
    /// How many times `MAIL FROM` is put off with 451, over all connections. Default: 0.
    pub put_off: usize,
    /// Where the server falls silent. Default: nowhere.
    pub hang: Option<Stage>,
}

impl Default for SmtpOptions {
    fn default() -> Self {
        Self {
            security: Security::default(),
            login: None,
            mechanisms: "PLAIN LOGIN".to_owned(),
            refused: Vec::new(),
            put_off: 0,
            hang: None,
        }
    }
}

/// One message that the server has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Address of `MAIL FROM`.
    pub from: String,
    /// Addresses of `RCPT TO`, in order.
    pub to: Vec<String>,
    /// Headers and body as they were sent, with CRLF line ends and without the dots of the protocol.
    pub data: String,
    /// Whether the connection was encrypted.
    pub tls: bool,
    /// User that was logged in.
    pub authenticated_as: Option<String>,
}

/// What the connections of a server share.
struct Shared {
    options: SmtpOptions,
    identity: Identity,
    put_off: AtomicUsize,
    messages: Mutex<Vec<Message>>,
    silences: Semaphore,
}

impl Shared {
    /// Never returns if this is where the server falls silent.
    async fn hang_at(&self, stage: Stage) {
        if self.options.hang == Some(stage) {
            self.silences.add_permits(1);
            std::future::pending::<()>().await;
        }
    }
}

/// The SMTP server; it stops when it is dropped.
pub struct SmtpServer {
    loopback: Loopback,
    shared: Arc<Shared>,
}

impl SmtpServer {
    /// Starts a server.
    pub async fn start(options: SmtpOptions) -> Self {
        let shared = Arc::new(Shared {
            identity: Identity::fresh(),
            put_off: AtomicUsize::new(options.put_off),
            messages: Mutex::default(),
            silences: Semaphore::new(0),
            options,
        });
        let connection_shared = Arc::clone(&shared);
        let loopback = Loopback::start(move |stream| {
            let dialogue = Dialogue::new(Box::new(stream), Arc::clone(&connection_shared));
            async move {
                // A client that hangs up in the middle is a matter for the client's own test.
                let _ = dialogue.run().await;
            }
        })
        .await;
        Self { loopback, shared }
    }

    /// The host to connect to; the certificate is valid for it, and for `localhost`.
    pub fn host(&self) -> String {
        self.loopback.address().ip().to_string()
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.loopback.address().port()
    }

    /// The certificate by which a client can trust this server, as PEM.
    pub fn ca_pem(&self) -> &str {
        self.shared.identity.ca_pem()
    }

    /// The messages so far. A message is here before the server says that it has taken it.
    pub fn messages(&self) -> Vec<Message> {
        self.shared.messages.lock().expect("no holder of the lock panics").clone()
    }

    /// Returns once a connection has fallen silent. From there on a test may stop the clock
    /// (`tokio::time::pause`), and the client's time-outs pass at once.
    pub async fn silent(&self) {
        let silences = &self.shared.silences;
        let silence = silences.acquire().await;
        silence.expect("nobody closes the semaphore").forget();
    }

    /// Closes the port and every connection.
    pub async fn stop(self) {
        self.loopback.stop().await;
    }
}
