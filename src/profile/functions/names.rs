//! What values are called where they are names: categories, and classes that have to meet.

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;

/// What cannot be converted becomes NULL here; whether it was NULL before is asked of the original.
pub(super) fn cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let options = CastOptions { safe: true, ..CastOptions::default() };
    Ok(cast_with_options(array, to, &options)?)
}

/// The names of categories. Numbers are written alike whatever their type, so that the label 1.0 or 1.00 is
/// the prediction 1.
pub(super) fn names(array: &ArrayRef) -> Result<StringViewArray> {
    let data_type = array.data_type();
    if data_type.is_floating() {
        let doubles = cast(array, &DataType::Float64)?;
        let doubles = doubles.as_primitive::<Float64Type>();
        return Ok(doubles.iter().map(|value| value.map(name_of)).collect());
    }
    let texts = cast(array, &DataType::Utf8View)?;
    let texts = texts.as_string_view();
    if data_type.is_decimal() {
        return Ok(texts.iter().map(|digits| digits.map(without_trailing_zeros)).collect());
    }
    Ok(texts.clone())
}

fn name_of(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 9e15 { format!("{}", value as i64) } else { value.to_string() }
}

fn without_trailing_zeros(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

/// The names of predictions and labels, and of the positive class (NULL where none is named). All three are
/// of one language, so that equal names are equal classes: where booleans meet numbers, both are numbers, and where they
/// meet texts such as `1` or `True`, both are booleans.
pub(super) struct Classes {
    pub(super) predictions: StringViewArray,
    pub(super) labels: StringViewArray,
    positive: StringViewArray,
    /// How names are read that stand elsewhere: as what labels are.
    read_elsewhere: fn(&str) -> &str,
}

impl Classes {
    /// The names of these. `positive` is a text of the monitor file, and read as what labels are.
    pub(super) fn of(predictions: &ArrayRef, labels: &ArrayRef, positive: &ArrayRef) -> Result<Self> {
        let both = [predictions.data_type(), labels.data_type()];
        let read = language(both);
        // Where nothing is labelled yet, labels may have no type.
        let labels_are = if labels.data_type().is_null() { predictions } else { labels }.data_type();
        let read_elsewhere = if labels_are.is_numeric() { as_number } else { read };
        let positive = names(positive)?.iter().map(|name| name.map(read_elsewhere)).collect();
        let (predictions, labels) = (classes(predictions, read)?, classes(labels, read)?);
        Ok(Self { predictions, labels, positive, read_elsewhere })
    }

    /// The class that is named as the positive one.
    pub(super) fn positive(&self) -> Option<&str> {
        self.positive.iter().next().flatten()
    }

    /// Names of classes that stand elsewhere, in the same language.
    pub(super) fn read(&self, names: &StringViewArray) -> StringViewArray {
        names.iter().map(|name| name.map(self.read_elsewhere)).collect()
    }

    /// Which of these names, of predictions or of labels, are the positive class: the one that is named, or else 1 or true.
    pub(super) fn are_positive(&self, names: &StringViewArray) -> Vec<bool> {
        let named = self.positive();
        let is_positive = |name: &str| named.map_or(matches!(name, "1" | "true"), |named| named == name);
        names.iter().map(|name| name.is_some_and(is_positive)).collect()
    }
}

/// How names of these types are read, so that both are of one language.
fn language(types: [&DataType; 2]) -> fn(&str) -> &str {
    let any = |is: fn(&DataType) -> bool| types.into_iter().any(is);
    match (any(|data_type| *data_type == DataType::Boolean), any(DataType::is_numeric)) {
        (true, true) => as_number,
        (true, false) => as_boolean,
        (false, _) => |name| name,
    }
}

/// As of categories, but read, and NaN is the absence of a class.
fn classes(array: &ArrayRef, read: fn(&str) -> &str) -> Result<StringViewArray> {
    let is_class = |name: &&str| !array.data_type().is_floating() || *name != "NaN";
    Ok(names(array)?.iter().map(|name| name.filter(is_class).map(read)).collect())
}

fn as_number(name: &str) -> &str {
    match without_trailing_zeros(name) {
        name if name.eq_ignore_ascii_case("true") => "1",
        name if name.eq_ignore_ascii_case("false") => "0",
        name => name,
    }
}

fn as_boolean(name: &str) -> &str {
    match as_number(name) {
        "1" => "true",
        "0" => "false",
        _ => name,
    }
}
