//! The classes that probabilities are of, as far as they are known before a row is read.
//!
//! Settings and schemas in, names and sentences out. What classes labels are only rows tell; that is asked after a run.

use arrow::datatypes::{DataType, Field, Schema};

use super::classification::every_class::MAX_CLASSES;
use crate::config::{Monitor, Prediction, Proba, suggest};

/// Classes that probabilities are of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnownClasses {
    /// There are no probabilities.
    None,
    /// Of the positive class alone.
    Positive,
    /// Of these.
    These(Vec<String>),
    /// Of those that each row names.
    InRows,
}

/// The classes of the probabilities that `monitor` reads of a table with the columns of `schema`.
pub fn known_classes(monitor: &Monitor, schema: &Schema) -> KnownClasses {
    let prediction = monitor.inference.prediction.as_ref();
    let Some((prediction, proba)) = prediction.and_then(|of| Some((of, of.proba.as_ref()?))) else {
        return KnownClasses::None;
    };
    if prediction.positive_class.is_some() {
        return KnownClasses::Positive;
    }
    match (named(proba, schema), proba) {
        (Some(classes), _) => KnownClasses::These(classes),
        (None, Proba::Column(column)) if is_map(schema, column) => KnownClasses::InRows,
        _ => KnownClasses::Positive,
    }
}

/// The classes that `proba` names itself: by keys of the monitor, or by fields of a struct.
fn named(proba: &Proba, schema: &Schema) -> Option<Vec<String>> {
    match proba {
        Proba::Columns(columns) => Some(columns.keys().cloned().collect()),
        Proba::Column(column) => match schema.field_with_name(column).map(Field::data_type) {
            Ok(DataType::Struct(fields)) => Some(fields.iter().map(|field| field.name().clone()).collect()),
            _ => None,
        },
    }
}

fn is_map(schema: &Schema, column: &str) -> bool {
    schema.field_with_name(column).is_ok_and(|field| matches!(field.data_type(), DataType::Map(..)))
}

/// What there is to say about the classes, and about rules on what is the same whatever the model says.
pub(super) fn findings(monitor: &Monitor, schema: &Schema) -> Vec<String> {
    let Some(prediction) = &monitor.inference.prediction else { return Vec::new() };
    let KnownClasses::These(classes) = known_classes(monitor, schema) else {
        return unnamed_positive_class(prediction, schema).into_iter().collect();
    };
    let many = (classes.len() > MAX_CLASSES).then(|| {
        format!(
            "there are probabilities of {} classes, and of more than {MAX_CLASSES} none is told apart: so there is no \
             `roc_auc_score`, no `average_precision_score`, and nothing is estimated",
            classes.len()
        )
    });
    let all =
        [("top_k_accuracy_score.k2", 2), ("top_k_accuracy_score.k3", 3), ("top_k_accuracy_score.k5", 5)];
    let sure = monitor.rules.iter().filter_map(|rule| {
        let (metric, _) =
            all.iter().find(|(metric, k)| *metric == rule.metric.name() && *k >= classes.len())?;
        Some(format!(
            "rule `{}` watches `{metric}`, which is 1 unless a label is of another class: there are {} classes",
            rule.name,
            classes.len()
        ))
    });
    many.into_iter().chain(sure).collect()
}

/// That the positive class has no probability.
fn unnamed_positive_class(prediction: &Prediction, schema: &Schema) -> Option<String> {
    let class = prediction.positive_class.as_ref()?;
    let classes = named(prediction.proba.as_ref()?, schema)?;
    (!classes.contains(class)).then(|| {
        format!(
            "`positive_class` is `{class}`, of which there is no probability: {}",
            suggest(class, classes.iter().map(String::as_str))
        )
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use super::*;
    use crate::config::{Settings, load};

    fn monitor(inference: &str, rules: &str) -> Monitor {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("churn.yaml");
        let text = format!(
            "monitor: churn
inference: {{ table: t, timestamp_col: at, prediction_col: p, label_col: l, {inference} }}
output: {{ uri: o }}
alerts: [{rules}]"
        );
        std::fs::write(&file, text).unwrap();
        load(&file, &Settings::default()).unwrap()
    }

    /// A column `sure` of probabilities of so many classes, called `c0` and so on.
    fn record(classes: usize) -> Schema {
        let fields = (0..classes).map(|class| Field::new(format!("c{class}"), DataType::Float64, true));
        Schema::new(vec![Field::new("sure", DataType::Struct(fields.collect()), true)])
    }

    #[test]
    fn classes_are_known_where_the_table_or_the_monitor_names_them() {
        let entry =
            vec![Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Float64, true)];
        let entries = Arc::new(Field::new("entries", DataType::Struct(entry.into()), false));
        let map = Schema::new(vec![Field::new("sure", DataType::Map(entries, false), true)]);
        let number = Schema::new(vec![Field::new("sure", DataType::Float64, true)]);
        let these = |names: &[&str]| KnownClasses::These(names.iter().map(ToString::to_string).collect());
        let sure = "prediction_proba_col: sure";
        for (inference, schema, expected) in [
            (sure, &map, KnownClasses::InRows),
            (sure, &number, KnownClasses::Positive),
            (sure, &record(2), these(&["c0", "c1"])),
            ("prediction_proba_col: sure, positive_class: c1", &record(2), KnownClasses::Positive),
            ("prediction_proba_cols: { a: x, b: y }", &number, these(&["a", "b"])),
            ("problem_type: classification", &number, KnownClasses::None),
        ] {
            assert_eq!(known_classes(&monitor(inference, ""), schema), expected, "{inference}");
        }
    }

    #[test]
    fn what_is_the_same_whatever_the_model_says_is_told() {
        let rule = |k: u8| format!("{{ rule: k{k}, metric: top_k_accuracy_score.k{k}, below: 0.9 }}");
        let rules = [rule(2), rule(3), rule(5)].join(", ");
        let sure = monitor("prediction_proba_col: sure", &rules);
        insta::assert_snapshot!(findings(&sure, &record(3)).join("\n"), @r"
        rule `k3` watches `top_k_accuracy_score.k3`, which is 1 unless a label is of another class: there are 3 classes
        rule `k5` watches `top_k_accuracy_score.k5`, which is 1 unless a label is of another class: there are 3 classes
        ");
        assert_eq!(findings(&sure, &record(6)), Vec::<String>::new());
        insta::assert_snapshot!(findings(&sure, &record(33)).join("\n"), @"there are probabilities of 33 classes, and of more than 32 none is told apart: so there is no `roc_auc_score`, no `average_precision_score`, and nothing is estimated");
        let positive = monitor("prediction_proba_col: sure, positive_class: C1", "");
        insta::assert_snapshot!(findings(&positive, &record(2)).join("\n"), @"`positive_class` is `C1`, of which there is no probability: did you mean `c1`?");
    }
}
