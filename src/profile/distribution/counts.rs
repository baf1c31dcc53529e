//! Counts by bucket: a store for this one purpose.
//!
//! Most of the time of a profile is spent here, once for each number. The buckets of a column lie close together, in
//! one stretch from zero up and one below. So two arrays count nearly all numbers: no search, and cells that stay in
//! the processor's nearest memory. Buckets far off, and those so fine that an array would be mostly holes, are in a
//! hash table; each time that is full, all is laid out anew. The first few thousand rows are only noted: that is all
//! that a small group ever costs, and where it is not all, sorting them once shows how to lay them out. Counts that
//! nobody adds rows to stay a list in order, which is small and quickly merged. It knows nothing of what a bucket means.

mod laid;
mod sparse;

use std::borrow::Cow;

use laid::Laid;

/// Rows that are noted before any is counted: 32 KiB.
const FRESH_MAX: usize = 1 << 12;

/// Counts that are so many times fewer than others are few.
const FEW: usize = 8;

/// How many rows each bucket has. Only buckets with rows are in it.
#[derive(Clone, Default)]
pub struct Counts {
    /// A bucket for each of the first rows, in any order; none once there is another form.
    fresh: Vec<i64>,
    /// The buckets in order, each once; none once they are laid out.
    sorted: Vec<(i64, u64)>,
    /// Where each can be counted at once.
    laid: Option<Box<Laid>>,
}

impl Counts {
    /// Counts `bucket` `count` more times; `count` is not 0.
    #[inline]
    pub fn add(&mut self, bucket: i64, count: u64) {
        if count == 1 && self.is_fresh() && self.fresh.len() < FRESH_MAX {
            self.fresh.push(bucket);
        } else {
            self.laid().add(bucket, count);
        }
    }

    /// Counts one row of each of `buckets`.
    #[inline]
    pub fn extend(&mut self, buckets: impl Iterator<Item = i64>) {
        if self.is_fresh() {
            self.fresh.extend(buckets);
            if self.fresh.len() >= FRESH_MAX {
                // In order, but not laid out yet: of so many, neighbours may well be united first.
                self.sorted = counted(std::mem::take(&mut self.fresh));
            }
            return;
        }
        self.laid().extend(buckets);
    }

    /// Whether all rows are only noted.
    fn is_fresh(&self) -> bool {
        self.laid.is_none() && self.sorted.is_empty()
    }

    /// The counts where rows can be added to them.
    fn laid(&mut self) -> &mut Laid {
        let Self { fresh, sorted, laid } = self;
        laid.get_or_insert_with(|| {
            let (fresh, sorted) = (std::mem::take(fresh), std::mem::take(sorted));
            Box::new(Laid::of_sorted(&if sorted.is_empty() { counted(fresh) } else { sorted }))
        })
    }

    /// Adds the rows of `other`, of whose buckets 2^`further` are one of these.
    pub fn merge(&mut self, other: &Self, further: u32) {
        if self.is_fresh() && other.is_fresh() && self.fresh.len() + other.fresh.len() < FRESH_MAX {
            return self.fresh.extend(other.fresh.iter().map(|bucket| bucket >> further));
        }
        // A few among many are counted one by one.
        if self.laid.is_some() || FEW * other.at_most() < self.counted() {
            let laid = self.laid();
            return other.iter().for_each(|(bucket, count)| laid.add(bucket >> further, count));
        }
        let mut all = self.sorted().into_owned();
        all.extend(other.sorted().iter().map(|(bucket, count)| (bucket >> further, *count)));
        // Two runs in order: the stable sort merges them.
        all.sort_by_key(|(bucket, _)| *bucket);
        unite(&mut all);
        *self = Self::of_sorted(all);
    }

    /// The counts of `buckets`, which are in order, each once and in use.
    pub fn of_sorted(buckets: Vec<(i64, u64)>) -> Self {
        // Half the room, where each has one row.
        if buckets.len() < FRESH_MAX && buckets.iter().all(|(_, count)| *count == 1) {
            return Self {
                fresh: buckets.into_iter().map(|(bucket, _)| bucket).collect(),
                ..Self::default()
            };
        }
        Self { sorted: buckets, ..Self::default() }
    }

    /// How many buckets are in use.
    pub fn len(&self) -> usize {
        if self.fresh.is_empty() { self.counted() } else { counted(self.fresh.clone()).len() }
    }

    /// How many buckets are in use, told at once, without those of rows that are only noted.
    pub fn counted(&self) -> usize {
        self.laid.as_ref().map_or(self.sorted.len(), |laid| laid.len())
    }

    /// Whether more than `limit` buckets are in use.
    pub fn exceeds(&self, limit: usize) -> bool {
        self.at_most() > limit && self.len() > limit
    }

    /// How many buckets may be in use: [`Counts::len`], or more, and told at once.
    pub fn at_most(&self) -> usize {
        self.counted() + self.fresh.len()
    }

    /// The buckets in use and counts of theirs, in no order; a bucket may come several times.
    pub fn iter(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        let fresh = self.fresh.iter().map(|bucket| (*bucket, 1));
        fresh.chain(self.sorted.iter().copied()).chain(self.laid.iter().flat_map(|laid| laid.iter()))
    }

    /// The buckets in use and their counts, in order.
    pub fn sorted(&self) -> Cow<'_, [(i64, u64)]> {
        match &self.laid {
            Some(laid) => Cow::Owned(laid.sorted()),
            None if self.fresh.is_empty() => Cow::Borrowed(&self.sorted),
            None => Cow::Owned(counted(self.fresh.clone())),
        }
    }

    /// Takes no more room than it needs, and is quickly put in order from now on, while no rows are added.
    pub fn settle(&mut self) {
        self.fresh.sort_unstable();
        self.fresh.shrink_to_fit();
        self.sorted.shrink_to_fit();
    }

    /// Bytes held in memory, besides the value itself.
    pub fn size(&self) -> usize {
        self.fresh.capacity() * size_of::<i64>()
            + self.sorted.capacity() * size_of::<(i64, u64)>()
            + self.laid.as_ref().map_or(0, |laid| laid.size())
    }
}

/// The counts of `buckets`, in order.
fn counted(mut buckets: Vec<i64>) -> Vec<(i64, u64)> {
    buckets.sort_unstable();
    buckets.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u64)).collect()
}

/// Makes one of neighbours in `buckets` that are the same.
pub(super) fn unite(buckets: &mut Vec<(i64, u64)>) {
    buckets.dedup_by(|next, first| {
        let is_same = next.0 == first.0;
        first.1 += if is_same { next.1 } else { 0 };
        is_same
    });
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
        f.debug_map().entries(self.sorted().iter().copied()).finish()
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
            prop_assert_eq!(counts.sorted().into_owned(), sorted.clone());
            prop_assert_eq!(Counts::of_sorted(sorted.clone()).sorted().into_owned(), sorted.clone());
            for upto in [0, sorted.len() / 3, sorted.len()] {
                let mut merged = Counts::of_sorted(sorted[..upto].to_vec());
                merged.merge(&Counts::of_sorted(sorted[upto..].to_vec()), 0);
                prop_assert_eq!(merged.sorted().into_owned(), sorted.clone());
            }
            let mut twice = extended.clone();
            twice.merge(&extended, 0);
            let doubled: Vec<_> = sorted.into_iter().map(|(bucket, count)| (bucket, 2 * count)).collect();
            prop_assert_eq!(twice.sorted().into_owned(), doubled);
        }
    }
}
