//! `secchi plan`: says what runs would read and compute, and writes nothing.

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::monitors::{self, Loaded};
use super::run::Versioned;
use super::summary::{bytes, counted};
use super::{Exit, Which, document, say};
use crate::config::Monitor;
use crate::run::{self, Order, Preview, Reads};
use crate::window::Granularity;

#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    versioned: Versioned,
    /// Print one JSON document instead of text; docs/json.md says what is in it.
    #[arg(long)]
    json: bool,
}

pub async fn plan(args: &PlanArgs) -> Exit {
    let (mut loaded, problems) = monitors::load_all(&args.which);
    let mut exit = problems.iter().map(say::problems).max().unwrap_or(Exit::Done);
    let mut documents = Vec::new();
    for Loaded { monitor, settings } in &mut loaded {
        args.versioned.redirect(monitor);
        let order = args.versioned.order(Order::at(Timestamp::now()));
        let done = Box::pin(run::preview(monitor, settings, order)).await;
        match &done {
            Err(error) => exit = exit.max(say::failed_run(&monitor.name, error)),
            Ok(preview) if !args.json => say::result(&text(preview, monitor)),
            Ok(_) => {}
        }
        documents.push(document::Plan::new(&monitor.name, &done));
    }
    if args.json {
        say::result(&document::plans(documents, &problems));
    }
    exit
}

/// What a run would do, for a person.
fn text(preview: &Preview, monitor: &Monitor) -> String {
    let Preview { monitor: name, source, commits, files, rows, .. } = preview;
    let version = source.version;
    let what = match (preview.reads, commits) {
        (Reads::Nothing, _) => return format!("{name}  nothing to do: version {version} has been counted"),
        (Reads::Everything, _) => format!("reads all rows of version {version}"),
        (Reads::Changes, Some(0) | None) => format!("reads no new commits, at version {version}"),
        (Reads::Changes, Some(commits)) => {
            format!("reads {} up to version {version}", counted(*commits, "commit"))
        }
    };
    let rows = rows.map(|rows| format!(", {}", counted(rows, "row"))).unwrap_or_default();
    let mut lines =
        vec![format!("{name}  {what}: {}, {}{rows}", counted(*files, "file"), bytes(preview.bytes))];
    if !preview.reasons.is_empty() {
        lines.push(format!("  since {}", preview.reasons.join("; ")));
    }
    let base = monitor.base_granularity();
    let windows = match preview.windows {
        Some(windows) => format!("{} of {base} at most", counted(windows, "window")),
        None => format!("all windows of {base}"),
    };
    let day = |micros: i64| show(micros, base, monitor.calendar.zone());
    let between = preview.span.and_then(|(from, until)| Some((day(from)?, day(until)?)));
    lines.push(match between {
        Some((from, until)) => format!("  computes {windows}, from {from} until {until}"),
        None => format!("  computes {windows}"),
    });
    if let Some(seconds) = preview.seconds {
        lines.push(format!("  takes about {seconds:.1} s, by {}", counted(preview.runs, "earlier run")));
    }
    lines.extend(preview.findings.iter().map(|finding| format!("  note: {finding}")));
    lines.join("\n")
}

/// An instant in `zone`, to the minute; to the day where windows are of days.
pub(super) fn show(micros: i64, length: Granularity, zone: &TimeZone) -> Option<String> {
    let zoned = Timestamp::from_microsecond(micros).ok()?.to_zoned(zone.clone());
    let format = if length < Granularity::Day { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d" };
    Some(zoned.strftime(format).to_string())
}
