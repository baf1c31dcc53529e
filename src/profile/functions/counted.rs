//! Names counted by code, until they are wanted by name.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::aggregate::State;
use super::codes::NULL;
use super::dictionary::{Dictionary, Names};
use super::split::Which;
use crate::profile::text::{Name, TextState};
use crate::profile::{ColumnState, Kind};

/// Rows that are fewer than the names by this factor are only noted, so that a small state stays small.
const FEW: usize = 8;

/// The state of a column of names while rows are counted. To others it is the state of the column.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CountedNames {
    state: ColumnState,
    #[serde(skip)]
    by_code: ByCode,
}

/// Rows by the code of their name.
#[derive(Clone, Debug, Default)]
struct ByCode {
    names: Arc<Names>,
    /// The codes of the first rows, as they came; none once there are counts.
    noted: Vec<u32>,
    /// How many rows have each code; up to the last that occurs.
    counts: Vec<u64>,
}

impl Default for CountedNames {
    fn default() -> Self {
        Self { state: ColumnState::empty(Kind::Text), by_code: ByCode::default() }
    }
}

impl CountedNames {
    /// Counts `which` of the rows that `dictionary` has coded.
    pub(super) fn add(&mut self, dictionary: &Dictionary, which: Which<'_>) {
        if !Arc::ptr_eq(&self.by_code.names, &dictionary.names) {
            self.settle();
            self.by_code.names = Arc::clone(&dictionary.names);
        }
        self.by_code.add(dictionary, which);
    }
}

impl ByCode {
    fn add(&mut self, dictionary: &Dictionary, which: Which<'_>) {
        let Self { noted, counts, .. } = self;
        let codes = dictionary.codes();
        let rows = which.count(codes.len());
        if counts.is_empty() && FEW * (noted.len() + rows) < dictionary.len() {
            return which.for_each(codes.len(), |row| noted.push(codes[row]));
        }
        counts.resize(dictionary.len() + 1, 0);
        noted.drain(..).for_each(|code| counts[code as usize] += 1);
        which.for_each(codes.len(), |row| counts[codes[row] as usize] += 1);
    }

    fn is_empty(&self) -> bool {
        self.noted.is_empty() && self.counts.is_empty()
    }

    /// The state of the rows that have been counted. Leaves none.
    fn take(&mut self) -> TextState {
        let Self { names, mut noted, counts } = std::mem::take(self);
        noted.sort_unstable();
        let noted = noted.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u64));
        let counted = (NULL..).zip(counts).filter(|(_, count)| *count > 0);
        let mut state = TextState::default();
        let mut named: Vec<(&Name, u64)> = Vec::new();
        for (code, count) in noted.chain(counted) {
            match names.get(code) {
                Some(name) => named.push((name, count)),
                None => state.add_nulls(count),
            }
        }
        named.sort_unstable_by(|(a, _), (b, _)| a.item().cmp(b.item()));
        state.add_sorted(&named);
        state
    }

    fn size(&self) -> usize {
        self.noted.capacity() * size_of::<u32>() + self.counts.capacity() * size_of::<u64>()
    }
}

impl State for CountedNames {
    fn merge(&mut self, other: &Self) {
        self.settle();
        self.state.merge(&other.state);
        if !other.by_code.is_empty() {
            self.state.merge(&ColumnState::Text(other.by_code.clone().take()));
        }
    }

    fn is_empty(&self) -> bool {
        self.by_code.is_empty() && self.state.is_empty()
    }

    fn size(&self) -> usize {
        self.state.size() + self.by_code.size()
    }

