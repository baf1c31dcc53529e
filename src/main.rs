//! The `secchi` command: arguments in, exit code out.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use secchi::cli::{self, Cli};

/// How long what was given up may take to notice.
const SHUTDOWN_MAX: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    // Several parts of the tree can bring a TLS provider; the first to be installed is everybody's. That
    // another was there before is no error.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let cli = Cli::parse();
    cli::log::init(&cli);
    cli::log::panics();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(8 << 20).build();
    match runtime {
        Ok(runtime) => {
            let exit = runtime.block_on(cli::dispatch(cli));
            // What is left was given up; a read that hangs must not keep the process. The others come to their end: a process
            // that ends while threads do can die of it.
            runtime.shutdown_timeout(SHUTDOWN_MAX);
            exit.into()
        }
        Err(error) => cli::say::failure(&error, "the system refuses threads").into(),
    }
}
