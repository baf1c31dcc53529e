//! A notification in words: subject, plain text and HTML of equal content.
//!
//! The order is that of the reader's questions: what moved and how far, how urgent it is, since when, who
//! is responsible, where to look further; where the numbers come from stands last. What is said is decided
//! here, how it looks in `templates/`. Every text of others is on one line ([`one_line`]) before a
//! template sees it, and the HTML template escapes it.

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, Value, context};

use super::digest::Item;
use super::further::further;
use super::phrase::{
    compared_with, crossing, model_version, severity, slice, subject_of, subject_with_version,
};
use super::show::{self, number, one_line};
use super::{Cause, Notification, NotifyError};
use crate::alert::{Event, State};
use crate::config::Severity;
use crate::contract::TABLE;
use crate::lineage::{ENGINE_VERSION, Pin};

/// Most alerts of a list that are shown; the rest is counted.
pub const ITEMS_MAX: usize = 20;

/// Most characters of a subject.
const SUBJECT_LENGTH_MAX: usize = 200;

/// An e-mail's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML.
    pub html: String,
}

/// Writes the message of `notification`.
///
/// # Errors
/// If a template does not fit what it is given, which a test rules out.
pub fn render(notification: &Notification<'_>) -> Result<Message, NotifyError> {
    let failed =
        |error: minijinja::Error| NotifyError::Compose { what: "message", source: Cause::of(&error, &[]) };
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    templates.set_syntax(syntax.map_err(failed)?);
    let page = page(notification);
    let mut fill = |name, source| {
        templates.add_template(name, source)?;
        templates.get_template(name)?.render(&page)
    };
    Ok(Message {
        subject: subject(notification),
        text: fill("email.txt", include_str!("templates/email.txt")).map_err(failed)?,
        // The name ends with `.html`, so everything that is filled in is escaped.
        html: fill("email.html", include_str!("templates/email.html")).map_err(failed)?,
    })
}

/// One line that says it all: `[critical] credit-default: monthly_income … 8.28 > 0.25 (+3 more)`.
pub fn subject(notification: &Notification<'_>) -> String {
    let (headline, more) = headline(notification);
    let more = if more > 0 { format!(" (+{more} more)") } else { String::new() };
    let still = match (notification.state(), notification.still_firing) {
        (State::Firing, _) | (_, 0) => String::new(),
        (_, count) => format!(", {count} still firing"),
    };
    let start = format!("[{}{still}] {}: {headline}", label(notification), one_line(notification.monitor));
    let left = SUBJECT_LENGTH_MAX.saturating_sub(more.len());
    format!("{}{more}", show::shortened(&start, left))
}

/// The first alert in a few words, and how many there are besides.
fn headline(notification: &Notification<'_>) -> (String, usize) {
    let digest = &notification.digest;
    let ended = || digest.gone.iter().chain(&digest.resolved).chain(&digest.passed);
    let (first, count) = match digest.firing.first() {
        Some(first) => (Some(first), digest.firing.len()),
        None => (ended().next(), ended().count()),
    };
    let words = first.map(|item| format!("{} {}", subject_with_version(item.last), crossing(item.last)));
    let words = words.unwrap_or_default().trim_start().to_owned();
    (words, count.saturating_sub(1))
}

