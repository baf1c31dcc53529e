//! Two distributions side by side, on the same bins by construction.
//!
//! Every measure takes one of these, so none has to check again that its two sides fit.

use crate::profile::distribution::{Distribution, Place};
use crate::profile::frequent_items::FrequentItems;

/// Counts of the comparison and of the window, in the same bins; neither side is empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Paired {
    /// (comparison, window) for each bin.
    counts: Vec<(u64, u64)>,
    total: (u64, u64),
}

impl Paired {
    /// `None` for different numbers of bins or an empty side.
    pub fn from_counts(comparison: &[u64], window: &[u64]) -> Option<Self> {
        if comparison.len() != window.len() {
            return None;
        }
        Self::of(comparison.iter().copied().zip(window.iter().copied()).collect())
    }

    fn of(counts: Vec<(u64, u64)>) -> Option<Self> {
        let total = counts.iter().fold((0, 0), |(a, b), (comparison, window)| (a + comparison, b + window));
        (total.0 > 0 && total.1 > 0).then_some(Self { counts, total })
    }

    /// Names on both sides, each a bin. A side with very many names has dropped the rare ones, and counts the others a
    /// little low: what either side does not count well is one bin on both, so that it is like compared with like.
    pub fn of_names(comparison: &FrequentItems, window: &FrequentItems) -> Option<Self> {
        let mut counts = comparison.beside(window);
        counts.retain(|(then, now)| comparison.is_known(*then) && window.is_known(*now));
        // Sums of rounded numbers need an order, and it does not matter which name a bin is of.
        counts.sort_unstable();
        let known = counts.iter().fold((0, 0), |(a, b), (then, now)| (a + then, b + now));
        let rest = (comparison.total() - known.0, window.total() - known.1);
        if rest != (0, 0) {
            counts.push(rest);
        }
        Self::of(counts)
    }

    /// (comparison, window) shares of each bin.
    pub fn shares(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        let (comparison, window) = (self.total.0 as f64, self.total.1 as f64);
        self.counts.iter().map(move |(a, b)| (*a as f64 / comparison, *b as f64 / window))
    }

    /// (comparison, window) counts of each bin.
    pub fn counts(&self) -> &[(u64, u64)] {
        &self.counts
    }

    /// (comparison, window) sums over bins.
    pub fn total(&self) -> (u64, u64) {
        self.total
    }
}

/// Two distributions of numbers on one grid: exact where both are, otherwise at the coarser resolution.
#[derive(Debug, Clone, PartialEq)]
pub struct PairedNumbers {
    /// Counts of the comparison and of the window.
    places: Vec<Place>,
    total: (u64, u64),
}

impl PairedNumbers {
    /// `None` if a side is empty.
    pub fn new(comparison: &Distribution, window: &Distribution) -> Option<Self> {
        let total = (comparison.total(), window.total());
        (total.0 > 0 && total.1 > 0).then(|| Self { places: comparison.beside(window), total })
    }

    /// (comparison, window) numbers of values.
    pub fn total(&self) -> (u64, u64) {
        self.total
    }

