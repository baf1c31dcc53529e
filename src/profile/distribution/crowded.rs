//! Buckets in which it matters where the rows lie, and the edges that tell.
//!
//! A bucket with many rows is no harm where they lie evenly, as those of a smooth column do. Where they do not, a
//! quantile can be off by the bucket's share of all rows, and what moves within the bucket is not seen. Then the rows of
//! the bucket are counted once more, by themselves, and edges are put between them. Which buckets and which edges these are
//! depends on the rows alone.

use super::{Bucket, Distribution, Edges, ordered};

/// A bucket with one in so many rows is looked into.
const MANY: u64 = 50;

/// So is one with one in so many rows, if they lie much closer than those beside it.
const SOME: u64 = 200;

/// How much closer.
const CLOSER: f64 = 3.0;

/// Between two edges there is at most one in so many rows, of those that can be told apart.
const BETWEEN: u64 = 400;

/// The buckets of `distribution`, as cut as they are, in which it matters where the rows lie.
pub fn crowded(distribution: &Distribution) -> Vec<Bucket> {
    let buckets = distribution.buckets();
    let total = distribution.total();
    let density = |bucket: &Bucket| bucket.count as f64 / (1.0 + places(bucket));
    let beside = |index: usize| {
        let before = index.checked_sub(1).and_then(|before| buckets.get(before));
        before.into_iter().chain(buckets.get(index + 1)).map(density).fold(0.0, f64::max)
    };
    let is_crowded = |(index, bucket): &(usize, &Bucket)| {
        bucket.low < bucket.high
            && (MANY * bucket.count > total
                || (SOME * bucket.count > total && density(bucket) > CLOSER * beside(*index)))
    };
    buckets.iter().enumerate().filter(is_crowded).map(|(_, bucket)| *bucket).collect()
}

/// The edges of `bucket` and between the rows in it, `inside`, which are some of `total`.
pub fn edges(bucket: &Bucket, inside: &Distribution, total: u64) -> Edges {
    let mut edges = vec![bucket.low, bucket.high.next_up()];
    let many = (total / BETWEEN).max(1);
    let mut rows = 0;
    for piece in inside.buckets() {
        if piece.count >= many {
            edges.push(piece.low);
            rows = many;
        } else {
            rows += piece.count;
        }
        if rows >= many {
            edges.push(piece.high.next_up());
            rows = 0;
        }
    }
    Edges::new(edges)
}

/// Number of doubles between the ends of `bucket`.
fn places(bucket: &Bucket) -> f64 {
    ordered(bucket.high).wrapping_sub(ordered(bucket.low)) as u64 as f64
}
