//! What a run is told as: lines for a person, one JSON document for a machine.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cause::causes;
use crate::config::Problems;
use crate::notify;
use crate::remedy::Remedy;
use crate::run::{Incident, Outcome, RunError};

/// The summary of a run for a person.
pub fn text(outcome: &Outcome) -> String {
    let versions = match outcome.model_versions.as_slice() {
        [] => String::new(),
        versions => format!(", model versions {}", versions.join(", ")),
    };
    let mut lines = vec![format!(
        "{}  {} windows{versions}, {} rows ({}) in {:.1} s",
        outcome.monitor,
        outcome.windows,
        grouped(outcome.rows),
        bytes(outcome.bytes),
        outcome.seconds,
    )];
    for finding in &outcome.findings {
        lines.push(format!("  note: {finding}"));
    }
    if outcome.incidents.is_empty() && outcome.firing.is_empty() {
        lines.push("  nothing has drifted since the last run".to_owned());
    } else if outcome.incidents.is_empty() {
        lines.push(format!("  nothing new; {} alerts are still firing", outcome.firing.len()));
    }
    lines.extend(incidents(&outcome.incidents));
    let unjudged: u64 = outcome.unjudged.values().sum();
    if unjudged > 0 {
        let why: Vec<String> =
            outcome.unjudged.iter().map(|(why, count)| format!("{} {why}", grouped(*count))).collect();
        lines.push(format!("  not judged: {}", why.join(", ")));
    }
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

/// One line for each incident, in columns.
fn incidents(incidents: &[Incident]) -> Vec<String> {
    let rows: Vec<[String; 6]> = incidents
        .iter()
        .map(|incident| {
            let slice = incident.slice.as_ref().map_or_else(String::new, |slice| format!(" [{slice}]"));
            let versions = incident.model_versions.join(", ");
            let state = if incident.firing {
                "firing".to_owned()
            } else {
                format!("until {}", day(incident.last_window_end))
            };
            [
                format!("{:?}", incident.severity).to_lowercase(),
                format!("{}{slice}", incident.column_name),
                format!(
                    "{} {} {} {}",
                    incident.metric,
                    number(incident.worst),
                    sign(incident),
                    incident.threshold
                ),
                if versions == "*" { String::new() } else { format!("v{versions}") },
                format!("since {}", day(incident.first_window_start)),
                state,
            ]
        })
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..6).map(width).collect();
    rows.iter()
        .map(|row| {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:<width$}", width = *width))
                .collect();
            format!("  {}", cells.join("  ")).trim_end().to_owned()
        })
        .collect()
}

fn sign(incident: &Incident) -> &'static str {
    match incident.direction {
        "above" => ">",
        "below" => "<",
        "outside" => "outside",
        _ => "against baseline",
    }
}

fn day(micros: i64) -> String {
    let Ok(instant) = Timestamp::from_microsecond(micros) else { return String::new() };
    let text = instant.to_string();
    text.strip_suffix("T00:00:00Z").map_or(text.clone(), str::to_owned)
}

/// Three significant digits.
fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let digits = (2 - value.abs().log10().floor() as i32).clamp(0, 8) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// `36000` with commas.
fn grouped(count: u64) -> String {
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
fn short(table: &str) -> &str {
    table.strip_prefix("file://").unwrap_or(table)
}

/// The run of one monitor for a machine.
pub fn document(monitor: &str, done: &Result<Outcome, RunError>) -> Value {
    match done {
        Err(error) => json!({
            "monitor": monitor,
            "status": error.status().to_lowercase(),
            "error": { "causes": causes(error), "hint": error.hint() },
        }),
        Ok(outcome) => json!({
            "monitor": monitor,
            "status": "succeeded",
            "run_id": outcome.facts.run_id,
            "as_of": outcome.facts.as_of.to_string(),
            "source": { "table": outcome.facts.source_table, "version": outcome.facts.source_version },
            "rows": outcome.rows,
            "bytes": outcome.bytes,
            "seconds": outcome.seconds,
            "windows": outcome.windows,
            "model_versions": outcome.model_versions,
            "profile": { "table": outcome.profile.table, "version": outcome.profile.version, "rows": outcome.profile.rows, "restated": outcome.profile.restated },
            "drift": { "table": outcome.drift.table, "version": outcome.drift.version, "rows": outcome.drift.rows, "restated": outcome.drift.restated },
            "incidents": outcome.incidents.iter().map(incident).collect::<Vec<_>>(),
            "firing": outcome.firing,
            "events": outcome.events,
            "unjudged": outcome.unjudged,
            "findings": outcome.findings,
            "notifications": outcome.receipts.iter().map(receipt).collect::<Vec<_>>(),
        }),
    }
}

fn incident(incident: &Incident) -> Value {
    let mut value = serde_json::to_value(incident).unwrap_or_default();
    for (key, micros) in
        [("first_window_start", incident.first_window_start), ("last_window_end", incident.last_window_end)]
    {
        value[key] = json!(Timestamp::from_microsecond(micros).map(|instant| instant.to_string()).ok());
    }
    value
}

fn receipt(receipt: &notify::Receipt) -> Value {
    let (outcome, detail) = match &receipt.outcome {
        notify::Outcome::Sent => ("sent", None),
        notify::Outcome::Written(path) => ("written", Some(path.display().to_string())),
        notify::Outcome::Failed(error) => ("failed", Some(causes(error).join(": "))),
    };
    json!({ "channel": receipt.channel, "outcome": outcome, "detail": detail, "attempts": receipt.attempts })
}

/// The document of all runs.
pub fn json(runs: &[Value], problems: &[Problems]) -> String {
    let invalid: Vec<Value> = problems
        .iter()
        .map(|file| json!({ "file": file.file, "problems": file.to_string().lines().collect::<Vec<_>>() }))
        .collect();
    let document = json!({ "version": 1, "runs": runs, "invalid": invalid });
    serde_json::to_string_pretty(&document).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        for (value, text) in
            [(8.2834, "8.28"), (0.25, "0.25"), (12345.6, "12346"), (-0.001_234, "-0.00123"), (0.0, "0")]
        {
            assert_eq!(number(value), text);
        }
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(42), "42");
    }
}
