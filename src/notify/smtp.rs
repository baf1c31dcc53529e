//! E-mail by SMTP: one session takes the letter to all recipients of a channel.
//!
//! lettre speaks the protocol, we lead the conversation, for three reasons. Every step is bounded: lettre
//! bounds the connection alone. Good recipients get the letter when another one is refused: lettre gives
//! up the whole message. And what fails once the server has taken the letter (an error or silence after
//! `QUIT`) is no failure: with the 250 after `DATA` the server has become responsible (RFC 5321, 4.2.5).
//! Silence *before* that 250 leaves open whether the letter arrived; it is tried again, under the same
//! `Message-ID`, since a letter twice is better than none.

use std::future::IntoFuture;
use std::time::Duration;

use backon::Sleeper;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use lettre::Address;
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use secrecy::ExposeSecret;
use tokio::sync::Mutex;

use super::email::{self, Letter};
use super::error::is_tls_failure;
use super::{Cause, Notification, NotifyError, Outcome, Receipt, retry};
use crate::config::Smtp;
use crate::config::settings_spec::SmtpTls;
use crate::remedy::Remedy;

/// A connection takes several steps in one call of lettre: TCP, TLS, greeting, EHLO.
const STEPS_TO_CONNECT: u32 = 4;

/// Sends `notification` to the addresses `to`: a receipt for each.
pub async fn deliver<S: Sleeper>(
    notification: &Notification<'_>,
    smtp: &Smtp,
    to: &[String],
    sleeper: S,
) -> Vec<Receipt> {
    let prepared =
        email::letter(notification, &smtp.from, to).and_then(|letter| Ok((letter, Server::new(smtp)?)));
    let (letter, server) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            let failed = |to: &String| receipt(to, Outcome::Failed(error.clone()), 0);
            return to.iter().map(failed).collect();
        }
    };
    let recipients = letter.to.iter().map(|to| Recipient::new(&to.email)).collect();
    let recipients: Mutex<Vec<Recipient>> = Mutex::new(recipients);
    let attempt = || async {
        let mut recipients = recipients.lock().await;
        server.attempt(&letter, &mut recipients).await
    };
    // How it ended is known for each recipient.
    let _ = retry::persist(&server.name, attempt, sleeper).await;
    let told = |recipient: Recipient| {
        let outcome = recipient.failure.map_or(Outcome::Sent, Outcome::Failed);
        receipt(recipient.address.as_ref(), outcome, recipient.attempts)
    };
    recipients.into_inner().into_iter().map(told).collect()
}

fn receipt(to: &str, outcome: Outcome, attempts: u32) -> Receipt {
    Receipt { channel: format!("email to {to}"), outcome, attempts }
}

/// One address, and how far the letter has come.
struct Recipient {
    address: Address,
    attempts: u32,
    /// Why the last attempt failed; `None` once the letter is there.
    failure: Option<NotifyError>,
}

impl Recipient {
    fn new(address: &Address) -> Self {
        Self { address: address.clone(), attempts: 0, failure: None }
    }

    /// Whether it is worth another attempt.
    fn is_open(&self) -> bool {
        let may_pass = self.failure.as_ref().is_some_and(|failure| failure.remedy() == Remedy::Retry);
        self.attempts == 0 || may_pass
    }
}

/// The mail server, and what it takes to speak with it.
struct Server<'a> {
    smtp: &'a Smtp,
    name: String,
    tls: Option<TlsParameters>,
    login: Option<(&'a str, Credentials)>,
    /// The password in all forms in which a server could repeat it.
    secrets: Vec<String>,
}

impl<'a> Server<'a> {
    fn new(smtp: &'a Smtp) -> Result<Self, NotifyError> {
        let name = format!("mail server {}:{}", smtp.host, smtp.port);
        let mut secrets = Vec::new();
        let mut login = None;
        if let Some((user, password)) = &smtp.login {
            let password = password.read().map_err(|error| NotifyError::Secret {
                server: name.clone(),
                source: Cause::of(&error, &[]),
            })?;
            let password = password.expose_secret();
            // Longest first, so that no part of a longer form is left over.
            secrets = vec![
                BASE64.encode(format!("\0{user}\0{password}")),
                BASE64.encode(password),
                password.to_owned(),
            ];
            login = Some((user.as_str(), Credentials::new(user.clone(), password.to_owned())));
        }
        let tls = match smtp.tls {
            SmtpTls::None => None,
            SmtpTls::Starttls | SmtpTls::Implicit => Some(tls(smtp, &name)?),
        };
        Ok(Self { smtp, name, tls, login, secrets })
    }

