//! `secchi demo`: simulates a lake with known incidents, then runs its monitors.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;

use super::monitors::{self, Loaded};
use super::progress::Progress;
use super::{Exit, Which, say, signals, summary};
use crate::run::{self, Order, Stop};
use crate::simulate::{self, Truth};

/// The demo's monitors, which are the examples of the repository.
const MONITORS: [(&str, &str); 2] = [
    ("credit-default.yaml", include_str!("../../monitors/credit-default.yaml")),
    ("delivery-time.yaml", include_str!("../../monitors/delivery-time.yaml")),
];
/// The demo's settings: no mail server, so messages go to a folder.
const SETTINGS: &str = include_str!("demo.secchi.yaml");

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Folder to make: lake/, monitors/, secchi.yaml, monitoring/ and outbox/.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Rows of each model, at least 600: rules that want more rows in a window are quiet on small lakes.
    #[arg(long, default_value_t = simulate::Options::default().rows_per_model)]
    rows: u64,
    /// Another seed is another lake with the same incidents.
    #[arg(long, default_value_t = simulate::Options::default().seed)]
    seed: u64,
    /// Make the lake, but do not run its monitors.
    #[arg(long)]
    no_run: bool,
}

pub async fn demo(args: &DemoArgs) -> Exit {
    let options = simulate::Options { rows_per_model: args.rows, seed: args.seed };
    let lake = args.folder.join("lake");
    let truth = match simulate::write_lake(&lake, &options, &mut |_| {}).await {
        Ok(truth) => truth,
        Err(error) => return say::failure(&error, &error.hint()),
    };
    if let Err((path, error)) = write_files(&args.folder) {
        return say::failure(&error, &format!("`{}` must be writable", path.display()));
    }
    say::result(&format!(
        "made a lake of {} tables in {}: {} days from {}, with {} incidents",
        truth.tables.len(),
        lake.display(),
        truth.days,
        truth.first_day,
        truth.incidents.len(),
    ));
    if args.no_run {
        return Exit::Done;
    }
    signals::heeding(async |stop| run_monitors(args, &truth, stop).await).await
}

fn write_files(folder: &Path) -> Result<(), (PathBuf, std::io::Error)> {
    let write = |path: PathBuf, text: &str| std::fs::write(&path, text).map_err(|error| (path, error));
    let monitors = folder.join("monitors");
    std::fs::create_dir_all(&monitors).map_err(|error| (monitors.clone(), error))?;
    write(folder.join("secchi.yaml"), SETTINGS)?;
    MONITORS.iter().try_for_each(|(name, text)| write(monitors.join(name), text))
}

async fn run_monitors(args: &DemoArgs, truth: &Truth, stop: &Stop) -> Exit {
    let which = Which {
        monitors: vec![args.folder.join("monitors").display().to_string()],
        config: Some(args.folder.join("secchi.yaml")),
    };
    let (loaded, problems) = monitors::load_all(&which);
    let mut exit = problems.iter().map(say::problems).max().unwrap_or(Exit::Done);
    for Loaded { monitor, settings } in &loaded {
        say::result("");
        let order = Order { as_of: truth.as_of, ..Order::at(Timestamp::now()) };
        let progress = Progress::new(&monitor.name, true);
        match Box::pin(run::run(monitor, settings, order, &progress, stop)).await {
            Err(error) => exit = exit.max(say::failed_run(&monitor.name, &error)),
            Ok(outcome) => {
                say::result(&summary::text(&outcome));
                summary::undelivered(&outcome).iter().for_each(|text| say::note(text));
            }
        }
    }
    say::result("\nwhat was done to the lake, for comparison:");
    for incident in &truth.incidents {
        say::result(&format!(
            "  {}  {}  {}  commit {} by {}",
            incident.first_day,
            incident.model,
            incident.description,
            incident.commit_version,
            incident.commit_user,
        ));
    }
    say::result(&format!(
        "\nno mail server is configured: messages are in {}\nthe metric tables are in {}",
        args.folder.join("outbox").display(),
        args.folder.join("monitoring").display(),
    ));
    exit
}
