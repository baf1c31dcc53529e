//! What the operator does next.
//!
//! Every error of the stages that touch the world knows its remedy. The remedy decides the hint that
//! is printed and whether a retry can help; it must not decide anything about the data.

/// What the operator does next; decides hint and retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The monitor file, or `secchi.yaml`, says something that cannot be done.
    FixMonitor,
    /// The world was unwell (network, storage, another writer): the same command may work later.
    Retry,
    /// The data are not what a monitor can measure: a person has to look at them.
    InspectData,
}

impl Remedy {
    /// The sentence that follows an error whose own hint says nothing better.
    pub fn hint(self) -> &'static str {
        match self {
            Self::FixMonitor => "correct what is named above, in the monitor file or in secchi.yaml",
            Self::Retry => "nothing was lost; run the same command again",
            Self::InspectData => "look at the table named above; nothing was written for this monitor",
        }
    }
}
