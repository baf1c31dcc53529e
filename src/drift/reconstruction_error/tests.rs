#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::super::samples::{Stream, bounded, reference, standardized as moments};
use super::*;

/// A row of five columns that two numbers govern, with a little noise.
fn governed(stream: &mut Stream) -> Vec<f64> {
    let (a, b) = (stream.normal(), stream.normal());
    [a, a + b, b, a - b, 2.0 * a].map(|value| value + 0.1 * stream.normal()).to_vec()
}

#[track_caller]
fn close(actual: f64, expected: f64, within: f64) {
    assert!((actual - expected).abs() <= within, "got {actual}, expected {expected}");
}

#[test]
fn for_the_baseline_it_is_what_the_components_left_out_hold() {
    let columns = Stream(1).columns(5_000, governed);
    let baseline = moments(&reference(&columns), &columns);
    let components = Components::of(&baseline).unwrap();
    assert_eq!((components.num_components(), components.columns()), (2, &[0, 1, 2, 3, 4][..]));
    close(components.eigenvalues().iter().sum(), 5.0, 1e-12);
    let left_out: f64 = components.eigenvalues()[2..].iter().sum();
    close(components.reconstruction_error(&baseline).unwrap().value, left_out.sqrt(), 1e-9);
}

/// What the rows themselves say: each is projected, as the definition has it.
#[test]
fn it_is_the_root_mean_square_of_the_rows_errors() {
    let columns = Stream(2).columns(3_000, governed);
    let reference = reference(&columns);
    let components = Components::of(&moments(&reference, &columns)).unwrap();
    let window = Stream(3)
        .columns(500, |stream| governed(stream).into_iter().map(|value| 2.0 * value + 1.0).collect());
    let z: Vec<Vec<f64>> = window
        .iter()
        .zip(&columns)
        .map(|(values, baseline)| {
            let mean = baseline.iter().sum::<f64>() / 3_000.0;
            let deviation =
                (baseline.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 3_000.0).sqrt();
            values.iter().map(|value| (value - mean) / deviation).collect()
        })
        .collect();
    let errors: Vec<f64> = (0..500)
        .map(|row| {
            let y: Vec<f64> = z.iter().map(|values| values[row]).collect();
            let left = |row: &Vec<f64>| row.iter().zip(&y).map(|(a, b)| a * b).sum::<f64>();
            components.left_over.iter().map(|row| left(row).powi(2)).sum()
        })
        .collect();
    let found = components.reconstruction_error(&moments(&reference, &window)).unwrap();
    close(found.value, (errors.iter().sum::<f64>() / 500.0).sqrt(), 1e-4);
}

#[test]
fn columns_that_part_ways_are_seen_though_each_looks_as_ever() {
    let columns = Stream(4).columns(5_000, governed);
    let reference = reference(&columns);
    let components = Components::of(&moments(&reference, &columns)).unwrap();
    let mut window = Stream(5).columns(1_000, governed);
    let before = components.reconstruction_error(&moments(&reference, &window)).unwrap();
    // The same values, in other rows.
    window[3].reverse();
    let after = components.reconstruction_error(&moments(&reference, &window)).unwrap();
    assert!(after.value > 3.0 * before.value, "{} after {}", after.value, before.value);
    assert_eq!(after.worst.unwrap().0, 3);
}

#[test]
fn one_absurd_row_is_seen() {
    let columns = Stream(7).columns(10_000, governed);
    let reference = reference(&columns);
    let components = Components::of(&moments(&reference, &columns)).unwrap();
    let mut window = Stream(8).columns(10_000, governed);
    window[2][17] = 1e12;
    let found = components.reconstruction_error(&moments(&reference, &window)).unwrap();
    assert!(found.value > 3.0 && found.worst.is_some_and(|(column, _)| column == 2), "{found:?}");
    // Of bounded values, the rows as a whole decide.
    let components = Components::of(&bounded(&reference, &columns)).unwrap();
    let before = components.reconstruction_error(&bounded(&reference, &columns)).unwrap().value;
    close(components.reconstruction_error(&bounded(&reference, &window)).unwrap().value, before, 0.02);
}

