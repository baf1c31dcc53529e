//! Values as small numbers: which rows of a batch have the same value.
//!
//! Names repeat. A batch is coded once, so that the work that a name costs (its text, its length, its place in a
//! state) is done for each different value of a batch, not for each row. An array that is a dictionary
//! already is taken as it is.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray, UInt32Array};
use arrow::buffer::NullBuffer;
use arrow::compute::take;
use arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};
use datafusion::common::Result;
use xxhash_rust::xxh3::xxh3_64;

use super::names::{cast, names};
use super::split::Which;

/// The code of NULL. The value of code `i` is at `i - 1`.
pub(super) const NULL: u32 = 0;

/// The longest text that a view holds within itself.
const INLINE_MAX: u32 = 12;

/// Slots of the smallest table.
const SLOTS_MIN: usize = 256;

/// Room to code in, kept from batch to batch.
#[derive(Debug, Default)]
pub(super) struct Coder {
    /// The code of each row of the last batch.
    pub(super) codes: Vec<u32>,
    /// A row of each code but that of NULL.
    firsts: Vec<u32>,
    table: Table,
}

impl Coder {
    /// Codes the values of `array`. Returns the different ones: of a dictionary also those that no row has; and one
    /// value may have several codes.
    pub(super) fn code(&mut self, array: &ArrayRef) -> Result<ArrayRef> {
        match array.data_type() {
            DataType::Dictionary(_, _) => return Ok(self.code_dictionary(array)),
            DataType::Utf8View => self.code_texts(array.as_string_view()),
            DataType::Utf8 | DataType::LargeUtf8 => {
                self.code_texts(cast(array, &DataType::Utf8View)?.as_string_view());
            }
            data_type if data_type.is_floating() => {
                let doubles = cast(array, &DataType::Float64)?;
                let doubles = doubles.as_primitive::<Float64Type>().values();
                self.code_keys(array, |row| u128::from(doubles[row].to_bits()));
            }
            DataType::UInt64 => {
                let integers = array.as_primitive::<UInt64Type>().values();
                self.code_keys(array, |row| u128::from(integers[row]));
            }
            data_type if data_type.is_integer() => {
                let integers = cast(array, &DataType::Int64)?;
                let integers = integers.as_primitive::<Int64Type>().values();
                self.code_keys(array, |row| integers[row] as u128);
            }
            DataType::Boolean => {
                let booleans = array.as_boolean();
                self.code_keys(array, |row| u128::from(booleans.value(row)));
            }
            // Few columns are of other types; their texts are made for each row.
            _ => self.code_texts(&names(array)?),
        }
        Ok(take(array, &UInt32Array::from(self.firsts.clone()), None)?)
    }

    fn code_dictionary(&mut self, array: &ArrayRef) -> ArrayRef {
        let dictionary = array.as_any_dictionary();
        let nulls = array.logical_nulls();
        self.codes.clear();
        self.codes.extend(dictionary.normalized_keys().into_iter().map(|key| key as u32 + 1));
        if let Some(nulls) = nulls.filter(|nulls| nulls.null_count() > 0) {
            for (code, is_valid) in self.codes.iter_mut().zip(nulls.iter()) {
                *code = if is_valid { *code } else { NULL };
            }
        }
        Arc::clone(dictionary.values())
    }

    fn code_texts(&mut self, texts: &StringViewArray) {
        let is_same = |row: usize, first: usize| {
            is_within(texts.views()[row]) || texts.value(row) == texts.value(first)
        };
        self.code_rows(texts, |row| key_of_text(texts, row), is_same);
    }

    fn code_keys(&mut self, array: &dyn Array, key: impl Fn(usize) -> u128) {
        self.code_rows(array, key, |_, _| true);
    }

    /// Codes pairs of codes: NULL where either is.
    pub(super) fn code_pairs(&mut self, left: &Self, right: &Self) {
        let is_known = |(left, right): (&u32, &u32)| *left != NULL && *right != NULL;
        let nulls = NullBuffer::from_iter(left.codes.iter().zip(&right.codes).map(is_known));
        let rows = left.codes.len().min(right.codes.len());
        let key = |row: usize| u128::from(left.codes[row]) << 64 | u128::from(right.codes[row]);
        self.code_numbered(rows, Some(&nulls), key, |_, _| true);
    }

