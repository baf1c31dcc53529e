//! From what was typed to what is proven: the one place where a monitor's meaning is checked.
//!
//! Nothing stops at the first problem; each is noted with its key, and the monitor comes into being
//! only if there were none. [`monitor()`] and [`settings()`] tell the story of a file from top to bottom; the
//! modules beside them prove a part each. What was typed is judged here by itself: whether a table, a column
//! or a server is there must not be asked.

mod address;
mod channel;
mod comparisons;
mod condition;
mod custom_metric;
mod definition;
mod expectations;
mod hash;
mod inference;
mod location;
mod needs;
mod notes;
mod quality;
mod registry;
mod rule;
mod settings;
mod smtp;
mod storage;
mod time;

use std::collections::BTreeMap;
use std::path::Path;

pub use address::is_this_machine;
use channel::channel;
use comparisons::comparisons;
use custom_metric::custom_metrics;
use expectations::expectations;
pub use hash::hex16;
use hash::{InForce, config_json, counting_json};
use inference::inference;
use jiff::SignedDuration;
pub use location::location;
pub use notes::Notes;
use registry::registry;
use rule::rule;
pub use settings::{OFF, settings};
use smtp::smtp;
use storage::storage;
use time::{cron, duration, granularity, timeout, zone};
use url::Url;

use super::default_rules;
use super::monitor::{Baseline, Channel, Monitor, Rule};
use super::secret::SecretPlaces;
use super::settings::Settings;
use super::spec::{BaselineSpec, MonitorSpec, RuleSpec};
use crate::window::{Calendar, Granularity};

/// Points of `quantiles` where nothing is said.
const QUANTILES: u32 = 100;

/// The monitor that `spec`, read from `file`, describes; what is wrong with it is in `notes`.
pub fn monitor(
    spec: &MonitorSpec,
    file: &Path,
    settings: &Settings,
    notes: &mut Notes<'_>,
) -> Option<Monitor> {
    name_can_name_tables(&spec.monitor, notes);
    let inference = inference(&spec.inference, notes);
    let baseline = spec.baseline.as_ref().and_then(|spec| baseline(spec, notes));
    let registry = spec.registry.as_ref().and_then(|spec| registry(spec, notes));

    let granularities = granularities(spec.granularities.as_deref(), notes);
    let timezone = timezone(spec, settings);
    let calendar = Calendar::new(zone(&timezone, "/timezone", notes));
    let lateness = lateness(spec, settings, notes);
    slices_are_different(&spec.slicing_exprs, notes);
    let quantiles = quantiles(spec.quantiles, notes);
    let custom_metrics = custom_metrics(spec, notes);
    weights_are_positive(&spec.importance, notes);
    let expectations = expectations(&spec.expectations, notes);
    let comparisons = comparisons(spec, &granularities, notes);

    let typed_rules = spec.alerts.clone().unwrap_or_else(|| default_rules::rules(spec));
    let context = rule::Context {
        spec,
        granularities: &granularities,
        finest: granularities.first().copied().unwrap_or(Granularity::Day),
        custom_metrics: &custom_metrics,
        comparisons: &comparisons,
    };
    let rules = rules(&typed_rules, &context, notes);
    let channels = channels(spec, settings, notes);
    let schedule = spec.schedule.as_ref().and_then(|schedule| cron(&schedule.cron, "/schedule/cron", notes));
    let output = output(spec, settings, notes);
    if let (Some(inference), Some(output)) = (&inference, &output) {
        output_is_apart(&inference.table, output, notes);
    }

    let in_force = InForce {
        timezone: &timezone,
        lateness,
        granularities: &granularities,
        quantiles,
        alerts: &typed_rules,
    };
    let config_json = config_json(notes.document, &in_force);
    let config_hash = hex16(&config_json);
    let counting_hash = hex16(&counting_json(&config_json, Granularity::base_of(&granularities)));
    Some(Monitor {
        name: spec.monitor.clone(),
        file: file.to_owned(),
        owner: spec.owner.clone(),
        runbook: spec.runbook.clone(),
        labels: spec.labels.clone(),
        inference: inference?,
        baseline,
        registry,
        granularities,
        calendar,
        timezone,
        lateness,
        slicing_exprs: spec.slicing_exprs.clone(),
        comparisons,
        quantiles,
        custom_metrics,
        expectations,
        importance: spec.importance.clone(),
        rules,
        has_own_rules: spec.alerts.is_some(),
        channels,
        has_own_channels: spec.notify.is_some(),
        secret_places: SecretPlaces::of(file, notes.document),
        schedule,
        output: output?,
        config_json,
        config_hash,
        counting_hash,
    })
}

