//! The `secchi` binary, run as a person would.

use std::path::Path;
use std::process::{Command, Output};

/// What a command said.
#[derive(Debug)]
pub struct Said {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs `secchi` with `args` in `folder`. Of the environment it has only what `env` gives it.
pub fn secchi_with(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_secchi"))
        .args(args)
        .current_dir(folder)
        .env_clear()
        .envs(env.iter().copied())
        .output()
        .expect("the binary is built with the tests");
    said(output)
}

/// Runs `secchi` with `args` in `folder`, in an empty environment.
pub fn secchi(folder: &Path, args: &[&str]) -> Said {
    secchi_with(folder, args, &[])
}

fn said(output: Output) -> Said {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("secchi speaks UTF-8");
    Said { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}
