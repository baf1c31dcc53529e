#![allow(clippy::panic, clippy::unwrap_used)]
use std::sync::Arc;

use arrow::array::{
    BinaryArray, Decimal256Array, FixedSizeBinaryArray, Int64Array, Int64Builder, ListArray, MapBuilder,
    StringArray, StringBuilder, StructArray, new_null_array,
};
use arrow::datatypes::{Field, i256};

use super::super::aggregate::{All, represented};
use super::*;

/// The state of all rows of a column.
fn folded<F: Fold>(array: &ArrayRef) -> F::State {
    let mut all = All(F::empty());
    F::fold(&[Arc::clone(array)], &mut all, &mut F::Room::default()).unwrap();
    all.0
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
    for array in &same {
        let said = array.data_type();
        assert_eq!(folded::<Text>(array).into_bytes().unwrap(), bytes, "{said}");
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
