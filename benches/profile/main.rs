//! What a profile costs, beside reading the same columns.
//!
//! `cargo bench --bench profile` makes the benchmark table once, then measures in turn: reading the columns, the whole
//! job, and what people use today. Each measurement is a process of its own, so that its peak of memory is its own; all
//! are of one run, so that they saw the same machine. See `benches/README.md`.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement that fails has nobody to report to but the terminal"
)]

mod job;
mod measure;
mod peers;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use measure::Measured;

#[derive(Parser)]
#[command(about = "What a profile costs, beside reading the same columns")]
struct Arguments {
    /// Where the table is, or is made.
    #[arg(long, default_value = "target/bench")]
    dir: PathBuf,
    /// Rows of the table.
    #[arg(long, default_value_t = 3_000_000)]
    rows: usize,
    /// Days that it spreads over, one commit each.
    #[arg(long, default_value_t = 30)]
    days: usize,
    /// Measurements of each, of which the median counts.
    #[arg(long, default_value_t = 5)]
    times: usize,
    /// A Python that has the packages of `benches/requirements.txt`; without it, peers are left out.
    #[arg(long, env = "BENCH_PYTHON")]
    python: Option<PathBuf>,
    /// Do only this, in this process, and print what it cost.
    #[arg(long, hide = true)]
    only: Option<Part>,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Part {
    Scan,
    Job,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let table = arguments.dir.join(format!("{}x{}", arguments.rows, arguments.days));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match arguments.only {
        Some(Part::Scan) => {
            let rows = runtime.block_on(job::scan(&table));
            println!("{}", Measured::of_this_process(rows));
        }
        Some(Part::Job) => {
            let rows = runtime.block_on(job::run(&table));
            println!("{}", Measured::of_this_process(rows));
        }
        None => {
            if !table.join("inference/_delta_log").exists() {
                eprintln!("writing {} rows to {}", arguments.rows, table.display());
                runtime.block_on(table::write(&table, arguments.rows, arguments.days));
            }
            compare(&arguments, &table);
        }
    }
    ExitCode::SUCCESS
}

fn compare(arguments: &Arguments, table: &Path) {
    let own = |part: &str| {
        let mut command = std::process::Command::new(std::env::current_exe().expect("this program"));
        command.args(["--only", part, "--rows", &arguments.rows.to_string()]);
        command.args(["--days", &arguments.days.to_string(), "--dir"]).arg(&arguments.dir);
        command
    };
    let mut commands =
        vec![("scan, Secchi's engine".to_owned(), own("scan")), ("**secchi run**".to_owned(), own("job"))];
    commands.extend(arguments.python.iter().flat_map(|python| peers::commands(python, table)));
    let mut measured: Vec<Vec<Measured>> = commands.iter().map(|_| Vec::new()).collect();
    for time in 1..=arguments.times {
        for ((name, command), results) in commands.iter_mut().zip(&mut measured) {
            eprintln!("{time} of {}: {name}", arguments.times);
            results.push(measure::run(command));
        }
    }
    let names: Vec<String> = commands.into_iter().map(|(name, _)| name).collect();
    println!("{}", measure::report(&names, &measured, table));
}