    /// Codes as NULL the values at which `is_none`, told the value's place among the different ones, says so.
    pub(super) fn forget(&mut self, is_none: impl Fn(usize) -> bool) {
        for code in &mut self.codes {
            *code = if *code != NULL && is_none(*code as usize - 1) { NULL } else { *code };
        }
    }

    /// The first row of each code but that of NULL, in the order of codes.
    pub(super) fn firsts(&self) -> &[u32] {
        &self.firsts
    }

    /// Codes rows by their `key`; those of equal keys have one code if `is_same` says so of the row and the first row of
    /// the code.
    fn code_rows(
        &mut self,
        array: &dyn Array,
        key: impl Fn(usize) -> u128,
        is_same: impl Fn(usize, usize) -> bool,
    ) {
        let nulls = array.logical_nulls().filter(|nulls| nulls.null_count() > 0);
        self.code_numbered(array.len(), nulls.as_ref(), key, is_same);
    }

    fn code_numbered(
        &mut self,
        rows: usize,
        nulls: Option<&NullBuffer>,
        key: impl Fn(usize) -> u128,
        is_same: impl Fn(usize, usize) -> bool,
    ) {
        let Self { codes, firsts, table } = self;
        codes.clear();
        firsts.clear();
        table.clear();
        codes.extend((0..rows).map(|row| {
            if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                return NULL;
            }
            let first = |code: u32| firsts[code as usize - 1] as usize;
            let (code, is_new) = table.code(key(row), |code| is_same(row, first(code)));
            if is_new {
                firsts.push(row as u32);
            }
            code
        }));
    }
}

/// Codes by key, from 1 on in the order in which keys came.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Codes by the hash of their key, [`NULL`] where the slot is free. As many as a power of two, or none.
    slots: Vec<u32>,
    /// Keys by code.
    keys: Vec<u128>,
}

impl Table {
    pub(super) fn clear(&mut self) {
        self.keys.clear();
        self.slots.clear();
        self.slots.resize(SLOTS_MIN, NULL);
    }

    /// How many keys have a code.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The code of `key`, of which `is_same` says so, and whether it is new.
    #[inline]
    pub(super) fn code(&mut self, key: u128, is_same: impl Fn(u32) -> bool) -> (u32, bool) {
        let mut at = home(key, self.slots.len());
        loop {
            match self.slots[at] {
                NULL => return (self.add(key, at), true),
                code if self.keys[code as usize - 1] == key && is_same(code) => return (code, false),
                _ => at = (at + 1) & (self.slots.len() - 1),
            }
        }
    }

    /// Gives `key` the next code, in the free slot `at`.
    fn add(&mut self, key: u128, at: usize) -> u32 {
        self.keys.push(key);
        let code = self.keys.len() as u32;
        self.slots[at] = code;
        if 2 * self.keys.len() > self.slots.len() {
            let slots = 2 * self.slots.len();
            self.slots.clear();
            self.slots.resize(slots, NULL);
            for (code, key) in (1..).zip(&self.keys) {
                let mut at = home(*key, slots);
                while self.slots[at] != NULL {
                    at = (at + 1) & (slots - 1);
                }
                self.slots[at] = code;
            }
        }
        code
    }
}

/// Whether a text is held within its `view`.
#[inline]
pub(super) fn is_within(view: u128) -> bool {
    view as u32 <= INLINE_MAX
}

/// By which the text in `row` is known: its view, if that holds it; else its length and a hash, which another may have,
/// too.
#[inline]
pub(super) fn key_of_text(texts: &StringViewArray, row: usize) -> u128 {
    match texts.views()[row] {
        view if is_within(view) => view,
        view => u128::from(view as u32) | u128::from(xxh3_64(texts.value(row).as_bytes())) << 64,
    }
}

/// Where the search for `key` begins.
fn home(key: u128, slots: usize) -> usize {
    let product = u128::from(key as u64 ^ 0x9E37_79B9_7F4A_7C15)
        * u128::from((key >> 64) as u64 ^ 0xD6E8_FEB8_6659_FD93);
    ((product >> 64) as u64 ^ product as u64) as usize & (slots - 1)
}

