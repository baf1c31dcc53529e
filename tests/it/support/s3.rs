//! An S3 server over an in-memory map: signatures, XML and status codes as AWS has them, and
//! conditional writes that are atomic, which is what Delta commits stand on.
mod conditions;
mod faults;
mod protocol;
mod store;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use object_store::path::Path;
use s3s::auth::{S3Auth, SecretKey};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpError, S3Result, s3_error};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::loopback::Loopback;
use conditions::Conditions;
use faults::Faults;
use protocol::Protocol;
use store::{Listing, Store};

pub use faults::{Fault, of_seed};
pub use store::Clock;

/// How a server is set up.
pub struct S3Options {
    /// Access key id that clients sign with. Default: `loopback`.
    pub access_key: String,
    /// Secret access key that clients sign with. Default: `loopback-secret`.
    pub secret_key: String,
    /// Buckets that exist from the start; there is no other way to make one. Default: `lake`.
    pub buckets: Vec<String>,
    /// Most entries of one page of a listing; small values make clients page. Default: 1000.
    pub page_size: usize,
    /// Whether every write is refused, as to an account that may only read. Default: `false`.
    pub read_only: bool,
    /// Times of the objects. Default: the system's clock.
    pub clock: Clock,
}

impl Default for S3Options {
    fn default() -> Self {
        Self {
            access_key: "loopback".to_owned(),
            secret_key: "loopback-secret".to_owned(),
            buckets: vec!["lake".to_owned()],
            page_size: 1000,
            read_only: false,
            // Readers of the store compare its times with their own clock.
            clock: Box::new(
                #[allow(clippy::disallowed_methods)]
                SystemTime::now,
            ),
        }
    }
}

/// One request that the server has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Method, such as `PUT`.
    pub method: Method,
    /// Bucket and key, as `bucket/key`.
    pub path: String,
    /// What follows the question mark, percent-encoded; empty if nothing does.
    pub query: String,
    /// Status of the answer.
    pub status: StatusCode,
}

type Log = Arc<Mutex<Vec<Logged>>>;
type Gates = Arc<Mutex<Vec<Gate>>>;

/// Keeps one request waiting.
struct Gate {
    method: Method,
    part: String,
    reached: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

/// One request that is kept waiting until this is dropped.
pub struct Held {
    reached: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Held {
    /// Returns once the request has arrived.
    pub async fn reached(&self) {
        self.reached.acquire().await.expect("nobody closes the semaphore").forget();
    }

    /// Lets the request go on.
    pub fn release(self) {
        drop(self);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.open.add_permits(1);
    }
}

/// The S3 server; it stops, and forgets its objects, when it is dropped.
pub struct S3Server {
    loopback: Loopback,
    access_key: String,
    secret_key: String,
    store: Arc<Store>,
    log: Log,
    gates: Gates,
    faults: Faults,
}

impl S3Server {
    /// Starts a server with the default options.
    pub async fn start() -> Self {
        Self::start_with(S3Options::default()).await
    }

    /// Starts a server.
    pub async fn start_with(options: S3Options) -> Self {
        let store = Arc::new(Store::new(&options.buckets, options.clock));
        let log = Log::default();
        let S3Options { page_size, read_only, .. } = options;
        let mut builder = S3ServiceBuilder::new(Protocol { store: Arc::clone(&store), page_size, read_only });
        builder.set_auth(OneAccount {
            access_key: options.access_key.clone(),
            secret_key: options.secret_key.clone(),
        });
        let service = builder.build();
        let (gates, faults) = (Gates::default(), Faults::default());
        let shared = (Arc::clone(&log), Arc::clone(&gates), faults.clone());
        let loopback = Loopback::start(move |stream| {
            let (log, gates, faults) = shared.clone();
            serve(stream, service.clone(), log, gates, faults)
        })
        .await;
        let S3Options { access_key, secret_key, .. } = options;
        Self { loopback, access_key, secret_key, store, log, gates, faults }
    }

    /// The endpoint, without a trailing slash. Buckets are the first segment of the path.
    pub fn url(&self) -> String {
        format!("http://{}", self.loopback.address())
    }

