//! `secchi validate`: checks monitor files and, with `--connect`, the tables behind them.

mod plan;

use clap::Args;

use super::monitors::{self, Loaded};
use super::{Exit, Which, say};
use crate::cause::chain;
use crate::profile::custom::check;
use crate::profile::query::QueryError;
use crate::profile::{findings, query};
use crate::run::{RunError, secrets};
use crate::sink::Sink;
use crate::source::{self, Lake, Versions};

#[derive(Debug, Args)]
pub struct ValidateArgs {
    #[command(flatten)]
    which: Which,
    /// Open the tables, too, check the columns that the monitor names, its secrets, and whether there is a place
    /// for its own tables; then say what a run will do. Reads no rows, leaves nothing behind.
    #[arg(long)]
    connect: bool,
}

pub async fn validate(args: &ValidateArgs) -> Exit {
    let (loaded, problems) = monitors::load_all(&args.which);
    let mut exit = problems.iter().map(say::problems).max().unwrap_or(Exit::Done);
    for loaded in &loaded {
        let wrong = check::without_tables(&loaded.monitor);
        if !wrong.is_empty() {
            for error in wrong.into_iter().map(QueryError::from) {
                exit = exit.max(say::failed_run(&loaded.monitor.name, &error.into()));
            }
        } else if args.connect {
            exit = exit.max(Box::pin(connected(loaded)).await);
        } else {
            unconnected(loaded);
        }
    }
    exit
}

/// A file is checked where its secrets need not be, such as where changes to it are reviewed.
fn unconnected(Loaded { monitor, settings }: &Loaded) {
    for secret in secrets::unusable(monitor, settings, true) {
        say::note(&format!("{}: note: {}", monitor.name, chain(&secret)));
    }
    say::result(&format!("{}: ok", monitor.file.display()));
}

async fn connected(Loaded { monitor, settings }: &Loaded) -> Exit {
    let unusable = secrets::unusable(monitor, settings, true);
    let is_open = unusable.iter().all(secrets::UnusableSecret::is_for_messages);
    let mut exit = Exit::Done;
    for secret in unusable {
        exit = exit.max(say::failed_run(&monitor.name, &RunError::from(secret)));
    }
    if !is_open {
        return exit;
    }
    let checked = async {
        let lake = Lake::new(settings);
        let snapshot = source::open(monitor, Versions::default(), lake).await?;
        query::check(monitor, &snapshot).await?;
        Sink::open(lake, monitor).await?;
        Ok::<_, RunError>(snapshot)
    };
    let snapshot = match checked.await {
        Ok(snapshot) => snapshot,
        Err(error) => return exit.max(say::failed_run(&monitor.name, &error)),
    };
    for finding in findings::of_tables(monitor, &snapshot) {
        say::note(&format!("{}: note: {finding}", monitor.name));
    }
    if exit == Exit::Done {
        say::result(&format!(
            "{}: ok, version {} of {} has {} columns",
            monitor.file.display(),
            snapshot.source.version,
            snapshot.source.table,
            snapshot.schema.fields().len(),
        ));
        say::result(&plan::text(monitor, &snapshot.schema));
    }
    exit
}
