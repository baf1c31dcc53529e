//! The state of a column of numbers.

mod extent;
mod integers;

use extent::Extent;
use integers::Integers;
use serde::{Deserialize, Serialize};

use super::distinct::Distinct;
use super::distribution::{Distribution, Edges, Ranks};
use super::exact_sum::{ExactSum, LEAST_VARIANCE, Slots};
use super::reason::Absence;

/// Numbers that are looked at from all sides before the next: 16 KiB, which stay in the processor's nearest memory.
const CHUNK: usize = 1 << 11;

const SQUARES: Absence = Absence::new("squares of the values are beyond the range of a double");

/// All that is remembered of a column of numbers. Merging states gives the state of all rows.
///
/// NaN and infinities are values, but lie nowhere: they are counted, and are in no other statistic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NumericState {
    /// Values that are not NULL, NaN and infinities included.
    pub count: u64,
    /// Values that are NULL.
    pub num_nulls: u64,
    /// Values that are NaN.
    pub num_nan: u64,
    /// Values that are infinite.
    pub num_infinite: u64,
    /// Values that are zero.
    pub num_zeros: u64,
    /// Finite values below zero.
    pub num_negative: u64,
    /// Positive and negative infinity seen: two of the distinct values.
    infinities: [bool; 2],
    /// Where finite values lie.
    pub distribution: Distribution,
    extremes: Option<(f64, f64)>,
    sum: ExactSum,
    squares: ExactSum,
    /// Finite values whose square is beyond a double.
    num_unsquared: u64,
    pub(super) distinct: Distinct,
}

/// Room to work in.
#[derive(Debug, Default)]
pub struct Room {
    slots: Slots,
    integers: Integers,
}

impl NumericState {
    /// From now on tells values at `edges` apart. Only while there are none.
    pub fn pin(&mut self, edges: &Edges) {
        self.distribution.pin(edges);
    }

