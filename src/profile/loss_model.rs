//! What a regressor's error is like, learnt from labelled rows and told of rows whose labels have not come yet: direct
//! loss estimation.
//!
//! A row's loss is how far its prediction was from its label. Where the label is not known yet, the features and the
//! prediction still say whether it is a row of the kind that the model gets wrong. So two regressors are trained on
//! the baseline's rows, one on `|prediction − label|` and one on `(prediction − label)²`, and the means of what they
//! say of a window's rows are estimates of its MAE and of the square of its RMSE, in the label's unit.
//!
//! **It holds while labels, given features and prediction, scatter as they did in the baseline.** Concept drift is just what
//! it cannot see, and rows beyond the values of the baseline have the losses of its outermost rows: [`Losses::outside`] counts
//! them. A loss that depends on nothing known is estimated as the baseline's mean, whatever the window.
//!
//! **Learner** gradient-boosted regression trees with LightGBM's defaults, as NannyML has them: [`TREES`]
//! trees, learning rate [`LEARNING_RATE`], at least [`MIN_ROWS_A_LEAF`] rows in a leaf, squared error, no
//! regularisation, at most 256 bins per input; the start is the mean. LightGBM grows 31 leaves a tree, the best one
//! first; here trees have [`DEPTH`] levels, so at most 32 leaves.
//!
//! **Conventions** The order of rows does not matter: they are put into an order of their own, and the same rows in any order
//! make a model of equal bytes. The order of columns does, where two are as good as each other. Above
//! [`MAX_TRAINING_ROWS`] rows, or [`MAX_TRAINING_VALUES`] values, those with the least hashes are trained on; rows that are
//! alike have one hash, so all or none of them. A missing value (NaN) takes the median of the rows trained on, an infinity
//! the least or the largest finite value. Rows without a finite prediction and label, or whose squared error is beyond a
//! double, are left out of training. Losses are never negative: what the trees put below 0 is 0.
//!
//! **Source** NannyML's `DLE` (0.13); Friedman, "Greedy function approximation: a gradient boosting machine" (2001), Ann. Stat.
//! 29(5), 1189–1232; Ke et al., "LightGBM: a highly efficient gradient boosting decision tree" (2017), NeurIPS 30.

mod input;
mod trees;

use std::cmp::Ordering;
use std::thread;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

pub use self::input::Bounds;
use self::input::Input;
pub use self::trees::{DEPTH, LEARNING_RATE, MIN_ROWS_A_LEAF, TREES};
use self::trees::{Target, Trees};
use super::reason::Absence;

/// Fewest labelled rows to learn from.
pub const MIN_TRAINING_ROWS: usize = 100;

/// Most rows that are learnt from. With ten columns it takes about five seconds of processor time, optimised, and half of
/// that on two cores.
pub const MAX_TRAINING_ROWS: usize = 20_000;

/// Most values that are learnt from, the prediction's among them: with more columns fewer rows are taken, since time grows
/// with both.
pub const MAX_TRAINING_VALUES: usize = 11 * MAX_TRAINING_ROWS;

const TOO_FEW_ROWS: Absence =
    Absence::new("fewer than 100 rows of the baseline have a finite prediction and label");
const TOO_MANY_COLUMNS: Absence = Absence::new("there are too many columns to learn losses from");
const UNLIKE_COLUMNS: Absence = Absence::new("the baseline's columns are not of one length");
const LEARNER_FAILED: Absence = Absence::new("losses could not be learnt from the baseline");

/// What was learnt of a baseline's losses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Kept")]
pub struct LossModel {
    /// Names of the features, in the order of their values.
    columns: Vec<String>,
    /// Of each feature, then of the prediction.
    inputs: Vec<Input>,
    /// Rows it was trained on.
    rows: u64,
    absolute: Trees,
    squared: Trees,
}

/// A model as it was written, whose parts may not fit.
#[derive(Deserialize)]
struct Kept {
    columns: Vec<String>,
    inputs: Vec<Input>,
    rows: u64,
    absolute: Trees,
    squared: Trees,
}

/// Why losses cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// There is another number of columns than the model has inputs.
    #[error("{found} columns of values were given for a loss model of {expected}")]
    Columns {
        /// Features, and one for the prediction.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// The columns are of different lengths.
    #[error("columns of a loss model are of different lengths")]
    Lengths,
    /// The bytes of a model are not of one.
    #[error("the parts of a loss model do not fit together")]
    Parts,
}

