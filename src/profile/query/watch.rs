//! Somebody who watches a query run, and what there is to see.

use std::sync::Arc;

use datafusion::physical_plan::ExecutionPlan;

/// Told about each plan that runs, so that somebody can watch it.
pub trait Watch: Send + Sync {
    /// `plan` is about to run over a table of `bytes` bytes of Parquet, of which it may need only some. It
    /// reports its progress in its metrics.
    fn begin(&self, what: &str, plan: &Arc<dyn ExecutionPlan>, bytes: u64);
    /// Nothing runs any more. Said once more after a run, which may have broken off.
    fn end(&self);
}

/// Bytes of Parquet that the scans of `plan` have read.
pub fn bytes_read(plan: &Arc<dyn ExecutionPlan>) -> u64 {
    let own = plan
        .metrics()
        .and_then(|metrics| metrics.sum_by_name("bytes_scanned"))
        .map_or(0, |value| value.as_usize());
    own as u64 + plan.children().into_iter().map(bytes_read).sum::<u64>()
}