    /// One session for everyone who has not got the letter.
    ///
    /// # Errors
    /// With the failure that is worth another attempt, if there is one.
    async fn attempt(&self, letter: &Letter, recipients: &mut [Recipient]) -> Result<(), NotifyError> {
        let mut open: Vec<&mut Recipient> =
            recipients.iter_mut().filter(|recipient| recipient.is_open()).collect();
        for recipient in &mut open {
            recipient.attempts += 1;
            recipient.failure = None;
        }
        if let Err(error) = self.session(letter, &mut open).await {
            for recipient in open.iter_mut().filter(|recipient| recipient.failure.is_none()) {
                recipient.failure = Some(error.clone());
            }
        }
        let failures = open.iter().filter_map(|recipient| recipient.failure.as_ref());
        failures
            .max_by_key(|failure| failure.remedy() == Remedy::Retry)
            .map_or(Ok(()), |failure| Err(failure.clone()))
    }

    /// # Errors
    /// With what went wrong for all; what went wrong for one stands with that one.
    async fn session(&self, letter: &Letter, open: &mut [&mut Recipient]) -> Result<(), NotifyError> {
        let mut connection = Box::pin(self.connect()).await?;
        let result = self.transfer(&mut connection, letter, open).await;
        if !matches!(result, Err(NotifyError::Silent { .. } | NotifyError::Broken { .. })) {
            // What happens from here on changes nothing.
            let _ = tokio::time::timeout(self.smtp.timeout, connection.quit()).await;
        }
        result
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, NotifyError> {
        let (host, port) = (self.smtp.host.trim_matches(['[', ']']), self.smtp.port);
        let hello = ClientId::default();
        let implicit = self.tls.clone().filter(|_| self.smtp.tls == SmtpTls::Implicit);
        let upgrade = self.tls.clone().filter(|_| self.smtp.tls == SmtpTls::Starttls);
        let patience = self.smtp.timeout * STEPS_TO_CONNECT;
        let connecting = AsyncSmtpConnection::connect_tokio1(
            (host, port),
            Some(self.smtp.timeout),
            &hello,
            implicit,
            None,
        );
        let mut connection = self
            .step("connecting", patience, connecting)
            .await?
            .map_err(|error| self.failure("connecting", &error))?;
        if let Some(tls) = upgrade {
            if !connection.can_starttls() {
                let source = Cause::text("it does not offer STARTTLS", &[]);
                return Err(NotifyError::Tls { server: self.name.clone(), source });
            }
            let doing = "starting TLS";
            self.step(doing, patience, connection.starttls(tls, &hello))
                .await?
                .map_err(|error| self.failure(doing, &error))?;
        }
        if let Some((user, credentials)) = &self.login {
            let doing = "logging in";
            let login = connection.auth(DEFAULT_MECHANISMS, credentials);
            self.step(doing, patience, login).await?.map_err(|error| {
                match self.reply(&error, doing, "the login") {
                    NotifyError::Refused { server, source, .. } => {
                        NotifyError::Login { server, user: (*user).to_owned(), source }
                    }
                    other => other,
                }
            })?;
        }
        Ok(connection)
    }

    /// Hands the letter over to everyone whom the server accepts.
    async fn transfer(
        &self,
        connection: &mut AsyncSmtpConnection,
        letter: &Letter,
        open: &mut [&mut Recipient],
    ) -> Result<(), NotifyError> {
        let beyond_ascii = |address: &Address| !AsRef::<str>::as_ref(address).is_ascii();
        let mut parameters = Vec::new();
        if letter.to.iter().chain([&letter.from]).any(|mailbox| beyond_ascii(&mailbox.email)) {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                let (server, what) = (self.name.clone(), "addresses with letters beyond ASCII".to_owned());
                return Err(NotifyError::Refused {
                    server,
                    what,
                    source: Cause::text("it does not offer SMTPUTF8", &[]),
                });
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        let sender = Mail::new(Some(letter.from.email.clone()), parameters);
        self.command(connection, sender, "naming the sender", &format!("the sender `{}`", letter.from.email))
            .await?;

        for recipient in open.iter_mut() {
            let what = format!("`{}`", recipient.address);
            let command = Rcpt::new(recipient.address.clone(), Vec::new());
            match self.command(connection, command, "naming a recipient", &what).await {
                Err(error @ (NotifyError::Refused { .. } | NotifyError::PutOff { .. })) => {
                    recipient.failure = Some(error);
                }
                accepted => accepted?,
            }
        }
        if open.iter().all(|recipient| recipient.failure.is_some()) {
            return Ok(());
        }
        self.command(connection, Data, "announcing the message", "the message").await?;
        let doing = "taking the message";
        let taken = self.step(doing, self.smtp.timeout, connection.message(&letter.bytes)).await?;
        taken.map(|_response| ()).map_err(|error| self.reply(&error, doing, "the message"))
    }

    async fn command(
        &self,
        connection: &mut AsyncSmtpConnection,
        command: impl std::fmt::Display,
        doing: &'static str,
        what: &str,
    ) -> Result<(), NotifyError> {
        let answer = self.step(doing, self.smtp.timeout, connection.command(command)).await?;
        answer.map(|_response| ()).map_err(|error| self.reply(&error, doing, what))
    }

    /// Waits for `future`, but not for ever.
    async fn step<F: IntoFuture>(
        &self,
        doing: &'static str,
        patience: Duration,
        future: F,
    ) -> Result<F::Output, NotifyError> {
        let server = || self.name.clone();
        tokio::time::timeout(patience, future).await.map_err(|_| NotifyError::Silent {
            server: server(),
            doing,
            patience,
        })
    }

    /// An error of the answer to a command.
    fn reply(&self, error: &smtp::Error, doing: &'static str, what: &str) -> NotifyError {
        let (server, what, source) = (self.name.clone(), what.to_owned(), self.cause(error));
        if error.is_permanent() || error.is_client() {
            NotifyError::Refused { server, what, source }
        } else if error.is_transient() {
            NotifyError::PutOff { server, what, source }
        } else {
            NotifyError::Broken { server, doing, source }
        }
    }

    /// An error from before the first command.
    fn failure(&self, doing: &'static str, error: &smtp::Error) -> NotifyError {
        let (server, source) = (self.name.clone(), self.cause(error));
        if is_tls_failure(error) {
            NotifyError::Tls { server, source }
        } else if error.is_timeout() {
            NotifyError::Silent { server, doing, patience: self.smtp.timeout }
        } else if error.is_permanent() {
            NotifyError::Refused { server, what: "to talk".to_owned(), source }
        } else {
            NotifyError::Unreachable { server, source }
        }
    }

    fn cause(&self, error: &smtp::Error) -> Cause {
        Cause::of(error, &self.secrets)
    }
}

/// What to trust: the system's certificates, and those of `ca_file`.
fn tls(smtp: &Smtp, server: &str) -> Result<TlsParameters, NotifyError> {
    let mut builder = TlsParameters::builder(smtp.host.trim_matches(['[', ']']).to_owned());
    if let Some(path) = &smtp.ca_file {
        let unreadable = |source| NotifyError::Authority { path: path.clone(), source };
        let pem = std::fs::read(path).map_err(|error| unreadable(Cause::of(&error, &[])))?;
        let is_pem = pem.windows(PEM_CERTIFICATE.len()).any(|bytes| bytes == PEM_CERTIFICATE);
        if !is_pem {
            return Err(unreadable(Cause::text("there is no certificate in it", &[])));
        }
        let certificates = Certificate::from_pem(&pem).map_err(|error| unreadable(Cause::of(&error, &[])))?;
        builder = builder.add_root_certificate(certificates);
    }
    builder
        .build()
        .map_err(|error| NotifyError::Trust { server: server.to_owned(), source: Cause::of(&error, &[]) })
}

/// How a certificate begins in a PEM file.
const PEM_CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";
