//! Extents: of which windows a file has rows, as far as the log says.

use deltalake::kernel::LogicalFileView;
use deltalake::{DeltaTable, DeltaTableError};
use jiff::Timestamp;
use serde::Deserialize;

/// Of which windows a file may have rows. What the log does not say may be anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extent {
    /// The first and the last of the windows' lengths, in the order of texts.
    pub granularities: Option<(String, String)>,
    /// The first and the last of their starts, in microseconds.
    pub starts: Option<(i64, i64)>,
}

/// When the first window of `table` starts, as far as the log says, in microseconds; `None` if it has no windows.
///
/// # Errors
/// If `table` is not loaded.
pub fn oldest(table: &DeltaTable) -> Result<Option<i64>, DeltaTableError> {
    Ok(starts(table)?.map(|starts| starts.map_or(i64::MIN, |(first, _)| first)).min())
}

/// When the last one starts; `None` if it has none, or the log does not say.
///
/// # Errors
/// If `table` is not loaded.
pub fn newest(table: &DeltaTable) -> Result<Option<i64>, DeltaTableError> {
    let lasts: Option<Vec<i64>> = starts(table)?.map(|starts| Some(starts?.1)).collect();
    Ok(lasts.and_then(|lasts| lasts.into_iter().max()))
}

/// The first and the last start of the windows in each file; rows of the baseline have none.
fn starts(table: &DeltaTable) -> Result<impl Iterator<Item = Option<(i64, i64)>> + '_, DeltaTableError> {
    let files = table.snapshot()?.log_data().into_iter();
    let of_windows = files.filter(|file| !file.partition_values_map().values().all(Option::is_none));
    Ok(of_windows.map(|file| Extent::of(&file).starts))
}

impl Extent {
    /// What the log says of `file`.
    pub fn of(file: &LogicalFileView) -> Self {
        let stats = file.stats().and_then(|stats| serde_json::from_str::<Stats>(&stats).ok());
        let Stats { min_values: least, max_values: most } = stats.unwrap_or_default();
        let micros = |start: Option<Timestamp>| start.map(Timestamp::as_microsecond);
        Self {
            granularities: least.granularity.zip(most.granularity),
            starts: micros(least.window_start).zip(micros(most.window_start)),
        }
    }

    /// Whether the file may have rows of the window of this length that starts at `start`, in microseconds.
    pub fn may_have(&self, granularity: &str, start: i64) -> bool {
        let has_length = self
            .granularities
            .as_ref()
            .is_none_or(|(first, last)| (first.as_str()..=last.as_str()).contains(&granularity));
        // The log may leave out what is less than a millisecond.
        let reaches = |(first, last): (i64, i64)| (first..=last.saturating_add(999)).contains(&start);
        has_length && self.starts.is_none_or(reaches)
    }
}

/// What the log says of the values of a file, as far as it matters here.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Stats {
    min_values: Extreme,
    max_values: Extreme,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Extreme {
    granularity: Option<String>,
    window_start: Option<Timestamp>,
}
