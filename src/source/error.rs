//! What can be wrong with a source.

use deltalake::DeltaTableError;
use url::Url;

use super::registry::RegistryError;
use super::{At, shown};
use crate::cause::{Trouble, lacks_permission, trouble};
use crate::config::SecretError;
use crate::remedy::Remedy;

/// Why a source cannot be read. A `key` is where the monitor file names the table: `inference.table`.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // Each sentence says what its fields are.
pub enum SourceError {
    /// There is no table.
    #[error("`{key}` names no Delta table: `{table}` {why}")]
    Missing { key: &'static str, table: String, why: &'static str, meant: Option<String> },
    /// There is no such version of the table.
    #[error("table `{table}` has no {at}: {why}")]
    NoVersion { key: &'static str, table: String, at: At, why: String },
    /// The version does not say when it was, so that other tables cannot be read as they were then.
    #[error("version {version} of table `{table}` carries no time, at which to read labels and baseline")]
    Timeless { table: String, version: u64 },
    /// The table cannot be read.
    #[error("cannot read table `{table}`")]
    Read { table: String, source: Box<dyn std::error::Error + Send + Sync> },
    /// The table needs what Secchi has not.
    #[error("table `{table}` cannot be read by this version of Secchi")]
    Unsupported { table: String, source: Box<dyn std::error::Error + Send + Sync> },
    /// Nobody gave credentials for the store.
    #[error("no credentials for `{key}`: table `{table}`")]
    NoCredentials { key: &'static str, table: String },
    /// The store refuses.
    #[error("access denied to `{key}`: table `{table}`")]
    Denied { key: &'static str, table: String, source: Box<dyn std::error::Error + Send + Sync> },
    /// A table can be neither made nor changed there.
    #[error("`{key}` cannot hold table `{table}`: {why}")]
    NotWritable { key: &'static str, table: String, why: String, source: Option<std::io::Error> },
    /// The bucket is not there.
    #[error("there is no bucket for `{key}`: table `{table}`")]
    NoBucket { key: &'static str, table: String, source: Box<dyn std::error::Error + Send + Sync> },
    /// The store is silent.
    #[error("cannot reach the store of `{key}`: table `{table}`")]
    Unreachable { key: &'static str, table: String, source: Box<dyn std::error::Error + Send + Sync> },
    /// A file of the table is not what its log says.
    #[error("file `{file}` of table `{table}` {what}")]
    Damaged { key: &'static str, table: String, file: String, what: String, is_gone: bool },
    /// A checkpoint cannot be read, though all that it repeats is there.
    #[error("`{file}` of table `{table}` {what}")]
    Checkpoint { table: String, file: String, what: String, version: u64 },
    /// A file of the table may not be read.
    #[error("access denied to file `{file}` of table `{table}`")]
    DeniedFile { key: &'static str, table: String, file: String, source: Box<object_store::Error> },
    /// Commits are not there, and no later checkpoint holds what they did.
    #[error("the log of table `{table}` is incomplete: it lacks {missing}")]
    Gap { key: &'static str, table: String, missing: String, before: Option<u64> },
    /// A column is not there.
    #[error("{role} `{column}` is not in version {version} of table `{table}`")]
    MissingColumn { role: &'static str, column: String, table: String, version: u64, hint: String },
    /// A column has a type that its role cannot have.
    #[error("{role} `{column}` of table `{table}` is {found}, not {wanted}")]
    WrongType { role: &'static str, column: String, table: String, found: String, wanted: String },
    /// Labels arrive apart, but there are some already.
    #[error(
        "label_col `{column}` is in the label table `{labels}` and in the inference table `{table}`, too"
    )]
    LabelTwice { column: String, labels: String, table: String },
    /// The registry cannot be read.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A credential cannot be read.
    #[error("no credentials for `{key}`: table `{table}`")]
    Secret { key: &'static str, table: String, source: SecretError },
}

impl SourceError {
    /// Why the table that `key` names cannot be opened.
    pub(super) fn open(key: &'static str, table: &Url, error: DeltaTableError) -> Self {
        let place = shown(table);
        if matches!(error, DeltaTableError::NotATable(_) | DeltaTableError::InvalidTableLocation(_)) {
            return Self::Missing { key, table: place, why: "has no commits in `_delta_log`", meant: None };
        }
        let is_unsupported = error.to_string().contains("Unsupported: ");
        let (trouble, source) = (trouble(&error), Box::new(error));
        match trouble {
            Trouble::NoCredentials => Self::NoCredentials { key, table: place },
            Trouble::Denied => Self::Denied { key, table: place, source },
            Trouble::NoBucket => Self::NoBucket { key, table: place, source },
            Trouble::Unreachable => Self::Unreachable { key, table: place, source },
            Trouble::Other if is_unsupported => Self::Unsupported { table: place, source },
            Trouble::Full | Trouble::Other => Self::Read { table: place, source },
        }
    }

    pub(crate) fn read(table: &Url, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Read { table: shown(table), source: Box::new(source) }
    }

    /// What the operator does next.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Missing { .. }
            | Self::NoVersion { .. }
            | Self::Timeless { .. }
            | Self::Unsupported { .. }
            | Self::NoCredentials { .. }
            | Self::Denied { .. }
            | Self::DeniedFile { .. }
            | Self::NotWritable { .. }
            | Self::NoBucket { .. }
            | Self::MissingColumn { .. }
            | Self::WrongType { .. }
            | Self::LabelTwice { .. }
            | Self::Secret { .. } => Remedy::FixMonitor,
            Self::Read { .. } | Self::Unreachable { .. } => Remedy::Retry,
            Self::Damaged { .. } | Self::Checkpoint { .. } | Self::Gap { .. } => Remedy::InspectData,
            Self::Registry(error) => error.remedy(),
        }
    }

    /// The sentence after the error, where it can be more exact than the remedy's.
    pub fn hint(&self) -> String {
        match self {
            Self::Missing { key, meant: Some(meant), .. } => format!("did you mean `{meant}`? correct `{key}`"),
            Self::Missing { key, .. } => format!("correct `{key}`: a Delta table is the folder that holds `_delta_log`"),
            Self::NoVersion { key: "baseline.table", at: At::Version(_), .. } => {
                "correct `baseline.version` or, if that was given, --baseline-version".to_owned()
            }
            Self::NoVersion { key: "baseline.table", .. } => {
                "name the version to compare with as `baseline.version` or --baseline-version, or give a later --as-of".to_owned()
            }
            Self::NoVersion { key: "inference.label_table", at: At::Version(_), .. } => {
                "correct --label-version, or leave it out".to_owned()
            }
            Self::NoVersion { key: "inference.label_table", .. } => {
                "name the version to join as --label-version, or give a later --as-of".to_owned()
            }
            Self::NoVersion { .. } => "leave out --table-version and --as-of for the newest version".to_owned(),
            Self::Timeless { .. } => {
                "give the time with --as-of, or the versions with --label-version and --baseline-version".to_owned()
            }
            Self::Unsupported { .. } => {
                "update Secchi, or drop the feature: `ALTER TABLE … DROP FEATURE …`".to_owned()
            }
            Self::NoCredentials { .. } => {
                "name them under `storage` in secchi.yaml, or set `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` where the job runs".to_owned()
            }
            Self::Denied { table, source, .. } => hint_denied(table, source.as_ref()),
            Self::DeniedFile { table, .. } if table.starts_with("file:") => {
                "let the job's user read the file, and every file beside it".to_owned()
            }
            Self::DeniedFile { table, .. } => {
                format!("let the job's credentials read `{table}/*`: `s3:GetObject`")
            }
            Self::NotWritable { table, source: Some(source), .. } if trouble(source) == Trouble::Full => {
                hint_full(table)
            }
            Self::NotWritable { key, .. } => {
                format!("name a folder as `{key}` that the job's user may write to")
            }
            Self::NoBucket { key, .. } => format!("correct the bucket of `{key}`, or `aws_endpoint` under `storage` in secchi.yaml"),
            Self::Unreachable { .. } => HINT_UNREACHABLE.to_owned(),
            Self::MissingColumn { hint, .. } => hint.clone(),
            Self::WrongType { role, .. } => format!("name another column as `{role}`, or change its type"),
            Self::LabelTwice { .. } => {
                "take out `label_table` if the inference table has the labels, else rename one of the two columns".to_owned()
            }
            Self::Damaged { is_gone: true, .. } => {
                "restore it (was it vacuumed?), or take it out of the log: `FSCK REPAIR TABLE`".to_owned()
            }
            Self::Damaged { key, .. } => {
                let around = match *key {
                    "inference.table" => ", or run with --table-version of a version without it",
                    "baseline.table" => ", or name a version without it as `baseline.version`",
                    _ => "",
                };
                format!("restore it from a copy{around}")
            }
            Self::Checkpoint { version, .. } => format!(
                "delete `_delta_log/_last_checkpoint` and, if there are any, `_delta_log/{version:020}.checkpoint*`: they \
                 repeat commits that are all there"
            ),
            Self::Gap { key, before, .. } => {
                let until_then = match (*key, before) {
                    ("inference.table", Some(before)) => {
                        format!("; until then, `--table-version {before}` reads what was there before")
                    }
                    ("baseline.table", Some(before)) => {
                        format!("; until then, `baseline: {{ version: {before} }}` is what was there before")
                    }
                    _ => String::new(),
                };
                format!(
                    "restore what is missing in `_delta_log` from a copy, or ask whoever owns the table to do so{until_then}"
                )
            }
            Self::Registry(error) => error.hint().to_owned(),
            Self::Secret { source: SecretError::Env(_), .. } => {
                "set it where the job runs: `storage` in secchi.yaml takes a secret from it".to_owned()
            }
            Self::Secret { .. } => "write it, or correct its path under `storage` in secchi.yaml".to_owned(),
            Self::Read { .. } => self.remedy().hint().to_owned(),
        }
    }
}

/// What to do about `table`, which the store does not let be read.
pub(crate) fn hint_denied(table: &str, error: &(dyn std::error::Error + 'static)) -> String {
    if table.starts_with("file:") {
        "let the job's user read the folder and what is in it".to_owned()
    } else if lacks_permission(error) {
        format!("let the job's credentials list and read `{table}/*`: `s3:ListBucket` and `s3:GetObject`")
    } else {
        "check the credentials: those under `storage` in secchi.yaml, or else the environment's (`AWS_ACCESS_KEY_ID` …)"
            .to_owned()
    }
}

/// What to do about the place of `table`, which is full.
pub(crate) fn hint_full(table: &str) -> String {
    let place = table.strip_prefix("file://").unwrap_or(table);
    format!("free space at `{place}`, then run the same command again: nothing was lost")
}

/// What to do about a store that does not answer.
pub(crate) const HINT_UNREACHABLE: &str = "check that the store runs and that this machine may connect to it, then run \
    again; its address is `aws_endpoint` under `storage` in secchi.yaml";
