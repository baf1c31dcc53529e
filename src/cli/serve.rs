//! `secchi serve`: runs monitors by their schedules until stopped.
//!
//! Each monitor has a loop of its own that waits for the next time and then for its run, so there are never
//! two runs of one monitor at once; a time that passes meanwhile is skipped, and said to be. A monitor whose
//! file cannot be read, whose run fails or even panics does not keep the others from theirs.
//!
//! The tables of each output have a loop, too, that maintains them at the times of the settings. Of a monitor it waits for
//! the run, and the run for it, though neither would harm the other.
//!
//! SIGTERM and Ctrl-C end the waiting at once. Runs in flight may go on for a while; then those that still
//! read are given up, and those that write go on to their end. A second signal ends everything where it is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use croner::Cron;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, JoinSet};

use super::maintain::{Shown, tell};
use super::monitors::{self, Loaded};
use super::progress::Progress;
use super::schedule::{self, Schedule, Times};
use super::signals::Signals;
use super::{Exit, Which, say, summary};
use crate::profile::query::HINT_FAULT;
use crate::run::{self, Order, Stop};
use crate::sink::maintain::{self, Place};
use crate::source::Lake;

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
    /// Maintain their tables at these times instead of those of secchi.yaml: a cron expression as for --cron, in the time zone
    /// under `defaults`, or `off`.
    #[arg(long, value_name = "CRON", value_parser = schedule::parse_times)]
    maintenance: Option<Times>,
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
    let served: Vec<(Arc<Served>, Schedule)> =
        loaded.into_iter().filter_map(|loaded| scheduled(loaded, args.cron.as_ref())).collect();
    // Tasks of their own, which end with this one.
    let mut maintenance = JoinSet::new();
    for (monitors, schedule) in maintained(&served, args.maintenance.as_ref()) {
        maintenance.spawn(keep_maintaining(monitors, schedule, closing.clone(), stop.clone()));
    }
    let mut loops: FuturesUnordered<_> = served
        .into_iter()
        .map(|(served, schedule)| Box::pin(keep_running(served, schedule, closing.clone(), stop.clone())))
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
    let mut ended = Box::pin(async {
        all_ended(&mut loops).await;
        while maintenance.join_next().await.is_some() {}
    });
    tokio::select! {
        () = &mut ended => return Exit::Done,
        () = signals.next() => return broken_off(),
        () = tokio::time::sleep(Duration::from_secs(args.grace)) => {}
    }
    switch.stop();
    say::note("runs that still read are given up");
    tokio::select! {
        () = &mut ended => Exit::Done,
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

/// A monitor that is run.
struct Served {
    loaded: Loaded,
    /// Who writes its tables: a run, or a maintenance.
    turn: Mutex<()>,
}

/// When `loaded` runs. One that does not is named.
fn scheduled(loaded: Loaded, cron: Option<&Cron>) -> Option<(Arc<Served>, Schedule)> {
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
    Some((Arc::new(Served { loaded, turn: Mutex::new(()) }), schedule))
}

/// The monitors of each output, and when their tables are maintained: at the `times` that were asked for, or else at those
/// of the settings of the first of them that has some.
fn maintained(
    served: &[(Arc<Served>, Schedule)],
    times: Option<&Times>,
) -> Vec<(Vec<Arc<Served>>, Schedule)> {
    let mut outputs: BTreeMap<&str, (Vec<Arc<Served>>, Schedule)> = BTreeMap::new();
    for (served, _) in served {
        let Loaded { monitor, settings } = &served.loaded;
        let cron = match times {
            Some(Times::Off) => None,
            Some(Times::At(cron)) => Some(cron.as_ref().clone()),
            None => settings.maintenance.clone(),
        };
        let zone = settings.defaults.timezone.as_deref().unwrap_or("UTC");
        let Some(schedule) = cron.and_then(|cron| Schedule::new(cron, zone)) else { continue };
        let (monitors, _) = outputs.entry(monitor.output.as_str()).or_insert((Vec::new(), schedule));
        monitors.push(Arc::clone(served));
    }
    outputs.into_values().collect()
}

/// Maintains the tables of `monitors`, which have one output, at each time of a schedule until `closing`, and is given up at
/// `stop`: what it has not committed is then as if it had not begun.
async fn keep_maintaining(monitors: Vec<Arc<Served>>, schedule: Schedule, closing: Stop, stop: Stop) {
    let mut passed = Timestamp::now();
    while let Some(time) = schedule.next(passed).filter(|_| !closing.is_asked()) {
        tokio::select! {
            biased;
            () = closing.asked() => return,
            () = until(Some(time)) => {}
        }
        let mut maintenance = tokio::spawn(maintain_once(monitors.clone()));
        tokio::select! {
            biased;
            done = &mut maintenance => if done.is_err() {
                say::note(&format!("error: the maintenance of {time} broke off\n  hint: {HINT_FAULT}"));
            },
            () = stop.asked() => {
                maintenance.abort();
                return;
            }
        }
        passed = time.max(Timestamp::now());
    }
}

async fn maintain_once(monitors: Vec<Arc<Served>>) {
    for served in &monitors {
        let _turn = served.turn.lock().await;
        maintain_tables(&served.loaded, Place::own(&served.loaded.monitor)).await;
    }
    if let Some(first) = monitors.first() {
        maintain_tables(&first.loaded, Place::shared(&first.loaded.monitor)).await;
    }
}

async fn maintain_tables(loaded: &Loaded, places: Vec<Place<'_>>) {
    for place in places {
        let lake = Lake::new(&loaded.settings);
        let done = Box::pin(maintain::maintain(lake, &place, Timestamp::now(), false)).await;
        // What failed is tried again the next time.
        tell(&place, &done, false, Shown::News);
    }
}

/// Runs a monitor at each time of its schedule until `closing`, and then waits for its run.
async fn keep_running(served: Arc<Served>, schedule: Schedule, closing: Stop, stop: Stop) {
    let name = &served.loaded.monitor.name;
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
        let run = tokio::spawn(run_once(Arc::clone(&served), stop.clone()));
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

async fn run_once(served: Arc<Served>, stop: Stop) {
    let _turn = served.turn.lock().await;
    let Loaded { monitor, settings } = &served.loaded;
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
