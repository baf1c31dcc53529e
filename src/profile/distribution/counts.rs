//! Counts by bucket: a store for this one purpose.
//!
//! Most of the time of a profile is spent here, once for each number. The buckets of a column lie close together, in
//! one stretch from zero up and one below. So two arrays count nearly all numbers: no search, and cells that stay in
//! the processor's nearest memory. Buckets far off, and those so fine that an array would be mostly holes, are in a
//! hash table; each time that is full, all is laid out anew. The first few thousand rows are only noted: that is all
//! that a small group ever costs, and where it is not all, sorting them once shows how to lay them out. It knows
//! nothing of what a bucket means.

mod sparse;

use sparse::Sparse;

/// Cells of the longest array: 128 KiB.
const CELLS_MAX: i64 = 1 << 14;

/// An array with more cells than this for each bucket in use is larger than the table would be.
const CELLS_A_BUCKET: i64 = 8;

/// Fewer buckets than this are well kept in the table.
const WORTH_AN_ARRAY: usize = 128;

/// Rows that are noted before any is counted: 32 KiB.
const FRESH_MAX: usize = 1 << 12;

/// How many rows each bucket has. Only buckets with rows are in it.
#[derive(Clone, Default)]
pub struct Counts {
    /// The buckets of the first rows, as they came; none once rows are counted.
    fresh: Vec<i64>,
    /// Of buckets from 0 up, and of those below.
    stretches: [Stretch; 2],
    sparse: Sparse,
    /// Buckets in use.
    len: usize,
}

/// The counts of neighbouring buckets.
#[derive(Clone, Default)]
struct Stretch {
    first: i64,
    cells: Vec<u64>,
}

impl Counts {
    /// Counts `bucket` `count` more times; `count` is not 0.
    #[inline]
    pub fn add(&mut self, bucket: i64, count: u64) {
        match self.stretches[usize::from(bucket < 0)].cell(bucket) {
            Some(cell) => {
                self.len += usize::from(*cell == 0);
                *cell += count;
            }
            None => self.add_sparse(bucket, count),
        }
    }

    /// Counts one row of each of `buckets`.
    #[inline]
    pub fn extend(&mut self, buckets: impl Iterator<Item = i64>) {
        let mut buckets = buckets;
        while self.len == 0 {
            let room = FRESH_MAX - self.fresh.len();
            self.fresh.extend(buckets.by_ref().take(room));
            if self.fresh.len() < FRESH_MAX {
                return;
            }
            self.count_fresh();
        }
        buckets.for_each(|bucket| self.add(bucket, 1));
    }

    /// Counts the rows that have only been noted.
    fn count_fresh(&mut self) {
        *self = Self::of_sorted(&self.sorted());
    }

    fn add_sparse(&mut self, bucket: i64, count: u64) {
        if self.len == 0 {
            if count == 1 && self.fresh.len() < FRESH_MAX {
                self.fresh.push(bucket);
                return;
            }
            self.count_fresh();
            if self.len > 0 {
                return self.add(bucket, count);
            }
        }
        if self.sparse.add(bucket, count) {
            self.len += 1;
            if self.sparse.is_full() {
                *self = Self::of_sorted(&self.sorted());
            }
        }
    }

    /// The store of `buckets`, which are in order, each once and in use.
    pub fn of_sorted(buckets: &[(i64, u64)]) -> Self {
        let (below, from_zero) = buckets.split_at(buckets.partition_point(|(bucket, _)| *bucket < 0));
        let ranges = [densest(from_zero), densest(below)];
        let rest = buckets.len() - ranges.iter().map(|dense| dense.len()).sum::<usize>();
        let mut stretches = ranges.map(Stretch::over);
        let mut sparse = Sparse::with_room_for(2 * rest);
        for (bucket, count) in buckets {
            match stretches[usize::from(*bucket < 0)].cell(*bucket) {
                Some(cell) => *cell = *count,
                None => {
                    sparse.add(*bucket, *count);
                }
            }
        }
        Self { fresh: Vec::new(), stretches, sparse, len: buckets.len() }
    }

    /// How many buckets are in use.
    pub fn len(&self) -> usize {
        if self.fresh.is_empty() { self.len } else { self.sorted().len() }
    }

    /// How many buckets are in use, told at once, without those of rows that are only noted.
    pub fn counted(&self) -> usize {
        self.len
    }

    /// Whether more than `limit` buckets are in use.
    pub fn exceeds(&self, limit: usize) -> bool {
        self.at_most() > limit && self.len() > limit
    }

    /// How many buckets may be in use: [`Counts::len`], or more, and told at once.
    pub fn at_most(&self) -> usize {
        self.len + self.fresh.len()
    }

    /// The buckets in use and counts of theirs, in no order; a bucket may come several times.
    pub fn iter(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        let fresh = self.fresh.iter().map(|bucket| (*bucket, 1));
        self.stretches.iter().flat_map(Stretch::in_use).chain(self.sparse.iter()).chain(fresh)
    }