    /// Storage options for `deltalake` and `object_store` that lead here.
    pub fn options(&self) -> HashMap<String, String> {
        HashMap::from(
            [
                ("aws_endpoint", self.url().as_str()),
                ("aws_access_key_id", &self.access_key),
                ("aws_secret_access_key", &self.secret_key),
                ("aws_region", "us-east-1"),
                ("aws_allow_http", "true"),
                // deltalake fills what is missing from the environment of the process.
                ("aws_skip_signature", "false"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        )
    }

    /// The same as environment variables, for a process that is started by the test.
    pub fn env(&self) -> HashMap<String, String> {
        let options = self.options().into_iter();
        options.map(|(name, value)| (name.to_ascii_uppercase(), value)).collect()
    }

    /// Writes an object behind the protocol's back; `path` is `bucket/key`.
    pub fn put(&self, path: &str, bytes: impl Into<Bytes>) {
        let (bucket, key) = split(path);
        self.store.put(bucket, key, bytes.into(), &Conditions::default()).expect("the bucket exists");
    }

    /// Reads an object behind the protocol's back; `path` is `bucket/key`.
    pub fn get(&self, path: &str) -> Option<Bytes> {
        let (bucket, key) = split(path);
        let object = self.store.get(bucket, key).ok()?;
        Some(object.bytes)
    }

    /// The paths that begin with `prefix`, ascending; both are `bucket/key`.
    pub fn list(&self, prefix: &str) -> Vec<String> {
        let (bucket, prefix) = split(prefix);
        let everything =
            Listing { prefix, delimiter: None, start_after: None, token: None, limit: usize::MAX };
        let page = self.store.list(bucket, &everything).expect("the bucket exists");
        let objects = page.objects.into_iter();
        objects.map(|(key, _)| format!("{bucket}/{key}")).collect()
    }

    /// The requests so far, in the order in which they were answered, refused ones included.
    pub fn requests(&self) -> Vec<Logged> {
        self.log.lock().expect("no holder of the lock panics").clone()
    }

    /// Keeps the next `method` request to a path that contains `part` waiting, before it does anything; all
    /// others go on.
    pub fn hold(&self, method: Method, part: &str) -> Held {
        let held = Held { reached: Arc::new(Semaphore::new(0)), open: Arc::new(Semaphore::new(0)) };
        let gate = Gate {
            method,
            part: part.to_owned(),
            reached: Arc::clone(&held.reached),
            open: Arc::clone(&held.open),
        };
        self.gates.lock().expect("no holder of the lock panics").push(gate);
        held
    }

    /// From now on `fate` says what goes wrong with each request that arrives, of which it is told method and path.
    pub fn disturb(&self, fate: impl FnMut(&Method, &str) -> Option<Fault> + Send + 'static) {
        self.faults.set(Some(Box::new(fate)));
    }

    /// From now on nothing goes wrong.
    pub fn calm(&self) {
        self.faults.set(None);
    }

    /// Closes the port and every connection.
    pub async fn stop(self) {
        self.loopback.stop().await;
    }
}

fn split(path: &str) -> (&str, &str) {
    path.split_once('/').unwrap_or((path, ""))
}

/// The one account that may sign requests.
struct OneAccount {
    access_key: String,
    secret_key: String,
}

#[async_trait::async_trait]
impl S3Auth for OneAccount {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == self.access_key {
            Ok(SecretKey::from(self.secret_key.as_str()))
        } else {
            Err(s3_error!(InvalidAccessKeyId))
        }
    }
}

/// Waits at the first gate that is for this request, which then is for no other.
async fn pass(gates: &Gates, method: &Method, path: &str) {
    let gate = {
        let mut gates = gates.lock().expect("no holder of the lock panics");
        let found = gates.iter().position(|gate| gate.method == *method && path.contains(&gate.part));
        found.map(|index| gates.remove(index))
    };
    if let Some(gate) = gate {
        gate.reached.add_permits(1);
        gate.open.acquire().await.expect("nobody closes the semaphore").forget();
    }
}

/// What is answered to a request of which `fault` is the fate, and `answer` does what it asks.
async fn answered(
    fault: Option<Fault>,
    answer: impl Future<Output = Result<Response<Body>, HttpError>>,
) -> Result<Response<Body>, Broken> {
    let done = match fault {
        Some(fault) if !fault.is_done() => None,
        _ => Some(answer.await.map_err(|_| Broken)?),
    };
    match (fault, done) {
        (None, Some(response)) => Ok(response),
        (Some(Fault::Cut), Some(response)) => Ok(faults::cut(response).await),
        (Some(Fault::Refused(status, code) | Fault::Denied(status, code)), _) => {
            Ok(faults::refusal(status, code))
        }
        (Some(Fault::Ignored | Fault::Stalled), _) => std::future::pending().await,
        _ => Err(Broken),
    }
}

/// The connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed")]
struct Broken;

async fn serve(stream: TcpStream, service: S3Service, log: Log, gates: Gates, faults: Faults) {
    let handler = service_fn(|request: Request<Incoming>| {
        let method = request.method().clone();
        let path = Path::from_url_path(request.uri().path());
        let path = path.expect("clients send valid paths").to_string();
        let query = request.uri().query().unwrap_or_default().to_owned();
        let answer = Service::call(&service, request);
        let (log, gates, faults) = (Arc::clone(&log), Arc::clone(&gates), faults.clone());
        async move {
            pass(&gates, &method, &path).await;
            let fault = faults.of(&method, &path);
            let response = answered(fault, answer).await?;
            let status = response.status();
            log.lock().expect("no holder of the lock panics").push(Logged { method, path, query, status });
            Ok::<_, Broken>(response)
        }
    });
    // A client that hangs up in the middle is a matter for the client's own test.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), handler).await;
}
