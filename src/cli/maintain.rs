//! `secchi maintain`: maintains the tables that monitors write, one after the other.
//!
//! Those that several monitors share come once, after those of each. What fails, or is busy, does not keep the others from
//! theirs.

use std::collections::BTreeSet;

use clap::Args;
use jiff::Timestamp;

use super::monitors::{self, Loaded};
use super::summary::{bytes, grouped, short};
use super::{Exit, Which, document, say, signals};
use crate::run::Stop;
use crate::sink::SinkError;
use crate::sink::maintain::{self, Place, Sizes, Upkeep};
use crate::source::Lake;

#[derive(Debug, Args)]
pub struct MaintainArgs {
    #[command(flatten)]
    which: Which,
    /// Say what there is to do, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON document instead of text; docs/json.md says what is in it.
    #[arg(long)]
    json: bool,
}

pub async fn maintain(args: &MaintainArgs) -> Exit {
    signals::heeding(async |stop| maintain_until(args, stop).await).await
}

async fn maintain_until(args: &MaintainArgs, stop: &Stop) -> Exit {
    let (loaded, problems) = monitors::load_all(&args.which);
    let mut exit = problems.iter().map(say::problems).max().unwrap_or(Exit::Done);
    let mut documents = Vec::new();
    for (loaded, place) in places(&loaded) {
        let lake = Lake::new(&loaded.settings);
        let done = tokio::select! {
            biased;
            () = stop.asked() => {
                say::note("stopped; what was not done is left for the next time");
                exit = Exit::Failed;
                break;
            }
            done = Box::pin(maintain::maintain(lake, &place, Timestamp::now(), args.dry_run)) => done,
        };
        let shown = if args.json { Shown::Nothing } else { Shown::All };
        exit = exit.max(tell(&place, &done, args.dry_run, shown));
        documents.extend(document::MaintainedTable::new(&place.table(), &done));
    }
    if documents.is_empty() && exit == Exit::Done {
        say::note("there are no tables yet; `secchi run` writes them");
    }
    if args.json {
        say::result(&document::json_of_maintenance(args.dry_run, documents, &problems));
    }
    exit
}

/// The tables of `loaded`, each once, with a monitor whose settings lead to it.
fn places(loaded: &[Loaded]) -> Vec<(&Loaded, Place<'_>)> {
    let own =
        loaded.iter().flat_map(|loaded| Place::own(&loaded.monitor).into_iter().map(move |p| (loaded, p)));
    let mut outputs = BTreeSet::new();
    let firsts: Vec<&Loaded> =
        loaded.iter().filter(|loaded| outputs.insert(loaded.monitor.output.as_str())).collect();
    let shared = firsts
        .into_iter()
        .flat_map(|loaded| Place::shared(&loaded.monitor).into_iter().map(move |p| (loaded, p)));
    own.chain(shared).collect()
}

/// Which tables are told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Each that there is.
    All,
    /// Those that something was done to.
    News,
    /// None; only what went wrong.
    Nothing,
}

/// Says what came of the maintenance of a table.
pub fn tell(
    place: &Place<'_>,
    done: &Result<Option<Upkeep>, SinkError>,
    is_trial: bool,
    shown: Shown,
) -> Exit {
    match done {
        Ok(Some(upkeep)) if shown == Shown::All || (shown == Shown::News && !upkeep.is_nothing()) => {
            say::result(&line(upkeep, is_trial));
        }
        Ok(_) => {}
        Err(error) => return say::failed_maintenance(short(&place.table()), error),
    }
    Exit::Done
}

/// What was done to a table, or would be.
fn line(upkeep: &Upkeep, is_trial: bool) -> String {
    let Upkeep { table, before, rewritten, after, is_busy, checkpoint, log_entries, deleted, .. } = upkeep;
    let mut said = Vec::new();
    match (rewritten.files, is_trial) {
        (0, _) => {}
        (files, true) => {
            let rewritten = Sizes { files, bytes: rewritten.bytes };
            said.push(format!("would write {} of {} anew", sizes(&rewritten), sizes(before)));
        }
        (_, false) => said.push(format!("{} are now {}", sizes(before), sizes(after))),
    }
    if *is_busy {
        said.push("runs were writing, so some is left for the next time".to_owned());
    }
    if let Some(version) = checkpoint {
        let would = if is_trial { "would write a " } else { "" };
        said.push(format!("{would}checkpoint at version {version}"));
    }
    let would = if is_trial { "would delete " } else { "deleted " };
    if *log_entries > 0 {
        said.push(format!("{would}{} of the log", counted(*log_entries, "entry", "entries")));
    }
    if deleted.files > 0 {
        said.push(format!("{would}{} that no version needs", sizes(deleted)));
    }
    if said.is_empty() {
        said.push("nothing to do".to_owned());
    }
    format!("{}  {}", short(table), said.join(", "))
}

fn sizes(sizes: &Sizes) -> String {
    format!("{} ({})", counted(sizes.files, "file", "files"), bytes(sizes.bytes))
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn upkeep() -> Upkeep {
        Upkeep {
            table: "s3://lake/monitoring/churn_profile_metrics".to_owned(),
            version: 1003,
            before: Sizes { files: 1002, bytes: 41_000_000 },
            rewritten: Sizes { files: 1000, bytes: 40_000_000 },
            after: Sizes { files: 9, bytes: 6_200_000 },
            is_busy: false,
            checkpoint: Some(1003),
            log_entries: 1,
            deleted: Sizes { files: 12, bytes: 1_200_000 },
        }
    }

    fn idle() -> Upkeep {
        let none = Sizes::default();
        Upkeep { rewritten: none, checkpoint: None, log_entries: 0, deleted: none, ..upkeep() }
    }

    #[test]
    fn a_line_says_what_was_done() {
        assert_snapshot!(line(&upkeep(), false), @"s3://lake/monitoring/churn_profile_metrics  1,002 files (41.0 MB) are now 9 files (6.2 MB), checkpoint at version 1003, deleted 1 entry of the log, deleted 12 files (1.2 MB) that no version needs");
        assert_snapshot!(line(&upkeep(), true), @"s3://lake/monitoring/churn_profile_metrics  would write 1,000 files (40.0 MB) of 1,002 files (41.0 MB) anew, would write a checkpoint at version 1003, would delete 1 entry of the log, would delete 12 files (1.2 MB) that no version needs");
        assert_snapshot!(line(&idle(), false), @"s3://lake/monitoring/churn_profile_metrics  nothing to do");
        let busy = Upkeep { is_busy: true, ..idle() };
        assert_snapshot!(line(&busy, false), @"s3://lake/monitoring/churn_profile_metrics  runs were writing, so some is left for the next time");
    }
}
