//! What is known of one input of a loss model, and the bins its values are sorted into.
//!
//! Trees compare bins instead of values, as LightGBM's do: it makes them quick to grow and short to write, and values that
//! are infinite or beyond what was seen fall into the outermost bins by themselves.

use serde::{Deserialize, Serialize};

/// Most cuts between bins; a bin is a byte.
const MAX_CUTS: usize = 255;

/// The values of an input that were seen in training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    /// The least finite one, 0 if there was none.
    pub lowest: f64,
    /// The largest finite one, 0 if there was none.
    pub highest: f64,
}

/// One input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    bounds: Bounds,
    /// Stands for a missing value; 0 if there is no other.
    median: f64,
    /// Where one bin ends and the next begins, ascending; a value that is equal to a cut is below it.
    cuts: Vec<f64>,
}

impl Input {
    /// What `values` tell. NaNs and infinities count for nothing.
    pub fn of(values: &[f64]) -> Self {
        let mut finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        finite.sort_unstable_by(f64::total_cmp);
        let (Some(lowest), Some(highest)) = (finite.first(), finite.last()) else {
            return Self { bounds: Bounds { lowest: 0.0, highest: 0.0 }, median: 0.0, cuts: Vec::new() };
        };
        Self {
            bounds: Bounds { lowest: *lowest, highest: *highest },
            // Of an even number the lower of both in the middle: a value that there was.
            median: finite[(finite.len() - 1) / 2],
            cuts: cuts(&finite),
        }
    }

    /// Which bin a value falls into: the number of cuts that are below it.
    pub fn bin(&self, value: f64) -> u8 {
        let value = if value.is_nan() { self.median } else { value };
        let below = self.cuts.partition_point(|cut| *cut < value);
        u8::try_from(below).unwrap_or(u8::MAX)
    }

    /// Whether a value is larger or smaller than any in training.
    pub fn is_outside(&self, value: f64) -> bool {
        value < self.bounds.lowest || value > self.bounds.highest
    }

    /// What was seen in training.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Bins but for one.
    pub fn num_cuts(&self) -> usize {
        self.cuts.len()
    }

    /// Whether it is one that [`Self::of`] could have made.
    pub fn fits(&self) -> bool {
        let Bounds { lowest, highest } = self.bounds;
        lowest.is_finite()
            && highest.is_finite()
            && lowest <= self.median
            && self.median <= highest
            && self.cuts.len() <= MAX_CUTS
            && self.cuts.iter().all(|cut| lowest <= *cut && *cut < highest)
            && self.cuts.is_sorted_by(|a, b| a < b)
    }
}

/// Divides ascending values into bins that hold about as many each. A value that is more than a bin's share has one of its
/// own, and the others share what is left. With few enough different values each has its own.
fn cuts(ascending: &[f64]) -> Vec<f64> {
    let mut cuts = Vec::new();
    let mut begin = 0;
    let groups: Vec<&[f64]> = ascending.chunk_by(|a, b| a == b).collect();
    let is_few = groups.len() <= MAX_CUTS + 1;
    let mut end = 0;
    for pair in groups.windows(2) {
        end += pair[0].len();
        let share = (ascending.len() - begin) / (MAX_CUTS + 1 - cuts.len());
        let is_full = end - begin >= share.max(1);
        if (is_few || is_full) && cuts.len() < MAX_CUTS {
            cuts.push(between(pair[0][0], pair[1][0]));
            begin = end;
        }
    }
    cuts
}

/// The middle of both; the lower one where there is no number between them.
fn between(low: f64, high: f64) -> f64 {
    let middle = low / 2.0 + high / 2.0;
    if low <= middle && middle < high { middle } else { low }
}
