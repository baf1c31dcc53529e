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
    pub(super) positive: StringViewArray,
}

impl Classes {
    /// The names of these. `positive` is a text of the monitor file, and read as what labels are.
    pub(super) fn of(predictions: &ArrayRef, labels: &ArrayRef, positive: &ArrayRef) -> Result<Self> {
        let (said, is) = (predictions.data_type(), labels.data_type());
        let mixed = (is_boolean(said) && is.is_numeric()) || (said.is_numeric() && is_boolean(is));
        // Texts beside booleans are read as booleans, where they are.
        let worded = is_boolean(said) != is_boolean(is) && !mixed;
        let read: fn(&str) -> &str = if mixed || is.is_numeric() {
            as_number
        } else if is_boolean(is) || worded {
            as_boolean
        } else {
            |text| text
        };
        let positive = names(positive)?.iter().map(|name| name.map(read)).collect();
        let of = |array: &ArrayRef| -> Result<StringViewArray> {
            let names = classes(array, mixed)?;
            Ok(if worded { names.iter().map(|name| name.map(as_boolean)).collect() } else { names })
        };
        Ok(Self { predictions: of(predictions)?, labels: of(labels)?, positive })
    }
}

impl Classes {
    /// Whether the label at `index` is the positive class: the one that is named, or else 1 or true.
    pub(super) fn is_positive(&self, index: usize) -> bool {
        let named = self.positive.iter().next().flatten();
        let label = self.labels.value(index);
        self.labels.is_valid(index) && named.map_or(matches!(label, "1" | "true"), |named| named == label)
    }
}

fn is_boolean(data_type: &DataType) -> bool {
    *data_type == DataType::Boolean
}

/// As of categories, but NaN is the absence of a class; `in_numbers`: booleans are 1 and 0.
fn classes(array: &ArrayRef, in_numbers: bool) -> Result<StringViewArray> {
    let names = names(array)?;
    if array.data_type().is_floating() {
        return Ok(names.iter().map(|name| name.filter(|name| *name != "NaN")).collect());
    }
    if in_numbers && is_boolean(array.data_type()) {
        return Ok(names.iter().map(|name| name.map(as_number)).collect());
    }
    Ok(names)
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
