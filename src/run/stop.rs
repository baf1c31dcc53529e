//! Stopping a run from outside.
//!
//! A run that still reads is given up; one that has begun to write goes on to its end, since a reader should
//! never find the profile table of one run beside the drift table of another. This module carries the wish; it
//! must not decide when somebody has it.

use tokio::sync::watch;

/// Whether runs should stop.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

/// Says that they should.
#[derive(Debug)]
pub struct StopSwitch(watch::Sender<bool>);

impl Stop {
    /// A switch, and what it switches.
    pub fn new() -> (StopSwitch, Self) {
        let (sender, receiver) = watch::channel(false);
        (StopSwitch(sender), Self(receiver))
    }

    /// Whether runs should stop.
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once runs should stop; never, if nobody can say so any more.
    pub async fn asked(&self) {
        if self.0.clone().wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl StopSwitch {
    /// Asks runs to stop.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}
