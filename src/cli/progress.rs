//! Progress of a scan: a bar on a terminal, log lines elsewhere.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use datafusion::physical_plan::ExecutionPlan;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinHandle;

use crate::profile::query::{Watch, bytes_read};

/// How often the bar is drawn.
const TICK: Duration = Duration::from_millis(100);

/// Shows the scans of one monitor.
pub struct Progress {
    monitor: String,
    shown: bool,
    bar: Mutex<Option<(ProgressBar, JoinHandle<()>)>>,
}

impl Progress {
    /// For `monitor`; nothing is drawn unless `shown` and stderr is a terminal.
    pub fn new(monitor: &str, shown: bool) -> Self {
        Self { monitor: monitor.to_owned(), shown, bar: Mutex::new(None) }
    }
}

impl Watch for Progress {
    fn begin(&self, what: &str, plan: &Arc<dyn ExecutionPlan>, bytes: u64) {
        tracing::info!(monitor = self.monitor, what, bytes, "scanning");
        if !self.shown {
            return;
        }
        let bar = ProgressBar::new(bytes);
        let template = "{prefix}  {msg}  [{bar:24}] {bytes}/{total_bytes}  {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(self.monitor.clone());
        let (watched, plan, what) = (bar.clone(), Arc::clone(plan), what.to_owned());
        let drawing = tokio::spawn(async move {
            let mut tick = tokio::time::interval(TICK);
            loop {
                tick.tick().await;
                watched.set_position(bytes_read(&plan).min(bytes));
                watched.set_message(format!("{what}, {} rows", rows_read(&plan)));
            }
        });
        if let Ok(mut current) = self.bar.lock() {
            *current = Some((bar, drawing));
        }
    }

    fn end(&self) {
        if let Ok(mut current) = self.bar.lock()
            && let Some((bar, drawing)) = current.take()
        {
            drawing.abort();
            bar.finish_and_clear();
        }
    }
}

/// Rows that the scans of `plan` have read.
fn rows_read(plan: &Arc<dyn ExecutionPlan>) -> usize {
    let children = plan.children();
    if children.is_empty() {
        return plan.metrics().and_then(|metrics| metrics.output_rows()).unwrap_or_default();
    }
    children.into_iter().map(rows_read).sum()
}