#[test]
fn constant_columns_are_left_out() {
    let with = |constant: f64| {
        Stream(9).columns(2_000, |stream| {
            let mut row = governed(stream);
            row.insert(1, constant);
            row
        })
    };
    let plain = Stream(9).columns(2_000, governed);
    let (with_constant, other) = (with(5.0), with(6.0));
    let reference_of_six = reference(&with_constant);
    let components = Components::of(&moments(&reference_of_six, &with_constant)).unwrap();
    assert_eq!(components.columns(), [0, 2, 3, 4, 5]);
    let of_five = moments(&reference(&plain), &plain);
    let expected = Components::of(&of_five).unwrap().reconstruction_error(&of_five).unwrap();
    // What a constant becomes later is not known here: the column has no standard deviation to measure it by.
    for window in [with_constant, other] {
        let found = components.reconstruction_error(&moments(&reference_of_six, &window)).unwrap();
        close(found.value, expected.value, 1e-9);
    }
}

#[test]
fn what_cannot_be_told_has_a_reason() {
    let normal = |columns: usize| {
        move |stream: &mut Stream| (0..columns).map(|_| stream.normal()).collect::<Vec<f64>>()
    };
    let of = |columns: &[Vec<f64>]| Components::of(&moments(&reference(columns), columns));
    assert_eq!(of(&Stream(1).columns(100, normal(1))), Err(TOO_FEW_COLUMNS));
    assert_eq!(of(&[vec![1.0; 9], vec![2.0; 9], vec![1.0; 9]]), Err(TOO_FEW_COLUMNS));
    assert_eq!(of(&Stream(1).columns(5, normal(5))), Err(NO_BASELINE_ROWS));
    assert_eq!(of(&Stream(1).columns(100, normal(2))), Err(ALL_KEPT));
    let (some, others) = (Stream(1).columns(100, normal(4)), Stream(2).columns(100, normal(3)));
    let components = of(&some).unwrap();
    let other = moments(&reference(&others), &others);
    assert_eq!(components.reconstruction_error(&other), Err(OTHERWISE_MEASURED));
}

#[test]
fn one_row_has_a_value() {
    let columns = Stream(1).columns(1_000, governed);
    let reference = reference(&columns);
    let components = Components::of(&moments(&reference, &columns)).unwrap();
    let row: Vec<Vec<f64>> = columns.iter().map(|values| vec![values[0]]).collect();
    let found = components.reconstruction_error(&moments(&reference, &row)).unwrap();
    assert!(found.value > 0.0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn neither_the_order_nor_the_units_of_columns_matter(
        seed in any::<u64>(), turn in 1usize..5, factors in prop::collection::vec(0.01..100.0f64, 5), shift in -50.0..50.0f64,
    ) {
        let columns = Stream(seed).columns(300, governed);
        let window = Stream(!seed).columns(100, governed);
        let of = |columns: &[Vec<f64>], window: &[Vec<f64>]| {
            let reference = reference(columns);
            let components = Components::of(&moments(&reference, columns)).unwrap();
            components.reconstruction_error(&moments(&reference, window)).unwrap()
        };
        let other = |columns: &[Vec<f64>]| {
            let scaled = columns.iter().zip(&factors).map(|(values, factor)| values.iter().map(|value| value * factor + shift).collect());
            let mut columns: Vec<Vec<f64>> = scaled.collect();
            columns.rotate_left(turn);
            columns
        };
        let (found, turned) = (of(&columns, &window), of(&other(&columns), &other(&window)));
        prop_assert!((found.value - turned.value).abs() < 1e-4, "{} and {}", found.value, turned.value);
        prop_assert!(found.value >= 0.0 && found.worst.is_some_and(|(_, share)| (0.0..=1.0).contains(&share)));
    }
}
