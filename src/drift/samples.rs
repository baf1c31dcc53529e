//! Rows for tests of several columns at once.
#![allow(clippy::unwrap_used)]

use crate::profile::covariance::{Bounds, CovarianceState, Moments, Reference, Room, Scale};

/// A stream of numbers that are as good as independent.
pub(super) struct Stream(pub(super) u64);

impl Stream {
    pub(super) fn uniform(&mut self) -> f64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(super) fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.uniform()).ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Rows that are given column by column; each row is made of normal numbers.
    pub(super) fn columns(&mut self, rows: usize, row: impl Fn(&mut Self) -> Vec<f64>) -> Vec<Vec<f64>> {
        let rows: Vec<Vec<f64>> = (0..rows).map(|_| row(self)).collect();
        let width = rows.first().map_or(0, Vec::len);
        (0..width).map(|column| rows.iter().map(|row| row[column]).collect()).collect()
    }
}

/// The reference that a baseline gives.
pub(super) fn reference(columns: &[Vec<f64>]) -> Reference {
    let scale = |(i, values): (usize, &Vec<f64>)| {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n;
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |percent: usize| sorted[(values.len() * percent).div_ceil(100) - 1];
        let percentiles: Vec<f64> = (1..100).map(at).collect();
        let bounds = Bounds::of(&percentiles, (sorted[0], at(100)));
        Scale::of_numbers(&format!("{i:02}"), mean, variance.sqrt(), bounds)
    };
    Reference::new(columns.iter().enumerate().map(scale).collect()).unwrap()
}

/// The state of rows that are given column by column, and the ids of their scales.
pub(super) fn state(reference: &Reference, columns: &[Vec<f64>]) -> (CovarianceState, Vec<u64>) {
    let place = |scale: &Scale| scale.column().parse::<usize>().unwrap();
    let mut state = CovarianceState::default();
    let given: Vec<&[f64]> =
        reference.scales().iter().map(|scale| columns[place(scale)].as_slice()).collect();
    state.add_all(reference, &given, &mut Room::default()).unwrap();
    let mut scales: Vec<&Scale> = reference.scales().iter().collect();
    scales.sort_by_key(|scale| place(scale));
    (state, scales.into_iter().map(Scale::id).collect())
}

pub(super) fn standardized(reference: &Reference, columns: &[Vec<f64>]) -> Moments {
    let (state, scales) = state(reference, columns);
    state.standardized(&scales)
}

pub(super) fn bounded(reference: &Reference, columns: &[Vec<f64>]) -> Moments {
    let (state, scales) = state(reference, columns);
    state.bounded(&scales)
}
