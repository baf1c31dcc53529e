//! How well predictions and labels agree, in one number that classes of very different sizes do not decide.
//!
//! All from the confusion matrix, as scikit-learn has them.

use super::{ClassCounts, ClassificationState};
use crate::profile::reason::Absence;

impl ClassificationState {
    /// Mean recall over the classes that labels are of.
    ///
    /// # Errors
    /// If there are no labelled rows, or too many classes.
    pub fn balanced_accuracy_score(&self) -> Result<f64, Absence> {
        Ok(balanced_accuracy(self.by_class()?.into_values()))
    }

    /// Matthews' correlation coefficient of predictions and labels, −1 to 1: 0 also where either are all of one class.
    /// Gorodkin (2004), Computational Biology and Chemistry 28(5–6), 367–374.
    ///
    /// # Errors
    /// If there are no labelled rows, or too many classes.
    pub fn matthews_corrcoef(&self) -> Result<f64, Absence> {
        Ok(self.sums()?.matthews_corrcoef())
    }

    /// Cohen's kappa, −1 to 1: how much more often predictions are right than they would be by chance, if they were as often of
    /// each class. Cohen (1960), Educ. Psychol. Meas. 20(1), 37–46.
    ///
    /// # Errors
    /// If there are no labelled rows, too many classes, or both predictions and labels are all of one class.
    pub fn cohen_kappa_score(&self) -> Result<f64, Absence> {
        let one_class = Absence::new("every prediction and every label is of one class");
        self.sums()?.cohen_kappa_score().ok_or(one_class)
    }

    fn sums(&self) -> Result<Sums, Absence> {
        Ok(Sums::of(self.by_class()?.into_values(), self.count()))
    }
}

/// Mean recall over those of `classes` that labels are of.
pub(super) fn balanced_accuracy(classes: impl Iterator<Item = ClassCounts>) -> f64 {
    let recalls: Vec<f64> = classes
        .filter(|class| class.labelled > 0)
        .map(|class| class.hits as f64 / class.labelled as f64)
        .collect();
    recalls.iter().sum::<f64>() / recalls.len() as f64
}

/// Sums over classes: whole numbers, since these measures are differences of nearly equal ones.
#[derive(Debug, Default)]
pub(super) struct Sums {
    /// Rows.
    rows: i128,
    /// Rows that are predicted right.
    right: i128,
    /// Squares of the rows predicted as a class.
    predicted: i128,
    /// Squares of the rows of a class.
    labelled: i128,
    /// Products of both.
    both: i128,
}

impl Sums {
    /// Those of `rows` rows of these classes.
    pub(super) fn of(classes: impl Iterator<Item = ClassCounts>, rows: u64) -> Self {
        let mut sums = Self { rows: i128::from(rows), ..Self::default() };
        for ClassCounts { hits, predicted, labelled } in classes {
            let (predicted, labelled) = (i128::from(predicted), i128::from(labelled));
            sums.right += i128::from(hits);
            sums.predicted += predicted * predicted;
            sums.labelled += labelled * labelled;
            sums.both += predicted * labelled;
        }
        sums
    }

    pub(super) fn matthews_corrcoef(&self) -> f64 {
        let Self { rows, right, predicted, labelled, both } = self;
        let spread = (rows * rows - predicted) as f64 * (rows * rows - labelled) as f64;
        if spread == 0.0 {
            return 0.0;
        }
        // Rounding can leave a trifle beyond 1.
        ((right * rows - both) as f64 / spread.sqrt()).clamp(-1.0, 1.0)
    }

    /// `None` if all are of one class.
    pub(super) fn cohen_kappa_score(&self) -> Option<f64> {
        let Self { rows, right, both, .. } = self;
        let by_chance = rows * rows - both;
        (by_chance != 0).then(|| 1.0 - (rows * (rows - right)) as f64 / by_chance as f64)
    }
}