fn label(notification: &Notification<'_>) -> &'static str {
    match notification.state() {
        State::Firing => severity(notification.severity),
        State::Resolved => "resolved",
        State::NoData => "no data",
    }
}

fn urgency(notification: &Notification<'_>) -> &'static str {
    match (notification.state(), notification.severity) {
        (State::NoData, _) => "What fired has no rows any more: neither good nor bad. Was that meant?",
        (State::Resolved, _) if notification.still_firing > 0 => "This has ceased; other alerts still fire.",
        (State::Resolved, _) => "Nothing to do: what fired has ceased.",
        (State::Firing, Severity::Info) => "Worth knowing.",
        (State::Firing, Severity::Warning) => "Worth a look today.",
        (State::Firing, Severity::Critical) => "Worth getting up for.",
    }
}

fn page(notification: &Notification<'_>) -> Value {
    let digest = &notification.digest;
    let (headline, more) = headline(notification);
    let first = [&digest.firing, &digest.gone, &digest.resolved, &digest.passed]
        .into_iter()
        .find_map(|items| items.first());
    let further = first.map(|item| further(item.last, notification.facts));
    let lines = |title, items| {
        let items = section(items, |item| line(notification, item));
        context! { title, items }
    };
    context! {
        label => label(notification),
        monitor => one_line(notification.monitor),
        headline,
        more,
        place => first.map(|item| place(notification, item.last)),
        urgency => urgency(notification),
        about => facts(about(notification)),
        firing => section(&digest.firing, |item| card(notification, item)),
        ended => Value::from_iter([
            lines("No data any more", &digest.gone),
            lines("Resolved", &digest.resolved),
            lines("Fired and resolved within this run", &digest.passed),
            lines("Still firing, told before", &digest.still),
        ]),
        metric => first.map(|item| one_line(&item.last.metric)),
        sql => further.as_ref().map(|further| further.sql.as_str()),
        command => further.as_ref().map(|further| further.command.as_str()),
        lineage => facts(lineage(notification)),
    }
}

/// Which model version, and when.
fn place(notification: &Notification<'_>, event: &Event) -> String {
    let window = show::window(event.window_start, event.window_end, notification.zone);
    let place = format!("{}, {window} ({})", model_version(event), one_line(&event.granularity));
    place.chars().take(1).flat_map(char::to_uppercase).chain(place.chars().skip(1)).collect()
}

/// A list of alerts, cut to [`ITEMS_MAX`].
fn section<'a>(items: &[Item<'a>], show: impl Fn(&Item<'a>) -> Value) -> Value {
    context! {
        count => items.len(),
        shown => items.iter().take(ITEMS_MAX).map(show).collect::<Value>(),
        hidden => items.len().saturating_sub(ITEMS_MAX),
    }
}

/// A name, what stands beside it, and where that leads to.
struct Fact(&'static str, String, Option<String>);

impl Fact {
    fn new(name: &'static str, text: impl Into<String>) -> Self {
        Self(name, text.into(), None)
    }

    /// An address that others wrote: only one of the web becomes a link.
    fn link(name: &'static str, address: &str) -> Self {
        let is_web = ["https://", "http://"].iter().any(|scheme| address.starts_with(scheme));
        let is_whole = address.chars().all(|c| !c.is_whitespace() && show::harmless(c) == c);
        Self(name, one_line(address), (is_web && is_whole).then(|| address.to_owned()))
    }
}

fn facts(facts: Vec<Fact>) -> Value {
    facts.into_iter().map(|Fact(name, text, link)| context! { name, text, link }).collect()
}

/// An alert that fires, with all that is known of it.
fn card(notification: &Notification<'_>, item: &Item<'_>) -> Value {
    let event = item.last;
    let slice = slice(event).map(|slice| Fact::new("Slice", slice));
    let compared = compared_with(event, notification.comparisons).map(|other| Fact::new("Against", other));
    let before = event
        .previous_value
        .map(|value| Fact::new("Before", format!("{} in the window before", number(value))));
    let owner = event.owner.as_deref().filter(|_| event.owner.as_deref() != notification.owner);
    let runbook = event.runbook.as_deref().filter(|_| event.runbook.as_deref() != notification.runbook);
    let list = [
        Some(Fact::new("Where", place(notification, event))),
        slice,
        compared,
        Some(Fact::new("Values", event.count.to_string())),
        before,
        Some(Fact::new(
            "Since",
            format!("{}{}", show::start(item.since, notification.zone), history(notification, item)),
        )),
        Some(Fact::new("Rule", format!("{} ({})", one_line(&event.rule), severity(event.severity)))),
        owner.map(|owner| Fact::new("Owner", one_line(owner))),
        runbook.map(|runbook| Fact::link("Runbook", runbook)),
    ];
    let list = list.into_iter().flatten().collect();
    let column =
        if event.column_name == TABLE { "whole table".to_owned() } else { one_line(&event.column_name) };
    context! { severity => severity(event.severity), column, crossing => crossing(event), facts => facts(list) }
}

/// What else happened to an alert in this run.
fn history(notification: &Notification<'_>, item: &Item<'_>) -> String {
    let times = (item.times > 1).then(|| format!(", fired {} times in this run", item.times));
    let worst = item.worst.and_then(|event| {
        Some(format!(
            ", worst {} on {}",
            number(event.value?),
            show::start(event.window_start, notification.zone)
        ))
    });
    times.into_iter().chain(worst).collect()
}

/// An alert that has ended, or was told before, on one line.
fn line(notification: &Notification<'_>, item: &Item<'_>) -> Value {
    let event = item.last;
    let subject = subject_of(event);
    let subject = if subject.is_empty() { "whole table".to_owned() } else { subject };
    let since = show::start(item.since, notification.zone);
    let span = match event.state {
        State::Firing => format!("since {since}"),
        State::Resolved => {
            format!("from {since} until {}", show::start(event.window_start, notification.zone))
        }
        State::NoData => {
            format!("since {since}, missed on {}", show::start(event.window_start, notification.zone))
        }
    };
    let (crossing, version) = (crossing(event), model_version(event));
    let text = format!("{subject}: {crossing}; {version}; {span}{}", history(notification, item));
    context! { severity => severity(event.severity), text, rule => one_line(&event.rule) }
}

/// Who is responsible.
fn about(notification: &Notification<'_>) -> Vec<Fact> {
    let owner = notification.owner.map(|owner| Fact::new("Owner", one_line(owner)));
    let runbook = notification.runbook.map(|runbook| Fact::link("Runbook", runbook));
    let labels: Vec<String> = notification
        .labels
        .iter()
        .map(|(key, value)| format!("{}={}", one_line(key), one_line(value)))
        .collect();
    let labels = (!labels.is_empty()).then(|| Fact::new("Labels", labels.join(", ")));
    [owner, runbook, labels].into_iter().flatten().collect()
}

/// Where the numbers come from.
fn lineage(notification: &Notification<'_>) -> Vec<Fact> {
    let run = notification.facts;
    let table =
        |name, pin: &Pin| Fact::new(name, format!("{}, version {}", one_line(&pin.table), pin.version));
    let mut list = vec![
        Fact::new(
            "Run",
            format!("{}, attempt {}, as of {}", one_line(&run.run_id), one_line(&run.attempt_id), run.as_of),
        ),
        table("Source", &run.source),
    ];
    list.extend(run.labels.as_ref().map(|pin| table("Labels from", pin)));
    list.extend(run.baseline.as_ref().map(|pin| table("Baseline", pin)));
    list.push(table("Profile metrics", &run.profile));
    list.push(table("Drift metrics", &run.drift));
    list.push(Fact::new("Time zone", notification.zone.iana_name().unwrap_or("UTC")));
    list.push(Fact::new("Message", format!("{}, Secchi {ENGINE_VERSION}", notification.key)));
    list
}
