//! The state of a column of names: text, booleans, and numbers that are names.

use serde::{Deserialize, Serialize};

use super::distinct::Distinct;
use super::frequent_items::FrequentItems;

/// All that is remembered of a column of names. Merging states gives the state of all rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TextState {
    /// Values that are not NULL.
    pub count: u64,
    /// Values that are NULL.
    pub num_nulls: u64,
    /// How often each value occurs.
    pub items: FrequentItems,
    lengths: Option<(u64, u64)>,
    total_length: u64,
    distinct: Distinct,
}

impl TextState {
    /// Counts `value` `count` times.
    pub fn add(&mut self, value: &str, count: u64) {
        self.count += count;
        let length = value.chars().count() as u64;
        self.total_length += length * count;
        self.lengths = Some(match self.lengths {
            None => (length, length),
            Some((min, max)) => (min.min(length), max.max(length)),
        });
        let Self { items, distinct, .. } = self;
        if !items.is_exact() {
            distinct.add_text(value);
        }
        items.add(value, count, |item| distinct.add_text(item));
    }

    /// Counts NULLs.
    pub fn add_nulls(&mut self, count: u64) {
        self.num_nulls += count;
    }

    /// Adds the rows of another state.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.num_nulls += other.num_nulls;
        self.total_length += other.total_length;
        self.lengths = match (self.lengths, other.lengths) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (ours, theirs) => ours.or(theirs),
        };
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
        self.lengths
    }

    /// Mean length, in characters.
    pub fn avg_length(&self) -> Option<f64> {
        (self.count > 0).then(|| self.total_length as f64 / self.count as f64)
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
    fn lengths_are_in_characters() {
        let mut state = TextState::default();
        state.add("Größe", 1);
        state.add("", 3);
        assert_eq!(state.lengths(), Some((0, 5)));
        assert_eq!(state.avg_length(), Some(1.25));
    }
}
