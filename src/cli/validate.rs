//! `secchi validate`: checks monitor files and, with `--connect`, the tables behind them.

use clap::Args;

use super::monitors::{self, Loaded};
use super::{Exit, Which, say};
use crate::profile::{columns, query};
use crate::run::RunError;
use crate::sink::Sink;
use crate::source::{self, At, Lake};

#[derive(Debug, Args)]
pub struct ValidateArgs {
    #[command(flatten)]
    which: Which,
    /// Open the tables, too, check the columns that the monitor names, and whether there is a place for its
    /// own tables. Reads no rows, leaves nothing behind.
    #[arg(long)]
    connect: bool,
}

pub async fn validate(args: &ValidateArgs) -> Exit {
    let (loaded, problems) = monitors::load_all(&args.which);
    let mut exit = problems.iter().map(say::problems).max().unwrap_or(Exit::Done);
    for Loaded { monitor, settings } in &loaded {
        if args.connect {
            let checked = async {
                let lake = Lake::new(settings);
                let snapshot = source::open(monitor, At::Latest, lake).await?;
                query::check(monitor, &snapshot).await?;
                Sink::open(lake, monitor).await?;
                Ok::<_, RunError>(snapshot)
            };
            match Box::pin(checked).await {
                Ok(snapshot) => {
                    for finding in columns::unknown(monitor, &snapshot.schema) {
                        say::note(&format!("{}: note: {finding}", monitor.name));
                    }
                    say::result(&format!(
                        "{}: ok, version {} of {} has {} columns",
                        monitor.file.display(),
                        snapshot.source.version,
                        snapshot.source.table,
                        snapshot.schema.fields().len(),
                    ));
                }
                Err(error) => exit = exit.max(say::failed_run(&monitor.name, &error)),
            }
        } else {
            say::result(&format!("{}: ok", monitor.file.display()));
        }
    }
    exit
}
