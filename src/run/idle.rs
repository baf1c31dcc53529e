//! Nothing to do, seen at a glance: nobody has committed to the tables that are read, and no window has become complete.
//!
//! A monitor that looks every few minutes finds that nearly always, so that is what it should cost. What is seen here must be
//! what [`plan`](super::plan) would find; where a glance does not tell, it is asked.

use super::plan::{become_complete, due};
use super::record::{Read, carried_on};
use super::{Order, RunError};
use crate::config::Monitor;
use crate::lineage::{ENGINE_VERSION, Lineage};
use crate::profile::functions::LAYOUT;
use crate::sink::{Account, Glance, Journal, RowsUntil, Written};
use crate::source::{self, Lake, Snapshot, Versions};

/// A run that has nothing to do.
pub(super) struct Idle {
    /// What it would read.
    pub(super) read: Read,
    /// The profile and the drift table.
    pub(super) tables: [Written; 2],
    /// Until when there are rows.
    pub(super) rows: Option<RowsUntil>,
}

/// Whether there is nothing to do for `monitor`; `None` if there may be something.
///
/// # Errors
/// If something cannot be read, or is not as it should be; a closer look says what.
pub(super) async fn idle(
    monitor: &Monitor,
    lake: Lake<'_>,
    order: Order,
    journal: &Journal<'_>,
) -> Result<Option<Idle>, RunError> {
    if order.versions != Versions::default() || order.recount.is_some() {
        return Ok(None);
    }
    let Some(Glance { ledger, tables }) = Glance::of(lake, monitor, journal).await? else { return Ok(None) };
    let Some(account) = ledger.account.as_ref().filter(|_| ledger.is_finished) else { return Ok(None) };
    if !holds(account, monitor, order) {
        return Ok(None);
    }
    if !source::is_as_it_was(lake, monitor, account.read()).await? {
        return Ok(None);
    }
    let model = source::model(monitor, lake).await?;
    if account.version_cmp != monitor.comparisons.version(model.as_ref()) {
        return Ok(None);
    }
    let Account { source, labels, baseline, rows, .. } = account;
    let read = Read { source: source.clone(), labels: labels.clone(), baseline: baseline.clone(), model };
    Ok(Some(Idle { read, tables, rows: *rows }))
}

/// The `account` that shows at a glance, too, that there was nothing to do; `None` if a glance would show no more than now.
pub(super) fn found(
    account: &Account,
    monitor: &Monitor,
    snapshot: &Snapshot,
    lineage: &Lineage,
    order: Order,
) -> Option<Account> {
    if order.versions != Versions::default() || order.recount.is_some() {
        return None;
    }
    let found = carried_on(account, snapshot, lineage, order.as_of);
    let is_as_it_was = Account { as_of: account.as_of, ..found.clone() } == *account;
    (!is_as_it_was || !holds(account, monitor, order)).then_some(found)
}

/// Whether what was counted is what is wanted now, in all windows.
fn holds(account: &Account, monitor: &Monitor, order: Order) -> bool {
    let Account { config_hash, engine_version, layout, as_of, behind, .. } = account;
    *config_hash == monitor.config_hash
        && *engine_version == ENGINE_VERSION
        && *layout == LAYOUT
        && (*as_of <= order.as_of || become_complete(monitor, order.as_of, *as_of).is_empty())
        && behind.is_empty()
        && due(account, monitor, order.as_of).is_empty()
}
