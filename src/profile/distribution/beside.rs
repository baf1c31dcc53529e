//! Two distributions on one grid: at the coarser of their resolutions, cut at the edges that both have.

use super::{Bucket, Distribution};

/// A place on the grid that either side has rows in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Least value that belongs to it.
    pub low: f64,
    /// Greatest value that belongs to it.
    pub high: f64,
    /// Rows of the one and of the other.
    pub counts: (u64, u64),
}

impl Distribution {
    /// This and `other` side by side, in the order of values.
    pub fn beside(&self, other: &Self) -> Vec<Place> {
        let shift = self.shift.max(other.shift);
        let edges = self.edges().common(other.edges());
        let on_grid = |distribution: &Self| {
            if distribution.shift == shift && *distribution.edges() == edges {
                return distribution.buckets();
            }
            let mut distribution = distribution.clone();
            distribution.only(&edges);
            distribution.coarsen(shift);
            distribution.buckets()
        };
        let (left, right) = (on_grid(self), on_grid(other));
        let mut places = Vec::with_capacity(left.len().max(right.len()));
        let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
        loop {
            let next = match (left.peek(), right.peek()) {
                (None, None) => return places,
                (Some(one), None) | (None, Some(one)) => *one,
                (Some(one), Some(other)) if one.low <= other.low => *one,
                (Some(_), Some(other)) => *other,
            };
            let is_here = |bucket: &Bucket| bucket.low == next.low;
            let here = left.next_if(is_here).map_or(0, |bucket| bucket.count);
            let there = right.next_if(is_here).map_or(0, |bucket| bucket.count);
            places.push(Place { low: next.low, high: next.high, counts: (here, there) });
        }
    }
}
