//! Why a registry could not be read.

use std::error::Error;

use datafusion::error::DataFusionError;

use crate::config::nearest;
use crate::remedy::Remedy;

/// Most names of models, columns or folders in a message.
const MOST_NAMES: usize = 10;

/// Why a registry could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// There are models, but not this one.
    #[error("model `{model}` is not in registry `{place}`, which has {}{}", list(.others), meant(model, .others))]
    NoModel {
        /// The model that was asked for.
        model: String,
        /// The models that are there.
        others: Vec<String>,
        /// The registry.
        place: String,
    },
    /// The place holds no registered model at all.
    #[error("no model is registered at `{place}`, where there is {}", list(.found))]
    NoModels {
        /// Folders that are there.
        found: Vec<String>,
        /// The registry.
        place: String,
    },
    /// MLflow keeps prompts among its models.
    #[error("`{model}` is a prompt and not a model, in registry `{place}`")]
    Prompt {
        /// What was asked for.
        model: String,
        /// The registry.
        place: String,
    },
    /// The bucket or container does not exist.
    #[error("there is no registry at `{place}`")]
    NoPlace {
        /// The registry.
        place: String,
        /// What the store said.
        source: Box<object_store::Error>,
    },
    /// The credentials do not suffice, or are for another place.
    #[error("may not read `{file}`: check the storage settings in `secchi.yaml` and the credentials")]
    Denied {
        /// The file or folder.
        file: String,
        /// What the store said.
        source: Box<object_store::Error>,
    },
    /// The store failed.
    #[error("cannot read `{file}`")]
    Storage {
        /// The file or folder.
        file: String,
        /// What the store said.
        source: Box<object_store::Error>,
    },
    /// A file was listed, but twice not there when it was read: someone is writing to the registry.
    #[error("`{file}` went away while the registry was read")]
    Changing {
        /// The file.
        file: String,
    },
    /// A file is larger than anything that MLflow writes.
    #[error("`{file}` has {bytes} bytes, more than the {limit} that are read")]
    TooLarge {
        /// The file.
        file: String,
        /// Its size.
        bytes: u64,
        /// What is allowed.
        limit: u64,
    },
    /// There is more than a registry has of one model.
    #[error("more than {limit} {what} in `{place}`")]
    TooMany {
        /// What is allowed.
        limit: usize,
        /// Of what: `files`, `rows`.
        what: &'static str,
        /// The folder or table.
        place: String,
    },
    /// A file does not say what it should, in a form that can be understood.
    #[error("`{file}` cannot be understood")]
    Content {
        /// The file.
        file: String,
        /// What is wrong with it, and where.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The table is no registry table.
    #[error("column `{column}` is not in registry table `{place}`, which has {}", list(.columns))]
    MissingColumn {
        /// The column.
        column: &'static str,
        /// The columns that are there.
        columns: Vec<String>,
        /// The registry.
        place: String,
    },
    /// A column is of a type that means nothing here.
    #[error("column `{column}` must be {expected}, but is {found}, in registry table `{place}`")]
    ColumnType {
        /// The column.
        column: String,
        /// Types that are understood.
        expected: &'static str,
        /// Its type.
        found: String,
        /// The registry.
        place: String,
    },
    /// A value that means nothing.
    #[error("column `{column}` must be {expected}, but is not for {row}, in registry table `{place}`")]
    Value {
        /// The column.
        column: String,
        /// What is understood.
        expected: &'static str,
        /// Which row.
        row: String,
        /// The registry.
        place: String,
    },
    /// Rows contradict each other and nothing says which of them is newer.
    #[error(
        "version `{version}` of model `{model}` stands in rows that differ without a later `last_updated_timestamp`, in registry table `{place}`"
    )]
    Duplicate {
        /// The model.
        model: String,
        /// Its version.
        version: String,
        /// The registry.
        place: String,
    },
    /// The table could not be queried.
    #[error("cannot read registry table `{place}`")]
    Query {
        /// The registry.
        place: String,
        /// What DataFusion said.
        source: Box<DataFusionError>,
    },
}

impl RegistryError {
    /// What the operator does next.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::NoModel { .. }
            | Self::NoModels { .. }
            | Self::Prompt { .. }
            | Self::NoPlace { .. }
            | Self::Denied { .. }
            | Self::MissingColumn { .. } => Remedy::FixMonitor,
            Self::Storage { .. } | Self::Changing { .. } | Self::Query { .. } => Remedy::Retry,
            Self::TooLarge { .. }
            | Self::TooMany { .. }
            | Self::Content { .. }
            | Self::ColumnType { .. }
            | Self::Value { .. }
            | Self::Duplicate { .. } => Remedy::InspectData,
        }
    }
}

impl RegistryError {
    /// The sentence after the error, where it can be more exact than the remedy's.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoModels { .. } | Self::NoPlace { .. } => {
                "correct `registry.mlflow`: an MLflow file store is the folder (`mlruns`) that holds `models`; or take \
                 `registry` out, and rows carry no model columns"
            }
            Self::NoModel { .. } | Self::Prompt { .. } => {
                "correct `registry.model`: the name of a registered model"
            }
            _ => self.remedy().hint(),
        }
    }
}

/// `names` for a message.
fn list(names: &[String]) -> String {
    let shown: Vec<_> = names.iter().take(MOST_NAMES).map(|name| format!("`{name}`")).collect();
    match names.len() {
        0 => "nothing".to_owned(),
        all @ ..=MOST_NAMES => shown[..all].join(", "),
        all => format!("{} and {} more", shown.join(", "), all - MOST_NAMES),
    }
}

/// The name that was probably meant, if there is one.
fn meant(typed: &str, names: &[String]) -> String {
    nearest(typed, names.iter().map(String::as_str))
        .map(|name| format!(": did you mean `{name}`?"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(model: &str, others: &[&str], expected: &str) {
        let error = RegistryError::NoModel {
            model: model.to_owned(),
            others: others.iter().map(|name| (*name).to_owned()).collect(),
            place: "s3://lake/mlruns".to_owned(),
        };
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.remedy(), Remedy::FixMonitor);
    }

    #[test]
    fn a_missing_model_lists_what_is_there_and_what_was_meant() {
        check(
            "credit",
            &["delivery_time"],
            "model `credit` is not in registry `s3://lake/mlruns`, which has `delivery_time`",
        );
        check(
            "credit_defalt",
            &["credit_default", "delivery_time"],
            "model `credit_defalt` is not in registry `s3://lake/mlruns`, which has `credit_default`, `delivery_time`: \
             did you mean `credit_default`?",
        );
        check(
            "m12",
            &["a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "m13"],
            "model `m12` is not in registry `s3://lake/mlruns`, which has \
             `a0`, `a1`, `a2`, `a3`, `a4`, `a5`, `a6`, `a7`, `a8`, `a9` and 1 more: did you mean `m13`?",
        );
    }
}
