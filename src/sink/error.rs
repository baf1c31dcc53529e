//! What can go wrong with an output table, and what to do about it.
//!
//! These tables are Secchi's own: the metric tables can be made anew from the source, so that damage to them is
//! mended otherwise than damage to what others write.

use std::error::Error;
use std::path::PathBuf;

use arrow::error::ArrowError;
use deltalake::DeltaTableError;
use url::Url;

use super::KEY;
use crate::cause::{Trouble, lacks_permission, trouble};
use crate::contract;
use crate::remedy::Remedy;
use crate::source::{HINT_UNREACHABLE, SourceError, hint_full, shown};

/// Why a table could not be written.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// An output table cannot be opened.
    #[error(transparent)]
    Open(#[from] SourceError),
    /// The table is another monitor's.
    #[error("`{key}` would overwrite table `{table}` of the monitor `{owner}`", key = KEY)]
    Foreign {
        /// The table.
        table: String,
        /// The monitor that made it.
        owner: String,
    },
    /// There is another table where an output table would be.
    #[error("`{key}` would overwrite table `{table}`, which {why}", key = KEY)]
    Taken {
        /// The table.
        table: String,
        /// How it is seen to be another.
        why: String,
    },
    /// A custom metric has the name of a column that is something else.
    #[error("custom metric `{metric}` would be {wanted}, but table `{table}` has {has}")]
    Metric {
        /// The metric.
        metric: String,
        /// The table.
        table: String,
        /// Its column, and of what type.
        has: String,
        /// The type that the metric has.
        wanted: String,
    },
    /// The folder cannot be made.
    #[error("cannot make the folder `{}` for `{}`", folder.display(), KEY)]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A commit failed.
    #[error("cannot write table `{}`", shown(table))]
    Write {
        /// The table.
        table: Url,
        /// Why.
        #[source]
        source: Box<DeltaTableError>,
    },
    /// Another runner of the monitor was faster.
    #[error("another runner of monitor `{monitor}` wrote table `{table}` first")]
    Superseded {
        /// The monitor.
        monitor: String,
        /// The table.
        table: String,
    },
    /// An output table cannot be read back.
    #[error("cannot read table `{}` back", shown(table))]
    Read {
        /// The table.
        table: Url,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Rows do not fit the table.
    #[error("rows do not fit their table")]
    Encode(#[from] ArrowError),
}

impl SinkError {
    pub(super) fn write(table: &Url, source: DeltaTableError) -> Self {
        Self::Write { table: table.clone(), source: Box::new(source) }
    }

    /// The table that could not be read back, though that is no fault of its store: a file of it may be why.
    pub fn may_be_damaged(&self) -> Option<&Url> {
        match self {
            Self::Read { table, source } => {
                matches!(trouble(source.as_ref()), Trouble::Other | Trouble::Denied).then_some(table)
            }
            _ => None,
        }
    }

    /// What the operator does next.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Folder { .. } | Self::Taken { .. } | Self::Foreign { .. } | Self::Metric { .. } => {
                Remedy::FixMonitor
            }
            Self::Open(error) => error.remedy(),
            Self::Write { source, .. } => remedy(trouble(source)),
            Self::Read { source, .. } => remedy(trouble(source.as_ref())),
            Self::Superseded { .. } => Remedy::Retry,
            Self::Encode(_) => Remedy::InspectData,
        }
    }

    /// The sentence after the error.
    pub fn hint(&self) -> String {
        match self {
            Self::Folder { folder, source } if trouble(source) == Trouble::Full => {
                hint_full(&folder.display().to_string())
            }
            Self::Folder { .. } => {
                "`output: { uri: … }` must be a folder that the job may write to".to_owned()
            }
            Self::Foreign { .. } => {
                "rename one of the two monitors (`-` and `_` are one in a table's name), or give it an output of \
                 its own"
                    .to_owned()
            }
            Self::Taken { .. } => {
                "name another folder as `output: { uri: … }`, or move the table away".to_owned()
            }
            Self::Metric { .. } => {
                "a column of a table keeps its name and its type: give the metric another name".to_owned()
            }
            Self::Superseded { .. } => {
                "nothing was lost: what the other runner wrote stands; the next run counts what has come since"
                    .to_owned()
            }
            Self::Open(SourceError::Damaged { table, .. } | SourceError::Gap { table, .. }) => move_away(table),
            Self::Open(SourceError::Read { table, .. }) => retry_or_move_away(table),
            Self::Open(error) => error.hint(),
            Self::Write { table, source } => hint_write(&shown(table), source.as_ref()),
            Self::Read { table, source } => hint_read(&shown(table), source.as_ref()),
            Self::Encode(_) => self.remedy().hint().to_owned(),
        }
    }
}

