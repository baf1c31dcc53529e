//! The ledger: what the states table holds, as the commit that wrote it says.
//!
//! Each run's commit of states carries what was counted, so that states and their account can never differ. Later
//! stages are numbered like it: where one lags behind, the run that wrote the states did not end.

use deltalake::logstore::LogStore;
use deltalake::{DeltaTable, DeltaTableError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::SinkError;
use super::entries::{self, Newest};
use crate::alert::learned::{Learned, LearnedBounds};
use crate::config::Monitor;
use crate::lineage::Pin;
use crate::profile::query::SliceValues;
use crate::source::{Heads, Ids, Pinned};
use crate::spans::Spans;

/// Where the account stands in a commit.
pub(super) const KEY: &str = "secchi.counted";

/// Commits that are looked at for the newest account: others are those of the table's maintenance.
const COMMITS_MAX: u64 = 1000;

/// What has been counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// The run that counted it.
    pub run_id: String,
    /// By which settings.
    pub config_hash: String,
    /// By which of them, as far as they decide what is counted of a row.
    pub counting_hash: String,
    /// Which version of Secchi.
    pub engine_version: String,
    /// How states are laid out.
    #[serde(default)]
    pub layout: u8,
    /// The inference table.
    pub source: Pin,
    /// Its id, which another table in its place would not have.
    pub source_id: String,
    /// How many files it had.
    #[serde(default)]
    pub files: Option<u64>,
    /// Ids of the tables beside it.
    #[serde(default)]
    pub ids: Ids,
    /// The entries of their logs, by which it is seen at a glance that nothing was committed since.
    #[serde(default)]
    pub heads: Heads,
    /// The type of labels that arrive in a table of their own.
    #[serde(default)]
    pub label_type: Option<String>,
    /// The label table.
    pub labels: Option<Pin>,
    /// The baseline table.
    pub baseline: Option<Pin>,
    /// The model version that others were compared with.
    #[serde(default)]
    pub version_cmp: Option<String>,
    /// The run's present.
    pub as_of: Timestamp,
    /// Bounds of rules that were learned from the baseline.
    #[serde(default)]
    pub learned: Vec<Learned>,
    /// Until when there are rows; `None` if that is not known.
    #[serde(default)]
    pub rows: Option<RowsUntil>,
    /// The values that are slices of their own; `None` if they take too much room, so that the states tell.
    #[serde(default)]
    pub slices: Option<SliceValues>,
    /// When the windows were that were computed anew; `None` if all were.
    pub touched: Option<Spans>,
    /// Times that wait for a later run: of rows in these, and of windows that reach into them, the tables may say what was,
    /// or nothing.
    #[serde(default)]
    pub behind: Spans,
    /// The times for which a backfill was asked whose windows these are.
    #[serde(default)]
    pub asked: Option<(i64, i64)>,
    /// The number of the last run that ended. Of the metric tables none can be behind it, unless one was taken away.
    pub ended: i64,
    /// Runs before it that did not end, newest last: of their events it is not known whether anybody was told.
    pub unfinished: Vec<String>,
}

/// Until when there are rows, by windows of the finest length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowsUntil {
    /// When the newest window ends that has rows, of those that have begun; `None` if none has.
    pub end: Option<Timestamp>,
    /// When the first window begins that has rows, of those that have not begun.
    pub ahead: Option<Timestamp>,
}

impl RowsUntil {
    /// The same at a later present, unless a window has begun since, so that the others have to be looked at to tell.
    pub fn at(self, as_of: Timestamp) -> Option<Self> {
        self.ahead.is_none_or(|ahead| ahead > as_of).then_some(self)
    }
}

impl Ledger {
    /// The bounds that an earlier run has learned.
    pub fn learned(&self, monitor: &Monitor) -> LearnedBounds {
        let learned = self.account.as_ref().map(|account| account.learned.as_slice());
        LearnedBounds::of(monitor, learned.unwrap_or_default())
    }
}

impl Account {
    /// What has been read.
    pub fn read(&self) -> Pinned<'_> {
        let Self { source, labels, baseline, heads, .. } = self;
        Pinned { source, labels: labels.as_ref(), baseline: baseline.as_ref(), heads }
    }
}

/// What is known of earlier runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ledger {
    /// What the states table holds; `None` if it is not there, or does not say.
    pub account: Option<Account>,
    /// Whether the run that counted it went on to its end.
    pub is_finished: bool,
    /// Number of the last run that ended.
    pub ended: i64,
    /// Whether there are rows of earlier runs, known or not.
    pub has_past: bool,
}

impl Ledger {
    /// What the `account` and the last numbers in the tables say: of `states`, of `metrics`, and of the ends of runs. Events
    /// that are not there any more cannot be gone on from.
    pub(super) fn of(
        account: Option<Account>,
        states: i64,
        metrics: [i64; 2],
        ends: i64,
        has_events: bool,
    ) -> Self {
        let has_past = states > 0 || metrics.into_iter().any(|metrics| metrics > 0);
        let is_there = |account: &Account| metrics.into_iter().all(|metrics| metrics >= account.ended);
        let is_whole = |account: &Account| is_there(account) && (has_events || ends != states);
        let account = account.filter(is_whole);
        let is_finished = ends == states && metrics == [states; 2];
        let ended = match &account {
            Some(account) if !is_finished => account.ended,
            _ => states,
        };
        Self { account, is_finished, ended, has_past }
    }

    /// The runs that did not end, newest last.
    pub fn unfinished(&self) -> Vec<String> {
        let Some(account) = self.account.as_ref().filter(|_| !self.is_finished) else { return Vec::new() };
        let mut runs = account.unfinished.clone();
        runs.push(account.run_id.clone());
        runs
    }
}

/// The newest account in the log of `table`.
///
/// # Errors
/// If the log cannot be read.
pub(super) async fn account(table: &DeltaTable) -> Result<Option<Account>, SinkError> {
    Ok(newest(table).await?.and_then(|entry| entry.account()))
}

/// An account as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The version whose commit has it.
    pub version: u64,
    /// What it says.
    pub text: String,
}

impl Entry {
    /// The account, if it can be understood: one of another version of Secchi may say other things.
    pub fn account(&self) -> Option<Account> {
        serde_json::from_str(&self.text).ok()
    }
}

/// The newest account in the log of `table`, whatever it says.
///
/// # Errors
/// If the log cannot be read.
pub(super) async fn newest(table: &DeltaTable) -> Result<Option<Entry>, SinkError> {
    let found = newest_of(table.log_store().as_ref(), table.version().unwrap_or_default()).await;
    found.map_err(|error| SinkError::Read { table: table.table_url().clone(), source: error.into() })
}

/// The newest account in `log`, up to the entry of this `version`, whatever it says.
///
/// # Errors
/// If the log cannot be read.
pub(super) async fn newest_of(log: &dyn LogStore, version: u64) -> Result<Option<Entry>, DeltaTableError> {
    let counted = |line: entries::Line| line.commit_info?.counted;
    Ok(match entries::newest(log, version, COMMITS_MAX, counted).await? {
        Newest::At(version, text) => Some(Entry { version, text }),
        Newest::Nowhere | Newest::Further => None,
    })
}
