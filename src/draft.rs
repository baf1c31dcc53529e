//! A first monitor file for a table: guesses roles from names and types, and says what it guessed.
//!
//! What it writes is a monitor in which every option stands, the unneeded ones commented out at their defaults;
//! so it is the manual, too. Where a name is needed that it cannot guess stands a `?`, which `config` refuses. `monitors/template.yaml` is what it writes for the demo's table, and
//! a test holds it to that. It must not read rows.

use std::path::{Path, PathBuf};

use arrow::datatypes::{DataType, Field, Schema};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, context};

use crate::source::{is_by_class, is_time};

/// The file, with places for names.
const TEMPLATE: &str = include_str!("draft/monitor.yaml.jinja");

/// Names that columns of a role often have, likeliest first.
const TIMESTAMPS: &[&str] = &["event_time", "timestamp", "request_time", "ts", "event_timestamp", "time"];
const MODEL_IDS: &[&str] = &["model_version", "model_id", "model", "served_entity_id", "version"];
const PREDICTIONS: &[&str] = &["prediction", "predicted", "y_pred", "predictions", "output"];
const SCORES: &[&str] = &[
    "score",
    "probability",
    "prediction_proba",
    "y_pred_proba",
    "proba",
    "probabilities",
    "prediction_probas",
    "scores",
];
/// How names begin of columns that hold the probability of one class each, likeliest first; the rest is the class.
const SCORE_PREFIXES: &[&str] =
    &["prediction_proba_", "y_pred_proba_", "predicted_proba_", "probability_", "proba_", "prob_", "p_"];
const LABELS: &[&str] = &["label", "target", "actual", "y_true", "ground_truth"];
const LATENCIES: &[&str] =
    &["latency_ms", "execution_duration_ms", "execution_time_ms", "latency", "duration_ms"];
const STATUSES: &[&str] = &["status_code", "http_status"];
const PAYLOADS: &[&str] = &["request", "response"];
const REQUESTS: &[&str] = &["request_id", "client_request_id", "databricks_request_id", "inference_id", "id"];

/// What the columns of a table are taken for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Roles<'a> {
    timestamp: Option<&'a str>,
    model_id: Option<&'a str>,
    prediction: Option<&'a str>,
    score: Option<&'a str>,
    /// Classes and the columns of their probabilities.
    scores: Vec<(&'a str, &'a str)>,
    label: Option<&'a str>,
    request_id: Option<&'a str>,
    latency: Option<&'a str>,
    status: Option<&'a str>,
    payloads: Vec<&'a str>,
}

impl<'a> Roles<'a> {
    fn guess(schema: &'a Schema) -> Self {
        let find = |names: &[&str], fits: fn(&DataType) -> bool| {
            names.iter().find_map(|wanted| {
                let fields = schema.fields().iter();
                fields
                    .map(AsRef::as_ref)
                    .find(|field| field.name().eq_ignore_ascii_case(wanted) && fits(field.data_type()))
            })
        };
        let any_time = schema.fields().iter().find(|field| is_time(field.data_type())).map(AsRef::as_ref);
        let anything = |_: &DataType| true;
        let name = |field: &'a Field| field.name().as_str();
        let prediction = find(PREDICTIONS, anything);
        let score = prediction.and(find(SCORES, is_proba));
        Self {
            timestamp: find(TIMESTAMPS, is_time).or(any_time).map(name),
            model_id: find(MODEL_IDS, anything).map(name),
            prediction: prediction.map(name),
            score: score.map(name),
            scores: prediction.xor(score).and(class_scores(schema)).unwrap_or_default(),
            label: prediction.and(find(LABELS, anything)).map(name),
            request_id: find(REQUESTS, anything).map(name),
            latency: find(LATENCIES, DataType::is_numeric).map(name),
            status: find(STATUSES, is_status).map(name),
            payloads: PAYLOADS.iter().filter_map(|payload| find(&[payload], is_payload)).map(name).collect(),
        }
    }
}

/// Two columns of numbers or more that are called alike but for a class, by class.
fn class_scores(schema: &Schema) -> Option<Vec<(&str, &str)>> {
    let numbers: Vec<&str> = schema
        .fields()
        .iter()
        .filter(|field| field.data_type().is_floating())
        .map(|field| field.name().as_str())
        .collect();
    SCORE_PREFIXES.iter().find_map(|prefix| {
        let of_class = |name: &&'_ str| {
            let (head, class) = name.split_at_checked(prefix.len())?;
            (head.eq_ignore_ascii_case(prefix) && !class.is_empty()).then_some(head.len())
        };
        let scores = numbers.iter().filter_map(|name| Some((&name[of_class(name)?..], *name)));
        let scores: Vec<(&str, &str)> = scores.collect();
        (scores.len() > 1).then_some(scores)
    })
}