fn remedy(trouble: Trouble) -> Remedy {
    match trouble {
        Trouble::NoCredentials | Trouble::Denied | Trouble::NoBucket => Remedy::FixMonitor,
        Trouble::Unreachable | Trouble::Full | Trouble::Other => Remedy::Retry,
    }
}

/// What to do when `table` could not be written.
fn hint_write(table: &str, error: &(dyn Error + 'static)) -> String {
    match trouble(error) {
        Trouble::Full => hint_full(table),
        Trouble::Denied => hint_denied(table, "write", "`s3:PutObject`", lacks_permission(error)),
        Trouble::Unreachable => HINT_UNREACHABLE.to_owned(),
        Trouble::NoCredentials | Trouble::NoBucket | Trouble::Other => Remedy::Retry.hint().to_owned(),
    }
}

/// What to do when `table` could not be read back.
fn hint_read(table: &str, error: &(dyn Error + 'static)) -> String {
    match trouble(error) {
        Trouble::Full => hint_full(&std::env::temp_dir().display().to_string()),
        Trouble::Denied => {
            let permissions = "`s3:ListBucket` and `s3:GetObject`";
            hint_denied(table, "list and read", permissions, lacks_permission(error))
        }
        Trouble::Unreachable => HINT_UNREACHABLE.to_owned(),
        Trouble::NoCredentials | Trouble::NoBucket | Trouble::Other => retry_or_move_away(table),
    }
}

fn hint_denied(table: &str, may: &str, permissions: &str, lacks_permission: bool) -> String {
    // What is refused for one table would be for the next.
    let (output, _) = table.rsplit_once('/').unwrap_or((table, ""));
    match table.strip_prefix("file://") {
        Some(folder) => format!("let the job's user {may} `{folder}` and what is in it"),
        None if lacks_permission => {
            format!("let the job's credentials {may} `{output}/*`: {permissions}")
        }
        None => format!(
            "check the credentials: those under `storage` in secchi.yaml, or else the environment's \
             (`AWS_ACCESS_KEY_ID` …); they need {permissions} on `{output}/*`"
        ),
    }
}

fn retry_or_move_away(table: &str) -> String {
    format!("run the same command again; if that does not help, {}", move_away(table))
}

/// How to do without `table`, and what is lost with it.
fn move_away(table: &str) -> String {
    let place = table.strip_prefix("file://").unwrap_or(table);
    let lost = match table.rsplit('/').next() {
        Some(name) if name == contract::alerts::TABLE.name => {
            "it says, for all monitors that write there, which alerts fired and what has been told; run each with \
             --no-notify the first time, or the alerts of the past are told again"
        }
        Some(name) if name == contract::runs::TABLE.name => {
            "it is the record of past runs, of all monitors that write there; no measure or alert needs it, but windows are \
             computed once more, and what was told last may be told again, with the same key"
        }
        _ => {
            "its rows are counted anew from the source; only how often they were restated (`revision`) begins again"
        }
    };
    format!("move the folder `{place}` away and run again: {lost}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::ErrorKind;

    use insta::assert_snapshot;

    use super::*;
    use crate::cause::causes;

    fn said(error: &SinkError) -> String {
        format!("{}\n  hint: {}\n", causes(error).join("\n  cause: "), error.hint())
    }

    /// Why the table at `url` cannot be written, where the store says `source`.
    fn unwritten(url: &str, source: impl Error + Send + Sync + 'static) -> String {
        let source = object_store::Error::Generic { store: "S3", source: Box::new(source) };
        said(&SinkError::write(&Url::parse(url).unwrap(), DeltaTableError::ObjectStore { source }))
    }

    fn answer(status: &str, code: &str) -> std::io::Error {
        std::io::Error::other(format!(
            "Error performing PUT https://lake.s3.eu-west-1.amazonaws.com/m in 1ms - Server returned non-2xx status \
             code: {status}: <Error><Code>{code}</Code></Error>"
        ))
    }

    #[test]
    fn a_table_that_cannot_be_written_says_what_to_do() {
        let (local, s3) = ("file:///srv/monitoring/runs/", "s3://lake/monitoring/runs/");
        let folder = PathBuf::from("/srv/monitoring/runs");
        let page = [
            unwritten(local, std::io::Error::from_raw_os_error(28)),
            said(&SinkError::Folder { folder, source: ErrorKind::StorageFull.into() }),
            unwritten(local, std::io::Error::from_raw_os_error(13)),
            unwritten(s3, answer("403 Forbidden", "AccessDenied")),
            unwritten(s3, answer("403 Forbidden", "InvalidAccessKeyId")),
            unwritten(s3, answer("503 Service Unavailable", "SlowDown")),
            unwritten(s3, std::io::Error::other("something else")),
        ];
        assert_snapshot!(page.concat(), @r"
        cannot write table `file:///srv/monitoring/runs`
          cause: no space left on device (os error 28)
          hint: free space at `/srv/monitoring/runs`, then run the same command again: nothing was lost
        cannot make the folder `/srv/monitoring/runs` for `output.uri`
          cause: no storage space
          hint: free space at `/srv/monitoring/runs`, then run the same command again: nothing was lost
        cannot write table `file:///srv/monitoring/runs`
          cause: permission denied (os error 13)
          hint: let the job's user write `/srv/monitoring/runs` and what is in it
        cannot write table `s3://lake/monitoring/runs`
          cause: https://lake.s3.eu-west-1.amazonaws.com answers 403 AccessDenied
          hint: let the job's credentials write `s3://lake/monitoring/*`: `s3:PutObject`
        cannot write table `s3://lake/monitoring/runs`
          cause: https://lake.s3.eu-west-1.amazonaws.com answers 403 InvalidAccessKeyId
          hint: check the credentials: those under `storage` in secchi.yaml, or else the environment's (`AWS_ACCESS_KEY_ID` …); they need `s3:PutObject` on `s3://lake/monitoring/*`
        cannot write table `s3://lake/monitoring/runs`
          cause: https://lake.s3.eu-west-1.amazonaws.com answers 503 SlowDown
          hint: check that the store runs and that this machine may connect to it, then run again; its address is `aws_endpoint` under `storage` in secchi.yaml
        cannot write table `s3://lake/monitoring/runs`
          cause: something else
          hint: nothing was lost; run the same command again
        ");
    }

    #[test]
    fn a_table_of_our_own_that_is_damaged_can_be_moved_away() {
        let mut page = String::new();
        for name in ["churn_profile_metrics", "alerts", "runs"] {
            let table = format!("file:///srv/monitoring/{name}");
            let file = "_delta_log/00000000000000000001.json".to_owned();
            let what = "breaks off in line 1".to_owned();
            let damaged = SourceError::Damaged { key: KEY, table, file, what, is_gone: false };
            page.push_str(&said(&SinkError::from(damaged)));
        }
        let table = "s3://lake/monitoring/alerts".to_owned();
        let gap = SourceError::Gap { key: KEY, table, missing: "version 3".to_owned(), before: Some(2) };
        page.push_str(&said(&SinkError::from(gap)));
        let table = Url::parse("s3://lake/monitoring/churn_drift_metrics/").unwrap();
        page.push_str(&said(&SinkError::Read { table, source: "something else".into() }));
        assert_snapshot!(page, @r"
        file `_delta_log/00000000000000000001.json` of table `file:///srv/monitoring/churn_profile_metrics` breaks off in line 1
          hint: move the folder `/srv/monitoring/churn_profile_metrics` away and run again: its rows are counted anew from the source; only how often they were restated (`revision`) begins again
        file `_delta_log/00000000000000000001.json` of table `file:///srv/monitoring/alerts` breaks off in line 1
          hint: move the folder `/srv/monitoring/alerts` away and run again: it says, for all monitors that write there, which alerts fired and what has been told; run each with --no-notify the first time, or the alerts of the past are told again
        file `_delta_log/00000000000000000001.json` of table `file:///srv/monitoring/runs` breaks off in line 1
          hint: move the folder `/srv/monitoring/runs` away and run again: it is the record of past runs, of all monitors that write there; no measure or alert needs it, but windows are computed once more, and what was told last may be told again, with the same key
        the log of table `s3://lake/monitoring/alerts` is incomplete: it lacks version 3
          hint: move the folder `s3://lake/monitoring/alerts` away and run again: it says, for all monitors that write there, which alerts fired and what has been told; run each with --no-notify the first time, or the alerts of the past are told again
        cannot read table `s3://lake/monitoring/churn_drift_metrics` back
          cause: something else
          hint: run the same command again; if that does not help, move the folder `s3://lake/monitoring/churn_drift_metrics` away and run again: its rows are counted anew from the source; only how often they were restated (`revision`) begins again
        ");
    }
}
