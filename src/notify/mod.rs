//! Notifications: from the events of a run to e-mails and webhooks.
//!
//! events → [`digest`] (what is worth saying) → [`Notification`] (to this channel, under this key) →
//! [`message`] or [`payload`] (in words, in JSON) → `email`, `webhook` or `outbox` (on its way) →
//! [`Receipt`]. One message per run and channel, not one per event. Channels deliver and classify their
//! failures; `retry` alone tries again; no failure of one channel keeps another waiting or stops the run.
//!
//! A run notifies after it has committed, so a message cites tables that are there. A crash in between is
//! repaired by telling the same events again: the message then has the same key, which is the
//! `Message-ID` of the e-mail, the `webhook-id` of the webhook and part of the file name in the outbox.
//! Delivery is at least once, and a repeat is recognisable. This stage must not decide what is an alert,
//! read tables or look at a clock.
#![cfg_attr(test, allow(clippy::expect_used, reason = "a test says what it expected and then fails"))]

pub mod digest;
mod email;
mod error;
pub mod further;
pub mod message;
mod notification;
mod outbox;
pub mod payload;
pub mod phrase;
mod retry;
pub mod show;
mod smtp;
mod webhook;

use std::future::poll_fn;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::Poll;

use backon::{Sleeper, TokioSleeper};

use crate::alert::Event;
use crate::config::{Channel, ChannelKind, Monitor, Settings};
pub use error::{Cause, NotifyError};
pub use notification::{Notification, RunFacts};
pub use webhook::signing_key;

/// What became of one message to one receiver.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipt {
    /// `email to ADDRESS` or `webhook HOST`; of an e-mail each address has its own receipt.
    pub channel: String,
    /// What became of it.
    pub outcome: Outcome,
    /// How many times it was tried; 0 if it could not even be prepared.
    pub attempts: u32,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The server took it.
    Sent,
    /// It lies in the outbox.
    Written(PathBuf),
    /// It was not delivered.
    Failed(NotifyError),
}

/// Tells every channel of `monitor` what is new for it in `events`, the events of one run. Channels that
/// hear nothing new have no receipt. Channels are told at the same time.
pub async fn send(
    monitor: &Monitor,
    settings: &Settings,
    facts: &RunFacts,
    events: &[Event],
) -> Vec<Receipt> {
    send_with(monitor, settings, facts, events, TokioSleeper).await
}

/// [`send`], with the pause between attempts as an argument.
pub async fn send_with<S: Sleeper + Clone>(
    monitor: &Monitor,
    settings: &Settings,
    facts: &RunFacts,
    events: &[Event],
    sleeper: S,
) -> Vec<Receipt> {
    let mut deliveries = Vec::new();
    for channel in &monitor.channels {
        if let Some(notification) = Notification::new(monitor, facts, events, channel) {
            deliveries.push(Box::pin(deliver(channel, settings, notification, sleeper.clone())));
        }
    }
    all(deliveries).await.into_iter().flatten().collect()
}

async fn deliver<S: Sleeper + Clone>(
    channel: &Channel,
    settings: &Settings,
    notification: Notification<'_>,
    sleeper: S,
) -> Vec<Receipt> {
    match (&channel.kind, &settings.outbox) {
        (ChannelKind::Webhook { url, .. }, Some(outbox)) if settings.hold_webhooks => {
            let written = match payload::body(&notification) {
                Ok(body) => outbox::write(outbox, &notification, "json", &body).await,
                Err(error) => Err(error),
            };
            vec![held(format!("webhook {}", webhook::host(url)), written)]
        }
        (ChannelKind::Webhook { url, secret, timeout }, _) => {
            vec![webhook::deliver(&notification, url, secret.as_ref(), *timeout, sleeper).await]
        }
        (ChannelKind::Email(to), outbox) => match (&settings.smtp, outbox) {
            (Some(smtp), _) => smtp::deliver(&notification, smtp, to, sleeper).await,
            (None, Some(outbox)) => {
                let written = match email::letter(&notification, email::NOBODY, to) {
                    Ok(letter) => outbox::write(outbox, &notification, "eml", &letter.bytes).await,
                    Err(error) => Err(error),
                };
                vec![held(format!("email to {}", to.join(", ")), written)]
            }
            (None, None) => vec![held(format!("email to {}", to.join(", ")), Err(NotifyError::NoServer))],
        },
    }
}

fn held(channel: String, written: Result<PathBuf, NotifyError>) -> Receipt {
    let attempts = u32::from(matches!(written, Ok(_) | Err(NotifyError::Outbox { .. })));
    Receipt { channel, outcome: written.map_or_else(Outcome::Failed, Outcome::Written), attempts }
}

/// The outputs of `futures`, in their order, run at the same time within this task.
async fn all<F: Future + Unpin>(futures: Vec<F>) -> Vec<F::Output> {
    let mut running: Vec<(F, Option<F::Output>)> = futures.into_iter().map(|future| (future, None)).collect();
    poll_fn(|context| {
        for (future, output) in &mut running {
            if output.is_none()
                && let Poll::Ready(ready) = Pin::new(future).poll(context)
            {
                *output = Some(ready);
            }
        }
        match running.iter().all(|(_, output)| output.is_some()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    running.into_iter().filter_map(|(_, output)| output).collect()
}
