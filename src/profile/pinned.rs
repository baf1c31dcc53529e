//! Edges of columns: where a column's rows are told apart, the same in every window.
//!
//! Two kinds of edges are pinned: the ends of ten bins, at the deciles of the rows that everything is compared with, and
//! edges between rows that crowd in a bucket. Edges are added and never move. This module chooses them; it must not count.

use std::collections::BTreeMap;

use super::distribution::{Bucket, Distribution, Edges};

/// Bins of a pinned histogram.
const BINS: u64 = 10;

/// The edges of columns, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PinnedEdges(BTreeMap<String, Pinned>);

/// The edges of a column.
#[derive(Clone, Debug, Default, PartialEq)]
struct Pinned {
    /// Between the bins of its histogram; `None` while they have not been chosen.
    bins: Option<Edges>,
    /// Between rows that crowd.
    crowded: Edges,
}

impl PinnedEdges {
    /// All edges of the column called `name`.
    pub fn of(&self, name: &str) -> Edges {
        let Some(Pinned { bins, crowded }) = self.0.get(name) else { return Edges::default() };
        bins.as_ref().map_or_else(|| crowded.clone(), |bins| bins.and(crowded))
    }

    /// The edges between the bins of the column called `name`, once they have been chosen.
    pub fn bins(&self, name: &str) -> Option<&Edges> {
        self.0.get(name)?.bins.as_ref()
    }

    /// Pins the bins of the column called `name`, unless it has some.
    pub fn pin_bins(&mut self, name: &str, edges: Edges) {
        self.0.entry(name.to_owned()).or_default().bins.get_or_insert(edges);
    }

    /// Adds `edges` between rows of the column called `name` that crowd. Tells whether there were not all there.
    pub fn add(&mut self, name: &str, edges: &Edges) -> bool {
        let before = self.of(name);
        let known = &mut self.0.entry(name.to_owned()).or_default().crowded;
        *known = known.and(edges);
        self.of(name) != before
    }
}

/// Where ten bins with as many rows of `reference` begin, but the first: at values where a bucket begins, so that the rows
/// that there are need not be counted again. Fewer where many rows are equal, but one at least if not all are.
pub fn deciles(reference: &Distribution) -> Edges {
    let total = reference.total();
    let mut ends = (1..BINS).map(|bin| (bin * total).div_ceil(BINS)).peekable();
    let buckets = reference.buckets();
    let mut upto = 0;
    let begins_bin = |pair: &[Bucket]| {
        upto += pair[0].count;
        let reached = std::iter::from_fn(|| ends.next_if(|end| *end <= upto)).count() > 0;
        reached.then_some(pair[1].low)
    };
    let edges = Edges::new(buckets.windows(2).filter_map(begins_bin));
    // Where nearly all rows are of the greatest value, a bin begins there.
    match buckets.as_slice() {
        [_, .., last] if edges.is_empty() => Edges::new([last.low]),
        _ => edges,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl IntoIterator<Item = f64>) -> Distribution {
        let mut distribution = Distribution::default();
        values.into_iter().for_each(|value| distribution.add(value));
        distribution
    }

    #[test]
    fn bins_begin_at_deciles() {
        assert_eq!(
            deciles(&of((0..100).map(f64::from))).to_string(),
            "[10.0,20.0,30.0,40.0,50.0,60.0,70.0,80.0,90.0]"
        );
        assert_eq!(deciles(&of([1.0, 1.0, 1.0, 7.0])).to_string(), "[7.0]");
        let flag = (0..100).map(|row| if row < 2 { 0.0 } else { 1.0 });
        assert_eq!(deciles(&of(flag)).to_string(), "[1.0]");
        assert!(deciles(&of([3.0, 3.0])).is_empty() && deciles(&of([])).is_empty());
    }

    #[test]
    fn rows_that_are_counted_already_are_in_bins_of_like_size() {
        let mut many = of((0..100_000).map(|i| (f64::from(i) * 0.618_034).fract().powi(3)));
        many.settle();
        let edges = deciles(&many);
        assert!(many.cut_between_buckets(&edges));
        let bins = many.bins();
        assert_eq!((bins.len(), bins.iter().sum::<u64>()), (10, 100_000));
        assert!(bins.iter().all(|rows| (9_000..11_000).contains(rows)), "{bins:?}");
    }

    #[test]
    fn edges_are_added_and_do_not_move() {
        let mut pinned = PinnedEdges::default();
        assert!(pinned.of("a").is_empty() && pinned.bins("a").is_none());
        pinned.pin_bins("a", Edges::new([1.0]));
        pinned.pin_bins("a", Edges::new([2.0]));
        assert!(pinned.add("a", &Edges::new([0.5])) && !pinned.add("a", &Edges::new([0.5, 1.0])));
        assert_eq!(pinned.of("a").to_string(), "[0.5,1.0]");
        assert_eq!(pinned.bins("a"), Some(&Edges::new([1.0])));
    }
}
