//! Probabilities of every class, row by row: maps from classes, or structs of them.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, StringViewArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;

use super::coded::Coder;
use super::codes::NULL;
use super::names::{Classes, cast, names};

/// The probabilities of a batch. Classes, of these and of what is predicted and labelled, are numbers in the order of their
/// names.
pub(super) struct Probabilities {
    names: Vec<String>,
    of_predictions: Vec<usize>,
    of_labels: Vec<usize>,
    entries: Entries,
    /// Rows that say nothing of any class.
    nulls: Option<NullBuffer>,
}

enum Entries {
    /// Of structs: a class and its values in each row.
    Columns(Vec<(usize, Float64Array)>),
    /// Of maps: where the entries of each row begin and end, and their classes and values. A key that is no class has none.
    Lists { offsets: Vec<i32>, classes: Vec<Option<usize>>, values: Float64Array },
}

impl Probabilities {
    /// Those in `values`, of what has these `classes`; none if these are single numbers.
    pub(super) fn of(values: &ArrayRef, classes: &Classes) -> Result<Option<Self>> {
        let mut coder = Coder::default();
        let keys: StringViewArray = match values.data_type() {
            DataType::Struct(fields) => fields.iter().map(|field| Some(field.name())).collect(),
            DataType::Map(..) => names(&coder.code(values.as_map().keys())?)?,
            _ => return Ok(None),
        };
        let keys = classes.read(&keys);
        let all = [&keys, &classes.predictions, &classes.labels].into_iter();
        let known: BTreeSet<&str> = all.flat_map(StringViewArray::iter).flatten().collect();
        let known: Vec<String> = known.into_iter().map(str::to_owned).collect();
        let place = |name: &str| known.binary_search_by(|known| known.as_str().cmp(name)).unwrap_or_default();
        let places = |names: &StringViewArray| -> Vec<usize> {
            names.iter().map(|name| name.map_or(0, place)).collect()
        };
        let of_keys = places(&keys);
        let entries = match values.as_map_opt() {
            Some(map) => {
                let class = |code: &u32| (*code != NULL).then(|| of_keys[*code as usize - 1]);
                Entries::Lists {
                    offsets: map.value_offsets().to_vec(),
                    classes: coder.codes.iter().map(class).collect(),
                    values: cast(map.values(), &DataType::Float64)?.as_primitive::<Float64Type>().clone(),
                }
            }
            None => {
                let columns = values.as_struct().columns().iter().zip(&of_keys);
                let column = |(values, class): (&ArrayRef, &usize)| {
                    Ok((*class, cast(values, &DataType::Float64)?.as_primitive::<Float64Type>().clone()))
                };
                Entries::Columns(columns.map(column).collect::<Result<_>>()?)
            }
        };
        let (of_predictions, of_labels) = (places(&classes.predictions), places(&classes.labels));
        Ok(Some(Self { names: known, of_predictions, of_labels, entries, nulls: values.logical_nulls() }))
    }

    /// Names of the classes, in order.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The class of the prediction at this place of the classes that are predicted.
    pub(super) fn of_prediction(&self, place: usize) -> usize {
        self.of_predictions[place]
    }

    /// The class of the label at this place of the classes that labels are.
    pub(super) fn of_label(&self, place: usize) -> usize {
        self.of_labels[place]
    }

    /// Calls `each` with every class that `row` has a probability of.
    pub(super) fn for_each(&self, row: usize, mut each: impl FnMut(usize, f64)) {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return;
        }
        match &self.entries {
            Entries::Columns(columns) => {
                for (class, values) in columns.iter().filter(|(_, values)| values.is_valid(row)) {
                    each(*class, values.value(row));
                }
            }
            Entries::Lists { offsets, classes, values } => {
                let entries: Range<usize> = offsets[row] as usize..offsets[row + 1] as usize;
                for entry in entries.filter(|entry| values.is_valid(*entry)) {
                    if let Some(class) = classes[entry] {
                        each(class, values.value(entry));
                    }
                }
            }
        }
    }

    /// The probability of the class of this name in each row.
    pub(super) fn of_class(&self, name: &str) -> ArrayRef {
        let rows = self.nulls.as_ref().map_or_else(|| self.len(), NullBuffer::len);
        let wanted = self.names.iter().position(|known| known == name);
        let value = |row: usize| {
            let mut found = None;
            self.for_each(row, |class, probability| {
                found = if Some(class) == wanted { Some(probability) } else { found };
            });
            found
        };
        Arc::new((0..rows).map(value).collect::<Float64Array>())
    }

    fn len(&self) -> usize {
        match &self.entries {
            Entries::Columns(columns) => columns.first().map_or(0, |(_, values)| values.len()),
            Entries::Lists { offsets, .. } => offsets.len().saturating_sub(1),
        }
    }
}
