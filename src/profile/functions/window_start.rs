//! `window_start(timestamp, granularity, zone)`: the start of the window in which an instant lies.

use std::sync::Arc;

use arrow::array::{Array, AsArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::window::{Calendar, Granularity, Window};

/// The function. Right across daylight-saving changes, which `date_bin` is not.
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

fn utc_micros() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
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
        let micros = match instants.data_type() {
            DataType::Timestamp(_, Some(_)) => cast(&instants, &utc_micros())?,
            // A wall clock in the calendar's zone.
            DataType::Timestamp(_, None) | DataType::Date32 | DataType::Date64 => {
                let zone = calendar.zone().iana_name().unwrap_or("UTC");
                let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some(zone.into()));
                let wall = cast(&instants, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
                cast(&wall, &zoned)?
            }
            other => return Err(exec_datafusion_err!("window_start: {other} is not a timestamp")),
        };
        let micros = micros.as_primitive::<TimestampMicrosecondType>();
        let mut last: Option<Window> = None;
        let starts: TimestampMicrosecondArray = micros
            .iter()
            .map(|instant| {
                let instant = Timestamp::from_microsecond(instant?).ok()?;
                // Rows of one time stand together, so the window is mostly that of the row before.
                let window = match last {
                    Some(window) if window.contains(instant) => window,
                    _ => calendar.window_of(granularity, instant).ok()?,
                };
                last = Some(window);
                Some(window.start.as_microsecond())
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