    /// For each place of the grid in order: its value, and the shares of both sides up to it.
    pub fn cumulative(&self) -> impl Iterator<Item = (f64, f64, f64)> + '_ {
        let mut upto = (0, 0);
        self.places.iter().map(move |place| {
            upto.0 += place.counts.0;
            upto.1 += place.counts.1;
            // The middle of a bucket is not its value, but the same for both sides.
            let value = place.low + (place.high - place.low) / 2.0;
            (value, upto.0 as f64 / self.total.0 as f64, upto.1 as f64 / self.total.1 as f64)
        })
    }

    /// Whether values share places of the grid that are not equal.
    pub fn has_buckets(&self) -> bool {
        self.places.iter().any(|place| place.low < place.high)
    }

    /// (comparison, window) counts of each place of the grid, in order.
    pub fn counts(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.places.iter().map(|place| place.counts)
    }

    /// The area between the two cumulative distributions, of which each gap counts as `of_gap` says. `None` if it is beyond the
    /// range of a double.
    pub fn area_between(&self, of_gap: impl Fn(f64) -> f64) -> Option<f64> {
        let mut before: Option<(f64, f64)> = None;
        let mut area = 0.0;
        for (value, comparison, window) in self.cumulative() {
            // No gap, no area, not even over a step beyond the range of a double.
            if let Some((last, height)) = before.filter(|(_, height)| *height > 0.0) {
                let step = value - last;
                area += if step.is_finite() { height * step } else { height * value - height * last };
            }
            before = Some((value, of_gap((window - comparison).abs())));
        }
        Some(area).filter(|area: &f64| area.is_finite())
    }

    /// Both sides in bins that end at the comparison's quantiles `1/bins, 2/bins, …`; equal ends are
    /// one. Where the lowest end is the comparison's least value, values below it have a bin of their
    /// own: otherwise a shift downwards would be invisible.
    pub fn in_quantile_bins(&self, bins: u64) -> Option<Paired> {
        // Rank of the k-th end: the least value up to which there are at least k/bins of the rows.
        let ends = (1..bins).map(|k| (k * self.total.0).div_ceil(bins));
        let mut ends: Vec<u64> = ends.collect();
        ends.dedup();
        let mut counts = vec![(0, 0)];
        let mut ends = ends.into_iter().peekable();
        let mut upto = 0;
        for Place { counts: (comparison, window), .. } in &self.places {
            let first = upto == 0 && *comparison > 0;
            upto += comparison;
            let reached = std::iter::from_fn(|| ends.next_if(|end| *end <= upto)).count() > 0;
            if first && reached && counts.last() != Some(&(0, 0)) {
                counts.push((0, 0));
            }
            if let Some(bin) = counts.last_mut() {
                bin.0 += comparison;
                bin.1 += window;
            }
            if reached {
                counts.push((0, 0));
            }
        }
        Paired::of(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(values: &[f64]) -> Distribution {
        let mut distribution = Distribution::default();
        values.iter().for_each(|value| distribution.add(*value));
        distribution
    }

    #[test]
    fn sides_must_fit_and_hold_something() {
        assert!(Paired::from_counts(&[1], &[1, 2]).is_none());
        assert!(Paired::from_counts(&[0, 0], &[1, 2]).is_none());
        assert!(PairedNumbers::new(&numbers(&[]), &numbers(&[1.0])).is_none());
    }

    /// So many rows of names, of which the n-th has a share of about 1/n.
    fn rows_of_names(rows: u32, seed: f64) -> FrequentItems {
        let mut items = FrequentItems::default();
        for row in 0..rows {
            let u = (f64::from(row) * 0.618_033_988_75 + seed).fract();
            items.add(&format!("name {}", (50_000f64.powf(u)) as u64), 1, |_| {});
        }
        items
    }

    #[test]
    fn names_that_one_side_has_dropped_are_no_drift() {
        let (few, many) = (rows_of_names(12_000, 0.1), rows_of_names(200_000, 0.7));
        assert!(few.is_exact() && !many.is_exact());
        for (comparison, window) in [(&few, &many), (&many, &few), (&many, &rows_of_names(150_000, 0.4))] {
            let shares: Vec<(f64, f64)> =
                Paired::of_names(comparison, window).map(|pair| pair.shares().collect()).unwrap_or_default();
            assert!(shares.len() > 20, "{} bins", shares.len());
            let moved: f64 = shares.iter().map(|(then, now)| (then - now).abs()).sum();
            assert!(moved < 0.05, "{moved} of {} bins", shares.len());
        }
    }

    #[test]
    fn bins_end_at_the_deciles_of_the_comparison() {
        let baseline: Vec<f64> = (1..=100).map(f64::from).collect();
        let window: Vec<f64> = (91..=110).map(f64::from).collect();
        let pair = PairedNumbers::new(&numbers(&baseline), &numbers(&window))
            .and_then(|pair| pair.in_quantile_bins(10));
        let counts = pair.map(|pair| pair.counts().to_vec()).unwrap_or_default();
        assert_eq!(counts.len(), 10);
        assert!(counts[..9].iter().all(|count| *count == (10, 0)));
        assert_eq!(counts[9], (10, 20));
    }

    #[test]
    fn a_shift_below_a_constant_is_seen() {
        let pair = PairedNumbers::new(&numbers(&[5.0; 10]), &numbers(&[3.0; 4]))
            .and_then(|pair| pair.in_quantile_bins(10));
        assert_eq!(pair.map(|pair| pair.counts().to_vec()), Some(vec![(0, 4), (10, 0), (0, 0)]));
    }

    #[test]
    fn grids_of_different_resolution_meet() {
        let fine: Vec<f64> = (0..500).map(|i| f64::from(i) / 7.0).collect();
        let coarse: Vec<f64> = (0..50_000).map(|i| f64::from(i) / 700.0).collect();
        let pair = PairedNumbers::new(&numbers(&coarse), &numbers(&fine));
        let worst =
            pair.iter().flat_map(|pair| pair.cumulative().map(|(_, a, b)| (a - b).abs()).collect::<Vec<_>>());
        assert!(worst.fold(0.0, f64::max) < 0.005);
    }
}
