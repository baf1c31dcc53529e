//! Values as small numbers: which rows have the same value.
//!
//! Names repeat. Rows are coded, so that the work that a name costs (its text, its length, its place in a state) is done
//! for each different value, not for each row.

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray, UInt32Array};
use arrow::buffer::NullBuffer;
use arrow::compute::take;
use arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};
use datafusion::common::Result;
use xxhash_rust::xxh3::xxh3_64;

use super::codes::{Codes, NULL};
use super::names::{cast, names};
use super::split::Which;

/// The longest text that a view holds within itself.
const INLINE_MAX: u32 = 12;

/// Room to code in. Values keep their code from batch to batch, until all are forgotten.
#[derive(Debug, Default)]
pub(super) struct Coder {
    /// The code of each row of the last batch.
    pub(super) codes: Vec<u32>,
    /// Rows of it whose value was new, in the order of their codes.
    firsts: Vec<u32>,
    table: Codes,
    /// By code, texts that are longer than their key; nothing for those that are not.
    texts: Vec<Box<str>>,
}

impl Coder {
    /// Forgets all values.
    pub(super) fn clear(&mut self) {
        self.table.clear();
        self.texts.clear();
    }

    /// How many values have a code.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// Codes the values of `array`, [`NULL`] as such, others from 1 on. Returns those that are new, in the order of their
    /// codes. Several may have one name.
    ///
    /// # Errors
    /// If the values have no text form.
    pub(super) fn code(&mut self, array: &ArrayRef) -> Result<ArrayRef> {
        match array.data_type() {
            DataType::Dictionary(_, _) => return self.code_dictionary(array),
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

    /// Codes the values of a dictionary that occur, and then its rows.
    fn code_dictionary(&mut self, array: &ArrayRef) -> Result<ArrayRef> {
        let dictionary = array.as_any_dictionary();
        let nulls = dictionary.keys().nulls();
        let is_valid = |row: usize| nulls.is_none_or(|nulls| nulls.is_valid(row));
        // Where there are no values, every key is NULL, and Arrow has nothing to say.
        let keys = match dictionary.values().is_empty() {
            true => vec![0; array.len()],
            false => dictionary.normalized_keys(),
        };
        // The place of each value among those that occur, from 1 on.
        let mut places = vec![0u32; dictionary.values().len()];
        let mut occurring = Vec::new();
        for (_, key) in keys.iter().enumerate().filter(|(row, _)| is_valid(*row)) {
            if places[*key] == 0 {
                occurring.push(*key as u32);
                places[*key] = occurring.len() as u32;
            }
        }
        let new = self.code(&take(dictionary.values(), &UInt32Array::from(occurring), None)?)?;
        let of_values = std::mem::take(&mut self.codes);
        let code = |(row, key): (usize, &usize)| match is_valid(row) {
            true => of_values[places[*key] as usize - 1],
            false => NULL,
        };
        self.codes = keys.iter().enumerate().map(code).collect();
        Ok(new)
    }

    fn code_texts(&mut self, texts: &StringViewArray) {
        let Self { table, texts: known, .. } = self;
        let code = |row: usize| {
            let key = key_of_text(texts, row);
            let is_same = |code: u32| is_within(key) || *known[code as usize - 1] == *texts.value(row);
            let (code, is_new) = table.code(key, is_same);
            if is_new {
                known.push(if is_within(key) { Box::default() } else { texts.value(row).into() });
            }
            (code, is_new)
        };
        code_rows(&mut self.codes, &mut self.firsts, texts.len(), texts.nulls(), code);
    }

    /// Codes values that are equal if their keys are.
    fn code_keys(&mut self, array: &dyn Array, key: impl Fn(usize) -> u128) {
        let Self { codes, firsts, table, .. } = self;
        let nulls = array.logical_nulls();
        code_rows(codes, firsts, array.len(), nulls.as_ref(), |row| table.code(key(row), |_| true));
    }

    /// Codes pairs of codes: NULL where either is.
    pub(super) fn code_pairs(&mut self, left: &Self, right: &Self) {
        let Self { codes, firsts, table, .. } = self;
        let is_known = |(left, right): (&u32, &u32)| *left != NULL && *right != NULL;
        let nulls = NullBuffer::from_iter(left.codes.iter().zip(&right.codes).map(is_known));
        let key = |row: usize| u128::from(left.codes[row]) << 64 | u128::from(right.codes[row]);
        code_rows(codes, firsts, nulls.len(), Some(&nulls), |row| table.code(key(row), |_| true));
    }

    /// Codes as NULL the values that have no class. `classes` are those of all values.
    pub(super) fn forget(&mut self, classes: &StringViewArray) {
        let Some(nulls) = classes.nulls().filter(|nulls| nulls.null_count() > 0) else { return };
        for code in &mut self.codes {
            *code = if *code != NULL && nulls.is_null(*code as usize - 1) { NULL } else { *code };
        }
    }

    /// The rows of the last batch whose value was new, in the order of their codes.
    pub(super) fn firsts(&self) -> &[u32] {
        &self.firsts
    }
}

/// Codes `rows`, as `code` says, which also tells whether a code is new.
fn code_rows(
    codes: &mut Vec<u32>,
    firsts: &mut Vec<u32>,
    rows: usize,
    nulls: Option<&NullBuffer>,
    mut code: impl FnMut(usize) -> (u32, bool),
) {
    let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
    firsts.clear();
    codes.clear();
    codes.extend((0..rows).map(|row| {
        if nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return NULL;
        }
        let (code, is_new) = code(row);
        if is_new {
            firsts.push(row as u32);
        }
        code
    }));
}

/// Whether a text is held within its `view`.
#[inline]
fn is_within(view: u128) -> bool {
    view as u32 <= INLINE_MAX
}

/// By which the text in `row` is known: its view, if that holds it; else its length and a hash, which another may have,
/// too.
#[inline]
fn key_of_text(texts: &StringViewArray, row: usize) -> u128 {
    match texts.views()[row] {
        view if is_within(view) => view,
        view => u128::from(view as u32) | u128::from(xxh3_64(texts.value(row).as_bytes())) << 64,
    }
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
    use std::sync::Arc;

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
