//! `secchi backfill` and `secchi rebuild`: compute windows of the past anew, some at a time.

use clap::Args;
use jiff::Timestamp;

use super::monitors::{self, Loaded};
use super::plan::show;
use super::progress::Progress;
use super::run::parse_time;
use super::summary::{self, grouped};
use super::{Exit, Which, document, say, signals};
use crate::config::{Monitor, Settings};
use crate::run::{self, Backfill, Chunk, Order, Outcome, Stop};
use crate::window::Granularity;

#[derive(Debug, Args)]
pub struct BackfillArgs {
    /// The first time: a time with its zone, or a day, which begins at midnight in UTC. Its whole window is computed
    /// anew.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    from: Timestamp,
    /// The first time that is beyond.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    to: Timestamp,
    #[command(flatten)]
    how: RebuildArgs,
}

#[derive(Debug, Args)]
pub struct RebuildArgs {
    #[command(flatten)]
    which: Which,
    /// How much time is counted at once: a window length such as `1 day` or `1 week`. What is counted is committed
    /// then, and is not counted again if the job is killed.
    #[arg(long, value_name = "LENGTH", default_value = "1 month")]
    chunk: Granularity,
    /// Tell what fires in windows of the past. By default it is recorded in `alerts` and nobody is told.
    #[arg(long)]
    notify: bool,
    /// Print one JSON document instead of text, with a run for each chunk; docs/json.md says what is in it.
    #[arg(long)]
    json: bool,
}

pub async fn backfill(args: &BackfillArgs) -> Exit {
    if args.from >= args.to {
        let problem =
            format!("--from {} is not before --to {}, the first time that is beyond", args.from, args.to);
        clap::Error::raw(clap::error::ErrorKind::ValueValidation, format!("{problem}\n")).exit();
    }
    heeding(&args.how, [Some(args.from), Some(args.to)]).await
}

pub async fn rebuild(args: &RebuildArgs) -> Exit {
    heeding(args, [None, None]).await
}

async fn heeding(args: &RebuildArgs, span: [Option<Timestamp>; 2]) -> Exit {
    signals::heeding(async |stop| all(args, span, stop).await).await
}

async fn all(args: &RebuildArgs, span: [Option<Timestamp>; 2], stop: &Stop) -> Exit {
    let (loaded, problems) = monitors::load_all(&args.which);
    let mut exit = problems.iter().map(say::problems).max().unwrap_or(Exit::Done);
    let mut documents = Vec::new();
    for Loaded { monitor, settings } in &loaded {
        exit = exit.max(Box::pin(one(args, span, (monitor, settings), stop, &mut documents)).await);
    }
    if args.json {
        say::result(&document::json(documents, &problems));
    }
    exit
}

/// Computes windows of one monitor anew, chunk by chunk.
async fn one(
    args: &RebuildArgs,
    span: [Option<Timestamp>; 2],
    (monitor, settings): (&Monitor, &Settings),
    stop: &Stop,
    documents: &mut Vec<document::Run>,
) -> Exit {
    let name = &monitor.name;
    let order = Order { notify: args.notify, ..Order::at(Timestamp::now()) };
    let Backfill { chunks, is_resumed } =
        match Box::pin(run::backfill(monitor, settings, order, span, args.chunk)).await {
            Ok(backfill) => backfill,
            Err(error) => {
                let exit = say::failed_run(name, &error);
                documents.push(document::Run::new(name, &Err(error)));
                return exit;
            }
        };
    if is_resumed {
        say::note(&format!(
            "{name}: goes on where this command was broken off, with {}",
            summary::counted(chunks.len() as u64, "chunk")
        ));
    }
    let (mut rows, mut seconds) = (0, 0.0);
    let mut findings: Vec<String> = Vec::new();
    for (index, chunk) in chunks.iter().enumerate() {
        let now = Timestamp::now();
        let order = Order { as_of: now, now, recount: Some(chunk.recount), ..order };
        let progress = Progress::new(name, !args.json);
        let done = Box::pin(run::run(monitor, settings, order, &progress, stop)).await;
        documents.push(document::Run::new(name, &done));
        match &done {
            Err(error) => {
                let exit = say::failed_run(name, error);
                if index > 0 {
                    say::note(&format!(
                        "{name}: {index} of {} chunks are done; the next backfill, or run, goes on from there",
                        chunks.len()
                    ));
                }
                return exit;
            }
            Ok(outcome) => {
                summary::undelivered(outcome).iter().for_each(|text| say::note(text));
                let new = outcome.findings.iter().filter(|finding| !findings.contains(finding));
                let new: Vec<String> = new.cloned().collect();
                findings.extend(new);
                rows += outcome.rows;
                seconds += outcome.seconds;
                if !args.json {
                    say::result(&line(monitor, chunk, [index + 1, chunks.len()], outcome));
                }
            }
        }
    }
    if !args.json {
        findings.iter().for_each(|finding| say::note(&format!("{name}: {finding}")));
        say::result(&match rows {
            0 => format!("{name}  no rows lie there"),
            _ => format!("{name}  {} rows counted anew in {seconds:.1} s", grouped(rows)),
        });
    }
    Exit::Done
}

/// What came of a chunk, on a line.
fn line(monitor: &Monitor, chunk: &Chunk, [number, of]: [usize; 2], outcome: &Outcome) -> String {
    let (from, until) = chunk.recount.chunk;
    let length = monitor.base_granularity();
    let day = |micros: i64| show(micros, length, monitor.calendar.zone());
    let when = match (day(from), day(until)) {
        (Some(from), Some(until)) => format!("{from} … {until}"),
        (None, Some(until)) => format!("until {until}"),
        (Some(from), None) => format!("from {from}"),
        (None, None) => "all".to_owned(),
    };
    let restated = outcome.profile.restated + outcome.drift.restated;
    format!(
        "{}  {number} of {of}: {when}  {} rows, {} profile rows, {} drift rows, {} restated in {:.1} s",
        monitor.name,
        grouped(outcome.rows),
        grouped(outcome.profile.rows),
        grouped(outcome.drift.rows),
        grouped(restated),
        outcome.seconds,
    )
}
