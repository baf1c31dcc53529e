//! Where to look further: the one place that knows which commands and tables a message points to.

use super::{RunFacts, show};
use crate::alert::Event;
use crate::contract::{Behind, profile_metrics};

/// What the reader of a message can run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Further {
    /// The metric over the last windows of the same series, for any engine that has the table.
    pub sql: String,
    /// The same run again, of the same pins, in a shell: into tables of its own, and telling nobody.
    pub command: String,
}

/// Windows that the query goes back.
const WINDOWS: usize = 30;

/// Where to look further for `event`.
pub fn further(event: &Event, facts: &RunFacts) -> Further {
    let (pin, count) = match event.drift_type {
        Some(_) => (&facts.drift, "count_current"),
        None if profile_metrics::TABLE.behind(&event.metric) == Behind::Labels => {
            (&facts.profile, "label_count")
        }
        None => (&facts.profile, "count"),
    };
    let location = foreign(&pin.table);
    let table = pin.table.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let mut conditions = vec![
        format!("column_name = {}", literal(&event.column_name)),
        format!("model_version = {}", literal(&event.model_version)),
        format!("granularity = {}", literal(&event.granularity)),
    ];
    match (&event.slice_key, &event.slice_value) {
        (Some(key), Some(value)) => {
            conditions.push(format!("slice_key = {}", literal(key)));
            conditions.push(format!("slice_value = {}", literal(value)));
        }
        _ => conditions.push("slice_key IS NULL".to_owned()),
    }
    match &event.drift_type {
        Some(comparison) => conditions.push(format!("drift_type = {}", literal(comparison))),
        None => conditions.push("log_type = 'INPUT'".to_owned()),
    }
    // What it is compared with is another thing from window to window.
    let beside = match event.drift_type.as_deref() {
        Some("ROLLING") => ", windows_cmp",
        Some("VERSION") => ", model_version_cmp",
        _ => "",
    };
    let sql = format!(
        "-- {location}\nSELECT window_start, {metric}, {count}{beside}\nFROM {table}\nWHERE {conditions}\nORDER BY window_start DESC LIMIT {WINDOWS};",
        metric = event.metric.split('.').map(identifier).collect::<Vec<_>>().join("."),
        table = identifier(table),
        conditions = conditions.join("\n  AND "),
    );
    let file = shell_word(&facts.monitor_file);
    // The time alone would not do: what was committed while the run began is later, and clocks differ.
    let pins = [
        ("table", Some(&facts.source)),
        ("label", facts.labels.as_ref()),
        ("baseline", facts.baseline.as_ref()),
    ];
    let pins = pins.iter().filter_map(|(table, pin)| Some(format!(" --{table}-version {}", (*pin)?.version)));
    let pins: String = pins.collect();
    let command = format!("secchi run {file} --as-of {}{pins} --output again --no-notify", facts.as_of);
    Further { sql, command }
}

/// Text of others, in one line: what does not fit there is not found, which is harmless.
fn foreign(text: &str) -> String {
    text.chars().map(show::harmless).collect()
}

fn literal(text: &str) -> String {
    format!("'{}'", foreign(text).replace('\'', "''"))
}

fn identifier(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    match name.chars().all(is_plain) && !name.is_empty() {
        true => name.to_owned(),
        false => format!("\"{}\"", foreign(name).replace('"', "\"\"")),
    }
}

fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+=".contains(c);
    match text.chars().all(is_plain) && !text.is_empty() && !text.starts_with('-') {
        true => text.to_owned(),
        false => format!("'{}'", foreign(text).replace('\'', r"'\''")),
    }
}
