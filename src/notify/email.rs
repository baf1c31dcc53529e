//! An e-mail as bytes.
//!
//! `multipart/alternative` of plain text and HTML. The bytes follow from the notification alone: the
//! `Message-ID` and the MIME boundary are made of its key, the `Date` is the time that it is sent at.
//! This module composes; it must not open a connection.

use std::time::SystemTime;

use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};

use super::{Cause, Notification, NotifyError, message, show};

/// The sender of messages that no server sends.
pub const NOBODY: &str = "Secchi <secchi@localhost>";

/// An e-mail.
pub struct Letter {
    /// Who sends it.
    pub from: Mailbox,
    /// Who is told, in the order of the channel.
    pub to: Vec<Mailbox>,
    /// Headers and body.
    pub bytes: Vec<u8>,
}

/// Composes the e-mail from `from` to all of `to`.
pub fn letter(notification: &Notification<'_>, from: &str, to: &[String]) -> Result<Letter, NotifyError> {
    let from = mailbox(from)?;
    let to = to.iter().map(|to| mailbox(to)).collect::<Result<Vec<_>, _>>()?;
    let message = message::render(notification)?;
    let key = &notification.key;
    let body = MultiPart::alternative()
        .boundary(format!("secchi-{key}"))
        .singlepart(SinglePart::plain(message.text))
        .singlepart(SinglePart::html(message.html));
    let header = |name, value: String| HeaderValue::new(HeaderName::new_from_ascii_str(name), value);
    let builder = Message::builder()
        .message_id(Some(format!("<{key}@secchi>")))
        .date(SystemTime::from(notification.facts.sent_at))
        .from(from.clone())
        .subject(message.subject)
        // Keeps holiday notices from answering (RFC 3834).
        .raw_header(header("Auto-Submitted", "auto-generated".to_owned()))
        .raw_header(header("X-Secchi-Monitor", show::one_line(notification.monitor)));
    let builder = to.iter().fold(builder, |builder, to| builder.to(to.clone()));
    let composed = builder.multipart(body);
    let composed =
        composed.map_err(|error| NotifyError::Compose { what: "e-mail", source: Cause::of(&error, &[]) })?;
    Ok(Letter { from, to, bytes: composed.formatted() })
}

fn mailbox(address: &str) -> Result<Mailbox, NotifyError> {
    address.parse().map_err(|error: lettre::address::AddressError| NotifyError::Address {
        address: show::one_line(address),
        source: Cause::of(&error, &[]),
    })
}
