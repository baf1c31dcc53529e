//! `window_start(timestamp, granularity, zone)`: the start of the window in which an instant lies.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use jiff::Timestamp;
use jiff::tz::TimeZone;

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
            DataType::Timestamp(_, None) | DataType::Date32 | DataType::Date64 => {
                on_wall_clock(&instants, calendar.zone())?
            }
            other => return Err(exec_datafusion_err!("window_start: {other} is not a timestamp")),
        };
        let micros = micros.as_primitive::<TimestampMicrosecondType>();
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

/// The instants at which a clock on a wall in `zone` shows these times. When clocks are set back, a time that
/// comes twice is its first; when they are set forward, one that never comes is as much later.
fn on_wall_clock(times: &ArrayRef, zone: &TimeZone) -> Result<ArrayRef> {
    let wall = cast(times, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
    let name = zone.iana_name().unwrap_or("UTC");
    let instants = cast(&wall, &DataType::Timestamp(TimeUnit::Microsecond, Some(name.into())))?;
    if instants.null_count() == wall.null_count() {
        return Ok(instants);
    }
    // Arrow gives NULL for what is not one instant.
    let (wall, known) = (
        wall.as_primitive::<TimestampMicrosecondType>(),
        instants.as_primitive::<TimestampMicrosecondType>(),
    );
    let instant = |(wall, known): (Option<i64>, Option<i64>)| {
        known.or_else(|| {
            let shown = Timestamp::from_microsecond(wall?).ok()?.to_zoned(TimeZone::UTC).datetime();
            Some(zone.to_ambiguous_timestamp(shown).compatible().ok()?.as_microsecond())
        })
    };
    let instants: TimestampMicrosecondArray = wall.iter().zip(known.iter()).map(instant).collect();
    Ok(Arc::new(instants))
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use jiff::civil::DateTime;

    use super::*;

    /// The instant at which a clock in `zone` shows `shown`.
    #[track_caller]
    fn check(zone: &str, shown: &str, instant: &str) {
        let wall = shown.parse::<DateTime>().unwrap().to_zoned(TimeZone::UTC).unwrap().timestamp();
        let times: ArrayRef =
            Arc::new(TimestampMicrosecondArray::from(vec![Some(wall.as_microsecond()), None]));
        let instants = on_wall_clock(&times, &TimeZone::get(zone).unwrap()).unwrap();
        let instants = instants.as_primitive::<TimestampMicrosecondType>();
        assert_eq!(
            instants.value(0),
            instant.parse::<Timestamp>().unwrap().as_microsecond(),
            "{zone} {shown}"
        );
        assert!(instants.is_null(1));
    }

    #[test]
    fn a_wall_clock_has_no_time_that_is_lost() {
        check("Europe/Berlin", "2025-10-26T01:59", "2025-10-25T23:59Z");
        // Shown twice, an hour apart: the first.
        check("Europe/Berlin", "2025-10-26T02:30", "2025-10-26T00:30Z");
        check("Europe/Berlin", "2025-10-26T03:00", "2025-10-26T02:00Z");
        // Never shown: half an hour after two is half an hour after three.
        check("Europe/Berlin", "2025-03-30T02:30", "2025-03-30T01:30Z");
        check("Europe/Berlin", "2025-03-30T03:30", "2025-03-30T01:30Z");
        // By half an hour.
        check("Australia/Lord_Howe", "2025-04-06T01:45", "2025-04-05T14:45Z");
        check("Australia/Lord_Howe", "2025-10-05T02:15", "2025-10-04T15:45Z");
        check("UTC", "2025-10-26T02:30", "2025-10-26T02:30Z");
    }
}
