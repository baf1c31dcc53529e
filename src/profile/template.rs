//! The SQL files, and the one way in which they are filled in.
//!
//! Values travel as `$parameters`. What is substituted is a [`Name`]: a quoted identifier, a quoted text of the
//! monitor, numbers in quotes, `NULL`, or a call of one of our functions on these; a text that is none of them cannot be
//! given.

use super::distribution::Edges;

/// The rows of the inference table, with labels of a table of their own.
pub(super) const LABELLED: &str = include_str!("../../sql/labelled.sql");
/// The windows of requests of which labels changed.
pub(super) const RELABELED: &str = include_str!("../../sql/relabeled.sql");
/// The labels of the requests of which rows are read.
pub(super) const OWN_LABELS: &str = include_str!("../../sql/own_labels.sql");
/// Between which ids requests lie.
pub(super) const REQUEST_IDS: &str = include_str!("../../sql/request_ids.sql");
/// How many requests have several labels.
pub(super) const SEVERAL_LABELS: &str = include_str!("../../sql/several_labels.sql");
/// The rows of the inference table, with window and version.
pub(super) const WINDOWED: &str = include_str!("../../sql/windowed.sql");
/// The rows of the baseline, in the same shape.
pub(super) const BASELINE: &str = include_str!("../../sql/baseline.sql");
/// The most frequent values of a slicing expression.
pub(super) const SLICE_VALUES: &str = include_str!("../../sql/slice_values.sql");
/// The rows that losses are learnt from.
#[cfg(feature = "dle")]
pub(super) const LOSSES: &str = include_str!("../../sql/losses.sql");
/// The rows of which custom metrics are computed.
pub(super) const CUSTOM_METRICS: &str = include_str!("../../sql/custom_metrics.sql");
/// The states of every column.
pub(super) const PROFILE: &str = include_str!("../../sql/profile.sql");
/// The rows of every group.
pub(super) const GROUPS: &str = include_str!("../../sql/groups.sql");
/// States that are kept of base windows.
pub(super) const KEPT_STATES: &str = include_str!("../../sql/kept_states.sql");
/// States that are kept of the baseline.
pub(super) const KEPT_BASELINE: &str = include_str!("../../sql/kept_baseline.sql");
/// How many numbers are kept of columns without bins.
pub(super) const KEPT_VALUES: &str = include_str!("../../sql/kept_values.sql");
/// How many rows windows of one length have.
pub(super) const CHUNKS: &str = include_str!("../../sql/chunks.sql");
/// The numbers within ranges.
pub(super) const CROWDED: &str = include_str!("../../sql/crowded.sql");

/// A piece of SQL that is safe to substitute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name(String);

impl Name {
    /// A column, quoted.
    pub(super) fn column(name: &str) -> Self {
        Self(format!("\"{}\"", name.replace('"', "\"\"")))
    }

    /// A text, quoted.
    pub(super) fn text(text: &str) -> Self {
        Self(format!("'{}'", text.replace('\'', "''")))
    }

    /// A text that is not copied for every row.
    pub(super) fn literal(text: &str) -> Self {
        Self(format!("arrow_cast({}, 'Dictionary(Int8, Utf8)')", Self::text(text).0))
    }

    /// Edges.
    pub(super) fn edges(edges: &Edges) -> Self {
        Self::literal(&edges.to_string())
    }

    /// The number in a column, if it is from `low` to `high`.
    pub(super) fn within(column: &str, low: f64, high: f64) -> Self {
        let number = format!("CAST({} AS DOUBLE)", Self::column(column).0);
        Self(format!(
            "CASE WHEN {number} BETWEEN CAST('{low:e}' AS DOUBLE) AND CAST('{high:e}' AS DOUBLE) THEN {number} END"
        ))
    }

    /// SQL's NULL.
    pub(super) fn null() -> Self {
        Self("NULL".to_owned())
    }

    /// What it stands for, under another name.
    pub(super) fn called(&self, alias: &str) -> Self {
        Self(format!("{} AS {}", self.0, Self::column(alias).0))
    }

    /// Each of the lists `sets`, as grouping sets.
    pub(super) fn grouping_sets(sets: &[Self]) -> Self {
        let sets: Vec<String> = sets.iter().map(|set| format!("({})", set.0)).collect();
        Self(format!("GROUPING SETS ({})", sets.join(", ")))
    }

    /// A call of one of our functions, under a name.
    pub(super) fn call(function: &'static str, arguments: &[Self], alias: &str) -> Self {
        let arguments: Vec<&str> = arguments.iter().map(|argument| argument.0.as_str()).collect();
        Self(format!("{function}({}) AS {}", arguments.join(", "), Self::column(alias).0))
    }

    /// A struct of values by name.
    pub(super) fn named_struct<'a>(fields: impl Iterator<Item = (&'a str, Self)>) -> Self {
        let fields: Vec<String> =
            fields.map(|(name, value)| format!("{}, {}", Self::text(name).0, value.0)).collect();
        Self(format!("named_struct({})", fields.join(", ")))
    }

    /// Several, one a line.
    pub(super) fn list(names: &[Self]) -> Self {
        Self(names.iter().map(|name| name.0.as_str()).collect::<Vec<_>>().join(",\n    "))
    }
}

/// `sql` with its `{{names}}` filled in. Comments are left out, since they name them, too.
pub(super) fn fill(sql: &str, names: &[(&str, Name)]) -> String {
    let mut text: String = sql
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .map(|line| format!("{line}\n"))
        .collect();
    // One pass: a name that looks like a placeholder is not filled in again.
    let mut filled = String::with_capacity(text.len());
    while let Some((before, rest)) = text.split_once("{{") {
        filled.push_str(before);
        let Some((key, after)) = rest.split_once("}}") else { break };
        if let Some((_, name)) = names.iter().find(|(known, _)| *known == key) {
            filled.push_str(&name.0);
        }
        text = after.to_owned();
    }
    filled.push_str(&text);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_and_filled_in_once() {
        let sql = fill(
            "-- about {{a}}\nSELECT {{a}}, {{b}}",
            &[("a", Name::column("x\"{{b}}")), ("b", Name::text("it's"))],
        );
        assert_eq!(sql, "SELECT \"x\"\"{{b}}\", 'it''s'\n");
    }

    #[test]
    fn every_placeholder_of_every_file_is_named_in_its_header() {
        let files = [
            LABELLED,
            RELABELED,
            OWN_LABELS,
            REQUEST_IDS,
            SEVERAL_LABELS,
            WINDOWED,
            BASELINE,
            SLICE_VALUES,
            LOSSES,
            CUSTOM_METRICS,
            PROFILE,
            GROUPS,
            KEPT_STATES,
            KEPT_BASELINE,
            KEPT_VALUES,
            CHUNKS,
            CROWDED,
        ];
        for file in files {
            let (header, body): (Vec<&str>, Vec<&str>) =
                file.lines().partition(|line| line.starts_with("--"));
            let header = header.join("\n");
            for piece in body.join("\n").split("{{").skip(1) {
                let key = piece.split("}}").next().unwrap_or_default();
                assert!(header.contains(&format!("{{{{{key}}}}}")), "{key}");
            }
        }
    }
}
