//! The state of a column of names: text, booleans, and numbers that are names.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::distinct::Distinct;
use super::frequent_items::FrequentItems;
use super::lengths::Lengths;

/// Most characters of a value that is listed whole. Longer ones would fill memory and the metric table, and
/// nobody reads them there.
pub const MAX_ITEM: usize = 256;

/// Characters of a longer value that are listed before its hash.
const HEAD: usize = 238;

/// What a value is counted as: itself or, of a long one, its beginning and a hash that tells it from others.
pub(super) fn item_of(value: &str) -> Cow<'_, str> {
    // So many bytes are at most so many characters.
    if value.len() <= MAX_ITEM || value.chars().nth(MAX_ITEM).is_none() {
        return Cow::Borrowed(value);
    }
    let end = value.char_indices().nth(HEAD).map_or(value.len(), |(at, _)| at);
    Cow::Owned(format!("{}… {:016x}", &value[..end], xxh3_64(value.as_bytes())))
}

/// What is remembered of a value in any state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    item: Box<str>,
    /// In characters.
    length: u64,
}

impl Name {
    /// That of `value`.
    pub fn of(value: &str) -> Self {
        Self { item: item_of(value).into(), length: value.chars().count() as u64 }
    }

    /// What the value is counted as.
    pub fn item(&self) -> &str {
        &self.item
    }
}

/// All that is remembered of a column of names. Merging states gives the state of all rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TextState {
    /// Values that are not NULL.
    pub count: u64,
    /// Values that are NULL.
    pub num_nulls: u64,
    /// How often each value occurs.
    pub items: FrequentItems,
    lengths: Lengths,
    pub(super) distinct: Distinct,
}

impl TextState {
    /// Counts `value` `count` times.
    pub fn add(&mut self, value: &str, count: u64) {
        self.count += count;
        self.lengths.add(value.chars().count() as u64, count);
        let item = &item_of(value);
        let Self { items, distinct, .. } = self;
        if !items.is_exact() {
            distinct.add_text(item);
        }
        items.add(item, count, |item| distinct.add_text(item));
    }

    /// Counts values by name, each as often as it says. They are in the order of their items, of which each may come
    /// several times.
    pub fn add_sorted(&mut self, names: &[(&Name, u64)]) {
        let mut other = Self::default();
        for (name, count) in names {
            other.count += count;
            other.lengths.add(name.length, *count);
        }
        let same = names.chunk_by(|(a, _), (b, _)| a.item == b.item);
        let items = same.map(|same| (same[0].0.item(), same.iter().map(|(_, count)| count).sum()));
        other.items = FrequentItems::of_sorted(items);
        self.merge(&other);
    }

    /// Counts NULLs.
    pub fn add_nulls(&mut self, count: u64) {
        self.num_nulls += count;
    }

    /// Adds the rows of another state.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.num_nulls += other.num_nulls;
        self.lengths.merge(&other.lengths);
        let Self { items, distinct, .. } = self;
        distinct.merge(&other.distinct);
        // Once one side has dropped values, the sketch counts for both.
        if items.is_exact() != other.items.is_exact() {
            let exact = if items.is_exact() { &*items } else { &other.items };
            exact.iter().for_each(|(item, _)| distinct.add_text(item));
        }
        items.merge(&other.items, |item| distinct.add_text(item));
    }

    /// Least and greatest length, in characters.
    pub fn lengths(&self) -> Option<(u64, u64)> {
        self.lengths.extremes()
    }

    /// Mean length, in characters.
    pub fn avg_length(&self) -> Option<f64> {
        self.lengths.avg(self.count)
    }

    /// Number of different values.
    pub fn distinct_count(&self) -> u64 {
        if self.items.is_exact() {
            self.items.len() as u64
        } else {
            self.distinct.estimate().clamp(self.items.len() as u64, self.count)
        }
    }

    /// Bytes held in memory, about.
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.items.size() + self.distinct.size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: std::ops::Range<u32>) -> TextState {
        let mut state = TextState::default();
        range.for_each(|i| state.add(&format!("v{i}"), 1));
        state
    }

    #[test]
    fn distinct_values_are_counted_exactly_then_estimated() {
        assert_eq!(of(0..4096).distinct_count(), 4096);
        let many = of(0..60_000).distinct_count() as f64;
        assert!((many / 60_000.0 - 1.0).abs() < 0.02, "{many}");
    }

    #[test]
    fn merging_in_any_way_estimates_the_same() {
        let whole = of(0..30_000);
        let mut parts = [of(0..100), of(100..20_000), of(20_000..30_000)];
        let [a, b, c] = &mut parts;
        a.merge(b);
        a.merge(c);
        assert_eq!(a.distinct_count(), whole.distinct_count());
        let mut other = of(20_000..30_000);
        other.merge(&of(0..100));
        other.merge(&of(100..20_000));
        assert_eq!(other.distinct_count(), whole.distinct_count());
    }

    #[test]
    fn long_values_are_told_apart_by_a_hash() {
        let mut state = TextState::default();
        let whole = "ö".repeat(MAX_ITEM);
        let [a, b] = ["a", "b"].map(|end| format!("{whole}{end}"));
        [&a, &b, &a, &whole].into_iter().for_each(|value| state.add(value, 1));
        assert_eq!((state.distinct_count(), state.count), (3, 4));
        let top = state.items.top(3);
        assert!(top.iter().all(|(item, _)| item.chars().count() <= MAX_ITEM), "{top:?}");
        assert_eq!(top[0].1, 2);
        assert_eq!(state.items.count(&whole), 1);
        assert_eq!(state.lengths(), Some((256, 257)));
    }

    #[test]
    fn lengths_are_in_characters() {
        let mut state = TextState::default();
        state.add("Größe", 1);
        state.add("", 3);
        assert_eq!(state.lengths(), Some((0, 5)));
        assert_eq!(state.avg_length(), Some(1.25));
    }
}
