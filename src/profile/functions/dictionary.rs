//! Names as small numbers that last from batch to batch.
//!
//! A column has the same names in all of its batches, and most states have the same names as others. So each name is
//! read once, and rows are counted by number; what a name costs (its text, its length, its place in a state) is paid once
//! for each state. When there are many names a dictionary is begun anew, so that one does not grow with the table; states
//! hold those that they have counted by.

use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};
use datafusion::common::Result;

use super::coded::{NULL, Table, is_within, key_of_text};
use super::names::{self, cast};
use crate::profile::text::Name;

/// Names of a dictionary to which no batch is added any more.
const MANY: usize = 8192;

/// Bytes of names from which on that is so, too: they may be long.
const MANY_BYTES: usize = 1 << 22;

/// Names by code, but that of NULL. More may come; those that are there stay.
#[derive(Debug, Default)]
pub(super) struct Names(Box<[OnceLock<Name>]>);

impl Names {
    fn with_room_for(names: usize) -> Self {
        Self((0..names).map(|_| OnceLock::new()).collect())
    }

    /// Names `code`, which is new.
    fn set(&self, code: u32, name: Name) {
        let unnamed = self.0.get(code as usize - 1).is_none_or(|place| place.set(name).is_ok());
        debug_assert!(unnamed, "a code is given once");
    }

    /// The name of `code`; none of NULL, and of a code that has not been given.
    pub(super) fn get(&self, code: u32) -> Option<&Name> {
        self.0.get((code as usize).checked_sub(1)?)?.get()
    }
}

/// Codes of names.
#[derive(Debug, Default)]
pub struct Dictionary {
    /// The code of each row of the last batch.
    pub(super) codes: Vec<u32>,
    /// The names of all codes.
    pub(super) names: Arc<Names>,
    table: Table,
    /// Bytes of the names.
    bytes: usize,
}

impl Dictionary {
    /// How many names it has.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// Codes the values of `array`. A name may have several codes.
    ///
    /// # Errors
    /// If the values have no text form.
    pub(super) fn code(&mut self, array: &ArrayRef) -> Result<()> {
        if matches!(array.data_type(), DataType::Dictionary(_, _)) {
            return self.code_dictionary(array);
        }
        self.begin(array.len());
        match array.data_type() {
            DataType::Utf8View => self.code_texts(array.as_string_view()),
            DataType::Utf8 | DataType::LargeUtf8 => {
                self.code_texts(cast(array, &DataType::Utf8View)?.as_string_view());
            }
            data_type if data_type.is_floating() => {
                let doubles = cast(array, &DataType::Float64)?;
                let doubles = doubles.as_primitive::<Float64Type>().values();
                self.code_keys(array, |row| u128::from(doubles[row].to_bits()))?;
            }
            DataType::UInt64 => {
                let integers = array.as_primitive::<UInt64Type>().values();
                self.code_keys(array, |row| u128::from(integers[row]))?;
            }
            data_type if data_type.is_integer() => {
                let integers = cast(array, &DataType::Int64)?;
                let integers = integers.as_primitive::<Int64Type>().values();
                self.code_keys(array, |row| integers[row] as u128)?;
            }
            DataType::Boolean => {
                let booleans = array.as_boolean();
                self.code_keys(array, |row| u128::from(booleans.value(row)))?;
            }
            // Few columns are of other types; their texts are made for each row.
            _ => self.code_texts(&names::names(array)?),
        }
        Ok(())
    }

    /// Makes room for the names of so many rows.
    fn begin(&mut self, rows: usize) {
        let names = self.table.len();
        if names > MANY || self.bytes > MANY_BYTES || names + rows > self.names.0.len() {
            self.names = Arc::new(Names::with_room_for(MANY + rows));
            self.table.clear();
            self.bytes = 0;
        }
        self.codes.clear();
        self.codes.reserve(rows);
    }

    /// Codes a dictionary: the values that occur, and then the rows.
    fn code_dictionary(&mut self, array: &ArrayRef) -> Result<()> {
        let dictionary = array.as_any_dictionary();
        let nulls = dictionary.keys().nulls();
        let keys = dictionary.normalized_keys();
        // The place of each value among those that occur, from 1 on.
        let mut places = vec![0u32; dictionary.values().len()];
        let mut occurring = Vec::new();
        let is_valid = |row: usize| nulls.is_none_or(|nulls| nulls.is_valid(row));
        for key in keys.iter().enumerate().filter(|(row, _)| is_valid(*row)).map(|(_, key)| *key) {
            if places[key] == 0 {
                occurring.push(key as u32);
                places[key] = occurring.len() as u32;
            }
        }
        self.code(&take(dictionary.values(), &UInt32Array::from(occurring), None)?)?;
        let of_values = std::mem::take(&mut self.codes);
        let code = |(row, key): (usize, &usize)| match is_valid(row) {
            true => of_values[places[*key] as usize - 1],
            false => NULL,
        };
        self.codes = keys.iter().enumerate().map(code).collect();
        Ok(())
    }

    fn code_texts(&mut self, texts: &StringViewArray) {
        let Self { codes, names, table, bytes } = self;
        let nulls = texts.nulls().filter(|nulls| nulls.null_count() > 0);
        codes.extend((0..texts.len()).map(|row| {
            if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                return NULL;
            }
            let key = key_of_text(texts, row);
            let is_same =
                |code| is_within(key) || names.get(code).is_some_and(|name| name.is_of(texts.value(row)));
            let (code, is_new) = table.code(key, is_same);
            if is_new {
                let name = Name::of(texts.value(row));
                *bytes += name.item().len();
                names.set(code, name);
            }
            code
        }));
    }

    /// Codes values that are equal if their keys are.
    fn code_keys(&mut self, array: &ArrayRef, key: impl Fn(usize) -> u128) -> Result<()> {
        let Self { codes, names: known, table, .. } = self;
        let nulls = array.logical_nulls().filter(|nulls| nulls.null_count() > 0);
        let (mut new, mut given) = (Vec::new(), Vec::new());
        codes.extend((0..array.len()).map(|row| {
            if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                return NULL;
            }
            let (code, is_new) = table.code(key(row), |_| true);
            if is_new {
                new.push(row as u32);
                given.push(code);
            }
            code
        }));
        let texts = names::names(&take(array, &UInt32Array::from(new), None)?)?;
        texts.iter().zip(given).for_each(|(text, code)| known.set(code, Name::of(text.unwrap_or_default())));
        Ok(())
    }
}
