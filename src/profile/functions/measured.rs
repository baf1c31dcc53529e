//! Columns as numbers, by their scales: what is looked at together, and what losses are learnt from.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, exec_datafusion_err};

use super::dictionary::Dictionary;
use super::names::cast;
use crate::profile::covariance::{Reference, Scale};
use crate::profile::name_codes::NameCodes;

/// The columns of a batch. Room is kept from batch to batch.
#[derive(Debug, Default)]
pub(in crate::profile) struct MeasuredColumns {
    dictionaries: Vec<Dictionary>,
    numbers: Vec<Vec<f64>>,
}

impl MeasuredColumns {
    /// The numbers of `columns`, one for each scale of `reference` in its order, NaN where there is none; those of names are
    /// their codes.
    ///
    /// # Errors
    /// If there are not as many, or values have no text form where they are names.
    pub(in crate::profile) fn measure(
        &mut self,
        columns: &[ArrayRef],
        reference: &Reference,
    ) -> Result<&[Vec<f64>]> {
        let Self { dictionaries, numbers } = self;
        let scales = reference.scales();
        if columns.len() != scales.len() {
            return Err(exec_datafusion_err!("{} columns for {} scales", columns.len(), scales.len()));
        }
        dictionaries.resize_with(columns.len(), Dictionary::default);
        numbers.resize_with(columns.len(), Vec::new);
        for (((column, scale), dictionary), numbers) in
            columns.iter().zip(scales).zip(dictionaries).zip(numbers.iter_mut())
        {
            numbers.clear();
            measure(column, scale, dictionary, numbers)?;
        }
        Ok(numbers)
    }
}

/// The numbers of a column.
fn measure(
    column: &ArrayRef,
    scale: &Scale,
    dictionary: &mut Dictionary,
    numbers: &mut Vec<f64>,
) -> Result<()> {
    let Some(codes) = scale.codes() else {
        let doubles = cast(column, &DataType::Float64)?;
        let doubles = doubles.as_primitive::<Float64Type>();
        match doubles.null_count() {
            0 => numbers.extend_from_slice(doubles.values()),
            _ => numbers.extend(doubles.iter().map(|value| value.unwrap_or(f64::NAN))),
        }
        return Ok(());
    };
    dictionary.code(column)?;
    let of_names: Vec<f64> =
        (0..=dictionary.len() as u32).map(|code| code_of(dictionary, code, codes)).collect();
    numbers.extend(dictionary.codes().iter().map(|code| of_names[*code as usize]));
    Ok(())
}

/// NULL is no name.
fn code_of(dictionary: &Dictionary, code: u32, codes: &NameCodes) -> f64 {
    dictionary.names.get(code).map_or(f64::NAN, |name| codes.code(Some(name.item())))
}
