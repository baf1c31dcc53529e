//! How requests went, in the row of a whole table: how fresh, how many, how long, how large, and how many failed.

use super::{Percentiles, ProfileRow, Sizes};
use crate::profile::numeric::NumericState;
use crate::profile::reason::{Absence, Reasons};
use crate::profile::requests::RequestsState;
use crate::profile::text::TextState;
use crate::profile::{ColumnState, Group, Profiles, Role, percent};

/// HTTP statuses from here on say that a request failed.
const FIRST_ERROR: u64 = 400;

/// Words for requests that did not.
const FINE: [&str; 4] = ["ok", "success", "succeeded", "completed"];

/// With what requests as such, and columns with a part in them, tell. A baseline is no log of requests, and has none.
pub(super) fn requests_row(
    row: ProfileRow,
    profiles: &Profiles,
    group: &Group,
    reasons: &mut Reasons,
) -> ProfileRow {
    let Some(requests) = &group.table.requests else { return row };
    let of_role = |role: Role| {
        let columns = profiles.columns.iter().zip(&group.columns);
        columns.filter(move |(column, _)| column.role == role).map(|(_, state)| state)
    };
    let latency = of_role(Role::Latency).find_map(|state| match state {
        ColumnState::Numeric(latency) => {
            Some(percentiles(latency).ok_or(Absence::new("no latency is known")))
        }
        _ => None,
    });
    let errors = of_role(Role::Status).find_map(|state| match state {
        ColumnState::Text(statuses) => Some(percent_errors(statuses)),
        _ => None,
    });
    let row = ages(row, requests);
    ProfileRow {
        label_delay_seconds: percentiles(&requests.label_delay),
        percent_duplicate_requests: percent_duplicates(requests, reasons),
        latency: latency.and_then(|latency| reasons.noted_apart("latency", latency)),
        percent_errors: errors.and_then(|errors| reasons.noted_apart("percent_errors", errors)),
        payload_size: payload_size(of_role(Role::Payload), group.row_count),
        ..row
    }
}

/// As of the window's end, so that the same rows always say the same.
fn ages(row: ProfileRow, requests: &RequestsState) -> ProfileRow {
    let Some((start, end)) = row.window_start.zip(row.window_end) else { return row };
    ProfileRow {
        newest_row_age_seconds: requests.newest_row_age(end),
        newest_label_age_seconds: requests.newest_label_age(end),
        requests_per_second: Some(row.row_count as f64 / ((end - start) as f64 / 1e6)),
        ..row
    }
}

fn percentiles(numbers: &NumericState) -> Option<Percentiles> {
    let ranks = numbers.ranks()?;
    let [p50, p90, p95, p99] = [0.5, 0.9, 0.95, 0.99].map(|point| ranks.quantile(point));
    Some(Percentiles { p50: p50?, p90: p90?, p95: p95?, p99: p99? })
}

/// Nothing to say of slices, and where requests have no id.
fn percent_duplicates(requests: &RequestsState, reasons: &mut Reasons) -> Option<f64> {
    if requests.ids.rows() + requests.ids.num_nulls() == 0 {
        return None;
    }
    let duplicates = requests.ids.duplicates().map(|duplicates| 100.0 * duplicates.share);
    reasons.noted_apart("percent_duplicate_requests", duplicates)
}

/// Requests whose status says that they failed, in percent of those with a status.
fn percent_errors(statuses: &TextState) -> Result<f64, Absence> {
    if !statuses.items.is_exact() {
        return Err(Absence::new("there are too many different statuses"));
    }
    let errors = statuses.items.iter().filter(|(status, _)| is_error(status)).map(|(_, count)| count).sum();
    percent(errors, statuses.count).ok_or(Absence::new("no status is known"))
}

/// By the number that it begins with, or by its word: what is neither a number nor a word for success, such as `timeout`, is none of
/// the good.
fn is_error(status: &str) -> bool {
    let status = status.trim();
    let digits = status.find(|c: char| !c.is_ascii_digit()).unwrap_or(status.len());
    match status[..digits].parse::<u64>() {
        Ok(code) => code >= FIRST_ERROR,
        Err(_) => !FINE.contains(&status.to_ascii_lowercase().as_str()),
    }
}

/// Of all payloads of a request together on average; of the largest one.
fn payload_size<'a>(columns: impl Iterator<Item = &'a ColumnState>, rows: u64) -> Option<Sizes> {
    let payloads = columns.filter_map(|state| match state {
        ColumnState::Opaque(payloads) => Some((payloads.lengths.total(), payloads.lengths.extremes()?.1)),
        _ => None,
    });
    let (total, max) = payloads.reduce(|(total, max), (more, largest)| (total + more, max.max(largest)))?;
    (rows > 0).then(|| Sizes { avg_bytes: total as f64 / rows as f64, max_bytes: max as f64 })
}

#[cfg(test)]
mod tests;
