//! A hash table of counts, open and linear, with keys and counts side by side.

/// Slots of the smallest table.
const SLOTS_MIN: usize = 16;

/// 2⁶⁴ divided by the golden ratio: spreads neighbouring buckets over the table.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// Counts by bucket.
#[derive(Clone, Default)]
pub(super) struct Sparse {
    /// A bucket and its count, 0 where the slot is free. As many as a power of two, or none.
    slots: Vec<(i64, u64)>,
    len: usize,
}

impl Sparse {
    /// An empty table that `buckets` do not fill.
    pub(super) fn with_room_for(buckets: usize) -> Self {
        Self { slots: vec![(0, 0); (2 * buckets + 1).next_power_of_two().max(SLOTS_MIN)], len: 0 }
    }

    /// Counts `bucket` `count` more times, and tells whether it is new. The table must not be full.
    pub(super) fn add(&mut self, bucket: i64, count: u64) -> bool {
        if self.slots.is_empty() {
            *self = Self::with_room_for(0);
        }
        let last = self.slots.len() - 1;
        let mut at = self.home(bucket);
        loop {
            let slot = &mut self.slots[at];
            if slot.1 == 0 {
                *slot = (bucket, count);
                self.len += 1;
                return true;
            }
            if slot.0 == bucket {
                slot.1 += count;
                return false;
            }
            at = (at + 1) & last;
        }
    }

    /// Where the search for `bucket` begins.
    fn home(&self, bucket: i64) -> usize {
        let bits = self.slots.len().trailing_zeros();
        ((bucket as u64).wrapping_mul(SPREAD) >> (u64::BITS - bits)) as usize
    }

    /// Whether half of the slots are taken, so that searches become long.
    pub(super) fn is_full(&self) -> bool {
        2 * self.len > self.slots.len()
    }

    /// The buckets and their counts, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        self.slots.iter().copied().filter(|(_, count)| *count > 0)
    }

    /// Bytes held in memory, besides the value itself.
    pub(super) fn size(&self) -> usize {
        self.slots.capacity() * size_of::<(i64, u64)>()
    }
}
