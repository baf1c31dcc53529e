//! `secchi serve`: runs monitors by their schedules until stopped.
//!
//! Each monitor has a loop of its own that waits for the next time and then runs to the end, so there are
//! never two runs of one monitor at once; a time that passes meanwhile is skipped. SIGTERM and Ctrl-C end
//! the waiting at once and let runs finish.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::Args;
use croner::Cron;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::sync::watch;

use super::monitors::{self, Loaded};
use super::progress::Progress;
use super::{Exit, Which, say, summary};
use crate::run::{self, Order};
use crate::source::At;

#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    which: Which,
}

pub async fn serve(args: &ServeArgs) -> Exit {
    let (loaded, problems) = monitors::load_all(&args.which);
    if !problems.is_empty() {
        return problems.iter().map(say::problems).max().unwrap_or(Exit::Failed);
    }
    let (stop, stopped) = watch::channel(false);
    let mut tasks = FuturesUnordered::new();
    for loaded in loaded {
        match loaded.monitor.schedule.clone() {
            None => say::note(&format!("{}: has no `schedule`, so it is not run", loaded.monitor.name)),
            Some(cron) => {
                tasks.push(Box::pin(keep_running(loaded, cron, stopped.clone())));
            }
        }
    }
    if tasks.is_empty() {
        say::note(
            "error: no monitor has a `schedule`\n  hint: add `schedule: { cron: \"15 * * * *\" }` to a monitor file",
        );
        return Exit::Failed;
    }
    tokio::select! {
        () = asked_to_stop() => {}
        () = all_ended(&mut tasks) => {}
    }
    let _ = stop.send(true);
    say::note("stopping: runs that have begun are finished");
    all_ended(&mut tasks).await;
    Exit::Done
}

async fn all_ended(tasks: &mut FuturesUnordered<impl Future<Output = ()>>) {
    while tasks.next().await.is_some() {}
}

async fn keep_running(loaded: Loaded, cron: Cron, mut stopped: watch::Receiver<bool>) {
    let Loaded { monitor, settings } = loaded;
    let zone = Tz::from_str(&monitor.timezone).unwrap_or(Tz::UTC);
    while !*stopped.borrow() {
        let now = Timestamp::now();
        let Some(next) = next_time(&cron, zone, now) else {
            say::note(&format!("{}: its schedule has no further time", monitor.name));
            return;
        };
        say::note(&format!("{}: next run at {next}", monitor.name));
        let wait = Duration::try_from(next.duration_since(now)).unwrap_or_default();
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = stopped.changed() => return,
        }
        let now = Timestamp::now();
        let order = Order { as_of: now, at: At::Latest, now, notify: true };
        let progress = Progress::new(&monitor.name, false);
        match Box::pin(run::run(&monitor, &settings, order, &progress)).await {
            Ok(outcome) => {
                say::result(&summary::text(&outcome));
                summary::undelivered(&outcome).iter().for_each(|text| say::note(text));
            }
            // The next time may go better; the failure is in `runs`, too.
            Err(error) => {
                say::failed_run(&monitor.name, &error);
            }
        }
    }
}

/// The first time of `cron` after `now`, in `zone`.
fn next_time(cron: &Cron, zone: Tz, now: Timestamp) -> Option<Timestamp> {
    let now: DateTime<Utc> = DateTime::from_timestamp_micros(now.as_microsecond())?;
    let next = cron.find_next_occurrence(&now.with_timezone(&zone), false).ok()?;
    Timestamp::from_microsecond(next.timestamp_micros()).ok()
}

#[cfg(unix)]
async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        },
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

#[cfg(not(unix))]
async fn asked_to_stop() {
    let _ = tokio::signal::ctrl_c().await;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[track_caller]
    fn check(cron: &str, zone: &str, now: &str, next: &str) {
        let cron = Cron::from_str(cron).unwrap();
        let next_one = next_time(&cron, zone.parse().unwrap(), now.parse().unwrap()).unwrap();
        assert_eq!(next_one.to_string(), next);
    }

    #[test]
    fn times_are_in_the_zone_of_the_monitor() {
        check("15 6 * * *", "UTC", "2026-05-01T06:15:00Z", "2026-05-02T06:15:00Z");
        check("15 6 * * *", "Europe/Berlin", "2026-05-01T00:00:00Z", "2026-05-01T04:15:00Z");
    }

    #[test]
    fn a_time_that_the_clock_skips_runs_after_the_jump() {
        check("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z");
    }
}