/// How often each code occurs, of one group after the other.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: Vec<u64>,
    /// Codes that occur, in the order of their first.
    seen: Vec<u32>,
}

impl Tally {
    /// Calls `each` with every code that `which` of the rows have, and how often.
    pub(super) fn for_each(&mut self, codes: &[u32], which: Which<'_>, mut each: impl FnMut(u32, u64)) {
        let Self { counts, seen } = self;
        which.for_each(codes.len(), |row| {
            let code = codes[row];
            if code as usize >= counts.len() {
                counts.resize(code as usize + 1, 0);
            }
            let count = &mut counts[code as usize];
            if *count == 0 {
                seen.push(code);
            }
            *count += 1;
        });
        for code in seen.drain(..) {
            each(code, std::mem::take(&mut counts[code as usize]));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;

    use arrow::array::{
        BooleanArray, Decimal128Array, DictionaryArray, Float32Array, Int8Array, StringArray, UInt64Array,
    };
    use arrow::datatypes::Int32Type;

    use super::*;

    /// How often each name occurs, `None` for NULL.
    fn counted(array: &ArrayRef) -> BTreeMap<Option<String>, u64> {
        let mut coder = Coder::default();
        let names = names(&coder.code(array).unwrap()).unwrap();
        let mut counts = BTreeMap::new();
        Tally::default().for_each(&coder.codes, Which::All, |code, count| {
            let name = (code != NULL).then(|| names.value(code as usize - 1).to_owned());
            *counts.entry(name).or_default() += count;
        });
        counts
    }

    #[track_caller]
    fn check(array: impl Array + 'static, expected: &[(Option<&str>, u64)]) {
        let expected = expected.iter().map(|(name, count)| (name.map(str::to_owned), *count)).collect();
        assert_eq!(counted(&(Arc::new(array) as ArrayRef)), expected);
    }

    #[test]
    fn every_type_is_counted_by_name() {
        let texts = [
            "a",
            "",
            "a",
            "longer than a view holds",
            "longer than a view hides",
            "longer than a view holds",
        ];
        let texts: Vec<Option<&str>> = texts.into_iter().map(Some).chain([None]).collect();
        let expected = [
            (None, 1),
            (Some(""), 1),
            (Some("a"), 2),
            (Some("longer than a view holds"), 2),
            (Some("longer than a view hides"), 1),
        ];
        check(StringArray::from(texts.clone()), &expected);
        check(StringViewArray::from(texts.clone()), &expected);
        check(texts.into_iter().collect::<DictionaryArray<Int32Type>>(), &expected);
        check(BooleanArray::from(vec![Some(true), None, Some(true)]), &[(None, 1), (Some("true"), 2)]);
        check(Int8Array::from(vec![-1, 7, -1]), &[(Some("-1"), 2), (Some("7"), 1)]);
        check(UInt64Array::from(vec![u64::MAX]), &[(Some("18446744073709551615"), 1)]);
        check(
            Float32Array::from(vec![0.0, -0.0, 1.5, f32::NAN]),
            &[(Some("0"), 2), (Some("1.5"), 1), (Some("NaN"), 1)],
        );
        let decimals = Decimal128Array::from(vec![150, 150, 100]).with_precision_and_scale(5, 2).unwrap();
        check(decimals, &[(Some("1.5"), 2), (Some("1"), 1)]);
    }

    #[test]
    fn nulls_of_a_dictionary_may_be_its_values() {
        let values: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None]));
        let keys = arrow::array::Int32Array::from(vec![Some(0), Some(1), None, Some(0)]);
        check(DictionaryArray::try_new(keys, values).unwrap(), &[(None, 2), (Some("a"), 2)]);
    }

    #[test]
    fn many_values_are_told_apart() {
        let texts: Vec<String> = (0..20_000).map(|i| format!("{:x}", (i % 9_000) * 7919)).collect();
        let mut expected = BTreeMap::new();
        texts.iter().for_each(|text| *expected.entry(Some(text.clone())).or_default() += 1);
        assert_eq!(counted(&(Arc::new(StringArray::from(texts)) as ArrayRef)), expected);
    }
}
