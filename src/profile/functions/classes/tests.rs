#![allow(clippy::panic, clippy::unwrap_used)]
use std::sync::Arc;

use arrow::array::{
    BooleanArray, Decimal128Array, Float64Array, Int64Array, MapBuilder, StringArray, StringBuilder,
    StructArray, new_null_array,
};
use arrow::datatypes::Field;

use super::super::aggregate::{All, represented};
use super::super::names::names;
use super::*;
use crate::profile::classification::every_class::EveryClass;
use crate::profile::classification::{Cell, SureOf};

fn quality(predictions: ArrayRef, labels: ArrayRef) -> ClassificationState {
    let rows = predictions.len();
    quality_of(predictions, labels, new_null_array(&DataType::Null, rows))
}

fn quality_of(predictions: ArrayRef, labels: ArrayRef, positive: ArrayRef) -> ClassificationState {
    let rows = predictions.len();
    let scores: ArrayRef = Arc::new(Float64Array::from(vec![0.5; rows]));
    let mut all = All(Classification::empty());
    Classification::fold(&[predictions, labels, scores, positive], &mut all, &mut ClassRoom::default())
        .unwrap();
    let All(QualityState::Classification(state)) = all else { panic!("the state of a classifier") };
    state
}

#[test]
fn a_class_has_one_name_whatever_its_type() {
    let ints: ArrayRef = Arc::new(Int64Array::from(vec![1, 0, 10]));
    let doubles: ArrayRef = Arc::new(Float64Array::from(vec![1.0, -0.0, 10.0]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["1", "0", "10"]));
    let decimals = Decimal128Array::from(vec![100, 0, 1000]).with_precision_and_scale(5, 2).unwrap();
    let whole = Decimal128Array::from(vec![1, 0, 10]).with_precision_and_scale(5, 0).unwrap();
    for labels in [Arc::clone(&ints), doubles, texts, Arc::new(decimals), Arc::new(whole)] {
        let said = labels.data_type().to_string();
        let state = quality(Arc::clone(&ints), labels);
        assert_eq!(state.accuracy_score(), Ok(1.0), "{said}");
        // The label 1 is the positive class where none is named.
        assert_eq!(state.positives, 1, "{said}");
    }
}

#[test]
fn classes_are_the_same_whatever_holds_them() {
    let texts =
        [Some("a"), None, Some(""), Some("Größe"), Some("no more than a view"), Some("a"), Some(" a")];
    let plain: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
    let classes = quality(Arc::clone(&plain), Arc::clone(&plain));
    assert_eq!((classes.count(), classes.accuracy_score()), (6, Ok(1.0)));
    for array in represented(&plain, &[DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View]) {
        let said = array.data_type();
        assert_eq!(quality(Arc::clone(&array), Arc::clone(&plain)), classes, "{said}");
        assert_eq!(quality(Arc::clone(&plain), Arc::clone(&array)), classes, "{said}");
    }
}

#[test]
fn booleans_meet_texts_that_are_booleans() {
    let booleans: ArrayRef = Arc::new(BooleanArray::from(vec![true, false, true]));
    for words in [["1", "0", "1"], ["true", "false", "true"], ["True", "FALSE", "1"]] {
        let texts: ArrayRef = Arc::new(StringArray::from(words.to_vec()));
        assert_eq!(quality(Arc::clone(&booleans), Arc::clone(&texts)).accuracy_score(), Ok(1.0), "{words:?}");
        let state = quality(texts, Arc::clone(&booleans));
        assert_eq!(
            (state.accuracy_score(), state.roc_auc_score().map(|area| area.macro_mean)),
            (Ok(1.0), Ok(0.5)),
            "{words:?}"
        );
    }
}

#[test]
fn fractions_keep_their_digits() {
    let decimals = Decimal128Array::from(vec![150, 105, -20]).with_precision_and_scale(5, 2).unwrap();
    let names = names(&(Arc::new(decimals) as ArrayRef)).unwrap();
    assert_eq!(names.iter().flatten().collect::<Vec<_>>(), ["1.5", "1.05", "-0.2"]);
}

#[test]
fn nan_is_neither_a_prediction_nor_a_label() {
    let predictions: ArrayRef = Arc::new(Float64Array::from(vec![1.0, f64::NAN, 1.0]));
    let labels: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 1.0, f64::NAN]));
    assert_eq!(quality(predictions, labels).count(), 1);
    // As a category it is a value like any other.
    let names = names(&(Arc::new(Float64Array::from(vec![f64::NAN])) as ArrayRef)).unwrap();
    assert_eq!(names.value(0), "NaN");
}

