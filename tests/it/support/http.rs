//! A webhook receiver: it records what is posted and answers from a script.
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::sync::Semaphore;

use super::loopback::{Loopback, Wire};
use super::tls::{Identity, Tls};

/// What the receiver does with one request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Sends this response.
    Reply {
        /// Status code.
        status: u16,
        /// Header names and values.
        headers: Vec<(String, String)>,
        /// Body.
        body: String,
    },
    /// Takes the request and never answers, until the client gives up.
    Hang,
}

impl Answer {
    /// An empty response with this status.
    pub fn status(status: u16) -> Self {
        Self::Reply { status, headers: Vec::new(), body: String::new() }
    }

    /// The same response with one more header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Self::Reply { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// The same response with this body.
    pub fn body(mut self, text: &str) -> Self {
        if let Self::Reply { body, .. } = &mut self {
            text.clone_into(body);
        }
        self
    }
}

/// The answers to the first requests, in order; every request after them gets an empty 200.
#[derive(Clone, Debug, Default)]
pub struct Script(VecDeque<Answer>);

impl<const N: usize> From<[Answer; N]> for Script {
    fn from(answers: [Answer; N]) -> Self {
        Self(answers.into())
    }
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// Method, such as `POST`.
    pub method: Method,
    /// Path with the query, as on the request line.
    pub path: String,
    /// Headers.
    pub headers: HeaderMap,
    /// Body, to its last byte.
    pub body: Bytes,
}

impl Received {
    /// The value of a header, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The webhook receiver; it stops when it is dropped.
pub struct HookServer {
    loopback: Loopback,
    identity: Option<Arc<Identity>>,
    shared: Arc<Shared>,
}

struct Shared {
    script: Mutex<VecDeque<Answer>>,
    requests: Mutex<Vec<Received>>,
    silences: Semaphore,
}

impl HookServer {
    /// Starts a receiver, over HTTP or HTTPS.
    pub async fn start(script: impl Into<Script>, tls: Tls) -> Self {
        let identity = (tls == Tls::On).then(|| Arc::new(Identity::fresh()));
        let shared = Arc::new(Shared {
            script: Mutex::new(script.into().0),
            requests: Mutex::new(Vec::new()),
            silences: Semaphore::new(0),
        });
        let (connection_identity, connection_shared) = (identity.clone(), Arc::clone(&shared));
        let loopback = Loopback::start(move |stream| {
            serve(Box::new(stream), connection_identity.clone(), Arc::clone(&connection_shared))
        })
        .await;
        Self { loopback, identity, shared }
    }

    /// The address to post to, without a trailing slash.
    pub fn url(&self) -> String {
        let scheme = self.identity.as_ref().map_or("http", |_| "https");
        format!("{scheme}://{}", self.loopback.address())
    }

    /// The certificate by which a client can trust this server, as PEM; empty without TLS.
    pub fn ca_pem(&self) -> &str {
        self.identity.as_deref().map_or("", Identity::ca_pem)
    }

    /// What has arrived so far. A request is here before it is answered.
    pub fn requests(&self) -> Vec<Received> {
        self.shared.requests.lock().expect("no holder of the lock panics").clone()
    }

    /// Returns once a request has met [`Answer::Hang`]. From there on a test may stop the clock
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

async fn serve(wire: Wire, identity: Option<Arc<Identity>>, shared: Arc<Shared>) {
    let wire = match identity {
        None => wire,
        Some(identity) => match identity.accept(wire).await {
            Ok(encrypted) => encrypted,
            Err(_distrusted) => return,
        },
    };
    let handler = service_fn(move |request| answer(request, Arc::clone(&shared)));
    // A client that hangs up in the middle is a matter for the client's own test.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(wire), handler).await;
}

async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let received = Received {
        method: head.method,
        path: head.uri.to_string(),
        headers: head.headers,
        body: body.collect().await?.to_bytes(),
    };
    // Recorded and answered in one step, so that concurrent requests meet the script in their order.
    let next = {
        let mut requests = shared.requests.lock().expect("no holder of the lock panics");
        requests.push(received);
        let mut script = shared.script.lock().expect("no holder of the lock panics");
        script.pop_front()
    };
    match next.unwrap_or_else(|| Answer::status(200)) {
        Answer::Hang => {
            shared.silences.add_permits(1);
            match std::future::pending::<Infallible>().await {}
        }
        Answer::Reply { status, headers, body } => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            Ok(response.body(Full::from(body)).expect("a script has valid status codes and headers"))
        }
    }
}
