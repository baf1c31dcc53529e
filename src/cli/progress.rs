//! Progress of a scan: one line on a terminal that is drawn over, and a log line.
//!
//! The line is plain text: no colours, and nothing at all where stderr is no terminal or a dumb one. Under
//! `--verbose` the log has the screen for itself.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use console::{Term, measure_text_width, truncate_str};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use indicatif::{ProgressBar, ProgressDrawTarget};
use tokio::task::JoinHandle;

use super::summary::bytes;
use crate::profile::query::{Watch, bytes_read};

/// How often the line is drawn.
const TICK: Duration = Duration::from_millis(100);
/// Columns that are left free, so that a `^C` behind the line makes no second one.
const MARGIN: usize = 3;
/// Widest bar, in cells between its brackets.
const BAR_MAX: usize = 24;
/// Narrowest bar that says anything.
const BAR_MIN: usize = 8;
/// What stands beside name and bar, at its widest: `  [`, `]  ` and `9.99M rows  999.9 MB  59 min left`.
const BESIDE_BAR: usize = 6 + 33;

/// Shows the scans of one monitor.
pub struct Progress {
    monitor: String,
    shown: bool,
    /// What is drawn now, and by whom.
    line: Arc<Mutex<Option<Term>>>,
    drawing: Mutex<Option<JoinHandle<()>>>,
}

impl Progress {
    /// For `monitor`; nothing is drawn unless `shown` and stderr is a terminal.
    pub fn new(monitor: &str, shown: bool) -> Self {
        let attended = Term::stderr().is_term() && !console::is_dumb();
        let shown = shown && attended && !tracing::enabled!(tracing::Level::INFO);
        Self { monitor: monitor.to_owned(), shown, line: Arc::default(), drawing: Mutex::default() }
    }
}

impl Watch for Progress {
    fn begin(&self, what: &str, plan: &Arc<dyn ExecutionPlan>, table_bytes: u64) {
        tracing::info!(monitor = self.monitor, what, bytes = table_bytes, "scanning");
        self.end();
        if !self.shown {
            return;
        }
        if let Ok(mut line) = self.line.lock() {
            *line = Some(Term::buffered_stderr());
        }
        let (line, plan) = (Arc::clone(&self.line), Arc::clone(plan));
        let mut scan = Scan::new(&self.monitor, what);
        let drawing = tokio::spawn(async move {
            // Only some columns are read, so rows, if they are known, say better than bytes how far it is.
            let rows_total = rows_total(&plan).filter(|rows| *rows > 0);
            let total = rows_total.unwrap_or(table_bytes);
            let estimate = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden());
            let mut tick = tokio::time::interval(TICK);
            loop {
                tick.tick().await;
                (scan.rows, scan.bytes) = (rows_read(&plan), bytes_read(&plan));
                let position = if rows_total.is_some() { scan.rows } else { scan.bytes }.min(total);
                estimate.set_position(position);
                scan.share = position as f64 / total.max(1) as f64;
                scan.left = Some(estimate.eta()).filter(|_| position > 0);
                draw(&line, &scan);
            }
        });
        if let Ok(mut current) = self.drawing.lock() {
            *current = Some(drawing);
        }
    }

    fn end(&self) {
        if let Ok(mut current) = self.drawing.lock()
            && let Some(drawing) = current.take()
        {
            drawing.abort();
        }
        // An aborted task may still be at its last line, and finds no terminal any more.
        if let Ok(mut line) = self.line.lock()
            && let Some(term) = line.take()
        {
            // A terminal that has gone away shows no rests.
            let _ = term.clear_line().and_then(|()| term.flush());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        // A run that was broken off has not said its end.
        self.end();
    }
}

fn draw(line: &Mutex<Option<Term>>, scan: &Scan) {
    if let Ok(line) = line.lock()
        && let Some(term) = line.as_ref()
    {
        let columns = usize::from(term.size().1);
        let text = scan.line(columns.saturating_sub(MARGIN));
        // A terminal that has gone away is no reason to stop.
        let _ = term.clear_line().and_then(|()| term.write_str(&text)).and_then(|()| term.flush());
    }
}

/// How far a scan is.
#[derive(Debug, Default)]
struct Scan {
    monitor: String,
    what: String,
    /// 0 to 1.
    share: f64,
    rows: u64,
    bytes: u64,
    left: Option<Duration>,
}

impl Scan {
    fn new(monitor: &str, what: &str) -> Self {
        // An expression may have line breaks.
        let what = what.split_whitespace().collect::<Vec<_>>().join(" ");
        Self { monitor: monitor.to_owned(), what, ..Self::default() }
    }