fn name_can_name_tables(name: &str, notes: &mut Notes<'_>) {
    let begins_well = name.starts_with(|first: char| first.is_ascii_alphabetic());
    if !begins_well || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
        notes.problem(
            "/monitor",
            format!("is `{name}`, which cannot name tables"),
            "letters, digits, `-` and `_`, beginning with a letter",
        );
    }
}

fn baseline(spec: &BaselineSpec, notes: &mut Notes<'_>) -> Option<Baseline> {
    Some(Baseline { table: location(&spec.table, "/baseline/table", notes)?, version: spec.version })
}

/// Window lengths, from fine to coarse, each once.
fn granularities(typed: Option<&[String]>, notes: &mut Notes<'_>) -> Vec<Granularity> {
    let Some(typed) = typed else { return vec![Granularity::Day] };
    if typed.is_empty() {
        notes.lacks("/granularities", &["/granularities"], "is empty", "leave it out for `1 day`");
    }
    let typed = typed.iter().enumerate();
    let known = typed.filter_map(|(at, text)| granularity(text, &format!("/granularities/{at}"), notes));
    let mut known: Vec<Granularity> = known.collect();
    known.sort_unstable();
    known.dedup();
    known
}

fn timezone(spec: &MonitorSpec, settings: &Settings) -> String {
    let named = spec.timezone.as_ref().or(settings.defaults.timezone.as_ref());
    named.cloned().unwrap_or_else(|| "UTC".to_owned())
}

fn lateness(spec: &MonitorSpec, settings: &Settings, notes: &mut Notes<'_>) -> SignedDuration {
    let typed = spec.lateness.as_ref().or(settings.defaults.lateness.as_ref());
    typed.and_then(|typed| duration(typed, "/lateness", notes)).unwrap_or_default()
}

fn slices_are_different(slices: &[String], notes: &mut Notes<'_>) {
    for (index, expr) in slices.iter().enumerate() {
        if expr.trim().is_empty() || slices[..index].contains(expr) {
            notes.problem(
                &format!("/slicing_exprs/{index}"),
                "is empty or stands twice",
                "each expression once",
            );
        }
    }
}

fn weights_are_positive(importance: &BTreeMap<String, f64>, notes: &mut Notes<'_>) {
    for (column, weight) in importance.iter().filter(|(_, weight)| !(**weight > 0.0 && weight.is_finite())) {
        notes.problem(
            &format!("/importance/{}", column.replace('~', "~0").replace('/', "~1")),
            format!("is {weight}, which is no weight"),
            "a number above 0; what has no weight at all is listed under `columns.exclude`",
        );
    }
}

fn quantiles(typed: Option<u32>, notes: &mut Notes<'_>) -> usize {
    let points = typed.unwrap_or(QUANTILES);
    if points < 2 {
        notes.problem("/quantiles", "must be at least 2", "leave it out for 100");
    }
    points as usize
}

fn rules(typed: &[RuleSpec], context: &rule::Context<'_>, notes: &mut Notes<'_>) -> Vec<Rule> {
    let typed = typed.iter().enumerate();
    typed.filter_map(|(index, typed)| rule(typed, index, context, notes)).collect()
}

fn channels(spec: &MonitorSpec, settings: &Settings, notes: &mut Notes<'_>) -> Vec<Channel> {
    let typed = spec.notify.as_ref().or(settings.defaults.notify.as_ref());
    let typed = typed.into_iter().flatten().enumerate();
    typed.filter_map(|(index, typed)| channel(typed, &format!("/notify/{index}"), settings, notes)).collect()
}

/// Metric tables within the inference table would be cleaned away with its old files.
fn output_is_apart(table: &Url, output: &Url, notes: &mut Notes<'_>) {
    if output.as_str().starts_with(table.as_str()) {
        notes.problem(
            "/output/uri",
            "lies within `inference.table`, whose clean-up would delete the metric tables",
            "name a folder of its own",
        );
    }
}

fn output(spec: &MonitorSpec, settings: &Settings, notes: &mut Notes<'_>) -> Option<Url> {
    if let Some(output) = &spec.output {
        return location(&output.uri, "/output/uri", notes);
    }
    if settings.defaults.output.is_none() {
        notes.lacks(
            "/output",
            &["/output"],
            "is missing",
            "`output: { uri: … }` here, or under `defaults` in secchi.yaml",
        );
    }
    settings.defaults.output.clone()
}

#[cfg(test)]
mod tests;
