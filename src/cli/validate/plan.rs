//! What a run of a monitor will do, in a few lines: what it makes of each column, and what it alerts on.
//!
//! A mistake that means something is found by reading, not by checking: a code that is taken for a number, a
//! rule that waits for more rows than come.

use std::fmt::Display;

use arrow::datatypes::Schema;

use crate::comparisons::OtherVersion;
use crate::config::{Monitor, ProblemType};
use crate::profile::known_classes::{KnownClasses, known_classes};
use crate::profile::{Kind, columns};

/// Most names in a line.
const NAMES_MAX: usize = 10;

/// The lines, at most ten.
pub fn text(monitor: &Monitor, schema: &Schema) -> String {
    let profiled = columns::profiled(monitor, schema);
    let kinds = [
        ("numbers", Kind::Numeric),
        ("names", Kind::Text),
        ("times", Kind::Time),
        ("only counted", Kind::Opaque),
    ];
    let columns = kinds.into_iter().filter_map(|(title, kind)| {
        let names = profiled.iter().filter(|column| column.kind == kind).map(|column| &column.name);
        let names: Vec<&String> = names.collect();
        (!names.is_empty()).then(|| line(title, &format!("{}: {}", names.len(), list(&names))))
    });
    let others = [
        ("model id", Some(model_id(monitor))),
        ("label", Some(label(monitor))),
        ("probabilities", probabilities(monitor, schema)),
        ("rules", Some(rules(monitor))),
    ];
    let others = others.into_iter().filter_map(|(title, text)| Some(line(title, &text?)));
    let custom = custom_metrics(monitor).map(|text| line("custom", &text));
    let compared = comparisons(monitor).map(|text| line("comparisons", &text));
    columns.chain(custom).chain(compared).chain(others).collect::<Vec<_>>().join("\n")
}

fn line(title: &str, text: &str) -> String {
    format!("  {title:<14}{text}")
}

fn list<T: Display>(items: &[T]) -> String {
    let shown: Vec<String> = items.iter().take(NAMES_MAX).map(ToString::to_string).collect();
    match items.len().saturating_sub(NAMES_MAX) {
        0 => shown.join(", "),
        rest => format!("{} and {rest} more", shown.join(", ")),
    }
}

fn model_id(monitor: &Monitor) -> String {
    let none = || "none: model versions are not told apart".to_owned();
    monitor.inference.model_id_col.clone().unwrap_or_else(none)
}

fn label(monitor: &Monitor) -> String {
    let prediction = monitor.inference.prediction.as_ref();
    let Some((prediction, label)) = prediction.and_then(|of| Some((of, of.label.as_ref()?))) else {
        return "none: quality is not measured".to_owned();
    };
    let problem_type = match prediction.problem_type {
        ProblemType::Classification => "classification",
        ProblemType::Regression => "regression",
    };
    let place = if label.arrives_in.is_some() { " in the label table" } else { "" };
    format!("{}{place}, for {} by {}", label.column, problem_type, prediction.column)
}

/// What the model says how sure it is of.
fn probabilities(monitor: &Monitor, schema: &Schema) -> Option<String> {
    let prediction = monitor.inference.prediction.as_ref()?;
    let columns: Vec<&String> = prediction.proba_columns().collect();
    let classes = match known_classes(monitor, schema) {
        KnownClasses::None => return None,
        KnownClasses::Positive => match &prediction.positive_class {
            Some(class) => format!("the positive class, {class}"),
            None => "the positive class, which is 1 or true unless named".to_owned(),
        },
        KnownClasses::These(classes) => format!("{} classes: {}", classes.len(), list(&classes)),
        KnownClasses::InRows => "every class that a row names".to_owned(),
    };
    Some(format!("{} of {classes}", list(&columns)))
}

fn custom_metrics(monitor: &Monitor) -> Option<String> {
    let names: Vec<&String> = monitor.custom_metrics.iter().map(|metric| &metric.name).collect();
    (!names.is_empty()).then(|| format!("{}: {}", names.len(), list(&names)))
}

/// Those that are asked for; the others are always made.
fn comparisons(monitor: &Monitor) -> Option<String> {
    let Monitor { comparisons, granularities, .. } = monitor;
    let seasonal = granularities.iter().filter_map(|granularity| {
        let period = comparisons.season(*granularity)?;
        Some(format!("{granularity} with {period} before"))
    });
    let rolling = (comparisons.rolling > 0).then(|| format!("with {} windows before", comparisons.rolling));
    let version = comparisons.version.as_ref().map(|version| match version {
        OtherVersion::Named(version) => format!("with model version {version}"),
        OtherVersion::Aliased(alias) => format!("with the model version that is {alias}"),
    });
    let all: Vec<String> = seasonal.chain(rolling).chain(version).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

fn rules(monitor: &Monitor) -> String {
    let rules = monitor.rules.iter();
    let rules: Vec<String> =
        rules.map(|rule| format!("{} (min_count {})", rule.name, rule.min_count)).collect();
    let origin = if monitor.has_own_rules { "own" } else { "default" };
    match rules.len() {
        0 => "none: nothing is alerted on".to_owned(),
        number => format!("{number} {origin}: {}", list(&rules)),
    }
}