    /// At most `width` columns: the figures first, then who and what, then a bar.
    fn line(&self, width: usize) -> String {
        let mut figures = format!("{} rows  {}", short(self.rows), bytes(self.bytes));
        if let Some(left) = self.left {
            figures = format!("{figures}  {} left", duration(left));
        }
        let free = width.saturating_sub(measure_text_width(&figures));
        let whole = format!("{}  {}", self.monitor, self.what);
        let names = [whole.clone(), self.monitor.clone(), shortened(&self.monitor, free.saturating_sub(2))];
        let fits = |name: &&String| !name.is_empty() && measure_text_width(name) + 2 <= free;
        let Some(name) = names.iter().find(fits) else { return shortened(&figures, width) };
        // As wide as the widest figures leave it, so that it keeps its width.
        let cells = width.saturating_sub(measure_text_width(name) + BESIDE_BAR).min(BAR_MAX);
        if *name != whole || cells < BAR_MIN {
            return format!("{name}  {figures}");
        }
        let full = ((self.share * cells as f64) as usize).min(cells);
        let bar = format!("[{}{}]", "#".repeat(full), "-".repeat(cells - full));
        shortened(&format!("{name}  {bar}  {figures}"), width)
    }
}

/// The beginning of `text`, in at most `width` columns.
fn shortened(text: &str, width: usize) -> String {
    truncate_str(text, width, if width > 0 { "…" } else { "" }).into_owned()
}

/// Three digits.
fn short(count: u64) -> String {
    let (unit, letter) = match count {
        0..1_000 => return count.to_string(),
        1_000..1_000_000 => (1e3, "k"),
        1_000_000..1_000_000_000 => (1e6, "M"),
        _ => (1e9, "G"),
    };
    // Cut rather than rounded, so that it never has four.
    let value = count as f64 / unit;
    let digits = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    let scale = 10_f64.powi(digits as i32);
    format!("{:.digits$}{letter}", (value * scale).floor() / scale)
}

/// In two units at most; until it is over it is not 0.
fn duration(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{} s", seconds.max(1)),
        seconds @ 60..3600 => format!("{} min", seconds.div_ceil(60)),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Rows that the scans of `plan` have read.
fn rows_read(plan: &Arc<dyn ExecutionPlan>) -> u64 {
    let children = plan.children();
    if children.is_empty() {
        return plan.metrics().and_then(|metrics| metrics.output_rows()).unwrap_or_default() as u64;
    }
    children.into_iter().map(rows_read).sum()
}

/// Rows that the scans of `plan` will read, if all know.
fn rows_total(plan: &Arc<dyn ExecutionPlan>) -> Option<u64> {
    let children = plan.children();
    if children.is_empty() {
        let statistics = StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new()).ok()?;
        return statistics.num_rows.get_value().map(|rows| *rows as u64);
    }
    children.into_iter().map(rows_total).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(monitor: &str, what: &str) -> Scan {
        Scan {
            share: 0.5,
            rows: 1_512_000,
            bytes: 2_100_000_000,
            left: Some(Duration::from_secs(75)),
            ..Scan::new(monitor, what)
        }
    }

    #[test]
    fn a_line_says_what_fits() {
        let figures = "1.51M rows  2.1 GB  2 min left";
        for (width, expected) in [
            (119, format!("churn  inference  [{}{}]  {figures}", "#".repeat(12), "-".repeat(12))),
            (79, format!("churn  inference  [{}{}]  {figures}", "#".repeat(12), "-".repeat(12))),
            (64, format!("churn  inference  [####-----]  {figures}")),
            (60, format!("churn  inference  {figures}")),
            (39, format!("churn  {figures}")),
            (36, format!("chu…  {figures}")),
            (32, figures.to_owned()),
            (20, "1.51M rows  2.1 GB …".to_owned()),
            (1, "…".to_owned()),
            (0, String::new()),
        ] {
            assert_eq!(scan("churn", "inference").line(width), expected, "{width}");
        }
    }

    #[test]
    fn the_bar_keeps_its_width() {
        let mut scan = scan("churn", "inference");
        let bar = |line: String| line.find(']');
        let wide = bar(scan.line(64));
        (scan.rows, scan.bytes, scan.left) = (0, 0, None);
        assert_eq!(bar(scan.line(64)), wide);
        (scan.rows, scan.bytes, scan.left) = (9_999_999, 999_900_000, Some(Duration::from_secs(3_540)));
        assert_eq!(bar(scan.line(64)), wide);
        assert_eq!(scan.line(64).chars().count(), 64);
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let names = [
            ("churn", "baseline"),
            ("a-monitor-with-a-long-name", "inference by größe > 1000"),
            ("churn", "inference by 地域 = '北海道'"),
        ];
        for (monitor, what) in names {
            let mut scan = scan(monitor, what);
            for seconds in [0, 75, 1_000_000] {
                scan.left = Some(Duration::from_secs(seconds));
                for width in 0..200 {
                    let line = scan.line(width);
                    assert!(measure_text_width(&line) <= width, "{width}: {line}");
                }
            }
        }
    }

    #[test]
    fn figures_have_few_digits() {
        for (seconds, text) in [
            (0, "1 s"),
            (59, "59 s"),
            (60, "1 min"),
            (61, "2 min"),
            (3600, "1 h 0 min"),
            (5000, "1 h 23 min"),
        ] {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
        for (count, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1.00k"),
            (99_999, "99.9k"),
            (999_999, "999k"),
            (1_512_000, "1.51M"),
            (12_345_678_901, "12.3G"),
        ] {
            assert_eq!(short(count), text);
        }
    }
}
