//! The inference table and the roles of its columns.

use super::{Notes, location};
use crate::config::monitor::{Columns, Inference, Label, LabelTable, Operations, Prediction, Proba};
use crate::config::spec::{ColumnsSpec, InferenceSpec, ProblemType};
use crate::contract::{drift_metrics, profile_metrics};

/// What stands for a name that is still to be given.
const PLACEHOLDER: &str = "?";

/// The inference table that `spec` describes.
pub fn inference(spec: &InferenceSpec, notes: &mut Notes<'_>) -> Option<Inference> {
    let table = location(&spec.table, &at("table"), notes);
    places_are_filled(spec, notes);
    model_id_is_free(spec, notes);
    roles_are_apart(spec, notes);
    needed_keys_are_there(spec, notes);
    probabilities_are_in_one_place(spec, notes);
    let prediction = prediction(spec, notes);
    let columns = columns(&spec.columns, notes);
    operations_are_profiled(spec, notes);
    Some(Inference {
        table: table?,
        timestamp_col: spec.timestamp_col.clone(),
        model_id_col: spec.model_id_col.clone(),
        request_id_col: spec.request_id_col.clone(),
        prediction,
        operations: Operations {
            latency_col: spec.latency_col.clone(),
            status_col: spec.status_col.clone(),
            payload_cols: spec.payload_cols.clone(),
        },
        columns,
    })
}

fn at(key: &str) -> String {
    format!("/inference/{key}")
}

/// The keys that name a column, and what they name.
fn roles(spec: &InferenceSpec) -> Vec<(String, Option<&String>)> {
    let single = [
        ("timestamp_col", Some(&spec.timestamp_col)),
        ("model_id_col", spec.model_id_col.as_ref()),
        ("request_id_col", spec.request_id_col.as_ref()),
        ("prediction_col", spec.prediction_col.as_ref()),
        ("prediction_proba_col", spec.prediction_proba_col.as_ref()),
        ("label_col", spec.label_col.as_ref()),
        ("label_timestamp_col", spec.label_timestamp_col.as_ref()),
        ("latency_col", spec.latency_col.as_ref()),
        ("status_col", spec.status_col.as_ref()),
    ];
    let payloads = spec.payload_cols.iter().enumerate();
    let payloads = payloads.map(|(index, name)| (format!("payload_cols/{index}"), Some(name)));
    let probabilities = spec.prediction_proba_cols.iter();
    let probabilities = probabilities.map(|(class, name)| (proba_col_of(class), Some(name)));
    single
        .into_iter()
        .map(|(key, name)| (key.to_owned(), name))
        .chain(payloads)
        .chain(probabilities)
        .collect()
}

/// Where the column of a class's probability is named, as a pointer's end.
fn proba_col_of(class: &str) -> String {
    format!("prediction_proba_cols/{}", class.replace('~', "~0").replace('/', "~1"))
}

/// `init` leaves this where it found no column for a role.
fn places_are_filled(spec: &InferenceSpec, notes: &mut Notes<'_>) {
    for (key, name) in roles(spec) {
        if name.is_some_and(|name| name == PLACEHOLDER) {
            let hint = match key.as_str() {
                "timestamp_col" => "name the column that says when a row happened",
                _ => "name the column, or take the line out if there is none",
            };
            notes.problem(&at(&key), "is `?`, a place that was not filled in", hint);
        }
    }
}

/// A column has one role; a prediction that is its own label is always right.
fn roles_are_apart(spec: &InferenceSpec, notes: &mut Notes<'_>) {
    let roles = roles(spec);
    let roles: Vec<(&str, &String)> = roles
        .iter()
        .filter_map(|(key, name)| Some((key.as_str(), name.filter(|name| *name != PLACEHOLDER)?)))
        .collect();
    let mut told = Vec::new();
    for ((first, one), (second, other)) in every_two(&roles) {
        if one == other && !may_be_one(first, second, spec.label_table.is_some()) && !told.contains(&second) {
            told.push(second);
            notes.problem(
                &at(second),
                format!("is `{other}`, which is the `{}` already", first.replace('/', ".")),
                "name another column, or take one of the two lines out",
            );
        }
    }
}

/// Whether a column may have both roles, of which `first` stands before `second` in [`roles`], and labels have a table of their
/// own or not.
fn may_be_one(first: &str, second: &str, has_label_table: bool) -> bool {
    match second {
        // A model that says nothing but a probability has it as its prediction, too.
        "prediction_proba_col" => first == "prediction_col",
        // In a table of their own, labels may have a time that is called as that of requests is.
        "label_timestamp_col" => has_label_table && !["request_id_col", "label_col"].contains(&first),
        _ => false,
    }
}

