//! Chance: every random draw of the simulator, from streams that are named by what they are for.
//!
//! A stream is fixed by (seed, model, purpose, day), and each row has its own sub-stream in it. So a row can be drawn
//! again without the rows before it, which is how labels are written weeks after their requests in constant memory, and
//! no day depends on another. There is no global generator here, and there must be none.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Exp1, StandardNormal};

/// What a stream is for. Two purposes never share a draw.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// The rows of a day of live traffic.
    Traffic = 1,
    /// After how many days each label of that traffic becomes known.
    LabelDelay = 2,
    /// The held-out rows of the baseline table.
    Validation = 3,
    /// How many seconds a job starts later than planned.
    Jitter = 4,
}

/// A source of draws for one (seed, model, purpose, day).
pub(crate) struct Chance {
    rng: ChaCha8Rng,
}

impl Chance {
    /// The stream of these four. `model` is the model's own number.
    pub(crate) fn new(seed: u64, model: u64, purpose: Purpose, day: u64) -> Self {
        let mut key = [0; 32];
        let words = [seed, model, purpose as u64, day];
        for (bytes, word) in key.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        Self { rng: ChaCha8Rng::from_seed(key) }
    }

    /// Moves to the start of row `row`'s own sub-stream.
    pub(crate) fn turn_to_row(&mut self, row: u64) {
        self.rng.set_stream(row);
        self.rng.set_word_pos(0);
    }

    /// A number between 0 and 1, 1 excluded.
    pub(crate) fn unit(&mut self) -> f64 {
        self.rng.random()
    }

    /// True in `share` of all draws.
    pub(crate) fn happens(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// One of `others` by their shares, or `first`, which gets what they leave of 1.
    pub(crate) fn pick<T: Copy>(&mut self, first: T, others: &[(T, f64)]) -> T {
        let mut at = self.unit();
        for (choice, share) in others {
            if at < *share {
                return *choice;
            }
            at -= share;
        }
        first
    }

    /// A normal value.
    pub(crate) fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        mean + deviation * self.rng.sample::<f64, _>(StandardNormal)
    }

    /// A log-normal value with this median; `spread` is the standard deviation of its logarithm.
    pub(crate) fn log_normal(&mut self, median: f64, spread: f64) -> f64 {
        median * self.normal(0.0, spread).exp()
    }

    /// A gamma value of whole `shape`: the time until as many events, `scale` apart on average, have happened.
    pub(crate) fn gamma(&mut self, shape: u32, scale: f64) -> f64 {
        (0..shape).map(|_| scale * self.rng.sample::<f64, _>(Exp1)).sum()
    }

    /// A Poisson count, at most `most`.
    pub(crate) fn poisson(&mut self, mean: f64, most: i32) -> i32 {
        let mut elapsed = self.gamma(1, 1.0);
        let mut count = 0;
        while elapsed < mean && count < most {
            elapsed += self.gamma(1, 1.0);
            count += 1;
        }
        count
    }
}

/// `value` with so many decimals, as a service would log it.
pub(crate) fn rounded(value: f64, decimals: i32) -> f64 {
    let unit = 10_f64.powi(decimals);
    (value * unit).round() / unit
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(chance: &mut Chance) -> Vec<f64> {
        (0..100).map(|_| chance.unit()).collect()
    }

    #[test]
    fn the_same_name_gives_the_same_draws() {
        let mut one = Chance::new(7, 1, Purpose::Traffic, 3);
        let mut two = Chance::new(7, 1, Purpose::Traffic, 3);
        assert_eq!(draws(&mut one), draws(&mut two));
    }

    #[test]
    fn seed_model_purpose_and_day_each_change_the_draws() {
        let first = draws(&mut Chance::new(7, 1, Purpose::Traffic, 3));
        for mut other in [
            Chance::new(8, 1, Purpose::Traffic, 3),
            Chance::new(7, 2, Purpose::Traffic, 3),
            Chance::new(7, 1, Purpose::LabelDelay, 3),
            Chance::new(7, 1, Purpose::Traffic, 4),
        ] {
            assert_ne!(draws(&mut other), first);
        }
    }

    #[test]
    fn a_row_is_the_same_whatever_was_drawn_before() {
        let mut fresh = Chance::new(7, 1, Purpose::Traffic, 3);
        fresh.turn_to_row(5);
        let mut used = Chance::new(7, 1, Purpose::Traffic, 3);
        used.turn_to_row(4);
        draws(&mut used);
        used.turn_to_row(5);
        assert_eq!(draws(&mut fresh), draws(&mut used));
    }

    #[test]
    fn means_are_as_named() {
        let mut chance = Chance::new(7, 1, Purpose::Traffic, 0);
        let mut mean =
            |draw: fn(&mut Chance) -> f64| (0..20_000).map(|_| draw(&mut chance)).sum::<f64>() / 20_000.0;
        assert!((mean(|c| c.normal(3.0, 2.0)) - 3.0).abs() < 0.06);
        assert!((mean(|c| c.gamma(5, 2.0)) - 10.0).abs() < 0.15);
        assert!((mean(|c| f64::from(c.poisson(1.7, 99))) - 1.7).abs() < 0.04);
        assert!((mean(|c| c.pick(0.0, &[(1.0, 0.25), (2.0, 0.25)])) - 0.75).abs() < 0.03);
        assert!((mean(|c| f64::from(u8::from(c.happens(0.2)))) - 0.2).abs() < 0.012);
        assert!((mean(|c| c.log_normal(2.0, 0.5).ln()) - 2_f64.ln()).abs() < 0.015);
    }
}
