//! What decides the metric tables, as a text and as its hash.

use jiff::SignedDuration;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::config::spec::RuleSpec;
use crate::config::yaml::Document;
use crate::window::Granularity;

/// What holds although it may not be typed: it comes from `secchi.yaml`, or is a default that another release
/// may have otherwise.
pub struct InForce<'a> {
    /// Name of the time zone.
    pub timezone: &'a str,
    /// How long windows are waited for.
    pub lateness: SignedDuration,
    /// Window lengths.
    pub granularities: &'a [Granularity],
    /// Points of `quantiles`.
    pub quantiles: usize,
    /// Rules, typed or not.
    pub alerts: &'a [RuleSpec],
}

/// What decides the metric tables. Channels and schedule do not, so changing them changes no hash.
pub fn config_json(document: &Document, in_force: &InForce<'_>) -> String {
    let InForce { timezone, lateness, granularities, quantiles, alerts } = in_force;
    let mut value = document.value.clone();
    if let Some(map) = value.as_object_mut() {
        map.retain(|key, _| key != "notify" && key != "schedule");
        map.insert("timezone".to_owned(), (*timezone).into());
        map.insert("lateness".to_owned(), lateness.to_string().into());
        let granularities: Vec<String> = granularities.iter().map(ToString::to_string).collect();
        map.insert("granularities".to_owned(), granularities.into());
        map.insert("quantiles".to_owned(), (*quantiles).into());
        // A rule is numbers and texts, which always are JSON.
        map.insert("alerts".to_owned(), serde_json::to_value(alerts).unwrap_or_default());
    }
    without_nulls(&mut value);
    value.sort_all_objects();
    value.to_string()
}

/// Of what decides the metric tables, `config_json`, that which decides what is counted of a row; the rest is computed from
/// what was counted.
pub fn counting_json(config_json: &str, base: Granularity) -> String {
    let value: Value = serde_json::from_str(config_json).unwrap_or_default();
    let of_rows = ["inference", "baseline", "slicing_exprs", "timezone", "expectations"];
    let said = of_rows.into_iter().filter_map(|key| Some((key.to_owned(), value.get(key)?.clone())));
    let mut counting: Map<String, Value> = said.collect();
    counting.insert("base".to_owned(), base.to_string().into());
    Value::Object(counting).to_string()
}

/// What is null was not said.
fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

/// First 16 hex digits of the SHA-256 of `text`.
pub fn hex16(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use crate::config::given::{GOOD, good_monitor};

    #[test]
    fn the_hash_is_of_what_decides_the_tables() {
        let hash = |text: &str| good_monitor(text).config_hash;
        let good = hash(GOOD);
        assert_eq!(good.len(), 16);
        assert_eq!(hash(&format!("# a comment\n{GOOD}schedule: {{ cron: 15 * * * * }}\nnotify: []\n")), good);
        assert_eq!(hash(&format!("{GOOD}timezone: UTC\n")), good, "the default, said");
        assert_ne!(hash(&format!("{GOOD}timezone: Europe/Berlin\n")), good);
        assert_ne!(hash(&format!("{GOOD}slicing_exprs: [region]\n")), good);
        assert_ne!(hash(&format!("{GOOD}alerts: []\n")), good);
        let own = "custom_metrics: [{ type: aggregate, name: x, input_columns: [a], definition: avg(a) }]\n";
        assert_ne!(hash(&format!("{GOOD}{own}")), good);
        let said = "quantiles: 100\ngranularities: [1 day]\nalerts:
  - { rule: drift, metric: effect_size, above: 0.04, min_count: 200, significance: 0.01, severity: warning }
  - { rule: missing values, metric: percent_null_delta, above: 1, min_count: 200, significance: 0.01, severity: warning }
";
        assert_eq!(hash(&format!("{GOOD}{said}")), good, "the defaults, said");
    }

    #[test]
    fn what_is_in_force_is_recorded_whether_it_was_typed_or_not() {
        insta::assert_snapshot!(good_monitor(GOOD).config_json, @r#"{"alerts":[{"above":0.04,"metric":"effect_size","min_count":200,"provisional":false,"rule":"drift","severity":"warning","significance":0.01},{"above":1.0,"metric":"percent_null_delta","min_count":200,"provisional":false,"rule":"missing values","severity":"warning","significance":0.01}],"baseline":{"table":"training"},"granularities":["1 day"],"inference":{"model_id_col":"version","table":"requests","timestamp_col":"at"},"lateness":"PT0S","monitor":"churn","output":{"uri":"metrics"},"quantiles":100,"timezone":"UTC"}"#);
    }
}
