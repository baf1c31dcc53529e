//! Webhooks: one JSON document by HTTP POST.
//!
//! With a secret, the request is signed by the convention of Standard Webhooks, so that receivers can use
//! one of its libraries: `webhook-id` is the key of the message, `webhook-timestamp` the time of sending
//! in Unix seconds, and `webhook-signature` reads `v1,` and the base64 of the HMAC-SHA256 of
//! `{id}.{timestamp}.{body}`. The key is the base64 behind `whsec_`, if the secret begins so, else the
//! secret's own bytes.
//!
//! Redirects are not followed: a signed document goes to the address that was configured, and to no other.
//! Path, query and password of that address may be secrets, so nothing here shows more of it than scheme,
//! host and port.

use std::time::Duration;

use backon::Sleeper;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, RETRY_AFTER};
use reqwest::{Certificate, Client, redirect};
use secrecy::ExposeSecret;
use sha2::Sha256;
use url::Url;

use super::error::is_tls_failure;
use super::{Cause, Notification, NotifyError, Outcome, Receipt, payload, retry};
use crate::config::{Secret, is_this_machine};
use crate::lineage::ENGINE_VERSION;

/// What a secret begins with when its key is written in base64.
const BASE64_KEY: &str = "whsec_";

/// Host of a webhook, with the port if it is not the usual one.
pub fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or("nowhere");
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Posts `notification` to `url`.
pub async fn deliver<S: Sleeper>(
    notification: &Notification<'_>,
    url: &Url,
    secret: Option<&Secret>,
    timeout: Duration,
    sleeper: S,
) -> Receipt {
    let channel = format!("webhook {}", host(url));
    let (result, attempts) = match Post::new(notification, url, secret, timeout) {
        Ok(post) => retry::persist(&channel, || post.attempt(), sleeper).await,
        Err(error) => (Err(error), 0),
    };
    let outcome = result.map_or_else(Outcome::Failed, |()| Outcome::Sent);
    Receipt { channel, outcome, attempts }
}

/// A document ready to be posted.
struct Post<'a> {
    client: Client,
    url: &'a Url,
    server: String,
    timeout: Duration,
    headers: Vec<(HeaderName, String)>,
    body: Bytes,
}

impl<'a> Post<'a> {
    fn new(
        notification: &Notification<'_>,
        url: &'a Url,
        secret: Option<&Secret>,
        timeout: Duration,
    ) -> Result<Self, NotifyError> {
        let server = format!("webhook {}://{}", url.scheme(), host(url));
        let body = payload::body(notification)?;
        let (id, timestamp) = (&notification.key, notification.facts.sent_at.as_second());
        let mut headers = vec![
            (CONTENT_TYPE, "application/json".to_owned()),
            (HeaderName::from_static("webhook-id"), id.clone()),
            (HeaderName::from_static("webhook-timestamp"), timestamp.to_string()),
        ];
        if let Some(secret) = secret {
            let unreadable = |source| NotifyError::Secret { server: server.clone(), source };
            let secret = secret.read().map_err(|error| unreadable(Cause::of(&error, &[])))?;
            let signature = signature(secret.expose_secret(), id, timestamp, &body)
                .map_err(|why| unreadable(Cause::text(why, &[])))?;
            headers.push((HeaderName::from_static("webhook-signature"), signature));
        }
        Ok(Self { client: client(url, &server)?, url, server, timeout, headers, body: body.into() })
    }

    async fn attempt(&self) -> Result<(), NotifyError> {
        let request = self.client.post(self.url.clone()).timeout(self.timeout).body(self.body.clone());
        let request = self.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let response = request.send().await.map_err(|error| self.failure(error))?;
        match response.status().as_u16() {
            200..=299 => Ok(()),
            status => {
                let retry_after = retry_after(response.headers());
                Err(NotifyError::Status { server: self.server.clone(), status, retry_after })
            }
        }
    }

    fn failure(&self, error: reqwest::Error) -> NotifyError {
        let server = self.server.clone();
        let error = error.without_url();
        let source = Cause::of(&error, &[]);
        if is_tls_failure(&error) {
            NotifyError::Tls { server, source }
        } else if error.is_timeout() {
            NotifyError::Silent { server, doing: "answering", patience: self.timeout }
        } else if error.is_connect() {
            NotifyError::Unreachable { server, source }
        } else {
            NotifyError::Broken { server, doing: "answering", source }
        }
    }
}

