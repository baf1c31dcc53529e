//! How often each text occurs: exact while there are few different ones, and honest beyond.
//!
//! Up to [`LIMIT`] different values every count is exact and does not depend on order. Beyond it, and beyond
//! [`MAX_BYTES`] of values, this is the summary of Misra and Gries: rare values are dropped, and every count may be too
//! low by at most [`FrequentItems::error`], which stays below the number of rows divided by the number of values that
//! there is room for; which of the rare values remain can then depend on the order of rows. Merging keeps both properties (Agarwal et al.,
//! *Mergeable summaries*, 2012).
//!
//! While values are added one by one they are in a hash table; what is read, merged and written is a list in order.

mod items;

use std::borrow::Cow;
use std::collections::HashMap;

use foldhash::fast::FixedState;
use items::Items;
use serde::{Deserialize, Serialize, Serializer};

/// Most different values that are counted exactly.
pub const LIMIT: usize = 4096;

/// Most bytes of values that are counted exactly: as many as [`LIMIT`] values of 64 bytes have.
pub const MAX_BYTES: usize = 64 * LIMIT;

/// A count is good if it is so many times as large as what it may lack.
const WELL_COUNTED: u64 = 20;

/// Counts by value.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "Sorted")]
pub struct FrequentItems {
    /// In order; none while values are added one by one.
    sorted: Items,
    /// As values are added; none once they are in order.
    counts: HashMap<String, u64, FixedState>,
    /// Bytes of the values in `counts`: they may be long.
    bytes: usize,
    total: u64,
    error: u64,
}

#[derive(Serialize, Deserialize)]
struct Sorted<'a> {
    items: Cow<'a, Items>,
    total: u64,
    error: u64,
}

impl FrequentItems {
    /// The counts of `items`, which are in order, each once.
    pub fn of_sorted<'a>(items: impl Iterator<Item = (&'a str, u64)>) -> Self {
        let sorted = Items::of_sorted(items);
        Self { total: sorted.iter().map(|(_, count)| count).sum(), sorted, ..Self::default() }
    }

    /// Counts `value` `count` times. Calls `dropping` with every value before the first is dropped.
    pub fn add(&mut self, value: &str, count: u64, dropping: impl FnMut(&str)) {
        let sorted = std::mem::take(&mut self.sorted);
        sorted.iter().for_each(|(item, count)| self.count_up(item, count));
        self.count_up(value, count);
        self.total += count;
        self.reduce(dropping);
    }

    /// Adds other counts.
    pub fn merge(&mut self, other: &Self, dropping: impl FnMut(&str)) {
        self.sorted = match self.is_empty() {
            true => other.in_order().into_owned(),
            false => self.in_order().and(&other.in_order()),
        };
        self.counts = HashMap::default();
        self.bytes = 0;
        self.total += other.total;
        self.error += other.error;
        self.reduce(dropping);
    }

    /// The counts in the order of values.
    fn in_order(&self) -> Cow<'_, Items> {
        if self.counts.is_empty() {
            return Cow::Borrowed(&self.sorted);
        }
        let mut items: Vec<(&str, u64)> = self.iter().collect();
        items.sort_unstable();
        Cow::Owned(Items::of_sorted(items.into_iter()))
    }

    fn count_up(&mut self, value: &str, count: u64) {
        match self.counts.get_mut(value) {
            Some(known) => *known += count,
            None => {
                self.bytes += value.len();
                self.counts.insert(value.to_owned(), count);
            }
        }
    }

    /// Drops rare values once there are twice as many, or twice as long ones, as there is room for: takes the count of
    /// the first that has no room off all of them.
    fn reduce(&mut self, mut dropping: impl FnMut(&str)) {
        if self.len() <= 2 * LIMIT && self.bytes + self.sorted.bytes() <= 2 * MAX_BYTES {
            return;
        }
        if self.error == 0 {
            self.iter().for_each(|(item, _)| dropping(item));
        }
        let cut = self.first_without_room();
        self.counts.retain(|_, count| {
            *count = count.saturating_sub(cut);
            *count > 0
        });
        let kept = self.sorted.iter().filter(|(_, count)| *count > cut);
        self.sorted = Items::of_sorted(kept.map(|(item, count)| (item, count - cut)));
        self.bytes = self.counts.keys().map(String::len).sum();
        self.error += cut;
    }

    /// The count of the most frequent value that has no room beside those before it; 0 if all have.
    fn first_without_room(&self) -> u64 {
        let mut items: Vec<(u64, usize)> = self.iter().map(|(item, count)| (count, item.len())).collect();
        // Of equal counts the longest first: which of them were added first must not matter.
        items.sort_unstable_by(|a, b| b.cmp(a));
        let mut bytes = 0;
        let has_room = |place: usize, length: usize| place < LIMIT && length <= MAX_BYTES;
        let first = items.iter().enumerate().find(|(place, (_, length))| {
            bytes += length;
            !has_room(*place, bytes)
        });
        first.map_or(0, |(_, (count, _))| *count)
    }

    /// All values counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// By how much a count may be too low; 0 while all are exact.
    pub fn error(&self) -> u64 {
        self.error
    }

    /// Whether every value is here with its exact count.
    pub fn is_exact(&self) -> bool {
        self.error == 0
    }

    /// Number of values kept.
    pub fn len(&self) -> usize {
        self.sorted.len() + self.counts.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How often `item` was seen, or 0.
    pub fn count(&self, item: &str) -> u64 {
        self.counts.get(item).copied().unwrap_or_else(|| self.sorted.count(item))
    }

    /// Values that are not in any count: dropped, or taken off.
    pub fn remainder(&self) -> u64 {
        self.total - self.iter().map(|(_, count)| count).sum::<u64>()
    }

    /// The kept values, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.sorted.iter().chain(self.counts.iter().map(|(item, count)| (item.as_str(), *count)))
    }

    /// How often each value occurs here and in `other`, in the order of values: of all that either keeps.
    pub fn beside(&self, other: &Self) -> Vec<(u64, u64)> {
        let mut counts = Vec::with_capacity(self.len().max(other.len()));
        self.in_order().beside(&other.in_order(), |_, ours, theirs| counts.push((ours, theirs)));
        counts
    }

    /// Whether `count` of a value is right, or nearly so: by a twentieth.
    pub fn is_known(&self, count: u64) -> bool {
        self.is_exact() || count > WELL_COUNTED * self.error
    }

    /// The most frequent values, at most `most`; equal counts in the order of the values. Those whose counts are not
    /// [known](Self::is_known) are left out: which of them there are is chance.
    pub fn top(&self, most: usize) -> Vec<(&str, u64)> {
        let mut items: Vec<_> = self.iter().filter(|(_, count)| self.is_known(*count)).collect();
        let order = |a: &(&str, u64), b: &(&str, u64)| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0));
        if most < items.len() {
            items.select_nth_unstable_by(most, order);
            items.truncate(most);
        }
        items.sort_unstable_by(order);
        items
    }

    /// Bytes held in memory, about.
    pub fn size(&self) -> usize {
        let counts = self.counts.capacity() * (size_of::<(String, u64)>() + 16);
        size_of::<Self>() + self.sorted.size() + self.bytes + counts
    }
}

