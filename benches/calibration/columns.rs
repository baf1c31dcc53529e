//! Twenty columns, as inference tables have them, and rows of them that are drawn.
//!
//! What a window looks like depends on its place and on the seed alone.

use std::sync::LazyLock;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Binomial, Distribution as _, Exp1, LogNormal, Normal, Pareto, Poisson, StandardNormal};
use secchi::profile::distribution::Edges;
use secchi::profile::numeric::{NumericState, Room};
use secchi::profile::pinned::deciles;
use secchi::profile::text::TextState;
use secchi::profile::{ColumnInfo, ColumnState, Kind, Role};

/// A column: what its values are drawn from, and the share of NULLs.
pub struct Column {
    pub name: &'static str,
    law: Law,
    nulls: f64,
}

enum Law {
    Normal(f64, f64),
    /// Of its logarithm.
    LogNormal(f64, f64),
    Exponential,
    Uniform,
    /// Whole numbers.
    Poisson(f64),
    /// No variance.
    Pareto,
    /// Three in five are 0.
    Zeros,
    /// Hundredths.
    Cents,
    /// Names with these shares.
    Names(Vec<f64>),
}

/// What is done to the rows of a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shift {
    /// The mean, by so many standard deviations.
    Mean(f64),
    /// The standard deviation, by this factor.
    Scale(f64),
    /// One name's share, by so many percentage points.
    Share(f64),
    /// NULLs, by so many percentage points.
    Nulls(f64),
}

impl Shift {
    /// The column that it is done to.
    pub fn column(self) -> &'static str {
        match self {
            Self::Mean(_) | Self::Scale(_) => "normal",
            Self::Share(_) => "names_4",
            Self::Nulls(_) => "uniform",
        }
    }
}

/// The columns.
pub static COLUMNS: LazyLock<Vec<Column>> = LazyLock::new(|| {
    let number = |name, nulls, law| Column { name, law, nulls };
    let names = |name, nulls, shares: Vec<f64>| {
        let all: f64 = shares.iter().sum();
        Column { name, law: Law::Names(shares.iter().map(|share| share / all).collect()), nulls }
    };
    let zipf = |count: u32| (1..=count).map(|rank| 1.0 / f64::from(rank)).collect::<Vec<f64>>();
    vec![
        number("normal", 0.0, Law::Normal(0.0, 1.0)),
        number("offset", 0.02, Law::Normal(1e6, 250.0)),
        number("log_normal", 0.005, Law::LogNormal(3.0, 1.0)),
        number("exponential", 0.0, Law::Exponential),
        number("uniform", 0.05, Law::Uniform),
        number("few_integers", 0.0, Law::Poisson(3.0)),
        number("integers", 0.1, Law::Poisson(40.0)),
        number("heavy_tail", 0.0, Law::Pareto),
        number("mostly_zero", 0.02, Law::Zeros),
        number("price", 0.3, Law::Cents),
        names("coin", 0.0, vec![0.5, 0.5]),
        names("rare_flag", 0.02, vec![0.995, 0.005]),
        names("names_3", 0.0, vec![0.6, 0.3, 0.1]),
        names("names_4", 0.05, vec![0.3, 0.25, 0.25, 0.2]),
        names("names_6", 0.001, vec![32.0, 16.0, 8.0, 4.0, 2.0, 1.0]),
        names("names_10", 0.0, zipf(10)),
        names("names_25", 0.1, zipf(25)),
        names("names_60", 0.005, zipf(60)),
        names("names_200", 0.0, zipf(200)),
        names("names_1000", 0.02, zipf(1000)),
    ]
});