/// Losses that are expected of some rows, in their order. Can be used again for other rows, whose losses replace them.
#[derive(Clone, Debug, Default)]
pub struct Losses {
    /// `|prediction − label|`, in the label's unit, not negative.
    pub absolute: Vec<f64>,
    /// `(prediction − label)²`, in the label's unit squared, not negative.
    pub squared: Vec<f64>,
    /// Rows of which at least one value is beyond what the model was trained on.
    pub outside: u64,
    /// Room to work in: of each row the bins of its values.
    bins: Vec<u8>,
}

/// Labelled rows to learn from: all, or of many those with the least hashes.
#[derive(Debug, Default)]
pub struct Sample {
    /// Of each feature, and last of the prediction.
    values: Vec<Vec<f64>>,
    labels: Vec<f64>,
}

impl Sample {
    /// No rows yet, of so many features.
    pub fn of_columns(features: usize) -> Self {
        Self { values: vec![Vec::new(); features + 1], labels: Vec::new() }
    }

    /// Adds rows: of each feature its values in `rows`, NaN where there is none, and of each row the prediction and the label.
    /// What is of another length than the labels adds nothing.
    pub fn add(&mut self, rows: &[Vec<f64>], predictions: &[f64], labels: &[f64]) {
        let given: Vec<&[f64]> = rows.iter().map(Vec::as_slice).chain([predictions]).collect();
        if given.len() != self.values.len() || given.iter().any(|values| values.len() != labels.len()) {
            return;
        }
        for (values, given) in self.values.iter_mut().zip(given) {
            values.extend_from_slice(given);
        }
        self.labels.extend_from_slice(labels);
        // Those that are dropped are beyond so many others already.
        let most = self.most();
        if self.labels.len() > 4 * most.max(MIN_TRAINING_ROWS) {
            self.keep(&self.chosen(most));
        }
    }

    fn keep(&mut self, rows: &[usize]) {
        let of_rows = |values: &Vec<f64>| rows.iter().map(|row| values[*row]).collect();
        let values: Vec<Vec<f64>> = self.values.iter().map(of_rows).collect();
        self.labels = of_rows(&self.labels);
        self.values = values;
    }

    /// Most rows that are learnt from.
    fn most(&self) -> usize {
        MAX_TRAINING_ROWS.min(MAX_TRAINING_VALUES / self.values.len().max(1))
    }

    fn chosen(&self, most: usize) -> Vec<usize> {
        let values: Vec<&[f64]> = self.values.iter().map(Vec::as_slice).collect();
        chosen(&values, &self.labels, most)
    }

    /// Learns the losses of the rows, whose features have these names.
    ///
    /// # Errors
    /// If there are too few rows to learn from, too many columns, or not as many as names.
    pub fn train(&self, columns: &[&str]) -> Result<LossModel, Absence> {
        if columns.len() + 1 != self.values.len() {
            return Err(UNLIKE_COLUMNS);
        }
        let most = self.most();
        if most < MIN_TRAINING_ROWS {
            return Err(TOO_MANY_COLUMNS);
        }
        let chosen = self.chosen(most);
        if chosen.len() < MIN_TRAINING_ROWS {
            return Err(TOO_FEW_ROWS);
        }
        let of_chosen = |values: &Vec<f64>| chosen.iter().map(|row| plain(values[*row])).collect();
        let values: Vec<Vec<f64>> = self.values.iter().map(of_chosen).collect();
        let inputs: Vec<Input> = values.iter().map(|values| Input::of(values)).collect();
        let bins_of =
            |row: usize| inputs.iter().zip(&values).map(move |(input, values)| input.bin(values[row]));
        let bins: Vec<u8> = (0..chosen.len()).flat_map(bins_of).collect();
        let predictions = self.values.last().map(Vec::as_slice).unwrap_or_default();
        let errors = chosen.iter().map(|row| (predictions[*row] - self.labels[*row]).abs());
        let absolute = Target::of(errors.clone().collect());
        let squared = Target::of(errors.map(|error| error * error).collect());
        // Each takes as long as the other.
        let (absolute, squared) = thread::scope(|scope| {
            let absolute = scope.spawn(|| Trees::grown(&bins, &absolute));
            let squared = Trees::grown(&bins, &squared);
            (absolute.join().ok().flatten(), squared)
        });
        Ok(LossModel {
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            inputs,
            rows: chosen.len() as u64,
            absolute: absolute.ok_or(LEARNER_FAILED)?,
            squared: squared.ok_or(LEARNER_FAILED)?,
        })
    }
}

/// Learns the losses of labelled rows at once, as a [`Sample`] of them does.
#[cfg(test)]
pub(crate) fn train(
    columns: &[&str],
    rows: &[Vec<f64>],
    predictions: &[f64],
    labels: &[f64],
) -> Result<LossModel, Absence> {
    let is_as_long = |values: &Vec<f64>| values.len() == labels.len();
    if columns.len() != rows.len() || predictions.len() != labels.len() || !rows.iter().all(is_as_long) {
        return Err(UNLIKE_COLUMNS);
    }
    let mut sample = Sample::of_columns(columns.len());
    sample.add(rows, predictions, labels);
    sample.train(columns)
}

