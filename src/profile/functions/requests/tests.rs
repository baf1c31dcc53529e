#![allow(clippy::unwrap_used)]
use std::sync::Arc;

use arrow::array::{Date32Array, Int64Array, StringArray, TimestampMicrosecondArray, new_null_array};

use super::super::aggregate::All;
use super::*;

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
    let days: ArrayRef = Arc::new(Date32Array::from(vec![20_000, 20_001]));
    let mut all = All(Requests::empty());
    let arguments = [days, Arc::clone(&none), Arc::clone(&none), none, zone];
    Requests::fold(&arguments, &mut all, &mut RequestRoom::default()).unwrap();
    assert_eq!(all.0.newest_row_age(20_002 * 86_400_000_000), Some(86_400.0));
    assert_eq!((all.0.newest_label_age(0), all.0.ids.rows() + all.0.ids.num_nulls()), (None, 0));
}
