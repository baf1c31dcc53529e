//! What one run says to one channel, before it has words.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};

use super::digest::{Digest, digest};
use crate::alert::{Event, State, Transition};
use crate::comparisons::Comparisons;
use crate::config::{Channel, ChannelKind, Monitor, Severity};
use crate::lineage::Pin;

/// The run that a message is about. A message cites only what has been committed.
#[derive(Debug, Clone, PartialEq)]
pub struct RunFacts {
    /// Names the run; the same pins give the same id.
    pub run_id: String,
    /// Which attempt at it.
    pub attempt_id: String,
    /// The time that the run takes as its present.
    pub as_of: Timestamp,
    /// When its messages are sent: the date of an e-mail and the time in a webhook's signature, which
    /// receivers compare with their clock.
    pub sent_at: Timestamp,
    /// The inference table.
    pub source: Pin,
    /// The label table, if there is one.
    pub labels: Option<Pin>,
    /// The baseline table, if there is one.
    pub baseline: Option<Pin>,
    /// The profile table after the run.
    pub profile: Pin,
    /// The drift table after the run.
    pub drift: Pin,
    /// Path of the monitor file, whole, so that it is found from anywhere.
    pub monitor_file: String,
    /// The last event of each alert that fires after the run.
    pub firing: Vec<Event>,
}

/// What one run says to one channel.
#[derive(Debug)]
pub struct Notification<'a> {
    /// The monitor's name.
    pub monitor: &'a str,
    /// Who is responsible.
    pub owner: Option<&'a str>,
    /// Where it says what to do.
    pub runbook: Option<&'a str>,
    /// Free labels.
    pub labels: &'a BTreeMap<String, String>,
    /// Zone in which windows are shown.
    pub zone: &'a TimeZone,
    /// What its windows are compared with.
    pub comparisons: &'a Comparisons,
    /// The run.
    pub facts: &'a RunFacts,
    /// The alerts; at least one began or ceased.
    pub digest: Digest<'a>,
    /// Alerts that fire, besides those that began to in this run.
    pub still_firing: usize,
    /// The worst severity of what began or, if nothing did, of what ceased.
    pub severity: Severity,
    /// Names the message: the same events told to the same channel have the same key.
    pub key: String,
}

impl<'a> Notification<'a> {
    /// What `channel` is told about `events`; `None` if nothing of its severity began or ceased.
    pub fn new(
        monitor: &'a Monitor,
        facts: &'a RunFacts,
        events: &'a [Event],
        channel: &Channel,
    ) -> Option<Self> {
        let heard = || events.iter().filter(|event| event.severity >= channel.severity);
        let digest = digest(heard());
        let severity = digest.severity().filter(|_| digest.is_worth_sending())?;
        let told = heard().filter(|event| event.transition != Transition::StillFiring);
        let key = key(&channel.kind, told.map(|event| event.event_id.as_str()).collect());
        let is_new = |alert: &Event| digest.firing.iter().any(|item| item.last.alert_id == alert.alert_id);
        let on = facts.firing.iter().filter(|alert| alert.severity >= channel.severity);
        let still_firing = on.filter(|alert| !is_new(alert)).count();
        Some(Self {
            still_firing,
            monitor: &monitor.name,
            owner: monitor.owner.as_deref(),
            runbook: monitor.runbook.as_deref(),
            labels: &monitor.labels,
            zone: monitor.calendar.zone(),
            comparisons: &monitor.comparisons,
            facts,
            digest,
            severity,
            key,
        })
    }

    /// What the message is about: firing if anything began to fire, else lost data if there is any, else
    /// relief.
    pub fn state(&self) -> State {
        match &self.digest {
            digest if !digest.firing.is_empty() => State::Firing,
            digest if !digest.gone.is_empty() => State::NoData,
            _ => State::Resolved,
        }
    }
}

/// First 32 hex digits of the SHA-256 of the channel and the events, each behind its length.
fn key(channel: &ChannelKind, mut event_ids: Vec<&str>) -> String {
    event_ids.sort_unstable();
    event_ids.dedup();
    let channel: Vec<&str> = match channel {
        ChannelKind::Email(to) => std::iter::once("email").chain(to.iter().map(String::as_str)).collect(),
        ChannelKind::Webhook { url, .. } => vec!["webhook", url.as_str()],
    };
    let mut hasher = Sha256::new();
    for part in [channel.len().to_string().as_str()].into_iter().chain(channel).chain(event_ids) {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn email(to: &[&str]) -> ChannelKind {
        ChannelKind::Email(to.iter().map(|to| (*to).to_owned()).collect())
    }

    fn webhook(url: &str) -> ChannelKind {
        let url = url.parse().expect("a URL");
        ChannelKind::Webhook { url, secret: None, timeout: Duration::from_secs(1) }
    }

    #[test]
    fn a_key_names_the_channel_and_the_events() {
        let base = key(&email(&["a@example.com"]), vec!["e1", "e2"]);
        assert_eq!(base.len(), 32);
        assert_eq!(base, key(&email(&["a@example.com"]), vec!["e2", "e1", "e1"]));
        let others = [
            key(&email(&["a@example.com"]), vec!["e1"]),
            key(&email(&["a@example.com"]), vec!["e1e2"]),
            key(&email(&["a@example.com", "e1"]), vec!["e2"]),
            key(&email(&["b@example.com"]), vec!["e1", "e2"]),
            key(&webhook("https://hooks.example.com/a"), vec!["e1", "e2"]),
            key(&webhook("https://hooks.example.com/b"), vec!["e1", "e2"]),
        ];
        for (index, other) in others.iter().enumerate() {
            assert_ne!(*other, base);
            assert!(!others[..index].contains(other));
        }
    }
}