/// What booleans, numbers and texts are called beside each other, by who says and who is right.
#[test]
fn booleans_and_numbers_are_the_same_classes() {
    let booleans: ArrayRef = Arc::new(BooleanArray::from(vec![true, false]));
    let ints: ArrayRef = Arc::new(Int64Array::from(vec![1, 0]));
    let doubles: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 0.0]));
    let decimals = Decimal128Array::from(vec![100, 0]).with_precision_and_scale(5, 2).unwrap();
    let decimals: ArrayRef = Arc::new(decimals);
    let digits: ArrayRef = Arc::new(StringArray::from(vec!["1", "0"]));
    let words: ArrayRef = Arc::new(StringArray::from(vec!["true", "false"]));
    let cases = [
        (&booleans, &ints, 1.0, "1 0"),
        (&booleans, &doubles, 1.0, "1 0"),
        (&booleans, &decimals, 1.0, "1 0"),
        (&booleans, &booleans, 1.0, "true false"),
        (&booleans, &words, 1.0, "true false"),
        // A text is what it says, but beside booleans nobody means `1` as another class than `true`.
        (&booleans, &digits, 1.0, "true false"),
        (&ints, &words, 0.0, "1/true 0/false"),
        (&digits, &words, 0.0, "1/true 0/false"),
        (&ints, &digits, 1.0, "1 0"),
    ];
    for (left, right, accuracy, names) in cases {
        for (predictions, labels) in [(left, right), (right, left)] {
            let said = format!("{} against {}", predictions.data_type(), labels.data_type());
            let state = quality(Arc::clone(predictions), Arc::clone(labels));
            assert_eq!(state.accuracy_score(), Ok(accuracy), "{said}");
            // Without a name the positive class is `1` or `true`, so one of each kind is there.
            assert_eq!(
                (state.positives, state.roc_auc_score().map(|area| area.macro_mean)),
                (1, Ok(0.5)),
                "{said}"
            );
            let cells = state.confusion_matrix().unwrap().into_iter().rev();
            let cells = cells.map(|Cell { prediction, label, .. }| match prediction == label {
                true => label,
                false if std::ptr::eq(predictions, left) => format!("{prediction}/{label}"),
                false => format!("{label}/{prediction}"),
            });
            let cells: Vec<_> = cells.collect();
            assert_eq!(cells.join(" "), names, "{said}");
        }
    }
}

#[test]
fn the_positive_class_is_read_as_what_labels_are() {
    let booleans: ArrayRef = Arc::new(BooleanArray::from(vec![true, false, false]));
    let ints: ArrayRef = Arc::new(Int64Array::from(vec![1, 0, 0]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["1", "true", "true"]));
    let cases = [
        (&booleans, &booleans, "1", 1),
        (&booleans, &booleans, "true", 1),
        (&booleans, &booleans, "True", 1),
        (&booleans, &booleans, "0", 2),
        (&booleans, &booleans, "fraud", 0),
        (&ints, &booleans, "1", 1),
        (&ints, &booleans, "true", 1),
        (&booleans, &ints, "true", 1),
        (&booleans, &ints, "1", 1),
        (&ints, &ints, "true", 1),
        (&ints, &ints, "false", 2),
        (&ints, &ints, "1.0", 1),
        (&ints, &ints, "2", 0),
        (&texts, &texts, "1", 1),
        (&texts, &texts, "true", 2),
        (&texts, &texts, "True", 0),
    ];
    for (predictions, labels, class, expected) in cases {
        let positive: ArrayRef = Arc::new(StringArray::from(vec![class; labels.len()]));
        let state = quality_of(Arc::clone(predictions), Arc::clone(labels), positive);
        let said = format!("{class} of {} against {}", predictions.data_type(), labels.data_type());
        assert_eq!(state.positives, expected, "{said}");
        // Every score is a half, so each row costs ln 2, if anybody knows which class it is of.
        let is_known = expected > 0;
        assert_eq!(state.log_loss().ok(), is_known.then_some(std::f64::consts::LN_2), "{said}");
    }
}

/// Rows of `a`, `b` and `c`, of which the second has no probabilities, the third leaves one out, and the last has no label.
fn by_class(
    said: [&str; 4],
    is: [Option<&str>; 4],
    probabilities: ArrayRef,
    positive: Option<&str>,
) -> ClassificationState {
    let said: ArrayRef = Arc::new(StringArray::from(said.to_vec()));
    let is: ArrayRef = Arc::new(StringArray::from(is.to_vec()));
    let positive: ArrayRef = Arc::new(StringArray::from(vec![positive; 4]));
    let mut all = All(Classification::empty());
    Classification::fold(&[said, is, probabilities, positive], &mut all, &mut ClassRoom::default()).unwrap();
    let All(QualityState::Classification(mut state)) = all else { panic!("the state of a classifier") };
    state.settle();
    state
}

