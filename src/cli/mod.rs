//! The command line: what can be asked, and how answers are shown.
//!
//! Results go to stdout, everything else to stderr; nothing prompts. Each command is one file that calls the
//! library and shows what came of it; no command computes.

mod backfill;
mod demo;
pub mod document;
mod exit;
mod init;
pub mod log;
mod maintain;
mod monitors;
mod plan;
mod progress;
mod run;
pub mod say;
mod schedule;
mod schema;
mod serve;
mod signals;
mod summary;
mod validate;

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
pub use exit::Exit;
use futures::FutureExt;

use crate::profile::query::HINT_FAULT;

/// Lakehouse-native model monitoring: profile and drift metric tables from Delta inference logs.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Say more: once for what each stage does, twice for what the engine does.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Simulate a lake with known incidents, then run its monitors.
    Demo(demo::DemoArgs),
    /// Write a commented monitor file from a table's schema.
    Init(init::InitArgs),
    /// Check monitor files and, with --connect, the tables behind them.
    Validate(validate::ValidateArgs),
    /// Print the JSON Schema of monitor files (or of secchi.yaml), for editors.
    Schema(schema::SchemaArgs),
    /// Say what a run would read and compute, and write nothing.
    Plan(plan::PlanArgs),
    /// Run monitors once.
    Run(run::RunArgs),
    /// Compute windows of the past anew, some at a time.
    Backfill(backfill::BackfillArgs),
    /// Compute all windows anew, some at a time.
    Rebuild(backfill::RebuildArgs),
    /// Keep the tables that monitors write quick to read and small to keep.
    ///
    /// Rows of many small files are written to few, in the order of windows; logs get checkpoints; and entries of logs and
    /// data files that no version needs are deleted once they are older than the table's own retention
    /// (`delta.logRetentionDuration`, 30 days unless it is set; `delta.deletedFileRetentionDuration`, 7 days). No row
    /// changes, and runs may go on meanwhile.
    Maintain(maintain::MaintainArgs),
    /// Run monitors by their schedules until stopped.
    Serve(Box<serve::ServeArgs>),
}

/// Which monitors are meant.
#[derive(Debug, Clone, Args)]
pub struct Which {
    /// Monitor files, folders of them, or names of monitors in ./monitors. Default: all of ./monitors.
    #[arg(value_name = "MONITOR")]
    monitors: Vec<String>,
    /// File of settings. Default: secchi.yaml beside the monitor file or its folder.
    #[arg(long, value_name = "FILE", env = "SECCHI_CONFIG")]
    config: Option<PathBuf>,
}

/// Runs what was asked. A panic is told as a failure; its text is in the log.
pub async fn dispatch(cli: Cli) -> Exit {
    let done = AssertUnwindSafe(Box::pin(ask(cli))).catch_unwind().await;
    done.unwrap_or_else(|_| {
        say::note(&format!("error: secchi broke off\n  hint: {HINT_FAULT}"));
        Exit::Failed
    })
}

async fn ask(cli: Cli) -> Exit {
    match cli.command {
        Command::Demo(args) => Box::pin(demo::demo(&args)).await,
        Command::Init(args) => Box::pin(init::init(&args)).await,
        Command::Validate(args) => Box::pin(validate::validate(&args)).await,
        Command::Schema(args) => schema::schema(&args),
        Command::Plan(args) => Box::pin(plan::plan(&args)).await,
        Command::Run(args) => Box::pin(run::run(&args)).await,
        Command::Backfill(args) => Box::pin(backfill::backfill(&args)).await,
        Command::Rebuild(args) => Box::pin(backfill::rebuild(&args)).await,
        Command::Maintain(args) => Box::pin(maintain::maintain(&args)).await,
        Command::Serve(args) => Box::pin(serve::serve(&args)).await,
    }
}
