//! Phrases: one event in the few words that every message and the terminal say alike.
//!
//! Pure functions. Every text of others is on one line and cut to a bearable length.

use super::show::{self, number, number_beside, one_line};
use crate::alert::{Direction, Event, State};
use crate::comparisons::{Comparisons, OtherVersion};
use crate::config::Severity;
use crate::contract::{ALL_VERSIONS, NO_VERSION, TABLE};

/// Most characters of a name in a phrase, so that the number behind it is still seen.
const NAME_LENGTH_MAX: usize = 48;

/// A severity in one word.
pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

/// What moved, as `COLUMN (SLICE)`; nothing for a whole table.
pub fn subject_of(event: &Event) -> String {
    parts([column(event), slice_in_brackets(event)])
}

/// What moved and of which model, as `COLUMN vVERSION (SLICE)`, each part only where there is one.
pub fn subject_with_version(event: &Event) -> String {
    let version = match event.model_version.as_str() {
        ALL_VERSIONS | NO_VERSION => None,
        version => {
            // Some write `v2` themselves.
            let number = version.strip_prefix(['v', 'V']).unwrap_or_default();
            let v = if number.starts_with(|first: char| first.is_ascii_digit()) { "" } else { "v" };
            Some(format!("{v}{}", show::shortened(version, NAME_LENGTH_MAX)))
        }
    };
    parts([column(event), version, slice_in_brackets(event)])
}

fn parts<const N: usize>(parts: [Option<String>; N]) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn column(event: &Event) -> Option<String> {
    (event.column_name != TABLE).then(|| show::shortened(&event.column_name, NAME_LENGTH_MAX))
}

fn slice_in_brackets(event: &Event) -> Option<String> {
    slice(event).map(|slice| format!("({})", show::shortened(&slice, NAME_LENGTH_MAX)))
}

/// The slice, as `key = value`.
pub fn slice(event: &Event) -> Option<String> {
    let (key, value) = event.slice_key.as_ref().zip(event.slice_value.as_ref())?;
    Some(format!("{} = {}", one_line(key), one_line(value)))
}

/// The model version in words.
pub fn model_version(event: &Event) -> String {
    match event.model_version.as_str() {
        ALL_VERSIONS => "all model versions".to_owned(),
        NO_VERSION => "no model version".to_owned(),
        version => format!("model version {}", one_line(version)),
    }
}

/// How far: the metric and its value against the threshold.
pub fn crossing(event: &Event) -> String {
    let windows = |windows| if windows == 1 { "window" } else { "windows" };
    let learned = event.learned_windows;
    let learned = learned.map(|count| format!(", learned from {count} {} of the baseline", windows(count)));
    format!("{}{}", crossed(event), learned.unwrap_or_default())
}

/// The same, without where the threshold comes from.
fn crossed(event: &Event) -> String {
    let metric = show::shortened(&event.metric, NAME_LENGTH_MAX);
    let threshold = show::shortened(&event.threshold, NAME_LENGTH_MAX);
    if event.state == State::NoData {
        let last = event.previous_value.map(|value| format!(", {} before", number(value)));
        return format!("{metric} has no data{} (limit {threshold})", last.unwrap_or_default());
    }
    let Some(value) = event.value else { return format!("{metric} has no value") };
    let back = if event.state == State::Resolved { "back to " } else { "" };
    if let Some((change, limit)) = change(event) {
        return format!(
            "{metric} {back}{}, {change} in the baseline (limit {threshold}{limit})",
            number(value)
        );
    }
    let is_beyond = event.is_beyond();
    let value = number_beside(value, &event.threshold);
    match event.direction {
        // Too few of the windows that are left are beyond it, or it may be chance.
        _ if !back.is_empty() && is_beyond == Some(true) => {
            format!("{metric} {value}, beyond {threshold} but not often or surely enough")
        }
        _ if !back.is_empty() => format!("{metric} {back}{value} (limit {threshold})"),
        // A rule that looks at several windows holds by those before.
        _ if is_beyond == Some(false) => format!("{metric} {value}, beyond {threshold} in windows before"),
        Direction::Above => format!("{metric} {value} > {threshold}"),
        Direction::Below => format!("{metric} {value} < {threshold}"),
        Direction::Outside | Direction::ChangeFromBaseline => {
            format!("{metric} {value} outside {threshold}")
        }
    }
}

/// For a rule on the change from the baseline, how far the value has moved and where the limit lies:
/// `-11.1% from 0.802` and `: 0.762`. Both in percent if the threshold is.
fn change(event: &Event) -> Option<(String, String)> {
    let (value, baseline) = event.value.zip(event.baseline_value)?;
    let (moved, bound, unit) = match event.threshold.strip_suffix('%') {
        Some(_) if baseline == 0.0 => return None,
        Some(bound) => ((value - baseline) / baseline.abs() * 100.0, bound, "%"),
        None => (value - baseline, event.threshold.as_str(), ""),
    };
    let limit = bound.parse::<f64>().ok().map(|bound| match unit {
        "%" => baseline + bound / 100.0 * baseline.abs(),
        _ => baseline + bound,
    });
    let sign = if moved > 0.0 { "+" } else { "" };
    let change = format!("{sign}{}{unit} from {}", number_beside(moved, bound), number(baseline));
    Some((change, limit.map_or_else(String::new, |limit| format!(": {}", number(limit)))))
}

/// What the metric compares the window with, in words; profile metrics compare with nothing.
pub fn compared_with(event: &Event, comparisons: &Comparisons) -> Option<String> {
    let season = || comparisons.season(event.granularity.parse().ok()?);
    event.drift_type.as_deref().map(|comparison| match (comparison, &comparisons.version) {
        ("BASELINE", _) => "the baseline".to_owned(),
        ("CONSECUTIVE", _) => "the window before".to_owned(),
        ("SEASONAL", _) => match season() {
            Some(period) => format!("the same window {period} before"),
            None => "the same window a season before".to_owned(),
        },
        ("ROLLING", _) => format!("the {} windows before, together", comparisons.rolling),
        ("VERSION", Some(OtherVersion::Named(version))) => format!("model version {}", one_line(version)),
        ("VERSION", Some(OtherVersion::Aliased(alias))) => {
            format!("the model version that is `{}`", one_line(alias))
        }
        ("VERSION", None) => "another model version".to_owned(),
        (other, _) => one_line(other),
    })
}
