//! Instants as parameters of SQL.

use std::ops::RangeInclusive;

use datafusion::common::ScalarValue;

/// The times that every reader of Delta can tell: windows start in no others.
const YEARS: RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_300_799_999_999;

/// An instant that every reader can tell, the nearest to `micros`.
pub fn instant(micros: i64) -> ScalarValue {
    ScalarValue::TimestampMicrosecond(Some(micros.clamp(*YEARS.start(), *YEARS.end())), Some("UTC".into()))
}
