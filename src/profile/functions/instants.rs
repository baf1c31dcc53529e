//! Instants: what columns of times hold, whatever their type.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result, exec_datafusion_err};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The type of instants.
pub(super) fn utc_micros() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// `times` in microseconds since 1970-01-01Z; those without a zone, and dates, are of a clock in `zone`. What is too far away to
/// have microseconds is NULL.
///
/// # Errors
/// If they are no times.
pub(super) fn micros(times: &ArrayRef, zone: &TimeZone) -> Result<TimestampMicrosecondArray> {
    let micros = match times.data_type() {
        DataType::Timestamp(_, Some(_)) | DataType::Null => cast(times, &utc_micros())?,
        DataType::Timestamp(_, None) | DataType::Date32 | DataType::Date64 => on_wall_clock(times, zone)?,
        other => return Err(exec_datafusion_err!("{other} is not a timestamp")),
    };
    Ok(micros.as_primitive::<TimestampMicrosecondType>().clone())
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
