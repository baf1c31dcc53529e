//! Patience: how often, and how soon, a commit is made anew because somebody else committed first.
//!
//! It is a monitor's maintenance, or another monitor at a table that both write to: each time one of them is done, so that
//! it ends. Pauses grow, and are never quite alike, so that those who wait do not meet again. It must not commit.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

/// Commits that are made anew, at most.
const RETRIES_MAX: usize = 8;

/// About how long the first pause is; they double.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// About how long a pause is at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What is left of the times that a commit may be made anew.
pub(super) struct Patience(ExponentialBackoff);

impl Patience {
    /// All of it.
    pub(super) fn new() -> Self {
        let pauses = ExponentialBuilder::new().with_min_delay(FIRST_PAUSE).with_max_delay(LONGEST_PAUSE);
        Self(pauses.with_factor(2.0).with_max_times(RETRIES_MAX).with_jitter().build())
    }

    /// Waits for a while. `false`, and it does not, once there is none left.
    pub(super) async fn wait(&mut self) -> bool {
        let Some(pause) = self.0.next() else { return false };
        tracing::debug!(pause_ms = pause.as_millis() as u64, "gave way to another commit");
        tokio::time::sleep(pause).await;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_ends_after_a_few_seconds() {
        let began = tokio::time::Instant::now();
        let mut patience = Patience::new();
        let mut retries = 0;
        while patience.wait().await {
            retries += 1;
        }
        assert_eq!(retries, RETRIES_MAX);
        let waited = began.elapsed();
        assert!((Duration::from_secs(3)..Duration::from_secs(10)).contains(&waited), "{waited:?}");
    }
}
