//! Signals that ask a command to end: SIGTERM, and SIGINT (Ctrl-C).

use std::pin::pin;

use super::{Exit, say};
use crate::run::Stop;

/// The signals, from the moment at which somebody listens.
pub struct Signals {
    #[cfg(unix)]
    kinds: [Option<tokio::signal::unix::Signal>; 2],
}

impl Signals {
    /// Listens; signals no longer end the process by themselves.
    #[cfg(unix)]
    pub fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self { kinds: [SignalKind::terminate(), SignalKind::interrupt()].map(|kind| signal(kind).ok()) }
    }

    /// Returns at the next signal.
    #[cfg(unix)]
    pub async fn next(&mut self) {
        std::future::poll_fn(|context| {
            let mut kinds = self.kinds.iter_mut().flatten();
            if kinds.any(|kind| kind.poll_recv(context).is_ready()) {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
    }

    /// Listens; signals no longer end the process by themselves.
    #[cfg(not(unix))]
    pub fn listen() -> Self {
        Self {}
    }

    /// Returns at the next signal.
    #[cfg(not(unix))]
    pub async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Does `work`. A first signal asks its runs to stop, and a second ends it where it is.
pub async fn heeding(work: impl AsyncFnOnce(&Stop) -> Exit) -> Exit {
    let mut signals = Signals::listen();
    let (switch, stop) = Stop::new();
    let mut work = pin!(work(&stop));
    tokio::select! {
        exit = &mut work => return exit,
        () = signals.next() => {
            switch.stop();
            say::after_signal();
        }
    }
    tokio::select! {
        exit = &mut work => exit,
        () = signals.next() => {
            say::after_signal();
            Exit::Failed
        }
    }
}
