//! The values of a registry table as plain texts, lists, maps and times, one for each row.
//!
//! Types were proven by `columns`; here only values can be wrong.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMillisecondType};
use arrow::error::ArrowError;
use jiff::Timestamp;
use serde_json::Value;

use super::columns::{Columns, Role, is_text};
use crate::source::registry::RegistryError;

/// Rows of a registry table.
pub(super) struct Rows<'a> {
    batch: &'a RecordBatch,
    columns: &'a Columns,
    place: &'a str,
}

impl<'a> Rows<'a> {
    /// The rows of `batch`, which has `columns` in their order.
    pub(super) fn new(batch: &'a RecordBatch, columns: &'a Columns, place: &'a str) -> Self {
        Self { batch, columns, place }
    }

    fn column(&self, role: Role) -> Option<&ArrayRef> {
        self.columns.position(role).map(|position| self.batch.column(position))
    }

    /// Texts; none without the column.
    pub(super) fn texts(&self, role: Role) -> Result<Vec<Option<String>>, RegistryError> {
        match self.column(role) {
            Some(column) => text_values(column).map_err(|error| self.failed(error)),
            None => Ok(vec![None; self.batch.num_rows()]),
        }
    }

    /// Sorted lists without repeats; empty without the column.
    pub(super) fn lists(&self, role: Role) -> Result<Vec<Vec<String>>, RegistryError> {
        let Some(column) = self.column(role) else {
            return Ok(vec![Vec::new(); self.batch.num_rows()]);
        };
        if is_text(column.data_type()) {
            let lists = self.texts(role)?.into_iter().enumerate();
            return lists
                .map(|(row, text)| {
                    split(&text.unwrap_or_default()).ok_or_else(|| {
                        self.invalid(role, "text with commas or a JSON array", self.name_of(row))
                    })
                })
                .collect();
        }
        let lists =
            cast(column, &DataType::new_list(DataType::Utf8, true)).map_err(|error| self.failed(error))?;
        let lists = lists.as_list::<i32>().iter();
        lists
            .map(|list| {
                let Some(list) = list else {
                    return Ok(Vec::new());
                };
                let texts = text_values(&list).map_err(|error| self.failed(error))?;
                Ok(sorted(texts.into_iter().flatten()))
            })
            .collect()
    }

    /// Maps; empty without the column.
    pub(super) fn pairs(&self, role: Role) -> Result<Vec<BTreeMap<String, String>>, RegistryError> {
        let Some(column) = self.column(role) else {
            return Ok(vec![BTreeMap::new(); self.batch.num_rows()]);
        };
        let Some(maps) = column.as_map_opt() else {
            let texts = self.texts(role)?.into_iter().enumerate();
            return texts
                .map(|(row, text)| {
                    object(&text.unwrap_or_default())
                        .ok_or_else(|| self.invalid(role, "a JSON object", self.name_of(row)))
                })
                .collect();
        };
        let keys = text_values(maps.keys()).map_err(|error| self.failed(error))?;
        let values = text_values(maps.values()).map_err(|error| self.failed(error))?;
        let offsets = maps.value_offsets();
        let of_row = |row: usize| {
            let entries = match maps.is_null(row) {
                true => 0..0,
                false => usize_of(offsets[row])..usize_of(offsets[row + 1]),
            };
            let entries = entries.filter_map(|entry| Some((keys[entry].clone()?, values[entry].clone()?)));
            entries.collect()
        };
        Ok((0..maps.len()).map(of_row).collect())
    }

    /// Times; none without the column. Timestamps without a zone are in UTC.
    pub(super) fn times(&self, role: Role) -> Result<Vec<Option<Timestamp>>, RegistryError> {
        let Some(column) = self.column(role) else {
            return Ok(vec![None; self.batch.num_rows()]);
        };
        let millis: Vec<Option<i64>> = match column.data_type() {
            DataType::Timestamp(_, zone) => {
                let unit = DataType::Timestamp(TimeUnit::Millisecond, zone.clone());
                let times = cast(column, &unit).map_err(|error| self.failed(error))?;
                times.as_primitive::<TimestampMillisecondType>().iter().collect()
            }
            _ => column.as_primitive::<Int64Type>().iter().collect(),
        };
        let times = millis.into_iter().enumerate();
        times
            .map(|(row, millis)| {
                millis
                    .map(Timestamp::from_millisecond)
                    .transpose()
                    .map_err(|_| self.invalid(role, "a time in milliseconds", self.name_of(row)))
            })
            .collect()
    }

    /// A value of `role`'s column in `row` is not `expected`.
    pub(super) fn invalid(&self, role: Role, expected: &'static str, row: String) -> RegistryError {
        RegistryError::Value {
            column: self.columns.name_of(role).to_owned(),
            expected,
            row,
            place: self.place.to_owned(),
        }
    }

    fn name_of(&self, row: usize) -> String {
        let versions = self.texts(Role::Version).unwrap_or_default();
        match versions.get(row).and_then(Option::as_ref) {
            Some(version) => format!("version `{version}`"),
            None => "a row without a version".to_owned(),
        }
    }

    fn failed(&self, error: ArrowError) -> RegistryError {
        RegistryError::Query { place: self.place.to_owned(), source: Box::new(error.into()) }
    }
}

/// The values of `column` as text.
pub(super) fn text_values(column: &ArrayRef) -> Result<Vec<Option<String>>, ArrowError> {
    let texts = cast(column, &DataType::Utf8)?;
    let texts = texts.as_string::<i32>().iter();
    Ok(texts.map(|text| text.map(str::to_owned)).collect())
}

/// Offsets of a valid array are never negative.
fn usize_of(offset: i32) -> usize {
    usize::try_from(offset).unwrap_or_default()
}

fn sorted(texts: impl Iterator<Item = String>) -> Vec<String> {
    BTreeSet::from_iter(texts).into_iter().collect()
}

/// The parts of a text with commas, or the items of a JSON array of texts.
fn split(text: &str) -> Option<Vec<String>> {
    if text.trim_start().starts_with('[') {
        let items: Vec<String> = serde_json::from_str(text).ok()?;
        return Some(sorted(items.into_iter()));
    }
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    Some(sorted(parts.map(str::to_owned)))
}

/// The members of a JSON object; values that are no text as JSON, and none for `null`.
fn object(text: &str) -> Option<BTreeMap<String, String>> {
    if text.trim().is_empty() {
        return Some(BTreeMap::new());
    }
    let members: BTreeMap<String, Value> = serde_json::from_str(text).ok()?;
    let texts = members.into_iter().filter_map(|(key, value)| match value {
        Value::Null => None,
        Value::String(text) => Some((key, text)),
        other => Some((key, other.to_string())),
    });
    Some(texts.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_in_texts_are_split_sorted_and_without_repeats() {
        for (text, expected) in [
            ("", Some(vec![])),
            (" b, a,,b ", Some(vec!["a", "b"])),
            (r#"["b","a"]"#, Some(vec!["a", "b"])),
            ("[1]", None),
        ] {
            let expected = expected.map(|parts| parts.into_iter().map(str::to_owned).collect());
            assert_eq!(split(text), expected, "{text}");
        }
    }

    #[test]
    fn objects_in_texts_become_texts_by_key() {
        for (text, expected) in [
            ("", Some(vec![])),
            (r#"{"b":1,"a":"x","c":null}"#, Some(vec![("a", "x"), ("b", "1")])),
            ("[]", None),
            ("tier=1", None),
        ] {
            let pair = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
            let expected = expected.map(|pairs| pairs.into_iter().map(pair).collect());
            assert_eq!(object(text), expected, "{text}");
        }
    }
}
