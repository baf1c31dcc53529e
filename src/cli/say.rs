//! Saying things: results on stdout, everything else on stderr.

use std::error::Error;
use std::io::Write;

use console::Term;

use super::Exit;
use crate::cause::causes;
use crate::config::Problems;
use crate::run::RunError;
use crate::sink::SinkError;

/// A line of a result. A reader that has gone away wants no more lines, which is not our error.
pub fn result(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// A line beside the result.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Begins a line anew after a signal: a terminal shows `^C` where the cursor is.
pub fn after_signal() {
    let term = Term::stderr();
    if term.is_term() {
        let _ = if console::is_dumb() { term.write_line("") } else { term.clear_line() };
    }
}

/// An error, its causes and what to do.
pub fn failure(error: &(dyn Error + 'static), hint: &str) -> Exit {
    failure_of("", error, hint)
}

/// A run of `monitor` that did not succeed.
pub fn failed_run(monitor: &str, error: &RunError) -> Exit {
    let failed = failure_of(&format!("{monitor}: "), error, &error.hint());
    if let RunError::Sink(SinkError::Superseded { .. }) = error { Exit::Superseded } else { failed }
}

/// A maintenance of `table` that did not succeed.
pub fn failed_maintenance(table: &str, error: &SinkError) -> Exit {
    failure_of(&format!("{table} is not maintained: "), error, &error.hint())
}

fn failure_of(whose: &str, error: &(dyn Error + 'static), hint: &str) -> Exit {
    let causes = causes(error);
    for (index, text) in causes.iter().enumerate() {
        if index == 0 {
            note(&format!("error: {whose}{text}"));
        } else {
            note(&format!("  cause: {text}"));
        }
    }
    note(&format!("  hint: {hint}"));
    Exit::Failed
}

/// Everything that is wrong with a file.
pub fn problems(problems: &Problems) -> Exit {
    for line in problems.to_string().lines() {
        if line.starts_with(' ') {
            note(line);
        } else {
            note(&format!("error: {line}"));
        }
    }
    Exit::Failed
}
