//! Some of a table's columns.

/// Columns, by their places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnSet {
    /// 64 places in each.
    words: Vec<u64>,
}

impl ColumnSet {
    /// Adds the column at `place`.
    pub fn insert(&mut self, place: usize) {
        let word = place / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (place % 64);
    }

    /// Whether the column at `place` is one of them.
    pub fn contains(&self, place: usize) -> bool {
        self.words.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    /// Adds those of `other`.
    pub fn unite(&mut self, other: &Self) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (ours, theirs) in self.words.iter_mut().zip(&other.words) {
            *ours |= theirs;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn set(places: &BTreeSet<usize>) -> ColumnSet {
        let mut set = ColumnSet::default();
        places.iter().for_each(|place| set.insert(*place));
        set
    }

    proptest! {
        #[test]
        fn sets_are_united(
            ours in prop::collection::btree_set(0..200_usize, 0..9),
            theirs in prop::collection::btree_set(0..200_usize, 0..9),
        ) {
            let mut both = set(&ours);
            both.unite(&set(&theirs));
            let found: BTreeSet<usize> = (0..300).filter(|place| both.contains(*place)).collect();
            prop_assert_eq!(found, &ours | &theirs);
        }
    }
}
