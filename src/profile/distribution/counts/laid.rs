//! Counts laid out so that rows are added at once: arrays for neighbours, a table for the others.

use super::sparse::Sparse;

/// Cells of the longest array: 128 KiB.
const CELLS_MAX: i64 = 1 << 14;

/// An array with more cells than this for each bucket in use is larger than the table would be.
const CELLS_A_BUCKET: i64 = 8;

/// Fewer buckets than this are well kept in the table.
const WORTH_AN_ARRAY: usize = 128;

/// How many rows each bucket has.
#[derive(Clone, Default)]
pub(super) struct Laid {
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

impl Laid {
    /// The layout for `buckets`, which are in order, each once and in use, and for their neighbours.
    pub(super) fn of_sorted(buckets: &[(i64, u64)]) -> Self {
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
        Self { stretches, sparse, len: buckets.len() }
    }

    /// Counts `bucket` `count` more times; `count` is not 0.
    #[inline]
    pub(super) fn add(&mut self, bucket: i64, count: u64) {
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
    pub(super) fn extend(&mut self, buckets: impl Iterator<Item = i64>) {
        let mut buckets = buckets;
        while let Some(far) = self.add_near(&mut buckets) {
            self.add_sparse(far, 1);
        }
    }

    /// Counts one row of each of `buckets` up to the first that is in neither array, and returns that.
    #[inline]
    fn add_near(&mut self, buckets: &mut impl Iterator<Item = i64>) -> Option<i64> {
        let [from_zero, below] = &mut self.stretches;
        let mut new = 0;
        let far = buckets.find(|bucket| {
            let stretch = if *bucket < 0 { &mut *below } else { &mut *from_zero };
            let Some(cell) = stretch.cell(*bucket) else { return true };
            new += usize::from(*cell == 0);
            *cell += 1;
            false
        });
        self.len += new;
        far
    }

    fn add_sparse(&mut self, bucket: i64, count: u64) {
        if self.sparse.add(bucket, count) {
            self.len += 1;
            if self.sparse.is_full() {
                *self = Self::of_sorted(&self.sorted());
            }
        }
    }

    /// How many buckets are in use.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The buckets in use and their counts, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        self.stretches.iter().flat_map(Stretch::in_use).chain(self.sparse.iter())
    }

    /// The buckets in use and their counts, in order.
    pub(super) fn sorted(&self) -> Vec<(i64, u64)> {
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
    pub(super) fn size(&self) -> usize {
        let cells: usize = self.stretches.iter().map(|stretch| stretch.cells.capacity()).sum();
        cells * size_of::<u64>() + self.sparse.size()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_in_arrays_and_the_others_are_not() {
        let mut buckets = vec![(i64::MIN, 1)];
        buckets.extend((-2000..3000).chain([i64::MAX]).map(|bucket| (bucket, 1)));
        let laid_out = Laid::of_sorted(&buckets);
        assert_eq!(laid_out.len(), 5002);
        assert!(laid_out.stretches.iter().all(|stretch| !stretch.cells.is_empty()));
        assert_eq!(laid_out.sparse.iter().count(), 2);
        let scattered: Vec<(i64, u64)> = (0..5000).map(|bucket| (bucket << 20, 1)).collect();
        let scattered = Laid::of_sorted(&scattered);
        assert!(scattered.stretches.iter().all(|stretch| stretch.cells.is_empty()));
    }
}
