//! `window_start(timestamp, granularity, zone)`: the start of the window in which an instant lies.

use std::sync::Arc;

use arrow::array::{Array, TimestampMicrosecondArray};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, exec_datafusion_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::instants::{micros, utc_micros};
use crate::window::{Calendar, Granularity};

/// What the function gives for an instant that no window can hold. It is no instant itself.
pub const OUT_OF_RANGE: i64 = i64::MAX;

/// The function: NULL for NULL, [`OUT_OF_RANGE`] for an instant without a window. Right across daylight-saving
/// changes, which `date_bin` is not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WindowStart {
    signature: Signature,
}

impl WindowStart {
    /// The function.
    pub fn new() -> Self {
        Self { signature: Signature::any(3, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for WindowStart {
    fn name(&self) -> &'static str {
        "window_start"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(utc_micros())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let [instants, granularity, zone] = args.args.as_slice() else {
            return Err(exec_datafusion_err!("window_start takes a timestamp, a granularity and a zone"));
        };
        let granularity: Granularity =
            literal(granularity)?.parse().map_err(|error| exec_datafusion_err!("window_start: {error}"))?;
        let zone =
            TimeZone::get(&literal(zone)?).map_err(|error| exec_datafusion_err!("window_start: {error}"))?;
        let instants = instants.to_array(rows)?;
        let calendar = Calendar::new(zone);
        let micros = micros(&instants, calendar.zone())?;
        // Rows of one time stand together, so the window is mostly that of the row before.
        let mut last = 0..0;
        let mut start = |micros: Option<i64>| {
            let micros = micros?;
            if !last.contains(&micros) {
                let instant = Timestamp::from_microsecond(micros).ok()?;
                let window = calendar.window_of(granularity, instant).ok()?;
                last = window.start.as_microsecond()..window.end.as_microsecond();
            }
            Some(last.start)
        };
        // What is not NULL and has no microseconds is too far away to have any.
        let starts: TimestampMicrosecondArray = (0..rows)
            .map(|row| {
                let micros = micros.is_valid(row).then(|| micros.value(row));
                instants.is_valid(row).then(|| start(micros).unwrap_or(OUT_OF_RANGE))
            })
            .collect();
        Ok(ColumnarValue::Array(Arc::new(starts.with_timezone("UTC"))))
    }
}

fn literal(value: &ColumnarValue) -> Result<String> {
    match value {
        ColumnarValue::Scalar(
            ScalarValue::Utf8(Some(text))
            | ScalarValue::Utf8View(Some(text))
            | ScalarValue::LargeUtf8(Some(text)),
        ) => Ok(text.clone()),
        _ => Err(exec_datafusion_err!("window_start: granularity and zone must be literals")),
    }
}