    /// The buckets in use and their counts, in order.
    pub fn sorted(&self) -> Vec<(i64, u64)> {
        if !self.fresh.is_empty() {
            let mut fresh = self.fresh.clone();
            fresh.sort_unstable();
            return fresh.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u64)).collect();
        }
        let mut buckets = Vec::with_capacity(self.len);
        let [from_zero, below] = &self.stretches;
        buckets.extend(below.in_use().chain(from_zero.in_use()));
        let dense = buckets.len();
        buckets.extend(self.sparse.iter());
        buckets[dense..].sort_unstable();
        if dense > 0 && dense < buckets.len() {
            // Two runs in order: the stable sort merges them.
            buckets.sort();
        }
        buckets
    }

    /// Bytes held in memory, besides the value itself.
    pub fn size(&self) -> usize {
        let cells: usize = self.stretches.iter().map(|stretch| stretch.cells.capacity()).sum();
        cells * size_of::<u64>() + self.sparse.size() + self.fresh.capacity() * size_of::<i64>()
    }
}

/// Those of `buckets`, which are in order, that an array should hold: as many as possible.
fn densest(buckets: &[(i64, u64)]) -> &[(i64, u64)] {
    let mut best: &[(i64, u64)] = &[];
    let mut from = 0;
    for (upto, (last, _)) in buckets.iter().enumerate() {
        while last.wrapping_sub(buckets[from].0) >= CELLS_MAX {
            from += 1;
        }
        let here = &buckets[from..=upto];
        if here.len() > best.len() {
            best = here;
        }
    }
    let cells = cells_of(best);
    if best.len() >= WORTH_AN_ARRAY && cells <= CELLS_A_BUCKET * best.len() as i64 { best } else { &[] }
}

/// From the first to the last of `buckets`.
fn cells_of(buckets: &[(i64, u64)]) -> i64 {
    match buckets {
        [] => 0,
        [(first, _), .., (last, _)] => last - first + 1,
        [_] => 1,
    }
}

impl Stretch {
    /// Where `bucket` is counted, if it is here.
    #[inline]
    fn cell(&mut self, bucket: i64) -> Option<&mut u64> {
        self.cells.get_mut(bucket.wrapping_sub(self.first) as usize)
    }

    /// The buckets in use and their counts, in order.
    fn in_use(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        (self.first..).zip(self.cells.iter().copied()).filter(|(_, count)| *count > 0)
    }

    /// An array for `buckets` and for neighbours that are still to come, empty.
    fn over(buckets: &[(i64, u64)]) -> Self {
        let Some((first, _)) = buckets.first() else { return Self::default() };
        let margin = cells_of(buckets) / 8;
        let first = first.saturating_sub(margin);
        Self { first, cells: vec![0; (cells_of(buckets) + 2 * margin) as usize] }
    }
}

impl FromIterator<(i64, u64)> for Counts {
    fn from_iter<I: IntoIterator<Item = (i64, u64)>>(buckets: I) -> Self {
        let mut counts = Self::default();
        buckets
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .for_each(|(bucket, count)| counts.add(bucket, count));
        counts
    }
}

impl std::fmt::Debug for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.sorted()).finish()
    }
}

impl PartialEq for Counts {
    fn eq(&self, other: &Self) -> bool {
        self.sorted() == other.sorted()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_counts_as_a_map_does(
            added in prop::collection::vec(
                (prop_oneof![-40i64..40, -3000i64..3000, any::<i64>(), Just(i64::MIN), Just(i64::MAX)], 1u64..5),
                0..6000,
            ),
        ) {
            let mut map = BTreeMap::new();
            added.iter().for_each(|(bucket, count)| *map.entry(*bucket).or_insert(0) += count);
            let counts: Counts = added.iter().copied().collect();
            let mut extended = Counts::default();
            for (bucket, count) in added {
                extended.extend(std::iter::repeat_n(bucket, count as usize));
            }
            let sorted: Vec<_> = map.into_iter().collect();
            prop_assert_eq!(&extended, &counts);
            prop_assert_eq!(extended.len(), sorted.len());
            prop_assert!(extended.at_most() >= sorted.len());
            prop_assert_eq!(counts.len(), sorted.len());
            prop_assert_eq!(counts.sorted(), sorted.clone());
            prop_assert_eq!(Counts::of_sorted(&sorted).sorted(), sorted);
        }
    }

    #[test]
    fn neighbours_are_in_arrays_and_the_others_are_not() {
        let counts: Counts = (-2000..3000).chain([i64::MAX, i64::MIN]).map(|bucket| (bucket, 1)).collect();
        assert_eq!(counts.len(), 5002);
        let laid_out = Counts::of_sorted(&counts.sorted());
        assert!(laid_out.stretches.iter().all(|stretch| !stretch.cells.is_empty()));
        assert_eq!(laid_out.sparse.iter().count(), 2);
        let scattered: Counts = (0..5000).map(|bucket| (bucket << 20, 1)).collect();
        assert!(scattered.stretches.iter().all(|stretch| stretch.cells.is_empty()));
    }
}
