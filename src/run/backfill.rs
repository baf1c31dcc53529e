//! Windows of the past, computed anew some at a time.
//!
//! Each chunk is a run of its own that is recorded, and tells in its account what waits for those after it. So whatever
//! ends a backfill, the next backfill, or the next run, goes on where it stopped.

use jiff::Timestamp;

use super::guard::{blame, guard};
use super::{Order, Recount, RunError};
use crate::config::{Monitor, Settings};
use crate::profile::query::chunks;
use crate::sink::Sink;
use crate::source::{self, Lake};
use crate::spans::Spans;
use crate::window::Granularity;

/// What is computed anew, and in which parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backfill {
    /// The parts, the oldest first.
    pub chunks: Vec<Chunk>,
    /// Whether these are what an earlier backfill has left.
    pub is_resumed: bool,
}

/// A part of the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// What a run is told.
    pub recount: Recount,
    /// Rows that lie in it.
    pub rows: u64,
}

/// How windows from `from` until `until`, or of all times, are computed anew, in parts of the windows of `length`. What an
/// earlier backfill has left of them goes first.
///
/// # Errors
/// If a table cannot be read.
pub async fn backfill(
    monitor: &Monitor,
    settings: &Settings,
    order: Order,
    [from, until]: [Option<Timestamp>; 2],
    length: Granularity,
) -> Result<Backfill, RunError> {
    let table = &monitor.inference.table;
    let lake = Lake::new(settings);
    let sink = guard(table, Box::pin(Sink::open(lake, monitor))).await?;
    let snapshot = guard(table, Box::pin(source::open(monitor, order.versions, lake))).await?;
    let rows = match guard(table, Box::pin(chunks(monitor, &snapshot, length))).await {
        Ok(rows) => rows,
        Err(error) => return Err(blame(error, &snapshot, lake).await),
    };

    let base = monitor.base_granularity();
    let start = |at: Timestamp| {
        monitor.calendar.window_of(base, at).map_or(i64::MIN, |window| window.start.as_microsecond())
    };
    let end = |at: Timestamp| match monitor.calendar.window_of(base, at) {
        Ok(window) if window.start == at => at.as_microsecond(),
        Ok(window) => window.end.as_microsecond(),
        Err(_) => i64::MAX,
    };
    let span = (from.map_or(i64::MIN, start), until.map_or(i64::MAX, end));
    let asked = Spans::from(vec![span]);
    // What the same command has left is gone on with; another begins with what it asks for.
    let account = sink.ledger().account.as_ref().filter(|account| account.asked == Some(span));
    let left = account.map(|account| asked.in_both(&account.behind)).unwrap_or_default();
    let is_resumed = !left.is_empty();
    let remaining = if is_resumed { left } else { asked };

    // A part reaches up to where the rows of the next begin, so that windows without rows are in one, too.
    let begins: Vec<i64> = rows.iter().map(|(window, _)| start(window.start)).collect();
    let mut parts = Vec::new();
    for (index, (_, rows)) in rows.iter().enumerate() {
        let from = if index == 0 { i64::MIN } else { begins[index] };
        let until = begins.get(index + 1).copied().unwrap_or(i64::MAX);
        parts.push(((from, until), *rows));
    }
    if parts.is_empty() {
        parts.push(((i64::MIN, i64::MAX), 0));
    }
    let mut chunks = Vec::new();
    for (from, until) in remaining.iter() {
        let parts = parts.iter().map(|((begin, end), rows)| ((from.max(*begin), until.min(*end)), *rows));
        for (chunk, rows) in parts.filter(|((begin, end), _)| begin < end) {
            chunks.push(Chunk { recount: Recount { chunk, remaining: (chunk.0, until), asked: span }, rows });
        }
    }
    Ok(Backfill { chunks, is_resumed })
}
