//! Counts by bucket: a hash table for this one purpose.
//!
//! Most of the time of a profile is spent here, once for each number. Keys and counts lie side by side in
//! open addressing, so that a bucket that is in use is found with one look. It knows nothing of what a
//! bucket means.

/// Slots of the smallest table.
const SLOTS_MIN: usize = 16;

/// 2⁶⁴ divided by the golden ratio: spreads neighbouring buckets over the table.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// How many rows each bucket has. Only buckets with rows are in it.
#[derive(Clone, Default)]
pub struct Counts {
    /// A bucket and its count, 0 where the slot is free. As many as a power of two, at least half of them free.
    slots: Vec<(i64, u64)>,
    len: usize,
}

impl Counts {
    /// Counts `bucket` `count` more times; `count` is not 0.
    pub fn add(&mut self, bucket: i64, count: u64) {
        let mut at = self.home(bucket);
        loop {
            match self.slots.get_mut(at) {
                Some(slot) if slot.1 == 0 => {
                    *slot = (bucket, count);
                    break;
                }
                Some(slot) if slot.0 == bucket => {
                    slot.1 += count;
                    return;
                }
                Some(_) => at = (at + 1) & (self.slots.len() - 1),
                None => {
                    self.slots.resize(SLOTS_MIN, (0, 0));
                    at = self.home(bucket);
                }
            }
        }
        self.len += 1;
        if 2 * self.len > self.slots.len() {
            self.grow();
        }
    }

    /// Where the search for `bucket` begins.
    fn home(&self, bucket: i64) -> usize {
        let bits = self.slots.len().trailing_zeros() % usize::BITS;
        ((bucket as u64).wrapping_mul(SPREAD) >> (63 - bits) >> 1) as usize
    }

    fn grow(&mut self) {
        let wider = Vec::with_capacity(0);
        let slots = std::mem::replace(&mut self.slots, wider);
        self.slots.resize(2 * slots.len(), (0, 0));
        self.len = 0;
        for (bucket, count) in slots.into_iter().filter(|(_, count)| *count > 0) {
            self.add(bucket, count);
        }
    }

    /// How many buckets are in use.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The buckets in use and their counts, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        self.slots.iter().copied().filter(|(_, count)| *count > 0)
    }

    /// The buckets in use and their counts, in order.
    pub fn sorted(&self) -> Vec<(i64, u64)> {
        let mut buckets: Vec<_> = self.iter().collect();
        buckets.sort_unstable();
        buckets
    }

    /// Bytes held in memory, besides the value itself.
    pub fn size(&self) -> usize {
        self.slots.capacity() * size_of::<(i64, u64)>()
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
        self.len == other.len && self.sorted() == other.sorted()
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
            added in prop::collection::vec((prop_oneof![-40i64..40, any::<i64>()], 1u64..5), 0..400),
        ) {
            let mut map = BTreeMap::new();
            added.iter().for_each(|(bucket, count)| *map.entry(*bucket).or_insert(0) += count);
            let counts: Counts = added.into_iter().collect();
            prop_assert_eq!(counts.len(), map.len());
            prop_assert_eq!(counts.sorted(), map.into_iter().collect::<Vec<_>>());
        }
    }
}