fn is_proba(data_type: &DataType) -> bool {
    data_type.is_floating() || is_by_class(data_type)
}

fn is_status(data_type: &DataType) -> bool {
    data_type.is_integer() || data_type.is_string()
}

fn is_payload(data_type: &DataType) -> bool {
    data_type.is_string() || data_type.is_binary()
}

/// The monitor file for `table`, whose columns are `schema`.
pub fn monitor(name: &str, table: &str, schema: &Schema) -> String {
    let roles = Roles::guess(schema);
    let prediction_type =
        roles.prediction.and_then(|name| schema.field_with_name(name).ok()).map(Field::data_type);
    let classification = roles.score.is_some()
        || !roles.scores.is_empty()
        || prediction_type.is_some_and(|data_type| !data_type.is_floating());
    let columns: Vec<_> = schema
        .fields()
        .iter()
        .map(|field| context! { name => in_comment(field.name()), data_type => crate::source::spark_type(field.data_type()) })
        .collect();
    let values = context! {
        name, columns,
        quoted_name => quoted(name),
        timestamp => roles.timestamp.map(quoted),
        model_id => roles.model_id.map(quoted),
        prediction => roles.prediction.map(quoted),
        score => roles.score.map(quoted),
        scores => roles.scores.iter().map(|(class, column)| (quoted(class), quoted(column))).collect::<Vec<_>>(),
        label => roles.label.map(quoted),
        request_id => roles.request_id.map(quoted),
        latency => roles.latency.map(quoted),
        status => roles.status.map(quoted),
        payloads => roles.payloads.iter().map(|name| quoted(name)).collect::<Vec<_>>(),
        problem_type => if classification { "classification" } else { "regression" },
        quoted_table => quoted(table),
    };
    let mut environment = Environment::new();
    // The template and its syntax are our own; a test renders them.
    let mut syntax = SyntaxConfig::builder();
    if let Ok(syntax) = syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build() {
        environment.set_syntax(syntax);
    }
    environment.render_str(TEMPLATE, values).unwrap_or_else(|error| format!("# {error}\n"))
}

/// A YAML scalar: quoted where it must be.
fn quoted(text: &str) -> String {
    let begins_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        || text.starts_with("./")
        || text.starts_with("../");
    let plain = begins_well
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:".contains(c))
        && !text.ends_with(':')
        && !["true", "false", "null", "yes", "no", "on", "off"].contains(&text.to_ascii_lowercase().as_str());
    if plain { text.to_owned() } else { escaped(text) }
}

/// A name in a comment: as it is, unless it would end the comment or could not be seen.
fn in_comment(name: &str) -> String {
    if name.contains(needs_escape) { escaped(name) } else { name.to_owned() }
}

