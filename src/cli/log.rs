//! Log lines on stderr.

use tracing_subscriber::EnvFilter;

use super::Cli;

/// Begins logging: warnings, or more under `--verbose`; `SECCHI_LOG` decides if it is set.
pub fn init(cli: &Cli) {
    let default = match cli.verbose {
        0 => "off,secchi=warn",
        // That bytes have no least and greatest is told for each file.
        1 => "warn,deltalake_core::writer::stats=error,secchi=info",
        _ => "info,deltalake_core::writer::stats=error,secchi=debug",
    };
    let filter = EnvFilter::try_from_env("SECCHI_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let logging = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(false);
    // A second subscriber is a test's; its logs are its own.
    let _ = logging.try_init();
}

/// Lets panics go to the log under `--verbose`, not to the reader: what they stop is an error that says so.
pub fn panics() {
    std::panic::set_hook(Box::new(|panic| {
        let at = panic.location().map(ToString::to_string);
        tracing::info!(at, text = panic.payload_as_str(), "panicked");
    }));
}
