#![allow(clippy::panic, clippy::unwrap_used)]
use std::sync::Arc;

use arrow::array::{BooleanArray, Decimal128Array, Float64Array, Int64Array, StringArray, new_null_array};

use super::*;

/// All rows in one state.
struct All<S>(S);

impl<S> Rows<S> for All<S> {
    fn for_each(&mut self, fold: &mut dyn FnMut(&mut S, Which<'_>)) {
        fold(&mut self.0, Which::All);
    }
}

fn quality(predictions: ArrayRef, labels: ArrayRef) -> ClassificationState {
    let rows = predictions.len();
    let scores: ArrayRef = Arc::new(Float64Array::from(vec![0.5; rows]));
    let mut all = All(Classification::empty());
    Classification::fold(
        &[predictions, labels, scores, new_null_array(&DataType::Null, rows)],
        &mut all,
        &mut (),
    )
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

#[test]
fn booleans_and_numbers_are_different_classes() {
    // A known wrong answer: nobody is told that `true` never is `1`.
    let predictions: ArrayRef = Arc::new(Int64Array::from(vec![1, 0]));
    let labels: ArrayRef = Arc::new(BooleanArray::from(vec![true, false]));
    assert_eq!(quality(predictions, labels).accuracy_score(), Ok(0.0));
}