    /// Counts one value.
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        if !value.is_finite() {
            if value.is_nan() {
                self.num_nan += 1;
            } else {
                self.num_infinite += 1;
                self.infinities[usize::from(value < 0.0)] = true;
            }
            return;
        }
        self.num_zeros += u64::from(value == 0.0);
        self.num_negative += u64::from(value < 0.0);
        self.reach(value, value);
        self.sum.add(value);
        if !self.squares.add_square(value) {
            self.num_unsquared += 1;
        }
        self.place(std::iter::once(value), |distribution| distribution.extend(&[value]));
    }

    /// Counts many values: the same as one after the other, and faster.
    pub fn add_all(&mut self, values: &[f64], room: &mut Room) {
        let Room { slots, integers } = room;
        if let Some(counted) = integers.count(values) {
            return self.add_counted(counted);
        }
        for values in values.chunks(CHUNK) {
            match Extent::of(values) {
                Some(extent) => self.add_finite(values, extent, slots),
                None => values.iter().for_each(|value| self.add(*value)),
            }
        }
    }

    /// Counts small whole numbers, which are in order, each as often as it says.
    fn add_counted(&mut self, counted: &[(f64, u64)]) {
        let ([(min, _), ..], [.., (max, _)]) = (counted, counted) else { return };
        self.reach(*min, *max);
        // Sums of these are whole, and not beyond what a double holds exactly.
        let (mut sum, mut squares) = (0.0, 0.0);
        for (value, count) in counted {
            self.count += count;
            self.num_zeros += if *value == 0.0 { *count } else { 0 };
            self.num_negative += if *value < 0.0 { *count } else { 0 };
            sum += value * *count as f64;
            squares += value * value * *count as f64;
        }
        self.sum.add(sum);
        self.squares.add(squares);
        let values = counted.iter().map(|(value, _)| *value);
        self.place(values, |distribution| distribution.extend_counted(counted));
    }

    /// Counts finite values, which reach as far as `extent` says.
    fn add_finite(&mut self, values: &[f64], extent: Extent, slots: &mut Slots) {
        self.count += values.len() as u64;
        self.num_zeros += extent.zeros;
        self.num_negative += extent.negative;
        self.reach(extent.min, extent.max);
        self.num_unsquared += slots.add(values, &mut self.sum, &mut self.squares);
        self.place(values.iter().copied(), |distribution| distribution.extend(values));
    }

    /// Notes extremes.
    fn reach(&mut self, min: f64, max: f64) {
        let (least, greatest) = self.extremes.unwrap_or((min, max));
        // −0 becomes 0, so that the extremes do not tell which zero came first.
        self.extremes = Some((least.min(min) + 0.0, greatest.max(max) + 0.0));
    }

    /// Notes by `note` where finite `values` lie, and that they are there.
    fn place(&mut self, values: impl Iterator<Item = f64>, note: impl FnOnce(&mut Distribution)) {
        let was_exact = self.distribution.is_exact();
        note(&mut self.distribution);
        if !was_exact {
            self.distinct.add_numbers(values);
        }
        if self.distribution.is_crowded() {
            if was_exact {
                // From here on the sketch counts, and must know them all.
                self.know_all();
            }
            self.distribution.settle();
        }
    }

    /// Tells the sketch the values that have been counted one by one.
    fn know_all(&mut self) {
        let Self { distribution, distinct, .. } = self;
        distinct.add_numbers(distribution.exact_values());
    }

    /// Counts NULLs.
    pub fn add_nulls(&mut self, count: u64) {
        self.num_nulls += count;
    }

    /// Adds the rows of another state.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.num_nulls += other.num_nulls;
        self.num_nan += other.num_nan;
        self.num_infinite += other.num_infinite;
        self.num_zeros += other.num_zeros;
        self.num_negative += other.num_negative;
        self.num_unsquared += other.num_unsquared;
        for (ours, theirs) in self.infinities.iter_mut().zip(other.infinities) {
            *ours |= theirs;
        }
        self.extremes = match (self.extremes, other.extremes) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (ours, theirs) => ours.or(theirs),
        };
        self.sum.merge(&other.sum);
        self.squares.merge(&other.squares);
        let known: Vec<f64> =
            self.distribution.exact_values().chain(other.distribution.exact_values()).collect();
        self.distribution.merge(&other.distribution);
        self.distinct.merge(&other.distinct);
        if !self.distribution.is_exact() {
            self.distinct.add_numbers(known.into_iter());
        }
    }

    /// Finite values.
    pub fn finite(&self) -> u64 {
        self.count - self.num_nan - self.num_infinite
    }

    /// Least and greatest finite value.
    pub fn extremes(&self) -> Option<(f64, f64)> {
        self.extremes
    }

    /// Sum of finite values, rounded once; `None` if it is beyond the range of a double.
    pub fn sum(&self) -> Option<f64> {
        self.sum.mean(1).filter(|sum| sum.is_finite())
    }

    /// Mean of finite values.
    pub fn avg(&self) -> Option<f64> {
        self.sum.mean(self.finite()).filter(|mean| mean.is_finite())
    }

    /// Standard deviation of finite values with n − 1. Absent for fewer than two, or if squares are beyond a
    /// double: too large for one of the values, or too small for what lies between them.
    pub fn stddev(&self) -> Result<f64, Absence> {
        let finite = self.finite();
        let (min, max) = self.extremes.ok_or(Absence::new("no value is finite"))?;
        if finite == 1 {
            return Err(Absence::new("there is only one finite value"));
        }
        if min == max {
            return Ok(0.0);
        }
        let variance = ExactSum::variance(&self.sum, &self.squares, finite, finite - 1)
            .filter(|variance| self.num_unsquared == 0 && (LEAST_VARIANCE..=f64::MAX).contains(variance));
        variance.map(f64::sqrt).ok_or(SQUARES)
    }

    /// Number of different values: NaN is one.
    pub fn distinct_count(&self) -> u64 {
        let finite = if self.distinct.is_empty() {
            self.distribution.buckets_in_use() as u64
        } else {
            self.distinct.estimate().max(self.distribution.buckets_in_use() as u64)
        };
        let infinities = self.infinities.iter().filter(|seen| **seen).count() as u64;
        (finite + infinities + u64::from(self.num_nan > 0)).min(self.count)
    }

    /// Quantiles of finite values.
    pub fn ranks(&self) -> Option<Ranks> {
        let (min, max) = self.extremes?;
        Some(Ranks::new(&self.distribution, min, max))
    }

    /// Brings the state into its one form, so that equal states have equal bytes.
    pub fn settle(&mut self) {
        if self.distribution.is_overfull() {
            self.know_all();
        }
        self.distribution.settle();
        self.sum.settle();
        self.squares.settle();
    }

    /// Bytes held in memory.
    pub fn size(&self) -> usize {
        size_of::<Self>()
            + self.distribution.size()
            + self.sum.size()
            + self.squares.size()
            + self.distinct.size()
    }
}

#[cfg(test)]
mod tests;
