//! What a run would read and compute, without writing anything.

use super::{Order, Prepared, Ready, RunError, Stop, plan, prepare};
use crate::cause::chain;
use crate::config::{Monitor, Settings};
use crate::lineage::Pin;
use crate::profile::query::Due;
use crate::sink;
use crate::source::Lake;
use crate::source::changes::{AddedFile, Span, present};
use crate::spans::Spans;

/// Most base windows that are counted.
const WINDOWS_MAX: usize = 100_000;

/// What a run would do.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// The monitor.
    pub monitor: String,
    /// Which rows it would read.
    pub reads: Reads,
    /// The inference table, at the version that it would be read at.
    pub source: Pin,
    /// The first version of which rows would be read, if something would.
    pub from: Option<u64>,
    /// Commits that changed rows since the version that has been counted; `None` where all rows are read.
    pub commits: Option<u64>,
    /// Files of the inference table that would be read, at most: what a file's statistics do not tell counts.
    pub files: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Rows of these, if the log says it of each.
    pub rows: Option<u64>,
    /// Windows of the base granularity that would be computed, at most; `None` if they are too many to be named.
    pub windows: Option<u64>,
    /// From when until when these are, in microseconds.
    pub span: Option<(i64, i64)>,
    /// How long it would take by what earlier runs took.
    pub seconds: Option<f64>,
    /// How many earlier runs say so.
    pub runs: u64,
    /// What there would be to do besides rows that are new.
    pub reasons: Vec<&'static str>,
    /// What somebody should know of it.
    pub findings: Vec<String>,
}

/// Which rows a run would read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reads {
    /// None: nothing is new.
    Nothing,
    /// What is new, and all of windows in which rows changed.
    Changes,
    /// All.
    Everything,
}

/// What a run of `monitor` would do now.
///
/// # Errors
/// If the run could not begin.
pub async fn preview(monitor: &Monitor, settings: &Settings, order: Order) -> Result<Preview, RunError> {
    let (_, stop) = Stop::new();
    let prepared = prepare(monitor, Lake::looked_at(settings), order, &stop).await?;
    let lineage = match &prepared {
        Prepared::Nothing(nothing) => &nothing.lineage,
        Prepared::Something(ready) => &ready.lineage,
    };
    let mut preview = Preview {
        monitor: monitor.name.clone(),
        reads: Reads::Nothing,
        source: lineage.source.clone(),
        from: None,
        commits: Some(0),
        files: 0,
        bytes: 0,
        rows: Some(0),
        windows: Some(0),
        span: None,
        seconds: None,
        runs: 0,
        reasons: Vec::new(),
        findings: Vec::new(),
    };
    let refusal = Lake::looked_at(settings).refusal(sink::KEY, &monitor.output);
    preview.findings.extend(refusal.map(|why| format!("a run could not write: {}", chain(&why))));
    let Prepared::Something(ready) = prepared else { return Ok(preview) };
    let Ready { sink, snapshot, task, .. } = *ready;
    let is_local = plan::is_local(monitor, &snapshot);
    let files = present("inference.table", &snapshot.inference, &monitor.inference.timestamp_col)?;
    let in_windows = |file: &AddedFile| {
        let span = match file.times {
            Some(times) => times.span,
            None => Some(Span { first: i64::MIN, last: i64::MAX }),
        };
        plan::in_windows(span.as_slice(), is_local, monitor)
    };
    let reading = task.reading;
    let mut windows = Spans::default();
    let mut there = Spans::default();
    for file in files {
        let times = in_windows(&file);
        there = there.and(&times);
        let read = match &reading.part {
            None => times,
            Some(part) if part.files.contains(&file.path) => times.without(&part.except),
            Some(part) => times.in_both(&part.times),
        };
        if read.is_empty() && reading.part.is_some() {
            continue;
        }
        preview.files += 1;
        preview.bytes += file.size;
        preview.rows = preview.rows.zip(file.rows).map(|(all, rows)| all + rows);
        windows = windows.and(&read);
    }
    preview.reads = Reads::Everything;
    preview.commits = None;
    if let Some(earlier) = &reading.earlier {
        preview.reads = Reads::Changes;
        preview.commits = Some(task.commits);
        // Windows whose files are gone are computed, too: their rows go.
        let (bounded, unbounded): (Vec<_>, Vec<_>) =
            earlier.recounted.iter().partition(|(from, until)| *from > i64::MIN && *until < i64::MAX);
        windows = windows.and(&Spans::from(bounded)).and(&Spans::from(unbounded).in_both(&there.hull()));
        windows = windows.and(&earlier.unfinished.iter().collect());
        match &earlier.due {
            Due::All => windows = Spans::all(),
            Due::Windows(due) => windows = windows.and(&due.iter().collect::<Spans>().in_both(&there)),
        }
    }
    preview.windows = plan::count_windows(&windows, monitor, WINDOWS_MAX).map(|windows| windows as u64);
    preview.span =
        windows.iter().next().map(|(from, _)| from).zip(windows.iter().last().map(|(_, until)| until));
    preview.from = Some(task.from);
    preview.reasons = task.reasons;
    preview.findings.extend(task.why_all.map(|why| why.told(false)));
    preview.findings.extend(task.findings);
    if let Some(durations) = sink.journal().durations().await? {
        preview.seconds = durations.of(preview.bytes);
        preview.runs = durations.runs;
    }
    Ok(preview)
}