/// A source of draws for one column of one window.
pub fn draws(seed: [u64; 3], column: usize) -> ChaCha8Rng {
    let mut key = [0; 32];
    for (bytes, word) in key.chunks_exact_mut(8).zip([seed[0], seed[1], seed[2], column as u64]) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// So many of `rows` as have something of which each row has this chance.
pub fn count(rng: &mut ChaCha8Rng, rows: u64, chance: f64) -> u64 {
    Binomial::new(rows, chance.clamp(0.0, 1.0)).expect("a chance").sample(rng)
}

impl Column {
    pub fn info(&self) -> ColumnInfo {
        let (kind, data_type) = match self.law {
            Law::Names(_) => (Kind::Text, "string"),
            _ => (Kind::Numeric, "double"),
        };
        ColumnInfo { name: self.name.to_owned(), data_type: data_type.to_owned(), kind, role: Role::Feature }
    }

    /// The state of `rows` rows that are drawn; numbers are told apart at `edges`.
    pub fn drawn(&self, rng: &mut ChaCha8Rng, rows: u64, shift: Option<Shift>, edges: &Edges) -> ColumnState {
        let nulls = self.nulls + if let Some(Shift::Nulls(points)) = shift { points / 100.0 } else { 0.0 };
        let nulls = count(rng, rows, nulls);
        let rows = rows - nulls;
        if let Law::Names(shares) = &self.law {
            let mut state = TextState::default();
            state.add_nulls(nulls);
            // One name gets the points that the others lose.
            let moved = if let Some(Shift::Share(points)) = shift { points / 100.0 } else { 0.0 };
            let last = shares.last().copied().unwrap_or_default();
            let (mut left, mut chance) = (rows, 1.0);
            for (rank, share) in shares.iter().enumerate().rev() {
                let is_last = rank + 1 == shares.len();
                let share = if is_last { share + moved } else { share * (1.0 - last - moved) / (1.0 - last) };
                let with = if rank == 0 { left } else { count(rng, left, share / chance) };
                if with > 0 {
                    state.add(&format!("name {rank}"), with);
                }
                left -= with;
                chance -= share;
            }
            return ColumnState::Text(state);
        }
        let mut values: Vec<f64> = (0..rows).map(|_| self.number(rng)).collect();
        match shift {
            Some(Shift::Mean(by)) => values.iter_mut().for_each(|value| *value += by),
            Some(Shift::Scale(by)) => values.iter_mut().for_each(|value| *value *= by),
            _ => {}
        }
        let mut state = NumericState::default();
        state.pin(edges);
        state.add_nulls(nulls);
        state.add_all(&values, &mut Room::default());
        state.settle();
        ColumnState::Numeric(state)
    }

    fn number(&self, rng: &mut ChaCha8Rng) -> f64 {
        match self.law {
            Law::Normal(mean, deviation) => Normal::new(mean, deviation).expect("a law").sample(rng),
            Law::LogNormal(mean, deviation) => LogNormal::new(mean, deviation).expect("a law").sample(rng),
            Law::Exponential => rng.sample(Exp1),
            Law::Uniform => rng.random(),
            Law::Poisson(mean) => Poisson::new(mean).expect("a law").sample(rng),
            Law::Pareto => Pareto::new(1.0, 1.5).expect("a law").sample(rng),
            Law::Zeros if rng.random::<f64>() < 0.6 => 0.0,
            Law::Zeros => rng.sample::<f64, _>(StandardNormal).exp(),
            Law::Cents => (100.0 * rng.sample::<f64, _>(StandardNormal).exp()).round() / 100.0,
            Law::Names(_) => f64::NAN,
        }
    }
}

/// The states of the columns over a baseline, and where each is cut.
pub fn baseline(seed: [u64; 2], rows: u64) -> (Vec<ColumnState>, Vec<Edges>) {
    let mut states = window([seed[0], seed[1], 0], rows, None, &[]);
    let edges = states.iter_mut().map(cut).collect();
    (states, edges)
}

/// Cuts the state of a baseline at its deciles, if it is of numbers, and gives these.
pub fn cut(state: &mut ColumnState) -> Edges {
    match state {
        ColumnState::Numeric(state) => {
            let edges = deciles(&state.distribution);
            state.distribution.cut_between_buckets(&edges);
            edges
        }
        _ => Edges::default(),
    }
}

/// The states of the columns over a window, numbers told apart at `edges`.
pub fn window(seed: [u64; 3], rows: u64, shift: Option<Shift>, edges: &[Edges]) -> Vec<ColumnState> {
    let nowhere = Edges::default();
    let columns = COLUMNS.iter().enumerate();
    let states = columns.map(|(place, column)| {
        let shift = shift.filter(|shift| shift.column() == column.name);
        column.drawn(&mut draws(seed, place), rows, shift, edges.get(place).unwrap_or(&nowhere))
    });
    states.collect()
}

/// Labelled predictions of a window, of which so many in a hundred are right.
pub fn labelled(seed: [u64; 3], rows: u64) -> secchi::profile::classification::ClassificationState {
    let mut rng = draws(seed, COLUMNS.len());
    let mut state = secchi::profile::classification::ClassificationState::default();
    let positives = count(&mut rng, rows, 0.3);
    for (label, rows) in [("1", positives), ("0", rows - positives)] {
        let right = count(&mut rng, rows, 0.85);
        state.add(label, label, label == "1", right);
        state.add(if label == "1" { "0" } else { "1" }, label, label == "1", rows - right);
    }
    state
}