/// At most `most` of the rows that can be learnt from, those with the least hashes, in an order that is their own.
fn chosen(values: &[&[f64]], labels: &[f64], most: usize) -> Vec<usize> {
    let predictions = values.last().copied().unwrap_or_default();
    let has_loss = |row: &usize| {
        let error = predictions[*row] - labels[*row];
        (error * error).is_finite()
    };
    let of_row = |row: usize| values.iter().chain([&labels]).map(move |values| plain(values[row]));
    let mut bytes = Vec::with_capacity(8 * (values.len() + 1));
    let mut hashed: Vec<(u64, usize)> = (0..labels.len())
        .filter(has_loss)
        .map(|row| {
            bytes.clear();
            of_row(row).for_each(|value| bytes.extend(value.to_bits().to_le_bytes()));
            (xxh3_64(&bytes), row)
        })
        .collect();
    let by_content = |(hash, row): &(u64, usize), (other_hash, other): &(u64, usize)| {
        let differing =
            || of_row(*row).zip(of_row(*other)).map(|(a, b)| a.total_cmp(&b)).find(|order| order.is_ne());
        hash.cmp(other_hash).then_with(|| differing().unwrap_or(Ordering::Equal))
    };
    if hashed.len() > most {
        hashed.select_nth_unstable_by(most, by_content);
        hashed.truncate(most);
    }
    hashed.sort_unstable_by(by_content);
    hashed.into_iter().map(|(_, row)| row).collect()
}

/// One of the many ways to write a zero, and a NaN.
fn plain(value: f64) -> f64 {
    if value.is_nan() { f64::NAN } else { value + 0.0 }
}

impl LossModel {
    /// Names of the features, in the order in which [`Self::predict`] expects them.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// What was seen of each feature, in order, and last of the prediction.
    pub fn bounds(&self) -> impl ExactSizeIterator<Item = Bounds> + '_ {
        self.inputs.iter().map(Input::bounds)
    }

    /// Rows it was trained on.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Tells the losses of rows: `columns` are the values of each feature, in the order of [`Self::columns`], and last the
    /// predictions. A row whose prediction is missing is told as if it had the median; who does not want that, leaves it out.
    ///
    /// # Errors
    /// If the columns are not as many as inputs, or not of one length; `into` is then as it was.
    pub fn predict(&self, columns: &[&[f64]], into: &mut Losses) -> Result<(), Mismatch> {
        let width = self.inputs.len();
        if columns.len() != width {
            return Err(Mismatch::Columns { expected: width, found: columns.len() });
        }
        let rows = columns.first().map_or(0, |values| values.len());
        if columns.iter().any(|values| values.len() != rows) {
            return Err(Mismatch::Lengths);
        }
        into.bins.clear();
        into.outside = 0;
        for row in 0..rows {
            let mut is_outside = false;
            for (input, values) in self.inputs.iter().zip(columns) {
                let value = values[row];
                into.bins.push(input.bin(value));
                is_outside |= input.is_outside(value);
            }
            into.outside += u64::from(is_outside);
        }
        into.absolute.clear();
        into.absolute.extend(into.bins.chunks_exact(width).map(|bins| self.absolute.loss(bins)));
        into.squared.clear();
        into.squared.extend(into.bins.chunks_exact(width).map(|bins| self.squared.loss(bins)));
        Ok(())
    }
}

impl Losses {
    /// Estimated mean absolute error of the rows, in the label's unit. `None` without rows.
    pub fn mean_absolute_error(&self) -> Option<f64> {
        mean(&self.absolute)
    }

    /// Estimated root mean squared error of the rows, in the label's unit. `None` without rows.
    pub fn root_mean_squared_error(&self) -> Option<f64> {
        mean(&self.squared).map(f64::sqrt)
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

impl TryFrom<Kept> for LossModel {
    type Error = Mismatch;

    fn try_from(kept: Kept) -> Result<Self, Mismatch> {
        let Kept { columns, inputs, rows, absolute, squared } = kept;
        let cuts: Vec<usize> = inputs.iter().map(Input::num_cuts).collect();
        let fits = inputs.len() == columns.len() + 1
            && inputs.iter().all(Input::fits)
            && absolute.fit(&cuts)
            && squared.fit(&cuts);
        if fits { Ok(Self { columns, inputs, rows, absolute, squared }) } else { Err(Mismatch::Parts) }
    }
}

#[cfg(test)]
mod tests;
