//! Trying again: bounded, patient, and only what may succeed.
//!
//! Channels say whether a failure may pass ([`Remedy::Retry`]); here alone is decided how often and how
//! soon they try again. The pause itself is an argument, so that tests need not wait.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable, Sleeper};
use tracing::info;

use super::NotifyError;
use crate::remedy::Remedy;

/// Attempts at one message. Three ride out a restart; a longer outage is seen in the receipts.
pub const ATTEMPTS_MAX: u32 = 3;

/// Pause before the second attempt; it doubles from there.
pub const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Longest pause that a server may ask for: alerts that follow are waiting.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Runs `attempt` until it succeeds, fails for good, or has been tried [`ATTEMPTS_MAX`] times. Returns
/// the last result and how many attempts it took.
pub async fn persist<S: Sleeper, F: Future<Output = Result<(), NotifyError>>>(
    channel: &str,
    attempt: impl Fn() -> F,
    sleeper: S,
) -> (Result<(), NotifyError>, u32) {
    let attempts = AtomicU32::new(0);
    let once = || {
        attempts.fetch_add(1, Ordering::Relaxed);
        attempt()
    };
    let pauses = ExponentialBuilder::new()
        .with_min_delay(FIRST_PAUSE)
        .with_factor(2.0)
        .with_max_times(ATTEMPTS_MAX as usize - 1);
    let result = once
        .retry(pauses)
        .sleep(sleeper)
        .when(|error| error.remedy() == Remedy::Retry)
        .adjust(|error, pause| Some(pause?.max(error.retry_after().unwrap_or_default()).min(LONGEST_PAUSE)))
        .notify(
            |error, pause| info!(channel, %error, pause_ms = pause.as_millis() as u64, "delivery put off"),
        )
        .await;
    (result, attempts.into_inner())
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Fails with `errors`, then succeeds; says the result, the attempts and the pauses in seconds.
    async fn check(errors: Vec<NotifyError>, expected: (bool, u32, &[u64])) {
        let left = Mutex::new(errors.into_iter());
        let next = || left.lock().expect("no holder panics").next();
        let pauses = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&pauses);
        let sleeper = move |pause: Duration| {
            noted.lock().expect("no holder panics").push(pause.as_secs());
            ready(())
        };
        let (result, attempts) = persist("test", || ready(next().map_or(Ok(()), Err)), sleeper).await;
        let pauses = pauses.lock().expect("no holder panics");
        assert_eq!((result.is_ok(), attempts, pauses.as_slice()), expected);
    }

    fn status(status: u16, retry_after: Option<u64>) -> NotifyError {
        let retry_after = retry_after.map(Duration::from_secs);
        NotifyError::Status { server: "webhook https://hooks.example.com".to_owned(), status, retry_after }
    }

    #[tokio::test]
    async fn pauses_double_and_attempts_end() {
        check(vec![], (true, 1, &[])).await;
        check(vec![status(503, None)], (true, 2, &[1])).await;
        check(vec![status(503, None); 2], (true, 3, &[1, 2])).await;
        check(vec![status(503, None); 3], (false, 3, &[1, 2])).await;
    }

    #[tokio::test]
    async fn a_server_may_ask_for_more_time_but_not_for_ever() {
        check(vec![status(429, Some(7)), status(429, Some(3600))], (true, 3, &[7, 30])).await;
        check(vec![status(503, Some(0))], (true, 2, &[1])).await;
    }

    #[tokio::test]
    async fn what_cannot_pass_is_not_tried_again() {
        check(vec![status(404, Some(7))], (false, 1, &[])).await;
        check(vec![status(500, None), NotifyError::NoServer], (false, 2, &[1])).await;
    }
}
