//! The jackknife: how much a measure of classes moves when one row is left out.
//!
//! **Formula** `SE² = (n − 1) / n · Σᵢ (f₍₋ᵢ₎ − mean)²`, where `f₍₋ᵢ₎` is the measure of all rows but the `i`-th. Rows of one
//! cell of the confusion matrix are alike, so there are as many different `f₍₋ᵢ₎` as there are cells, and the sum is exact.
//! **Source** Efron & Stein (1981), Ann. Stat. 9(3), 586–596.

use super::agreement::{Sums, balanced_accuracy};
use super::{ClassCounts, MAX_CELLS};

/// Most cells of which rows are left out in turn.
pub const MAX_JACKKNIFED: usize = 1_000;
const _: () = assert!(MAX_JACKKNIFED < MAX_CELLS);

/// Measures that the jackknife is for, in the order of [`measures`]; each with its least value. The greatest is 1.
pub const MEASURES: [(&str, f64); 9] = [
    ("precision.macro", 0.0),
    ("precision.weighted", 0.0),
    ("recall.macro", 0.0),
    ("recall.weighted", 0.0),
    ("f1_score.macro", 0.0),
    ("f1_score.weighted", 0.0),
    ("balanced_accuracy_score", 0.0),
    ("matthews_corrcoef", -1.0),
    ("cohen_kappa_score", -1.0),
];

/// The standard error of a measure, from its value without a row and how many rows give this value. `None` of fewer than two
/// rows.
pub fn standard_error(without: &[(u64, f64)]) -> Option<f64> {
    let rows: u64 = without.iter().map(|(count, _)| count).sum();
    if rows < 2 {
        return None;
    }
    let n = rows as f64;
    let mean = without.iter().map(|(count, value)| *count as f64 * value).sum::<f64>() / n;
    let squares: f64 = without.iter().map(|(count, value)| *count as f64 * (value - mean).powi(2)).sum();
    Some(((n - 1.0) / n * squares).sqrt())
}

/// Standard errors of [`MEASURES`]. `cells` are rows by the places of prediction and label among `classes`. None of a measure
/// that has no value without some row.
pub fn standard_errors(
    cells: &[((usize, usize), u64)],
    mut classes: Vec<ClassCounts>,
) -> [Option<f64>; MEASURES.len()] {
    let rows: u64 = cells.iter().map(|(_, count)| count).sum();
    let mut without: [Vec<(u64, f64)>; MEASURES.len()] = Default::default();
    if rows > 1 {
        for ((said, is), count) in cells {
            let known = (classes[*said], classes[*is]);
            classes[*said].predicted -= 1;
            classes[*is].labelled -= 1;
            classes[*is].hits -= u64::from(said == is);
            for (values, value) in without.iter_mut().zip(measures(&classes)) {
                values.extend(value.map(|value| (*count, value)));
            }
            (classes[*said], classes[*is]) = known;
        }
    }
    // Without a value for some row there is one value less.
    without.map(|values| standard_error(&values).filter(|_| values.len() == cells.len()))
}

/// The measures of rows with these classes.
fn measures(classes: &[ClassCounts]) -> [Option<f64>; MEASURES.len()] {
    let classes = || classes.iter().copied().filter(|class| class.predicted + class.labelled > 0);
    let number = classes().count() as f64;
    let rows: u64 = classes().map(|class| class.labelled).sum();
    let means = |score: fn(ClassCounts) -> (u64, u64)| {
        let score = |class| match score(class) {
            (_, 0) => 0.0,
            (part, whole) => part as f64 / whole as f64,
        };
        let weighted: f64 = classes().map(|class| score(class) * class.labelled as f64).sum();
        [Some(classes().map(score).sum::<f64>() / number), Some(weighted / rows as f64)]
    };
    let [precision, precision_weighted] = means(|class| (class.hits, class.predicted));
    let [recall, recall_weighted] = means(|class| (class.hits, class.labelled));
    let [f1, f1_weighted] = means(|class| (2 * class.hits, class.predicted + class.labelled));
    let sums = Sums::of(classes(), rows);
    [
        precision,
        precision_weighted,
        recall,
        recall_weighted,
        f1,
        f1_weighted,
        Some(balanced_accuracy(classes())),
        Some(sums.matthews_corrcoef()),
        sums.cohen_kappa_score(),
    ]
}

/// The standard error of one class's F1 score among `rows` rows. Left out a row is a hit, predicted alone, labelled alone, or
/// of other classes.
pub fn f1_standard_error(class: ClassCounts, rows: u64) -> Option<f64> {
    let ClassCounts { hits, predicted, labelled } = class;
    let f1 = |hits: u64, predicted: u64, labelled: u64| match predicted + labelled {
        0 => 0.0,
        both => 2.0 * hits as f64 / both as f64,
    };
    let others = rows - (predicted + labelled - hits);
    let mut without = vec![(others, f1(hits, predicted, labelled))];
    if hits > 0 {
        without.push((hits, f1(hits - 1, predicted - 1, labelled - 1)));
    }
    if predicted > hits {
        without.push((predicted - hits, f1(hits, predicted - 1, labelled)));
    }
    if labelled > hits {
        without.push((labelled - hits, f1(hits, predicted, labelled - 1)));
    }
    standard_error(&without)
}