/// Every two of `items`, in their order.
fn every_two<T: Copy>(items: &[T]) -> impl Iterator<Item = (T, T)> {
    let pairs_of = |(index, first)| items.iter().skip(index + 1).map(move |second| (first, *second));
    items.iter().copied().enumerate().flat_map(pairs_of)
}

/// The model id keeps its name in the metric tables, where the other columns have theirs.
fn model_id_is_free(spec: &InferenceSpec, notes: &mut Notes<'_>) {
    let is_taken = |name: &str| {
        let contract = [profile_metrics::TABLE, drift_metrics::TABLE];
        // Delta tells names apart without their case.
        let name = name.to_ascii_lowercase();
        name != "model_version" && contract.iter().any(|table| table.column(&name).is_some())
    };
    if let Some(name) = spec.model_id_col.as_deref().filter(|name| is_taken(name)) {
        notes.problem(
            &at("model_id_col"),
            format!("is `{name}`, the name of another column of the metric tables"),
            "rename the column in the table",
        );
    }
}

/// Some keys mean something only beside another.
fn needed_keys_are_there(spec: &InferenceSpec, notes: &mut Notes<'_>) {
    let label_table = ("label_table", spec.label_table.is_some());
    let label_timestamp_col = ("label_timestamp_col", spec.label_timestamp_col.is_some());
    let label_col = ("label_col", spec.label_col.is_some());
    let request_id_col = ("request_id_col", spec.request_id_col.is_some());
    let prediction_col = ("prediction_col", spec.prediction_col.is_some());
    let prediction_proba_col = ("prediction_proba_col", spec.prediction_proba_col.is_some());
    let prediction_proba_cols = ("prediction_proba_cols", !spec.prediction_proba_cols.is_empty());
    let any_proba = ("prediction_proba_col", is_scored(spec));
    let positive_class = ("positive_class", spec.positive_class.is_some());
    for ((key, is_given), (needed, is_there)) in [
        (label_table, label_col),
        (label_table, request_id_col),
        (label_timestamp_col, label_col),
        (label_col, prediction_col),
        (prediction_proba_col, prediction_col),
        (prediction_proba_cols, prediction_col),
        (positive_class, any_proba),
    ] {
        if is_given && !is_there {
            let hint = format!("add `{needed}` under `inference`");
            notes.lacks(&at(key), &[&at(needed)], format!("needs `{needed}`"), hint);
        }
    }
}

/// Probabilities are in one column, or in one for each of several classes.
fn probabilities_are_in_one_place(spec: &InferenceSpec, notes: &mut Notes<'_>) {
    let classes = &spec.prediction_proba_cols;
    if !classes.is_empty() && spec.prediction_proba_col.is_some() {
        let hint = "take `prediction_proba_col` out, or this";
        notes.problem(&at("prediction_proba_cols"), "stands beside `prediction_proba_col`", hint);
    }
    if !classes.is_empty() && spec.positive_class.is_some() {
        let hint = "take it out: every class has a probability, and all are looked at";
        notes.problem(&at("positive_class"), "has no meaning beside `prediction_proba_cols`", hint);
    }
    if classes.contains_key("") {
        notes.problem(
            &at("prediction_proba_cols"),
            "has a class without a name",
            "name the class as labels do",
        );
    }
    if classes.len() == 1 {
        let hint = "name the column of every class, or the one column as `prediction_proba_col`";
        notes.problem(&at("prediction_proba_cols"), "is of one class, and there are at least two", hint);
    }
}

/// What is told of requests is what their columns hold.
fn operations_are_profiled(spec: &InferenceSpec, notes: &mut Notes<'_>) {
    let single = [("latency_col", spec.latency_col.as_ref()), ("status_col", spec.status_col.as_ref())];
    let payloads = spec.payload_cols.iter().map(|name| ("payload_cols", Some(name)));
    for (key, name) in single.into_iter().chain(payloads) {
        if let Some(name) = name.filter(|name| spec.columns.exclude.contains(name)) {
            notes.problem(
                &at(key),
                format!("names `{name}`, which is excluded"),
                "take it out of `columns.exclude`, or out of here",
            );
        }
    }
}

/// What the model is asked for, as far as it is known.
pub fn problem_type(spec: &InferenceSpec) -> Option<ProblemType> {
    // A probability means classes.
    spec.problem_type.or(is_scored(spec).then_some(ProblemType::Classification))
}

/// Whether the model says how sure it is.
pub fn is_scored(spec: &InferenceSpec) -> bool {
    spec.prediction_proba_col.is_some() || !spec.prediction_proba_cols.is_empty()
}

