//! Why a message was not delivered.
//!
//! Errors name the server or file and keep the cause as text. They never hold a secret: of a webhook's
//! URL only scheme, host and port are known here, and [`Cause`] blots secrets out of what a server said.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::show;
use crate::remedy::Remedy;

/// Most characters kept of a cause: the end of a long one is a server's prose.
const CAUSE_LENGTH_MAX: usize = 400;

/// Why a message was not delivered. `server` reads `mail server HOST:PORT` or `webhook SCHEME://HOST`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs)] // Each sentence says what its fields are.
pub enum NotifyError {
    #[error("cannot reach {server}")]
    Unreachable { server: String, source: Cause },
    #[error("{server} was silent for {} s while {doing}", patience.as_secs_f64())]
    Silent { server: String, doing: &'static str, patience: Duration },
    #[error("{server} broke off while {doing}")]
    Broken { server: String, doing: &'static str, source: Cause },
    #[error("no encrypted connection to {server}")]
    Tls { server: String, source: Cause },
    #[error("cannot tell which certificates to trust for {server}")]
    Trust { server: String, source: Cause },
    #[error("{server} refuses the login of `{user}`")]
    Login { server: String, user: String, source: Cause },
    #[error("{server} refuses {what}")] // An address, or `the message`.
    Refused { server: String, what: String, source: Cause },
    #[error("{server} puts off {what}")]
    PutOff { server: String, what: String, source: Cause },
    #[error("{server} answers {status}")]
    Status { server: String, status: u16, retry_after: Option<Duration> },
    #[error("cannot read the secret for {server}")]
    Secret { server: String, source: Cause },
    #[error("cannot read the certificates in `{}`", path.display())]
    Authority { path: PathBuf, source: Cause },
    #[error("`{address}` is not an e-mail address")]
    Address { address: String, source: Cause },
    #[error("cannot compose the {what}")]
    Compose { what: &'static str, source: Cause },
    #[error("there is neither a mail server nor an outbox")]
    NoServer,
    #[error("cannot write `{}`", path.display())]
    Outbox { path: PathBuf, source: Cause },
}

impl NotifyError {
    /// What the operator does next. Only [`Remedy::Retry`] is tried again.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Unreachable { .. } | Self::Silent { .. } | Self::Broken { .. } | Self::PutOff { .. } => {
                Remedy::Retry
            }
            Self::Status { status: 408 | 425 | 429 | 500..=599, .. } | Self::Outbox { .. } => Remedy::Retry,
            _ => Remedy::FixMonitor,
        }
    }

    /// The sentence that tells the operator so.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Trust { .. } => {
                "install the system's certificates (`ca-certificates`), or name a bundle in `SSL_CERT_FILE`"
            }
            Self::Tls { .. } => {
                "the port must speak the `tls` that is configured; a private certificate authority goes into \
                 `ca_file` (mail) or `SSL_CERT_FILE` (webhooks)"
            }
            Self::Login { .. } => "check `smtp.username` and the secret that `smtp.password` names",
            Self::Secret { .. } => "set the environment variable, or write the file, that the settings name",
            Self::Authority { .. } => "`smtp.ca_file` is a file of PEM certificates",
            Self::Status { status: 300..=399, .. } => "redirects are not followed; write the final address",
            Self::Status { status: 401 | 403, .. } => "check the webhook's address and secret",
            Self::Status { status: 404 | 410, .. } => "the webhook's address is not, or no more, there",
            Self::Status { .. } if self.remedy() == Remedy::FixMonitor => {
                "the receiver does not take this document"
            }
            Self::Refused { .. } => "check the address, and what the server says about it",
            Self::Outbox { .. } => "make `outbox` a folder that can be written to",
            Self::NoServer => "add `smtp:` (or `outbox: FOLDER`) to secchi.yaml",
            Self::Compose { .. } => "this is a fault of Secchi; please report it",
            Self::Unreachable { .. }
            | Self::Silent { .. }
            | Self::Broken { .. }
            | Self::PutOff { .. }
            | Self::Status { .. } => {
                "the alert is in the table `alerts`; check the server, and that this machine may connect to it"
            }
            _ => self.remedy().hint(),
        }
    }

    /// How long the server asked to be left alone.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// A cause as one line of text: what the libraries below said, each thing once, without secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Cause(String);

impl Cause {
    /// The whole chain of `error`. Texts of `secrets` are blotted out, in case a server repeats them.
    pub(super) fn of(error: &(dyn Error + 'static), secrets: &[String]) -> Self {
        let mut text = error.to_string();
        let mut next = error.source();
        while let Some(error) = next {
            let more = error.to_string();
            // Some libraries write the cause of their cause themselves.
            if !text.contains(&more) {
                text = format!("{text}: {more}");
            }
            next = error.source();
        }
        Self::text(&text, secrets)
    }

    /// A cause in our own words.
    pub(super) fn text(text: &str, secrets: &[String]) -> Self {
        let blotted = secrets
            .iter()
            .filter(|secret| !secret.is_empty())
            .fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"));
        Self(show::shortened(&blotted, CAUSE_LENGTH_MAX))
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Error for Cause {}

/// Whether TLS itself failed, somewhere in the causes of `error`: no attempt will be different.
pub(super) fn is_tls_failure(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<rustls::Error>() {
            return true;
        }
        // An `io::Error` passes over what it wraps when it is asked for its source.
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if wrapped.is_some_and(|wrapped| is_tls_failure(wrapped)) {
            return true;
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16) -> NotifyError {
        NotifyError::Status {
            server: "webhook https://hooks.example.com".to_owned(),
            status,
            retry_after: None,
        }
    }

    #[test]
    fn what_may_pass_is_tried_again() {
        let table = [
            (408, Remedy::Retry),
            (425, Remedy::Retry),
            (429, Remedy::Retry),
            (500, Remedy::Retry),
            (503, Remedy::Retry),
            (302, Remedy::FixMonitor),
            (400, Remedy::FixMonitor),
            (401, Remedy::FixMonitor),
            (404, Remedy::FixMonitor),
            (410, Remedy::FixMonitor),
        ];
        for (code, expected) in table {
            assert_eq!(status(code).remedy(), expected, "{code}");
        }
        assert_eq!(NotifyError::NoServer.remedy(), Remedy::FixMonitor);
    }

    #[test]
    fn a_cause_says_each_thing_once_and_no_secret() {
        let inner = std::io::Error::other("AUTH PLAIN aHVudGVyMg== was\r\nrefused");
        let cause = Cause::of(&inner, &["aHVudGVyMg==".to_owned(), String::new()]);
        assert_eq!(cause.to_string(), "AUTH PLAIN *** was  refused");
        assert_eq!(Cause::text(&"x".repeat(5000), &[]).to_string().len(), CAUSE_LENGTH_MAX);
    }

    #[test]
    fn tls_is_found_in_the_causes() {
        let tls = rustls::Error::General("no".to_owned());
        let wrapped = std::io::Error::other(std::io::Error::other(tls));
        assert!(is_tls_failure(&wrapped));
        assert!(!is_tls_failure(&std::io::Error::other("no")));
    }
}