impl From<Sorted<'_>> for FrequentItems {
    fn from(Sorted { items, total, error }: Sorted<'_>) -> Self {
        Self { sorted: items.into_owned(), total, error, ..Self::default() }
    }
}

impl Serialize for FrequentItems {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Sorted { items: self.in_order(), total: self.total, error: self.error }.serialize(serializer)
    }
}

impl PartialEq for FrequentItems {
    fn eq(&self, other: &Self) -> bool {
        self.total == other.total && self.error == other.error && self.in_order() == other.in_order()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use xxhash_rust::xxh3::xxh3_64;

    use super::*;

    fn of(values: &[String]) -> FrequentItems {
        let mut items = FrequentItems::default();
        values.iter().for_each(|value| items.add(value, 1, |_| {}));
        items
    }

    #[test]
    fn a_heavy_value_survives_a_flood_of_others() {
        let values: Vec<String> =
            (0..100_000).map(|i| if i % 5 == 0 { "heavy".to_owned() } else { format!("rare-{i}") }).collect();
        let items = of(&values);
        assert!(!items.is_exact());
        assert!(items.error() <= 100_000 / LIMIT as u64, "{}", items.error());
        let counted = items.count("heavy");
        assert!(counted <= 20_000 && counted + items.error() >= 20_000, "{counted}");
        assert_eq!(items.top(1)[0].0, "heavy");
        assert_eq!(items.total(), 100_000);
    }

    #[test]
    fn all_values_are_told_before_the_first_is_dropped() {
        let mut told = std::collections::BTreeSet::new();
        let mut items = FrequentItems::default();
        for i in 0..=2 * LIMIT {
            items.add(&format!("{i}"), 1, |value| {
                told.insert(value.to_owned());
            });
        }
        assert_eq!(told.len(), 2 * LIMIT + 1);
    }

    #[test]
    fn equal_counts_are_in_the_order_of_values() {
        let items = of(&["b", "a", "c", "a", "b"].map(str::to_owned));
        assert_eq!(items.top(2), [("a", 2), ("b", 2)]);
    }

    #[test]
    fn what_is_in_order_tells_the_same_as_what_is_added() {
        let added = of(&["b", "", "c", "a", "b", "größer"].map(str::to_owned));
        let read: FrequentItems =
            postcard::to_stdvec(&added).and_then(|bytes| postcard::from_bytes(&bytes)).unwrap_or_default();
        assert_eq!(read, added);
        for item in ["", "a", "b", "c", "größer", "d", "z", "groß"] {
            assert_eq!(read.count(item), added.count(item), "{item}");
        }
        assert_eq!((read.len(), read.remainder(), read.top(2)), (5, 0, added.top(2)));
        let other = of(&["b", "x"].map(str::to_owned));
        for items in [&read, &added] {
            assert_eq!(items.beside(&other), [(1, 0), (1, 0), (2, 1), (1, 0), (1, 0), (0, 1)]);
        }
    }

    #[test]
    fn long_values_are_in_the_memory_that_is_told() {
        let values: Vec<String> = (0..10).map(|i| format!("{i}").repeat(20_000)).collect();
        let mut items = of(&values);
        assert!((200_000..210_000).contains(&items.size()), "{}", items.size());
        let read: FrequentItems =
            postcard::to_stdvec(&items).and_then(|bytes| postcard::from_bytes(&bytes)).unwrap_or_default();
        items.merge(&read, |_| {});
        assert!([&items, &read].into_iter().all(|items| items.size() >= 200_000));
        (0..=2 * LIMIT).for_each(|i| items.add(&format!("rare-{i}"), 1, |_| {}));
        assert_eq!(items.bytes, items.counts.keys().map(String::len).sum::<usize>());
    }

    #[test]
    fn long_values_have_less_room() {
        let long = |i: usize| format!("{i:06}").repeat(100);
        let mut items = FrequentItems::default();
        (0..2_000).for_each(|i| items.add(&long(i), 1, |_| {}));
        (0..900).for_each(|_| items.add(&long(7), 1, |_| {}));
        assert!(!items.is_exact());
        assert!(items.size() <= 3 * MAX_BYTES, "{}", items.size());
        let counted = items.count(&long(7));
        assert!(counted <= 901 && counted + items.error() >= 901, "{counted}");
        assert!(items.error() <= 2_900 / (MAX_BYTES / 600) as u64, "{}", items.error());
        // As many as there is room for are exact, however they come.
        let few: Vec<String> = (0..2 * MAX_BYTES / 600).map(long).collect();
        let mut halves = of(&few[..400]);
        halves.merge(&of(&few[400..]), |_| {});
        assert!(halves.is_exact());
        assert_eq!(halves, of(&few));
    }

    proptest! {
        #[test]
        fn order_and_grouping_do_not_matter_while_exact(
            mut values in prop::collection::vec("[a-d]{0,2}", 0..80), split in 0usize..80,
        ) {
            let whole = of(&values);
            let (left, right) = values.split_at(split.min(values.len()));
            let mut merged = of(right);
            merged.merge(&of(left), |_| {});
            prop_assert_eq!(&merged, &whole);
            values.reverse();
            prop_assert_eq!(&of(&values), &whole);
            prop_assert_eq!(whole.remainder(), 0);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        /// Beyond the limit: how low a count may be, however rows are ordered and grouped.
        #[test]
        fn counts_are_within_their_error_in_any_order_and_grouping(
            seed in any::<u64>(), rows in 20_000usize..30_000, cuts in (0.0..1.0f64, 0.0..1.0f64),
        ) {
            // A few heavy values among very many rare ones.
            let value = |row: usize| {
                let noise = xxh3_64(&(row as u64 ^ seed).to_le_bytes());
                if noise.is_multiple_of(3) { format!("heavy-{}", noise % 10) } else { format!("rare-{}", noise % 30_000) }
            };
            let values: Vec<String> = (0..rows).map(value).collect();
            let mut truth: HashMap<&str, u64> = HashMap::new();
            values.iter().for_each(|value| *truth.entry(value).or_default() += 1);

            let at = |cut: f64| (rows as f64 * cut) as usize;
            let (first, second) = (at(cuts.0.min(cuts.1)), at(cuts.0.max(cuts.1)));
            let [a, b, c] = &[of(&values[..first]), of(&values[first..second]), of(&values[second..])];
            let plus = |left: &FrequentItems, right: &FrequentItems| {
                let mut sum = left.clone();
                sum.merge(right, |_| {});
                sum
            };
            for items in [of(&values), plus(&plus(a, b), c), plus(a, &plus(b, c)), plus(&plus(c, a), b)] {
                prop_assert!(!items.is_exact());
                prop_assert_eq!(items.total(), rows as u64);
                prop_assert!(items.error() <= rows as u64 / LIMIT as u64, "{}", items.error());
                for (value, count) in &truth {
                    let counted = items.count(value);
                    prop_assert!(counted <= *count && *count <= counted + items.error(), "{value}: {counted}");
                }
                let counted: u64 = items.iter().map(|(_, count)| count).sum();
                prop_assert_eq!(items.remainder(), rows as u64 - counted);
            }
        }
    }
}