fn prediction(spec: &InferenceSpec, notes: &mut Notes<'_>) -> Option<Prediction> {
    let problem_type = problem_type(spec);
    if problem_type == Some(ProblemType::Regression) {
        let keys = [
            ("prediction_proba_col", spec.prediction_proba_col.is_some()),
            ("prediction_proba_cols", !spec.prediction_proba_cols.is_empty()),
        ];
        for (key, _) in keys.into_iter().filter(|(_, is_given)| *is_given) {
            notes.problem(&at(key), "has no meaning for regression", "leave it out");
        }
    }
    let column = spec.prediction_col.clone().filter(|column| column != PLACEHOLDER)?;
    let Some(problem_type) = problem_type else {
        notes.lacks(
            &at("prediction_col"),
            &[&at("problem_type"), &at("prediction_proba_col")],
            "needs `problem_type`",
            "`problem_type: classification` or `regression`",
        );
        return None;
    };
    Some(Prediction {
        column,
        problem_type,
        proba: proba(spec),
        positive_class: spec.positive_class.clone(),
        label: label(spec, notes),
    })
}

fn proba(spec: &InferenceSpec) -> Option<Proba> {
    match &spec.prediction_proba_col {
        Some(column) => Some(Proba::Column(column.clone())),
        None if spec.prediction_proba_cols.is_empty() => None,
        None => Some(Proba::Columns(spec.prediction_proba_cols.clone())),
    }
}

fn label(spec: &InferenceSpec, notes: &mut Notes<'_>) -> Option<Label> {
    let column = spec.label_col.clone()?;
    let arrives_in = match (&spec.label_table, &spec.request_id_col) {
        (Some(table), Some(request_id_col)) => Some(LabelTable {
            table: location(table, &at("label_table"), notes)?,
            request_id_col: request_id_col.clone(),
            timestamp_col: spec.label_timestamp_col.clone(),
        }),
        _ => None,
    };
    let known_at = spec.label_timestamp_col.clone().filter(|_| arrives_in.is_none());
    Some(Label { column, arrives_in, known_at })
}

fn columns(spec: &ColumnsSpec, notes: &mut Notes<'_>) -> Columns {
    for (index, name) in spec.include.iter().flatten().enumerate() {
        if spec.exclude.contains(name) {
            notes.problem(
                &at(&format!("columns/include/{index}")),
                format!("is `{name}`, which is excluded, too"),
                "take it out of one of the two lists",
            );
        }
    }
    Columns {
        include: spec.include.clone(),
        exclude: spec.exclude.clone(),
        categorical: spec.categorical.clone(),
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::config::given::{good_monitor, problems};

    fn text(roles: &str) -> String {
        format!("monitor: churn\ninference: {{ table: t, timestamp_col: at{roles} }}\noutput: {{ uri: o }}\n")
    }

    #[test]
    fn a_column_has_one_role() {
        let class = "prediction_col: p, problem_type: classification";
        let said: Vec<String> = [
            format!(", {class}, label_col: p"),
            ", model_id_col: at".to_owned(),
            format!(", {class}, prediction_proba_col: l, label_col: l"),
            format!(", {class}, request_id_col: p, model_id_col: p"),
            format!(", {class}, label_col: l, label_table: u, request_id_col: r, label_timestamp_col: l"),
        ]
        .iter()
        .map(|roles| problems(&text(roles)))
        .collect();
        assert_snapshot!(said.join("\n"), @r"
        churn.yaml:2:103: `inference.label_col` is `p`, which is the `prediction_col` already
          hint: name another column, or take one of the two lines out
        churn.yaml:2:57: `inference.model_id_col` is `at`, which is the `timestamp_col` already
          hint: name another column, or take one of the two lines out
        churn.yaml:2:128: `inference.label_col` is `l`, which is the `prediction_proba_col` already
          hint: name another column, or take one of the two lines out
        churn.yaml:2:59: `inference.prediction_col` is `p`, which is the `model_id_col` already
          hint: name another column, or take one of the two lines out
        churn.yaml:2:108: `inference.request_id_col` is `p`, which is the `model_id_col` already
          hint: name another column, or take one of the two lines out
        churn.yaml:2:162: `inference.label_timestamp_col` is `l`, which is the `label_col` already
          hint: name another column, or take one of the two lines out
        ");
        for roles in [
            "prediction_col: p, prediction_proba_col: p, label_col: l".to_owned(),
            format!("{class}, label_col: l, label_table: u, request_id_col: r, label_timestamp_col: at"),
        ] {
            good_monitor(&text(&format!(", {roles}")));
        }
    }
}