/// Double-quoted, on one line for every reader of YAML.
fn escaped(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if needs_escape(c) {
            escaped.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// Control characters, and what else ends a line or is not to be seen: JSON leaves some of them as they are.
fn needs_escape(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// A monitor's name from a table's address.
pub fn name_of(table: &str) -> String {
    let last = table.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let name: String =
        last.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let name = name.trim_matches('-');
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        name.to_owned()
    } else {
        format!("monitor-{name}")
    }
}

/// A local path as seen from the folder of `file`; a URL as it is.
pub fn relative_to(table: &str, file: &Path) -> String {
    if table.contains("://") {
        return table.to_owned();
    }
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let table = absolute(Path::new(table));
    let file = absolute(file);
    let folder = file.parent().unwrap_or(Path::new("/"));
    let shared = table.components().zip(folder.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(shared).map(|_| Path::new(".."));
    let relative: PathBuf = up
        .map(Path::to_owned)
        .chain(table.components().skip(shared).map(|part| PathBuf::from(part.as_os_str())))
        .collect();
    relative.display().to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, clippy::unwrap_used)]
    use arrow::datatypes::TimeUnit;

    use super::*;

    #[test]
    fn roles_are_guessed_from_names_and_types() {
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let schema = Schema::new(vec![
            Field::new("Request_ID", DataType::Utf8, true),
            Field::new("created", time, true),
            Field::new("score", DataType::Utf8, true),
            Field::new("y_pred", DataType::Int64, true),
            Field::new("status_code", DataType::Int32, true),
            Field::new("response", DataType::Utf8, true),
            Field::new("request", DataType::Float64, true),
            Field::new("execution_duration_ms", DataType::Int64, true),
        ]);
        let roles = Roles::guess(&schema);
        let expected = Roles {
            timestamp: Some("created"),
            prediction: Some("y_pred"),
            request_id: Some("Request_ID"),
            latency: Some("execution_duration_ms"),
            status: Some("status_code"),
            payloads: vec!["response"],
            ..Roles::default()
        };
        assert_eq!(roles, expected);
    }

    #[test]
    fn columns_of_one_class_each_are_guessed_from_how_they_are_called() {
        let schema = |names: &[&str]| {
            let numbers = names.iter().map(|name| Field::new(*name, DataType::Float64, true));
            Schema::new(numbers.chain([Field::new("prediction", DataType::Utf8, true)]).collect::<Vec<_>>())
        };
        let of = |names: &[&str]| -> Vec<String> {
            let schema = schema(names);
            let guessed = Roles::guess(&schema).scores;
            guessed.iter().map(|(class, column)| format!("{class}: {column}")).collect()
        };
        assert_eq!(
            of(&["Proba_basic", "amount", "proba_plus", "p_a", "p_b"]),
            ["basic: Proba_basic", "plus: proba_plus"]
        );
        assert_eq!(of(&["p_a", "p_b", "p_"]), ["a: p_a", "b: p_b"]);
        assert_eq!(of(&["p_a", "amount"]), Vec::<String>::new());
        // One column of all of them, or of the positive class, comes first.
        assert_eq!(of(&["p_a", "p_b", "score"]), Vec::<String>::new());
        let text = monitor("plans", "lake/plans", &schema(&["p_basic", "p_true"]));
        assert!(text.contains("\n  prediction_proba_cols: { basic: p_basic, \"true\": p_true }"), "{text}");
    }

    #[test]
    fn names_and_paths() {
        assert_eq!(name_of("s3://lake/inference/Credit_Default/"), "credit-default");
        assert_eq!(name_of("2024"), "monitor-2024");
        assert_eq!(relative_to("/a/b/lake/t", Path::new("/a/b/monitors/t.yaml")), "../lake/t");
        assert_eq!(relative_to("s3://x/y", Path::new("m.yaml")), "s3://x/y");
        assert_eq!(quoted("plain_name"), "plain_name");
        assert_eq!(quoted("true"), "\"true\"");
        assert_eq!(quoted("a: b"), "\"a: b\"");
        assert_eq!(quoted("1"), "\"1\"");
        assert_eq!(quoted(".5"), "\".5\"");
        assert_eq!(in_comment("a Maß # 1"), "a Maß # 1");
        assert_eq!(in_comment("a\nb"), r#""a\nb""#);
        assert_eq!(in_comment("a\u{2028}b"), r#""a\u2028b""#);
    }

    /// The columns of these names, in their roles, after a draft of their table was read again.
    #[track_caller]
    fn check_hostile(name: &str) {
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let schema = Schema::new(vec![
            Field::new(name, time, true),
            Field::new("prediction", DataType::Int64, true),
            Field::new(format!("{name}{name}"), DataType::Utf8, true),
        ]);
        let table = format!("lake/{name}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hostile.yaml");
        let text = monitor(&name_of("lake/true"), &table, &schema);
        std::fs::write(&file, &text).unwrap();
        let settings = crate::config::Settings::default();
        let monitor =
            crate::config::load(&file, &settings).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        assert_eq!(monitor.inference.timestamp_col, name, "{text}");
        assert_eq!((monitor.name.as_str(), monitor.has_own_rules), ("true", false), "{text}");
        let named = |name: &str| text.lines().any(|line| line.starts_with(&format!("  #   {name} ")));
        assert!(named(&in_comment(name)) && named("prediction"), "{text}");
    }

    #[test]
    fn names_of_columns_are_names_and_nothing_else() {
        for name in [
            "a\nalerts: []",
            "a\n  label_col: prediction\n#",
            "a\r\nalerts: []",
            "a\ralerts: []",
            "a\u{85}alerts: []",
            "a\u{2028}alerts: []",
            "a\u{2029}alerts: []",
            "\u{feff}a",
            "a\u{0}\u{1b}[31m\u{7f}",
            "tab\tand # hash",
            "{{ name }}{% raw %}",
            "quote\" and \\",
            "- a",
            "&a *b !c",
            "a: b",
            ".5",
            ".inf",
            "nan",
            "~",
            "null",
            "1e3",
            "0x1",
            "2026-05-01",
        ] {
            check_hostile(name);
        }
    }
}
