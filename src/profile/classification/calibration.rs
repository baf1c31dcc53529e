//! Calibration: how often labelled rows of about the same probability are of the positive class.
//!
//! Ten bins of equal width, as scikit-learn's `calibration_curve(strategy="uniform", n_bins=10)` has them.

use serde::{Deserialize, Serialize};

/// How many bins there are.
const BINS: usize = 10;

/// Of how many units a probability of 1 is: as many as a double near to it can tell apart. Whole numbers add in any order.
const UNITS: f64 = (1u64 << 52) as f64;

/// Labelled rows by probability.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calibration {
    bins: [Bin; BINS],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Bin {
    rows: u64,
    /// Those of them that are of the positive class.
    positives: u64,
    /// Sum of probabilities.
    units: u128,
}

impl Calibration {
    /// Adds rows with these probabilities, all of the positive class or all not.
    pub fn add_all(&mut self, probabilities: &[f64], positive: bool) {
        for probability in probabilities {
            let bin = &mut self.bins[place(*probability)];
            bin.rows += 1;
            bin.positives += u64::from(positive);
            bin.units += u128::from((probability * UNITS).round() as u64);
        }
    }

    /// Adds the rows of another.
    pub fn merge(&mut self, other: &Self) {
        for (bin, more) in self.bins.iter_mut().zip(&other.bins) {
            bin.rows += more.rows;
            bin.positives += more.positives;
            bin.units += more.units;
        }
    }

    /// Expected calibration error: `Σ (n_b / n) · |mean label − mean probability|` over the bins `b`, where the label is 1 of the
    /// positive class and else 0. From 0, where every bin comes true as often as it says, to 1. `None` of no rows.
    ///
    /// Naeini, Cooper & Hauskrecht (2015), Proc. AAAI 29, 2901–2907.
    pub fn error(&self) -> Option<f64> {
        let rows: u64 = self.bins.iter().map(|bin| bin.rows).sum();
        // The bin's rows cancel: what is left is the distance of two sums.
        let apart = |bin: &Bin| (bin.positives as f64 - bin.units as f64 / UNITS).abs();
        (rows > 0).then(|| self.bins.iter().map(apart).sum::<f64>() / rows as f64)
    }
}

/// The bin of a probability: one at an edge is in the bin below it.
fn place(probability: f64) -> usize {
    // These products are the edges that NumPy's `linspace(0, 1, 11)` has.
    (1..BINS).map(|edge| usize::from(edge as f64 * 0.1 < probability)).sum()
}
