//! `secchi serve`: runs monitors by their schedules until stopped.
//!
//! Each monitor has a loop of its own that waits for the next time and then for its run, so there are never
//! two runs of one monitor at once; a time that passes meanwhile is skipped, and said to be. A monitor whose
//! file cannot be read, whose run fails or even panics does not keep the others from theirs.
//!
//! SIGTERM and Ctrl-C end the waiting at once. Runs in flight may go on for a while; then those that still
//! read are given up, and those that write go on to their end. A second signal ends everything where it is.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use croner::Cron;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::task::JoinHandle;

use super::monitors::{self, Loaded};
use super::progress::Progress;
use super::schedule::{self, Schedule};
use super::signals::Signals;
use super::{Exit, Which, say, summary};
use crate::profile::query::HINT_FAULT;
use crate::run::{self, Order, Stop};

/// The clock is looked at this often: it can be set, and it goes on while the machine sleeps.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    which: Which,
    /// Run them all at these times instead of their own: a cron expression as under `schedule`, or with a
    /// sixth field, seconds, in front.
    #[arg(long, value_name = "CRON", value_parser = schedule::parse)]
    cron: Option<Cron>,
    /// How many seconds runs may go on after SIGTERM or Ctrl-C. Those that still read are then given up; those
    /// that have begun to write are finished. A second signal ends them all at once.
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    grace: u64,
}

pub async fn serve(args: &ServeArgs) -> Exit {
    let mut signals = Signals::listen();
    let (loaded, problems) = monitors::load_all(&args.which);
    problems.iter().for_each(|problem| {
        say::problems(problem);
    });
    let any_loaded = !loaded.is_empty();
    let ((close, closing), (switch, stop)) = (Stop::new(), Stop::new());
    let mut loops: FuturesUnordered<_> = loaded
        .into_iter()
        .filter_map(|loaded| scheduled(loaded, args.cron.as_ref()))
        .map(|(loaded, schedule)| Box::pin(keep_running(loaded, schedule, closing.clone(), stop.clone())))
        .collect();
    if loops.is_empty() {
        if any_loaded {
            say::note(
                "error: no monitor has a `schedule`\n  hint: add `schedule: { cron: \"15 * * * *\" }` to a monitor file",
            );
        }
        return Exit::Failed;
    }
    tokio::select! {
        () = signals.next() => {}
        () = all_ended(&mut loops) => return Exit::Failed,
    }
    close.stop();
    say::after_signal();
    say::note("stopping");
    tokio::select! {
        () = all_ended(&mut loops) => return Exit::Done,
        () = signals.next() => return broken_off(),
        () = tokio::time::sleep(Duration::from_secs(args.grace)) => {}
    }
    switch.stop();
    say::note("runs that still read are given up");
    tokio::select! {
        () = all_ended(&mut loops) => Exit::Done,
        () = signals.next() => broken_off(),
    }
}

async fn all_ended(loops: &mut FuturesUnordered<impl Future<Output = ()>>) {
    while loops.next().await.is_some() {}
}

fn broken_off() -> Exit {
    say::after_signal();
    say::note("stopped at once; in the table `runs`, what was still going has no end");
    Exit::Failed
}

/// When `loaded` runs. One that does not is named.
fn scheduled(loaded: Loaded, cron: Option<&Cron>) -> Option<(Arc<Loaded>, Schedule)> {
    let Loaded { monitor, .. } = &loaded;
    let Some(cron) = cron.or(monitor.schedule.as_ref()) else {
        say::note(&format!("{}: has no `schedule`, so it is not run", monitor.name));
        return None;
    };
    let Some(schedule) = Schedule::new(cron.clone(), &monitor.timezone) else {
        say::note(&format!(
            "{}: has no schedule in `timezone: {}`, which is not an IANA name; so it is not run",
            monitor.name, monitor.timezone
        ));
        return None;
    };
    Some((Arc::new(loaded), schedule))
}

/// Runs a monitor at each time of its schedule until `closing`, and then waits for its run.
async fn keep_running(loaded: Arc<Loaded>, schedule: Schedule, closing: Stop, stop: Stop) {
    let name = &loaded.monitor.name;
    let mut passed = Timestamp::now();
    while !closing.is_asked() {
        let Some(time) = schedule.next(passed) else {
            say::note(&format!("error: {name}: its schedule has no further time, so it is no longer run"));
            return;
        };
        say::note(&format!("{name}: next run at {time}"));
        tokio::select! {
            biased;
            () = closing.asked() => return,
            () = until(Some(time)) => {}
        }
        // A task of its own, so that a panic is the end of this run only.
        let run = tokio::spawn(run_once(Arc::clone(&loaded), stop.clone()));
        passed = ended(run, time, name, &schedule, &closing).await;
    }
}

/// Waits for the run of `time` and says which times are skipped for it. Returns the last time that has passed.
async fn ended(
    mut run: JoinHandle<()>,
    time: Timestamp,
    name: &str,
    schedule: &Schedule,
    closing: &Stop,
) -> Timestamp {
    // Whatever passed while the machine slept is made up for by this run.
    let mut passed = time.max(Timestamp::now());
    loop {
        let next = schedule.next(passed).filter(|_| !closing.is_asked());
        tokio::select! {
            biased;
            done = &mut run => {
                if done.is_err() {
                    say::note(&format!("error: {name}: the run of {time} broke off\n  hint: {HINT_FAULT}"));
                }
                return passed;
            }
            () = closing.asked(), if !closing.is_asked() => {
                say::note(&format!("{name}: the run of {time} is still going"));
            }
            () = until(next) => {
                passed = next.unwrap_or(passed);
                say::note(&format!("{name}: skipped the run of {passed}: that of {time} is still going"));
            }
        }
    }
}

/// Returns at `time`; never, without one.
async fn until(time: Option<Timestamp>) {
    let Some(time) = time else { return std::future::pending().await };
    while let Ok(left) = Duration::try_from(time.duration_since(Timestamp::now()))
        && !left.is_zero()
    {
        tokio::time::sleep(left.min(LOOK_AGAIN)).await;
    }
}

async fn run_once(loaded: Arc<Loaded>, stop: Stop) {
    let Loaded { monitor, settings } = loaded.as_ref();
    let now = Timestamp::now();
    let order = Order::at(now);
    let progress = Progress::new(&monitor.name, false);
    match Box::pin(run::run(monitor, settings, order, &progress, &stop)).await {
        Ok(outcome) => {
            say::result(&summary::text(&outcome));
            summary::undelivered(&outcome).iter().for_each(|text| say::note(text));
        }
        // The next time may go better; the failure is in `runs`, too, if it got that far.
        Err(error) => {
            say::failed_run(&monitor.name, &error);
        }
    }
}
