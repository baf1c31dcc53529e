//! The JSON document that `maintain --json` prints.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Failure, Invalid, VERSION, pretty, schema_of};
use crate::cause::causes;
use crate::config::Problems;
use crate::sink::SinkError;
use crate::sink::maintain::{Sizes, Upkeep};

/// What came of `secchi maintain`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "Secchi maintenance")]
pub struct Maintenance {
    /// Version of this document: 1.
    pub version: u32,
    /// Whether nothing was done: with `--dry-run`, the document says what would be.
    pub dry_run: bool,
    /// The tables that there are, in order.
    pub tables: Vec<MaintainedTable>,
    /// The files that could not be used, so that the tables of their monitors were not maintained.
    pub invalid: Vec<Invalid>,
}

/// The maintenance of one table. Of one that did not succeed there are `table`, `status` and `error`, no more.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MaintainedTable {
    /// Its URL.
    pub table: String,
    /// How the maintenance ended.
    pub status: MaintenanceStatus,
    /// Why it did not succeed; left out if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Failure")]
    pub error: Option<Failure>,
    /// What came of it.
    #[serde(flatten)]
    pub done: Option<Maintained>,
}

/// How a maintenance ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MaintenanceStatus {
    /// What there was to do is done.
    Succeeded,
    /// There was nothing to do.
    NothingToDo,
    /// Runs were writing all the while, so that some is left for the next time.
    Busy,
    /// The table could not be maintained.
    Failed,
}

/// What came of a maintenance that succeeded.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Maintained {
    /// Its Delta version afterwards.
    pub delta_version: u64,
    /// Its data files before.
    pub files_before: Files,
    /// Those of which rows were written anew.
    pub files_rewritten: Files,
    /// Its data files afterwards; as before with `--dry-run`.
    pub files_after: Files,
    /// The version that got a checkpoint; null if none did.
    pub checkpoint: Option<u64>,
    /// Entries of its log that were deleted.
    pub log_entries_deleted: u64,
    /// Data files that were deleted, since no version within the table's retention needs them.
    pub files_deleted: Files,
}

/// Some files.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Files {
    /// How many they are.
    pub count: u64,
    /// How many bytes they have.
    pub bytes: u64,
}

impl MaintainedTable {
    /// What came of the maintenance of `table`; nothing, if there is none.
    pub fn new(table: &str, done: &Result<Option<Upkeep>, SinkError>) -> Option<Self> {
        let table = table.to_owned();
        match done {
            Ok(None) => None,
            Ok(Some(upkeep)) => {
                let status = match upkeep {
                    Upkeep { is_busy: true, .. } => MaintenanceStatus::Busy,
                    upkeep if upkeep.is_nothing() => MaintenanceStatus::NothingToDo,
                    _ => MaintenanceStatus::Succeeded,
                };
                Some(Self { table, status, error: None, done: Some(Maintained::of(upkeep)) })
            }
            Err(error) => {
                let failure = Failure { causes: causes(error), hint: error.hint() };
                Some(Self { table, status: MaintenanceStatus::Failed, error: Some(failure), done: None })
            }
        }
    }
}

impl Maintained {
    fn of(upkeep: &Upkeep) -> Self {
        let files = |sizes: Sizes| Files { count: sizes.files, bytes: sizes.bytes };
        Self {
            delta_version: upkeep.version,
            files_before: files(upkeep.before),
            files_rewritten: files(upkeep.rewritten),
            files_after: files(upkeep.after),
            checkpoint: upkeep.checkpoint,
            log_entries_deleted: upkeep.log_entries,
            files_deleted: files(upkeep.deleted),
        }
    }
}

/// The document of a maintenance, and of the files whose monitors' tables were not maintained.
pub fn json_of_maintenance(dry_run: bool, tables: Vec<MaintainedTable>, problems: &[Problems]) -> String {
    let invalid = problems.iter().map(Invalid::of).collect();
    pretty(&Maintenance { version: VERSION, dry_run, tables, invalid })
}

/// The JSON Schema of the document of a maintenance.
pub fn schema_of_maintenance() -> schemars::Schema {
    schema_of::<Maintenance>()
}