const ROWS: [Option<[Option<f64>; 3]>; 4] = [
    Some([Some(0.5), Some(0.25), Some(0.25)]),
    None,
    Some([None, Some(0.25), Some(0.75)]),
    Some([Some(1.0), Some(0.0), Some(0.0)]),
];
const SAID: [&str; 4] = ["a", "b", "c", "a"];
const IS: [Option<&str>; 4] = [Some("b"), Some("b"), Some("c"), None];

fn map() -> ArrayRef {
    let mut builder = MapBuilder::new(None, StringBuilder::new(), arrow::array::Float64Builder::new());
    for row in ROWS {
        // A map has its own order.
        let entries = ["a", "b", "c"].into_iter().zip(row.into_iter().flatten());
        for (class, value) in entries.collect::<Vec<_>>().into_iter().rev() {
            if let Some(value) = value {
                builder.keys().append_value(class);
                builder.values().append_value(value);
            }
        }
        builder.append(row.is_some()).unwrap();
    }
    Arc::new(builder.finish())
}

fn record() -> ArrayRef {
    let column = |class: usize| -> ArrayRef {
        let value = |row: &Option<[Option<f64>; 3]>| row.and_then(|values| values[class]);
        Arc::new(ROWS.iter().map(value).collect::<Float64Array>())
    };
    let fields = ["a", "b", "c"].iter().enumerate();
    let fields =
        fields.map(|(class, name)| (Arc::new(Field::new(*name, DataType::Float64, true)), column(class)));
    Arc::new(StructArray::from(fields.collect::<Vec<_>>()))
}

fn every(state: &ClassificationState) -> &EveryClass {
    match state.probabilities.sure_of() {
        SureOf::Every(every) => every,
        other => panic!("{other:?}"),
    }
}

#[test]
fn maps_and_structs_say_the_same() {
    let (of_map, of_record) = (by_class(SAID, IS, map(), None), by_class(SAID, IS, record(), None));
    assert_eq!(of_map, of_record);
    let every = every(&of_map);
    assert_eq!((every.labelled(), every.all()), (2, 3));
    assert_eq!((every.top(1), every.top(2), every.top(3)), ((1, 2), (1, 2), (2, 2)));
    let loss = (-0.25f64.ln() - 0.75f64.ln()) / 2.0;
    assert!((of_map.log_loss().unwrap() - loss).abs() < 1e-12);
}

#[test]
fn of_a_class_that_is_named_alone_probabilities_are_scores() {
    let is = [Some("b"), Some("b"), Some("c"), Some("a")];
    for probabilities in [map(), record()] {
        let state = by_class(SAID, is, probabilities, Some("c"));
        assert!(matches!(state.probabilities.sure_of(), SureOf::Positive(_)));
        // The second row has no probability, and labels are of more than two classes.
        assert_eq!((state.probabilities.labelled(), state.positives), (3, 1));
        let state = by_class(["a", "b", "c", "a"], [Some("b"), Some("b"), Some("c"), None], map(), Some("c"));
        assert_eq!(state.roc_auc_score().map(|area| area.macro_mean), Ok(1.0));
    }
}

/// The keys of a map are texts, whatever labels are.
#[test]
fn keys_of_a_map_meet_classes_of_other_types() {
    let mut builder = MapBuilder::new(None, StringBuilder::new(), arrow::array::Float32Builder::new());
    for (yes, no) in [(0.75, 0.25), (0.25, 0.75)] {
        for (class, value) in [("True", yes), ("False", no)] {
            builder.keys().append_value(class);
            builder.values().append_value(value);
        }
        builder.append(true).unwrap();
    }
    let booleans: ArrayRef = Arc::new(BooleanArray::from(vec![true, false]));
    let none = new_null_array(&DataType::Null, 2);
    let mut all = All(Classification::empty());
    let arguments = [Arc::clone(&booleans), booleans, Arc::new(builder.finish()), none];
    Classification::fold(&arguments, &mut all, &mut ClassRoom::default()).unwrap();
    let All(QualityState::Classification(state)) = all else { panic!("the state of a classifier") };
    assert_eq!(every(&state).classes().unwrap().into_iter().collect::<Vec<_>>(), ["false", "true"]);
    assert!((state.log_loss().unwrap() + 0.75f64.ln()).abs() < 1e-12);
    // The sum over both classes.
    assert_eq!(state.brier_score_loss(), Ok(0.125));
}