    fn settle(&mut self) {
        if !self.by_code.is_empty() {
            self.state.merge(&ColumnState::Text(self.by_code.take()));
        }
        self.state.settle();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, clippy::unwrap_used)]
    use arrow::array::{ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int32Array, StringArray};
    use arrow::datatypes::Int32Type;
    use proptest::prelude::*;

    use super::*;

    /// The state of all rows of `batches`.
    fn counted(batches: &[ArrayRef]) -> TextState {
        let (mut dictionary, mut state) = (Dictionary::default(), CountedNames::default());
        for batch in batches {
            dictionary.code(batch).unwrap();
            state.add(&dictionary, Which::All);
        }
        let ColumnState::Text(state) = ColumnState::from_bytes(&state.into_bytes().unwrap()).unwrap() else {
            panic!("not the state of a column of names")
        };
        state
    }

    /// The state of `names`, added one by one.
    fn one_by_one<'a>(names: impl IntoIterator<Item = Option<&'a str>>) -> TextState {
        let mut state = TextState::default();
        for name in names {
            match name {
                Some(name) => state.add(name, 1),
                None => state.add_nulls(1),
            }
        }
        state
    }

    #[track_caller]
    fn check(batches: &[ArrayRef], expected: &[Option<&str>]) {
        assert_eq!(counted(batches), one_by_one(expected.iter().copied()));
    }

    #[test]
    fn equal_names_are_one_whatever_they_were() {
        let zeros: ArrayRef = Arc::new(Float64Array::from(vec![Some(0.0), Some(-0.0), None, Some(1.5)]));
        check(&[Arc::clone(&zeros), zeros], &[Some("0"), Some("0"), None, Some("1.5")].repeat(2));
        let booleans: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), None]));
        check(&[booleans], &[Some("true"), None]);
        let words = [Some("a"), None, Some("b"), Some("a")];
        let coded: ArrayRef = Arc::new(words.into_iter().collect::<DictionaryArray<Int32Type>>());
        check(&[Arc::clone(&coded), coded.slice(2, 2)], &[words.as_slice(), &words[2..]].concat());
    }

    #[test]
    fn nulls_of_a_dictionary_may_be_its_values() {
        let values: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None]));
        let keys = Int32Array::from(vec![Some(0), Some(1), None, Some(0)]);
        check(
            &[Arc::new(DictionaryArray::try_new(keys, values).unwrap())],
            &[Some("a"), None, None, Some("a")],
        );
    }

    #[test]
    fn a_dictionary_may_be_of_nothing() {
        let none: ArrayRef = Arc::new([None::<&str>; 3].into_iter().collect::<DictionaryArray<Int32Type>>());
        let some: ArrayRef = Arc::new([Some("a"), None].into_iter().collect::<DictionaryArray<Int32Type>>());
        check(&[Arc::clone(&none), some, none], &[None, None, None, Some("a"), None, None, None, None]);
    }

    #[test]
    fn long_names_are_told_apart() {
        let long = "long, and then longer still, ".repeat(20);
        let [a, b] = ["a", "b"].map(|end| format!("{long}{end}"));
        let names = [a.as_str(), &b, &a, &long, "longer than a view holds", "longer than a view hides"];
        let batch: ArrayRef = Arc::new(StringArray::from(names.to_vec()));
        check(&[Arc::clone(&batch), batch], &names.map(Some).repeat(2));
    }

    #[test]
    fn dictionaries_that_are_begun_anew_lose_nothing() {
        // Of more names than a dictionary takes, and within what is counted exactly.
        let names: Vec<String> =
            (0..60_000).map(|row| format!("n{}", row * 7 % 8_000 + row / 20_000)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let batches: Vec<ArrayRef> = names
            .chunks(9_000)
            .map(|names| Arc::new(StringArray::from(names.to_vec())) as ArrayRef)
            .collect();
        let state = counted(&batches);
        assert!(state.items.is_exact());
        assert_eq!(state, one_by_one(names.into_iter().map(Some)));
    }

    proptest! {
        #[test]
        fn states_of_some_rows_are_as_of_these_alone(
            batches in prop::collection::vec(prop::collection::vec((prop::option::of("[a-c]{0,14}"), 0usize..3), 1..60), 1..6),
        ) {
            let mut dictionary = Dictionary::default();
            let mut states: Vec<CountedNames> = vec![CountedNames::default(); 3];
            for batch in &batches {
                let names: ArrayRef = Arc::new(batch.iter().map(|(name, _)| name.as_deref()).collect::<StringArray>());
                dictionary.code(&names).unwrap();
                for (group, state) in states.iter_mut().enumerate() {
                    let rows: Vec<u32> = (0..).zip(batch).filter(|(_, (_, of))| *of == group).map(|(row, _)| row).collect();
                    state.add(&dictionary, Which::These(&rows));
                }
            }
            for (group, state) in states.iter_mut().enumerate() {
                state.settle();
                let rows = batches.iter().flatten().filter(|(_, of)| *of == group);
                let expected = one_by_one(rows.map(|(name, _)| name.as_deref()));
                prop_assert_eq!(&state.state, &ColumnState::Text(expected));
            }
            let mut all = states[0].clone();
            all.merge(&states[1]);
            all.merge(&states[2]);
            let expected = one_by_one(batches.iter().flatten().map(|(name, _)| name.as_deref()));
            prop_assert_eq!(all.state, ColumnState::Text(expected));
        }
    }
}
