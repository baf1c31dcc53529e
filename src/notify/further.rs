//! Where to look further: the one place that knows which commands and tables a message points to.

use super::{RunFacts, show};
use crate::alert::Event;

/// What the reader of a message can run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Further {
    /// The metric over the last windows of the same series, for any engine that has the table.
    pub sql: String,
    /// The same run again, of the same pins, in a shell.
    pub command: String,
}

/// Windows that the query goes back.
const WINDOWS: usize = 30;

/// Where to look further for `event`.
pub fn further(event: &Event, facts: &RunFacts) -> Further {
    let (table, count) = match event.drift_type {
        Some(_) => (&facts.drift_table, "count_current"),
        None => (&facts.profile_table, "count"),
    };
    let table = table.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
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
    let sql = format!(
        "SELECT window_start, {metric}, {count}\nFROM {table}\nWHERE {conditions}\nORDER BY window_start DESC LIMIT {WINDOWS};",
        metric = event.metric.split('.').map(identifier).collect::<Vec<_>>().join("."),
        table = identifier(table),
        conditions = conditions.join("\n  AND "),
    );
    let file = shell_word(&facts.monitor_file);
    let command =
        format!("secchi run {file} --as-of {} --table-version {}", facts.as_of, facts.source_version);
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

#[cfg(test)]
mod tests {
    use super::super::fixtures::{event, facts};
    use super::*;

    #[test]
    fn drift_is_looked_up_in_the_drift_table() {
        let further = further(&event(), &facts());
        let expected = "SELECT window_start, population_stability_index, count_current\n\
            FROM credit_default_drift_metrics\n\
            WHERE column_name = 'monthly_income'\n  AND model_version = '3'\n  AND granularity = '1 day'\n  \
            AND slice_key IS NULL\n  AND drift_type = 'BASELINE'\n\
            ORDER BY window_start DESC LIMIT 30;";
        assert_eq!(further.sql, expected);
        assert_eq!(
            further.command,
            "secchi run monitors/credit-default.yaml --as-of 2026-05-02T06:15:00Z --table-version 118"
        );
    }

    #[test]
    fn quality_is_looked_up_in_the_profile_table() {
        let mut event = event();
        event.drift_type = None;
        event.metric = "accuracy_score".to_owned();
        event.column_name = ":table".to_owned();
        let sql = further(&event, &facts()).sql;
        assert!(sql.contains("accuracy_score, count\nFROM credit_default_profile_metrics\n"), "{sql}");
        assert!(sql.contains("log_type = 'INPUT'"), "{sql}");
    }

    #[test]
    fn what_is_quoted_stays_quoted() {
        let mut event = event();
        event.column_name = "o'brien'; DROP TABLE x; --".to_owned();
        event.metric = "ks_test.statistic".to_owned();
        (event.slice_key, event.slice_value) = (Some("region".to_owned()), Some("l'île".to_owned()));
        let mut facts = facts();
        facts.monitor_file = "my monitors/it's.yaml".to_owned();
        let further = further(&event, &facts);
        assert!(further.sql.contains("column_name = 'o''brien''; DROP TABLE x; --'\n"), "{}", further.sql);
        assert!(further.sql.contains("SELECT window_start, ks_test.statistic,"), "{}", further.sql);
        assert!(further.sql.contains("slice_value = 'l''île'"), "{}", further.sql);
        assert!(
            further.command.starts_with(r"secchi run 'my monitors/it'\''s.yaml' --as-of"),
            "{}",
            further.command
        );
    }
}
