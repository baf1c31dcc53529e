//! `secchi run`: runs monitors once, one after the other.

use clap::Args;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use url::Url;

use super::monitors::{self, Loaded};
use super::progress::Progress;
use super::{Exit, Which, document, say, signals, summary};
use crate::config::{Monitor, table_url};
use crate::run::{self, Order, Outcome, RunError, Stop};
use crate::source::Versions;

#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    versioned: Versioned,
    /// Exit with code 3 if an alert is firing.
    #[arg(long)]
    fail_on_alert: bool,
    /// Tell nobody. What is new is recorded as told; a later run does not tell it again.
    #[arg(long)]
    no_notify: bool,
    /// Print one JSON document instead of text; docs/json.md says what is in it.
    #[arg(long)]
    json: bool,
}

/// At which time, at which versions, and where to.
#[derive(Debug, Args)]
pub(super) struct Versioned {
    /// The run's present: a time with its zone, or a day, which begins at midnight in UTC. Windows that are not complete by then raise no alert, and the
    /// tables are read as they were then. Default: now.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    as_of: Option<Timestamp>,
    /// Delta version of the inference table. Default: the newest (at --as-of). Without --as-of, labels and
    /// baseline are read as they were when it was committed. The metric tables are then what that version
    /// gives, without what came after it: to look at the past, give --output, too.
    #[arg(long, value_name = "VERSION")]
    table_version: Option<u64>,
    /// Delta version of the label table, if there is one. Default: the newest at --as-of or, without that, when
    /// --table-version was committed.
    #[arg(long, value_name = "VERSION")]
    label_version: Option<u64>,
    /// Delta version of the baseline, if there is one. Default: the monitor's `baseline.version`, or else as for
    /// --label-version.
    #[arg(long, value_name = "VERSION")]
    baseline_version: Option<u64>,
    /// Write to this folder instead of the monitor's `output.uri`: a URL, or a path relative to here.
    #[arg(long, value_name = "URI", value_parser = table_url)]
    output: Option<Url>,
}

impl Versioned {
    /// What a run is told, if `order` is what it is told without these.
    pub(super) fn order(&self, order: Order) -> Order {
        let versions = Versions {
            inference: self.table_version,
            labels: self.label_version,
            baseline: self.baseline_version,
            time: self.as_of,
        };
        Order { as_of: self.as_of.unwrap_or(order.as_of), versions, ..order }
    }

    /// Lets `monitor` write where it is told to.
    pub(super) fn redirect(&self, monitor: &mut Monitor) {
        if let Some(output) = &self.output {
            monitor.output.clone_from(output);
        }
    }
}

/// `2026-05-02`, its midnight in UTC, or `2026-05-02T06:00:00Z`. A time of day without a zone is none: whose
/// day would it be?
pub(super) fn parse_time(text: &str) -> Result<Timestamp, String> {
    let midnight = || {
        let is_day = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let day = text.parse::<Date>().ok().filter(|_| is_day)?;
        day.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    };
    text.parse::<Timestamp>().ok().or_else(midnight).ok_or_else(|| {
        "not a time: write 2026-05-02 (midnight in UTC), 2026-05-02T06:00:00Z or 2026-05-02T08:00+02:00"
            .to_owned()
    })
}

pub async fn run(args: &RunArgs) -> Exit {
    signals::heeding(async |stop| run_until(args, stop).await).await
}

async fn run_until(args: &RunArgs, stop: &Stop) -> Exit {
    let (mut loaded, problems) = monitors::load_all(&args.which);
    let mut exit = problems.iter().map(say::problems).max().unwrap_or(Exit::Done);
    let mut documents = Vec::new();
    for Loaded { monitor, settings } in &mut loaded {
        args.versioned.redirect(monitor);
        let order = Order { notify: !args.no_notify, ..Order::at(Timestamp::now()) };
        let order = args.versioned.order(order);
        let progress = Progress::new(&monitor.name, !args.json);
        let done = Box::pin(run::run(monitor, settings, order, &progress, stop)).await;
        exit = exit.max(tell(&monitor.name, &done, args));
        documents.push(document::Run::new(&monitor.name, &done));
    }
    if args.json {
        say::result(&document::json(documents, &problems));
    }
    exit
}

fn tell(monitor: &str, done: &Result<Outcome, RunError>, args: &RunArgs) -> Exit {
    match done {
        Err(error) => say::failed_run(monitor, error),
        Ok(outcome) => {
            if !args.json {
                say::result(&summary::text(outcome));
            }
            let undelivered = summary::undelivered(outcome);
            undelivered.iter().for_each(|text| say::note(text));
            if !undelivered.is_empty() {
                Exit::Failed
            } else if args.fail_on_alert && !outcome.firing.is_empty() {
                Exit::Alert
            } else {
                Exit::Done
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_zone_or_is_a_day() {
        let parsed = |text: &str| parse_time(text).map(|time| time.to_string()).ok();
        for (text, expected) in [
            ("2026-05-02", "2026-05-02T00:00:00Z"),
            ("2026-05-02T06:00:00Z", "2026-05-02T06:00:00Z"),
            ("2026-05-02T08:00+02:00", "2026-05-02T06:00:00Z"),
            ("2026-05-02 06:00Z", "2026-05-02T06:00:00Z"),
        ] {
            assert_eq!(parsed(text).as_deref(), Some(expected), "{text}");
        }
        for text in
            ["2026-05-02T06:00", "2026-05-02 06:00:00", "2026-05-02T06", "yesterday", "", "2026-02-30"]
        {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
