//! Values and their counts, in the order of the values, as one piece of text.
//!
//! A state has thousands of values, and goes from hand to hand: to be copied, compared and written they are best kept
//! together. To be counted one by one they are not.

use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Values, each once, and how often each occurs.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Items {
    /// All values, one after the other.
    text: String,
    /// Where each ends, and its count.
    places: Vec<(usize, u64)>,
}

impl Items {
    /// These, which are in order, each once.
    pub(super) fn of_sorted<'a>(sorted: impl Iterator<Item = (&'a str, u64)>) -> Self {
        let mut items = Self::default();
        sorted.for_each(|(item, count)| items.push(item, count));
        items
    }

    fn push(&mut self, item: &str, count: u64) {
        self.text.push_str(item);
        self.places.push((self.text.len(), count));
    }

    /// These and those of `other`.
    pub(super) fn and(&self, other: &Self) -> Self {
        let places = self.places.len().max(other.places.len());
        let mut both =
            Self { text: String::with_capacity(self.text.len()), places: Vec::with_capacity(places) };
        self.beside(other, |item, ours, theirs| both.push(item, ours + theirs));
        both
    }

    /// Calls `each` with every value that is here or in `other`, and its counts in both.
    pub(super) fn beside(&self, other: &Self, mut each: impl FnMut(&str, u64, u64)) {
        let (mut ours, mut theirs) = (self.iter().peekable(), other.iter().peekable());
        loop {
            let item = match (ours.peek(), theirs.peek()) {
                (None, None) => return,
                (Some((item, _)), None) | (None, Some((item, _))) => *item,
                (Some((one, _)), Some((other, _))) => *one.min(other),
            };
            let count = |next: Option<(&str, u64)>| next.map_or(0, |(_, count)| count);
            let here = count(ours.next_if(|(known, _)| *known == item));
            let there = count(theirs.next_if(|(known, _)| *known == item));
            each(item, here, there);
        }
    }

    /// The values and their counts, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        let mut from = 0;
        self.places
            .iter()
            .map(move |(end, count)| (&self.text[std::mem::replace(&mut from, *end)..*end], *count))
    }

    /// How often `item` occurs, or 0.
    pub(super) fn count(&self, item: &str) -> u64 {
        let at = |index: usize| {
            let from = index.checked_sub(1).map_or(0, |before| self.places[before].0);
            &self.text[from..self.places[index].0]
        };
        let (mut from, mut upto) = (0, self.places.len());
        while from < upto {
            let middle = from.midpoint(upto);
            match at(middle).cmp(item) {
                std::cmp::Ordering::Less => from = middle + 1,
                std::cmp::Ordering::Greater => upto = middle,
                std::cmp::Ordering::Equal => return self.places[middle].1,
            }
        }
        0
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Bytes of all values.
    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Bytes held in memory, besides the value itself.
    pub(super) fn size(&self) -> usize {
        self.text.capacity() + self.places.capacity() * size_of::<(usize, u64)>()
    }
}

impl Serialize for Items {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut items = serializer.serialize_seq(Some(self.len()))?;
        self.iter().try_for_each(|item| items.serialize_element(&item))?;
        items.end()
    }
}

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut items: Vec<(&str, u64)> = Deserialize::deserialize(deserializer)?;
        // Always so of bytes that we have written.
        if !items.is_sorted_by(|a, b| a.0 < b.0) {
            items.sort_unstable();
            items.dedup_by(|next, first| next.0 == first.0);
        }
        Ok(Self::of_sorted(items.into_iter()))
    }
}
