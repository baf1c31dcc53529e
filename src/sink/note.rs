//! A note: the account carried on by a run that had to look closely and found nothing to count.
//!
//! Later runs see by it at a glance what that one had to find out. It is a commit of the states table that changes no row.

use super::table::{Commit, OutputTable, Turn};
use super::{Account, Seen, SinkError};
use crate::config::Monitor;
use crate::lineage::Lineage;

/// A note to be made.
pub struct Note<'a> {
    pub(super) monitor: &'a Monitor,
    pub(super) states: Seen,
    pub(super) account: Account,
}

impl Note<'_> {
    /// Makes it. If somebody else has committed meanwhile, theirs stands.
    ///
    /// # Errors
    /// If the states table cannot be written.
    pub async fn write(self, lineage: &Lineage) -> Result<(), SinkError> {
        let Self { monitor, states: Seen { url, table, turn }, account } = self;
        let Some(table) = table else { return Ok(()) };
        // Nothing was counted, so it is still the turn of whoever comes next.
        let turn = Turn { next: turn.after, ..turn };
        let commit = Commit::of(&monitor.name, &lineage.run_id, Some(&turn));
        let commit = Commit { account: Some(&account), ..commit };
        match OutputTable::of(&url, table).note(&commit).await {
            Ok(_) | Err(SinkError::Superseded { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
