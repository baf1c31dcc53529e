//! Exit codes.

use std::process::ExitCode;

/// How a command ended; of several monitors, the way that asks most of the reader.
///
/// A failure needs a person, whatever else happened. An alert is a finding, and must not be hidden by a monitor
/// that another runner looks after. So 4 says: nothing failed, no alert was found that was asked about, and
/// what is missing here is done elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 4: another runner of a monitor wrote its tables first.
    Superseded,
    /// 3: done, and an alert is firing, under `--fail-on-alert`.
    Alert,
    /// 1: something could not be run.
    Failed,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::SUCCESS,
            Exit::Failed => Self::from(1),
            Exit::Alert => Self::from(3),
            Exit::Superseded => Self::from(4),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_the_gravest_counts() {
        use Exit::{Alert, Done, Failed, Superseded};
        for (exits, code) in [
            (&[Done][..], Done),
            (&[Done, Superseded], Superseded),
            (&[Superseded, Alert], Alert),
            (&[Alert, Superseded, Failed, Done], Failed),
        ] {
            assert_eq!(exits.iter().max(), Some(&code), "{exits:?}");
        }
    }
}
