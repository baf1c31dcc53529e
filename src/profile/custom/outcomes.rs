//! From what the engine computed to values of a column's type.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    DataType, Date32Type, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use arrow::error::ArrowError;

use super::{GIVES_NULL, Outcome, Value};
use crate::contract::Type;
use crate::profile::reason::{Absence, BEYOND_A_DOUBLE};

/// Whether every value of type `found` means something as `wanted`, but for its range. A text is no number, even if
/// it looks like one: that it does is for the definition to say.
pub(super) fn fits(found: &DataType, wanted: Type) -> bool {
    let is_text = matches!(found, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    let is_time = matches!(found, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64);
    let is_scalar = is_text || is_time || found.is_numeric() || *found == DataType::Boolean;
    match (found, wanted) {
        (DataType::Null, _) => true,
        (DataType::Dictionary(_, values), _) => fits(values, wanted),
        (_, Type::Double | Type::Int | Type::Long) => found.is_numeric() || *found == DataType::Boolean,
        (_, Type::Bool) => *found == DataType::Boolean,
        (_, Type::Timestamp | Type::Date) => is_time,
        (_, Type::Text) => is_scalar,
        _ => false,
    }
}

/// The Arrow type of values of `ty`.
pub(super) fn arrow_type(ty: Type) -> DataType {
    match ty {
        Type::Double => DataType::Float64,
        Type::Int => DataType::Int32,
        Type::Long => DataType::Int64,
        Type::Bool => DataType::Boolean,
        Type::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Type::Date => DataType::Date32,
        // A metric has no type with parts.
        _ => DataType::Utf8,
    }
}

/// The value of each row of `array` as `ty`, or why it has none.
///
/// # Errors
/// If it does not fit.
pub(super) fn outcomes(array: &ArrayRef, ty: Type) -> Result<Vec<Outcome>, ArrowError> {
    let safe = CastOptions { safe: true, ..CastOptions::default() };
    let cast = cast_with_options(array, &arrow_type(ty), &safe)?;
    let value: Box<dyn Fn(usize) -> Outcome> = match ty {
        Type::Double => {
            let values = cast.as_primitive::<Float64Type>().clone();
            Box::new(move |row| number(values.value(row)))
        }
        Type::Int => {
            let values = cast.as_primitive::<Int32Type>().clone();
            Box::new(move |row| Ok(Value::Whole(values.value(row).into())))
        }
        Type::Long => {
            let values = cast.as_primitive::<Int64Type>().clone();
            Box::new(move |row| Ok(Value::Whole(values.value(row))))
        }
        Type::Bool => {
            let values = cast.as_boolean().clone();
            Box::new(move |row| Ok(Value::Bool(values.value(row))))
        }
        Type::Timestamp => {
            let values = cast.as_primitive::<TimestampMicrosecondType>().clone();
            Box::new(move |row| Ok(Value::Whole(values.value(row))))
        }
        Type::Date => {
            let values = cast.as_primitive::<Date32Type>().clone();
            Box::new(move |row| Ok(Value::Whole(values.value(row).into())))
        }
        _ => {
            let values = cast.as_string::<i32>().clone();
            Box::new(move |row| Ok(Value::Text(values.value(row).to_owned())))
        }
    };
    let outcome = |row: usize| match (array.is_null(row), cast.is_null(row)) {
        (false, false) => value(row),
        (false, true) => Err(Absence::new("it is beyond the range of its `output_data_type`")),
        (true, _) => Err(GIVES_NULL),
    };
    Ok((0..array.len()).map(outcome).collect())
}

/// Of a division by zero there is no number.
fn number(value: f64) -> Outcome {
    if value.is_nan() {
        Err(Absence::new("it is NaN, as 0 divided by 0 is, and what is computed of a NaN"))
    } else if value.is_infinite() {
        Err(BEYOND_A_DOUBLE)
    } else {
        Ok(Value::Number(value))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int64Array, StringArray};

    use super::*;

    #[test]
    fn a_value_that_its_type_cannot_hold_has_a_reason() {
        let doubles: ArrayRef = Arc::new(Float64Array::from(vec![
            Some(1.5),
            None,
            Some(f64::NAN),
            Some(f64::INFINITY),
            Some(3e10),
        ]));
        let no_number = Absence::new("it is NaN, as 0 divided by 0 is, and what is computed of a NaN");
        let beyond = || Err(Absence::new("it is beyond the range of its `output_data_type`"));
        let (number, whole) = (|value| Ok(Value::Number(value)), |value| Ok(Value::Whole(value)));
        let doubles_of = outcomes(&doubles, Type::Double).unwrap();
        let expected = [number(1.5), Err(GIVES_NULL), Err(no_number), Err(BEYOND_A_DOUBLE), number(3e10)];
        assert_eq!(doubles_of, expected);
        let expected = [whole(1), Err(GIVES_NULL), beyond(), beyond(), beyond()];
        assert_eq!(outcomes(&doubles, Type::Int).unwrap(), expected);
    }

    #[test]
    fn values_keep_their_type() {
        let whole: ArrayRef = Arc::new(Int64Array::from(vec![7]));
        assert_eq!(outcomes(&whole, Type::Long).unwrap(), [Ok(Value::Whole(7))]);
        assert_eq!(outcomes(&whole, Type::Double).unwrap(), [Ok(Value::Number(7.0))]);
        assert_eq!(outcomes(&whole, Type::Text).unwrap(), [Ok(Value::Text("7".to_owned()))]);
        let text: ArrayRef = Arc::new(StringArray::from(vec!["7"]));
        assert_eq!(outcomes(&text, Type::Text).unwrap(), [Ok(Value::Text("7".to_owned()))]);
    }

    #[test]
    fn a_text_is_no_number() {
        assert!(!fits(&DataType::Utf8, Type::Double));
        assert!(!fits(&DataType::Float64, Type::Bool));
        assert!(fits(&DataType::Boolean, Type::Double));
        assert!(fits(&DataType::Decimal128(10, 2), Type::Double));
        assert!(fits(&DataType::Float64, Type::Text));
        assert!(fits(&DataType::Date32, Type::Timestamp));
        assert!(!fits(&DataType::Int64, Type::Timestamp));
        assert!(!fits(&DataType::new_list(DataType::Int64, true), Type::Text));
    }
}
