#![allow(clippy::panic, clippy::unwrap_used)]
use std::sync::Arc;

use arrow::array::{BooleanArray, Decimal128Array, Float64Array, Int64Array, StringArray, new_null_array};

use super::*;
use crate::profile::classification::Cell;

/// All rows in one state.
struct All<S>(S);

impl<S> Rows<S> for All<S> {
    fn for_each(&mut self, fold: &mut dyn FnMut(&mut S, Which<'_>)) {
        fold(&mut self.0, Which::All);
    }
}

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
        // The label 1 is the positive class where none is named, so there is one of each kind to tell apart.
        assert_eq!(state.roc_auc(), Ok(0.5), "{said}");
    }
}

#[test]
fn booleans_meet_texts_that_are_booleans() {
    let booleans: ArrayRef = Arc::new(BooleanArray::from(vec![true, false, true]));
    for words in [["1", "0", "1"], ["true", "false", "true"], ["True", "FALSE", "1"]] {
        let texts: ArrayRef = Arc::new(StringArray::from(words.to_vec()));
        assert_eq!(quality(Arc::clone(&booleans), Arc::clone(&texts)).accuracy_score(), Ok(1.0), "{words:?}");
        let state = quality(texts, Arc::clone(&booleans));
        assert_eq!((state.accuracy_score(), state.roc_auc()), (Ok(1.0), Ok(0.5)), "{words:?}");
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
            assert_eq!((state.positives, state.roc_auc()), (1, Ok(0.5)), "{said}");
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
