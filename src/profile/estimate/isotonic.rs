//! Isotonic regression: the chance of the positive class by score, never falling.
//!
//! **Method** pool adjacent violators, weighted by rows: where a score comes true less often than a lower one, both share their
//! rate. Between scores a straight line, beyond them the rate at the end, as scikit-learn's
//! `IsotonicRegression(out_of_bounds="clip")`.
//! **Source** Ayer et al. (1955), Ann. Math. Stat. 26(4), 641–647; Zadrozny & Elkan (2002), Proc. KDD 8, 694–699.

use crate::profile::distribution::Place;

/// Knots of a line that never falls, in the order of scores.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Isotonic {
    knots: Vec<(f64, f64)>,
}

/// Neighbouring scores with one rate.
struct Block {
    positives: u64,
    rows: u64,
    /// Up to which of the places.
    end: usize,
}

impl Block {
    /// Whether it comes true no less often than `next`. Whole numbers, so that a tie is one.
    fn is_above(&self, next: &Self) -> bool {
        let weighed = |ours: &Self, theirs: &Self| u128::from(ours.positives) * u128::from(theirs.rows);
        weighed(self, next) >= weighed(next, self)
    }
}

impl Isotonic {
    /// The line through `places`, in the order of scores: rows of the positive class beside others.
    pub fn fit(places: &[Place]) -> Self {
        let mut blocks: Vec<Block> = Vec::new();
        for (index, Place { counts: (positives, negatives), .. }) in places.iter().enumerate() {
            let mut block = Block { positives: *positives, rows: positives + negatives, end: index + 1 };
            while let Some(before) = blocks.pop_if(|before| before.is_above(&block)) {
                block.positives += before.positives;
                block.rows += before.rows;
            }
            blocks.push(block);
        }
        let mut knots = Vec::new();
        let mut from = 0;
        for Block { positives, rows, end } in blocks {
            let rate = positives as f64 / rows as f64;
            // Within a block the line is level: its ends say it all.
            let ends = places[from..end].first().zip(places[from..end].last());
            knots.extend(ends.map(|(first, _)| (first.low, rate)));
            knots.extend(
                ends.filter(|(first, last)| first.low < last.high).map(|(_, last)| (last.high, rate)),
            );
            from = end;
        }
        Self { knots }
    }

    /// The chance at `score`.
    pub fn at(&self, score: f64) -> f64 {
        let after = self.knots.partition_point(|(knot, _)| *knot <= score);
        let before = after.checked_sub(1).and_then(|before| self.knots.get(before));
        match (before, self.knots.get(after)) {
            (Some((_, chance)), None) | (None, Some((_, chance))) => *chance,
            (Some((low, from)), Some((high, upto))) => from + (upto - from) * ((score - low) / (high - low)),
            (None, None) => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(score: f64, positives: u64, negatives: u64) -> Place {
        Place { low: score, high: score, counts: (positives, negatives) }
    }

    #[test]
    fn a_line_never_falls_and_is_straight_between_scores() {
        // 1/2 and 1/4 share 2/6; then 3/4.
        let line = Isotonic::fit(&[place(0.1, 1, 1), place(0.3, 1, 3), place(0.7, 3, 1)]);
        let expected = [
            (0.0, 1.0 / 3.0),
            (0.1, 1.0 / 3.0),
            (0.2, 1.0 / 3.0),
            (0.3, 1.0 / 3.0),
            (0.7, 0.75),
            (1.0, 0.75),
        ];
        for (score, chance) in expected {
            assert!((line.at(score) - chance).abs() < 1e-15, "{score}");
        }
        let half_way = (1.0 / 3.0 + 0.75) / 2.0;
        assert!((line.at(0.5) - half_way).abs() < 1e-15);
    }

    #[test]
    fn rows_of_a_bucket_have_one_chance() {
        let bucket = Place { low: 0.2, high: 0.4, counts: (1, 3) };
        let line = Isotonic::fit(&[bucket, place(0.6, 1, 0)]);
        assert_eq!([0.2, 0.3, 0.4].map(|score| line.at(score)), [0.25; 3]);
        assert!((line.at(0.5) - 0.625).abs() < 1e-15);
    }
}
