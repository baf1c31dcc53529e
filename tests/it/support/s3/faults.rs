//! What goes wrong between a client and a store: answers that are lost, late, cut off, or refusals.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::stream;
use http_body_util::BodyExt;
use hyper::{Method, Response, StatusCode};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use s3s::Body;
use s3s::dto::StreamingBlob;

/// What the client gets in place of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This status with this code; the request is not done.
    Refused(u16, &'static str),
    /// This status with this code; the request is done nevertheless.
    Denied(u16, &'static str),
    /// The connection is closed; the request is not done.
    HungUp,
    /// The connection is closed once the request is done.
    Lost,
    /// Nothing, until the client gives up; the request is not done.
    Ignored,
    /// Nothing, until the client gives up, though the request is done.
    Stalled,
    /// Half of the body.
    Cut,
}

impl Fault {
    /// Whether the request is done.
    pub fn is_done(self) -> bool {
        matches!(self, Self::Denied(..) | Self::Lost | Self::Stalled | Self::Cut)
    }
}

/// Decides what goes wrong with a request, in the order in which they arrive.
type Fate = Box<dyn FnMut(&Method, &str) -> Option<Fault> + Send>;

/// What goes wrong from now on.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<Option<Fate>>>);

impl Faults {
    /// What goes wrong with this request.
    pub fn of(&self, method: &Method, path: &str) -> Option<Fault> {
        let mut fate = self.0.lock().expect("no holder of the lock panics");
        fate.as_mut().and_then(|fate| fate(method, path))
    }

    /// From now on `fate` decides; nothing goes wrong without any.
    pub fn set(&self, fate: Option<Fate>) {
        *self.0.lock().expect("no holder of the lock panics") = fate;
    }
}

/// Faults of all kinds in a `share` of requests, and in a larger one of those that commit.
pub fn of_seed(seed: u64, share: f64) -> impl FnMut(&Method, &str) -> Option<Fault> + Send + 'static {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    move |method, path| {
        let is_commit = *method == Method::PUT && path.contains("/_delta_log/");
        let share = if is_commit { 4.0 * share } else { share };
        if !chance.random_bool(share.min(1.0)) {
            return None;
        }
        // Slow ones are rare, since the test waits for them.
        Some(match chance.random_range(0..40) {
            0 => Fault::Ignored,
            1 => Fault::Stalled,
            2..=9 => Fault::Refused(503, "SlowDown"),
            10..=13 => Fault::Refused(500, "InternalError"),
            14..=21 => Fault::Denied(500, "InternalError"),
            22..=25 => Fault::HungUp,
            26..=33 => Fault::Lost,
            _ => Fault::Cut,
        })
    }
}

/// The answer of a store that refuses.
pub fn refusal(status: u16, code: &str) -> Response<Body> {
    let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code></Error>");
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    response
}

/// `response` as far as the half of its body, which it says is whole.
pub async fn cut(response: Response<Body>) -> Response<Body> {
    let (head, body) = response.into_parts();
    let whole = body.collect().await.expect("a body in memory").to_bytes();
    if whole.is_empty() {
        return Response::from_parts(head, Body::empty());
    }
    let half = whole.slice(..whole.len() / 2);
    let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    let parts: [Result<Bytes, std::io::Error>; 2] = [Ok(half), Err(broken)];
    let mut response = Response::from_parts(head, Body::from(StreamingBlob::wrap(stream::iter(parts))));
    response.headers_mut().insert(hyper::header::CONTENT_LENGTH, whole.len().into());
    response
}
