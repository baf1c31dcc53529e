//! What a run is told as to a person.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use crate::alert::{State, Unjudged};
use crate::cause::causes;
use crate::contract::ALL_VERSIONS;
use crate::notify::{self, phrase, show};
use crate::remedy::Remedy;
use crate::run::{Incident, Outcome};

/// Most rules that are named beside one reason.
const RULES_LISTED: usize = 5;

/// So many of what is called `noun`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// The summary of a run for a person.
pub fn text(outcome: &Outcome) -> String {
    let versions = match outcome.model_versions.as_slice() {
        [] => String::new(),
        versions => format!(", model versions {}", versions.join(", ")),
    };
    let mut lines = vec![match outcome.is_unchanged {
        true => format!("{}  nothing new in {:.1} s", outcome.monitor, outcome.seconds),
        false => format!(
            "{}  {}{versions}, {} ({}) in {:.1} s",
            outcome.monitor,
            counted(outcome.windows, "window"),
            counted(outcome.rows, "row"),
            bytes(outcome.bytes),
            outcome.seconds,
        ),
    }];
    for finding in &outcome.findings {
        lines.push(format!("  note: {finding}"));
    }
    match outcome.incidents.iter().any(|incident| incident.is_news) {
        true => {}
        false if outcome.incidents.is_empty() && outcome.is_unchanged => {}
        false if outcome.incidents.is_empty() && outcome.judged == 0 => {
            lines.push("  nothing could be judged: no alert can fire".to_owned());
        }
        false if outcome.incidents.is_empty() => lines.push("  no alert fires".to_owned()),
        false => lines.push("  nothing new since the last run; what fires:".to_owned()),
    }
    lines.extend(incidents(&outcome.incidents, &outcome.zone));
    lines.extend(unjudged(&outcome.unjudged));
    for (name, written) in [("profile", &outcome.profile), ("drift", &outcome.drift)] {
        let restated = if written.restated > 0 {
            format!(", {} restated", grouped(written.restated))
        } else {
            String::new()
        };
        lines.push(format!(
            "  {name:<8} {} rows{restated} in {} (version {})",
            grouped(written.rows),
            short(&written.table),
            written.version,
        ));
    }
    for receipt in &outcome.receipts {
        match &receipt.outcome {
            notify::Outcome::Sent => lines.push(format!("  told     {}", receipt.channel)),
            notify::Outcome::Written(path) => {
                lines.push(format!("  written  {} (no server: {})", path.display(), receipt.channel));
            }
            notify::Outcome::Failed(_) => {}
        }
    }
    lines.join("\n")
}

/// How many windows could not be judged, a line for each reason, and by which rules.
fn unjudged(unjudged: &Unjudged) -> Vec<String> {
    let mut by_reason: BTreeMap<&str, (u64, Vec<&str>)> = BTreeMap::new();
    for ((rule, reason), windows) in unjudged.iter().filter(|(_, windows)| **windows > 0) {
        let (sum, rules) = by_reason.entry(reason).or_default();
        *sum += windows;
        rules.push(rule);
    }
    let line = |(reason, (windows, rules)): (&str, (u64, Vec<&str>))| {
        let more = rules.len().saturating_sub(RULES_LISTED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let rules: Vec<String> =
            rules.into_iter().take(RULES_LISTED).map(|rule| format!("`{}`", show::one_line(rule))).collect();
        format!("  not judged: {} of {}{more}: {reason}", counted(windows, "window"), rules.join(", "))
    };
    by_reason.into_iter().map(line).collect()
}

/// What could not be delivered, as it is told on stderr.
pub fn undelivered(outcome: &Outcome) -> Vec<String> {
    let failed = outcome.receipts.iter().filter_map(|receipt| match &receipt.outcome {
        notify::Outcome::Failed(error) => Some((receipt, error)),
        _ => None,
    });
    failed
        .map(|(receipt, error)| {
            let causes = causes(error).join("\n  cause: ");
            // A later run tells what is new then, so running again would not tell this.
            let hint = match error.hint() {
                hint if hint == Remedy::Retry.hint() => {
                    "see why the receiver fails; the alerts are in the table `alerts`"
                }
                hint => hint,
            };
            let attempts = match receipt.attempts {
                0 => String::new(),
                1 => ", in 1 attempt".to_owned(),
                attempts => format!(", in {attempts} attempts"),
            };
            let (monitor, channel) = (&outcome.monitor, &receipt.channel);
            format!("error: {monitor}: {channel} was not told{attempts}\n  cause: {causes}\n  hint: {hint}")
        })
        .collect()
}

/// Most incidents that are shown; the rest is counted.
const INCIDENTS_MAX: usize = 40;

/// One line for each incident, in columns.
fn incidents(incidents: &[Incident], zone: &TimeZone) -> Vec<String> {
    if incidents.is_empty() {
        return Vec::new();
    }
    let heads = ["", "column", "worst value", "model", "", ""].map(str::to_owned);
    let rows: Vec<[String; 6]> = std::iter::once(heads)
        .chain(incidents.iter().take(INCIDENTS_MAX).map(|incident| cells(incident, zone)))
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..6).map(width).collect();
    let hidden = incidents.len().saturating_sub(INCIDENTS_MAX);
    let more = (hidden > 0).then(|| format!("  and {} more, in the table `alerts`", grouped(hidden as u64)));
    rows.iter()
        .map(|row| {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:<width$}", width = *width))
                .collect();
            format!("  {}", cells.join("  ")).trim_end().to_owned()
        })
        .chain(more)
        .collect()
}

fn cells(incident: &Incident, zone: &TimeZone) -> [String; 6] {
    let worst = &incident.worst;
    let slice = phrase::slice(worst).map_or_else(String::new, |slice| format!(" [{slice}]"));
    let versions = incident.model_versions.join(", ");
    let times = if incident.times > 1 { format!(", {} times", incident.times) } else { String::new() };
    [
        phrase::severity(worst.severity).to_owned(),
        format!("{}{slice}", show::one_line(&worst.column_name)),
        phrase::crossing(worst),
        if versions == ALL_VERSIONS { String::new() } else { format!("v{}", show::one_line(&versions)) },
        format!("since {}", show::start(incident.first_window_start, zone)),
        match incident.state {
            State::Firing if incident.is_news => "firing".to_owned(),
            State::Firing => "still firing".to_owned(),
            State::Resolved => format!("until {}{times}", show::start(incident.last_window_end, zone)),
            State::NoData => format!("no data after {}{times}", show::start(incident.last_window_end, zone)),
        },
    ]
}

/// `36000` with commas.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// In the unit that leaves few digits, a power of 1000.
pub(super) fn bytes(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", count as f64 / 1e6),
        _ => format!("{:.1} GB", count as f64 / 1e9),
    }
}

/// A local table by its path.
pub(super) fn short(table: &str) -> &str {
    table.strip_prefix("file://").unwrap_or(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_commas() {
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(42), "42");
    }
}
