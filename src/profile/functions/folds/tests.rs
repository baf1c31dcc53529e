#![allow(clippy::panic, clippy::unwrap_used)]
use std::sync::Arc;

use arrow::array::{
    BinaryArray, BooleanArray, Decimal128Array, Decimal256Array, FixedSizeBinaryArray, Float64Array,
    Int64Array, Int64Builder, ListArray, MapBuilder, StringArray, StringBuilder, StructArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::datatypes::{Field, i256};

use super::super::names::names;
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

/// The state of all rows of a column.
fn folded<F: Fold>(array: &ArrayRef) -> F::State {
    let mut all = All(F::empty());
    F::fold(&[Arc::clone(array)], &mut all, &mut F::Room::default()).unwrap();
    all.0
}

/// One column in every representation of its type: as Parquet is read, as it was written, and as engines hand it on.
fn represented(array: &ArrayRef, types: &[DataType]) -> Vec<ArrayRef> {
    let coded = |key: &DataType, value: &DataType| {
        DataType::Dictionary(Box::new(key.clone()), Box::new(value.clone()))
    };
    let dictionaries =
        types.iter().flat_map(|value| [coded(&DataType::Int32, value), coded(&DataType::UInt16, value)]);
    types.iter().cloned().chain(dictionaries).map(|to| arrow::compute::cast(array, &to).unwrap()).collect()
}

#[test]
fn a_text_is_the_same_whatever_holds_it() {
    let long = "ö".repeat(300);
    let texts = [
        Some("a"),
        None,
        Some(""),
        Some("Größe"),
        Some("no more than a view"),
        Some(&long),
        Some("a"),
        Some(" a"),
    ];
    let plain: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
    let same = represented(&plain, &[DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View]);
    let bytes = folded::<Text>(&plain).into_bytes().unwrap();
    let classes = quality(Arc::clone(&plain), Arc::clone(&plain));
    assert_eq!((classes.count(), classes.accuracy_score()), (7, Ok(1.0)));
    for array in &same {
        let said = array.data_type();
        assert_eq!(folded::<Text>(array).into_bytes().unwrap(), bytes, "{said}");
        assert_eq!(quality(Arc::clone(array), Arc::clone(&plain)), classes, "{said}");
        assert_eq!(quality(Arc::clone(&plain), Arc::clone(array)), classes, "{said}");
    }
}

#[test]
fn binary_is_as_long_as_its_bytes_and_lists_as_their_elements() {
    let check = |array: &ArrayRef, (count, num_nulls): (u64, u64), lengths, avg| {
        let ColumnState::Opaque(state) = folded::<Opaque>(array) else { panic!("not opaque") };
        let said = array.data_type();
        assert_eq!((state.count, state.num_nulls), (count, num_nulls), "{said}");
        assert_eq!((state.lengths.extremes(), state.lengths.avg(state.count)), (lengths, avg), "{said}");
    };
    // Not all of it is UTF-8.
    let bytes: [Option<&[u8]>; 4] = [Some(b"abc"), None, Some(b""), Some(b"\xff\xfe\x00")];
    let binary: ArrayRef = Arc::new(BinaryArray::from(bytes.to_vec()));
    for to in [DataType::Binary, DataType::LargeBinary, DataType::BinaryView] {
        check(&arrow::compute::cast(&binary, &to).unwrap(), (3, 1), Some((0, 3)), Some(2.0));
    }
    let fixed = [Some(b"ab".as_slice()), None].into_iter();
    let fixed = FixedSizeBinaryArray::try_from_sparse_iter_with_size(fixed, 2).unwrap();
    check(&(Arc::new(fixed) as ArrayRef), (1, 1), Some((2, 2)), Some(2.0));

    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([
        Some(vec![Some(1), None, Some(3)]),
        None,
        Some(vec![]),
    ]);
    let lists: ArrayRef = Arc::new(lists);
    let item = || Arc::new(Field::new_list_field(DataType::Int64, true));
    for to in [DataType::List(item()), DataType::LargeList(item()), DataType::ListView(item())] {
        check(&arrow::compute::cast(&lists, &to).unwrap(), (2, 1), Some((0, 3)), Some(1.5));
    }
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    maps.keys().append_value("a");
    maps.values().append_value(1);
    maps.append(true).unwrap();
    maps.append(false).unwrap();
    maps.append(true).unwrap();
    check(&(Arc::new(maps.finish()) as ArrayRef), (2, 1), Some((0, 1)), Some(0.5));
    let field = Field::new("list", lists.data_type().clone(), true);
    check(
        &(Arc::new(StructArray::from(vec![(Arc::new(field), Arc::clone(&lists))])) as ArrayRef),
        (3, 0),
        None,
        None,
    );
    check(&new_null_array(&DataType::Binary, 2), (0, 2), None, None);
}

#[test]
fn numbers_that_are_no_doubles_are_near_one() {
    let numbers = |array: ArrayRef| {
        let ColumnState::Numeric(state) = folded::<Numeric>(&array) else { panic!("not numeric") };
        state
    };
    // 2⁵³ + 1 is no double; a decimal has up to 76 digits, and a double but 17.
    let neighbours: ArrayRef = Arc::new(Int64Array::from(vec![1 << 53, (1 << 53) + 1]));
    let state = numbers(neighbours);
    assert_eq!((state.count, state.distinct_count(), state.num_nan), (2, 1, 0));
    let digits = i256::from_string(&"9".repeat(76)).unwrap();
    let decimals = Decimal256Array::from(vec![Some(digits), None]).with_precision_and_scale(76, 0).unwrap();
    let state = numbers(Arc::new(decimals));
    assert_eq!((state.count, state.num_nulls, state.extremes()), (1, 1, Some((1e76, 1e76))));
    let small = Decimal256Array::from(vec![Some(i256::ONE)]).with_precision_and_scale(76, 76).unwrap();
    let (least, greatest) = numbers(Arc::new(small)).extremes().unwrap();
    assert!(least == greatest && (least / 1e-76 - 1.0).abs() < 1e-15, "{least:e}");
}

#[test]
fn requests_are_told_by_instants_whatever_the_type_of_times() {
    let zone: ArrayRef = Arc::new(StringArray::from(vec!["Europe/Berlin"; 4]));
    let labels: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(0), None]));
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![Some(7), Some(8), Some(7), None]));
    let micros =
        |seconds: [Option<i64>; 4]| seconds.map(|seconds| seconds.map(|seconds| seconds * 1_000_000));
    // Noon in Berlin is eleven, or half past ten in the label table, which has a zone.
    let noon = 1_767_265_200 + 3_600;
    let at = micros([Some(noon), Some(noon + 60), Some(noon + 10), None]);
    let labelled_at = micros([Some(noon - 3_600 + 30), None, Some(noon - 3_600 + 310), None]);
    let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(at.to_vec()));
    let label_times: ArrayRef =
        Arc::new(TimestampMicrosecondArray::from(labelled_at.to_vec()).with_timezone("UTC"));
    let mut all = All(Requests::empty());
    let arguments = [times, labels, label_times, ids, zone];
    Requests::fold(&arguments, &mut all, &mut RequestRoom::default()).unwrap();
    let end = (noon - 3_600 + 100) * 1_000_000;
    assert_eq!((all.0.newest_row_age(end), all.0.newest_label_age(end)), (Some(40.0), Some(90.0)));
    assert_eq!(all.0.label_delay.extremes(), Some((30.0, 300.0)));
    assert_eq!((all.0.ids.rows(), all.0.ids.num_nulls()), (3, 1));
    assert_eq!(all.0.ids.duplicates().map(|duplicates| duplicates.share), Ok(1.0 / 3.0));
}

#[test]
fn without_labels_and_ids_requests_are_still_fresh() {
    let zone: ArrayRef = Arc::new(StringArray::from(vec!["UTC"; 2]));
    let none = new_null_array(&DataType::Null, 2);
    let days: ArrayRef = Arc::new(arrow::array::Date32Array::from(vec![20_000, 20_001]));
    let mut all = All(Requests::empty());
    let arguments = [days, Arc::clone(&none), Arc::clone(&none), none, zone];
    Requests::fold(&arguments, &mut all, &mut RequestRoom::default()).unwrap();
    assert_eq!(all.0.newest_row_age(20_002 * 86_400_000_000), Some(86_400.0));
    assert_eq!((all.0.newest_label_age(0), all.0.ids.rows() + all.0.ids.num_nulls()), (None, 0));
}