fn client(url: &Url, server: &str) -> Result<Client, NotifyError> {
    let mut builder =
        Client::builder().user_agent(format!("secchi/{ENGINE_VERSION}")).redirect(redirect::Policy::none());
    if url.host().is_some_and(|host| is_this_machine(&host)) {
        builder = builder.no_proxy();
    }
    if url.scheme() == "http" {
        // Nothing is encrypted, so a machine without certificates can send too.
        builder = builder.tls_certs_only(std::iter::empty::<Certificate>());
    }
    builder.build().map_err(|error| NotifyError::Trust {
        server: server.to_owned(),
        source: Cause::of(&error.without_url(), &[]),
    })
}

/// The key that `secret` stands for.
///
/// # Errors
/// Why it stands for none: it is empty, or what follows `whsec_` in it is not base64.
pub fn signing_key(secret: &str) -> Result<Vec<u8>, &'static str> {
    let key = match secret.strip_prefix(BASE64_KEY) {
        Some(encoded) => BASE64.decode(encoded).map_err(|_| "what follows `whsec_` is not base64")?,
        None => secret.as_bytes().to_vec(),
    };
    if key.is_empty() { Err("it is empty") } else { Ok(key) }
}

/// The value of `webhook-signature` for `body`, sent as `id` at `timestamp` (Unix seconds). Fails if `secret`
/// stands for no key.
fn signature(secret: &str, id: &str, timestamp: i64, body: &[u8]) -> Result<String, &'static str> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&signing_key(secret)?).map_err(|_| "it is no key")?;
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    Ok(format!("v1,{}", BASE64.encode(mac.finalize().into_bytes())))
}

/// How long the server asks to be left alone: in seconds, or until a date by its own clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let wish = text(RETRY_AFTER)?;
    if let Ok(seconds) = wish.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| jiff::fmt::rfc2822::parse(text).ok();
    let pause = date(wish)?.timestamp().duration_since(date(text(DATE)?)?.timestamp());
    Duration::try_from(pause).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that the libraries of Standard Webhooks are tested with.
    const ORACLE: (&str, &str, i64, &str, &str) = (
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1_614_265_330,
        r#"{"test": 2432232314}"#,
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    );

    #[test]
    fn signatures_are_those_of_standard_webhooks() {
        let (secret, id, timestamp, body, expected) = ORACLE;
        assert_eq!(signature(secret, id, timestamp, body.as_bytes()).as_deref(), Ok(expected));
        for other in [
            signature(secret, "msg_other", timestamp, body.as_bytes()),
            signature(secret, id, timestamp + 1, body.as_bytes()),
            signature(secret, id, timestamp, b"{}"),
            signature("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", id, timestamp, body.as_bytes()),
        ] {
            assert_ne!(other.as_deref(), Ok(expected));
        }
    }

    #[test]
    fn a_secret_that_is_no_key_is_refused() {
        for secret in ["", "whsec_", "whsec_not base64!"] {
            assert!(signature(secret, "id", 0, b"").is_err(), "{secret}");
        }
    }

    #[test]
    fn a_wish_for_time_is_read_in_both_forms() {
        let table = [
            (vec![("retry-after", "7")], Some(7)),
            (vec![("retry-after", " 120 ")], Some(120)),
            (vec![], None),
            (vec![("retry-after", "soon")], None),
            (vec![("retry-after", "Wed, 21 Oct 2026 07:28:30 GMT")], None),
            (
                vec![
                    ("date", "Wed, 21 Oct 2026 07:28:00 GMT"),
                    ("retry-after", "Wed, 21 Oct 2026 07:28:30 GMT"),
                ],
                Some(30),
            ),
            (
                vec![
                    ("date", "Wed, 21 Oct 2026 07:28:00 GMT"),
                    ("retry-after", "Wed, 21 Oct 2026 07:27:00 GMT"),
                ],
                None,
            ),
        ];
        for (headers, expected) in table {
            let named = headers.iter().map(|(name, value)| {
                (HeaderName::from_static(name), value.parse().expect("a header's value"))
            });
            assert_eq!(retry_after(&named.collect()), expected.map(Duration::from_secs), "{headers:?}");
        }
    }

    #[test]
    fn a_host_is_all_that_is_shown_of_an_address() {
        let table = [
            ("https://hooks.example.com/services/T0/B0/secret?token=secret", "hooks.example.com"),
            ("https://user:secret@hooks.example.com:8443/secret#secret", "hooks.example.com:8443"),
            ("http://[::1]:8080/secret", "[::1]:8080"),
        ];
        for (url, expected) in table {
            assert_eq!(host(&url.parse().expect("a URL")), expected);
        }
    }
}
