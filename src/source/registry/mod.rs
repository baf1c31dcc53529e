//! The model registry: which versions of a model exist, and where they come from.
//!
//! | module | idea |
//! |---|---|
//! | `mlflow_files` | an MLflow file store (`mlruns/`) in any object store |
//! | `delta_table` | a Delta table with one row for each model version |
//! | `findings` | model versions that predict but are not registered, and files that are not understood |
//!
//! It reads what the caller has opened. It must not open tables or stores, know credentials, write anything, or decide
//! which of the versions matter.

pub mod delta_table;
mod error;
mod findings;
pub mod mlflow_files;

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::prelude::SessionContext;
use object_store::ObjectStore;
use url::Url;

pub use self::error::RegistryError;
pub use self::findings::{MOST_FINDINGS, findings};
use crate::config;
use crate::lineage::RegisteredModel;

/// The stage of a model version that nobody put into a stage, in MLflow's words.
const NO_STAGE: &str = "None";

/// The stage of a model version that MLflow has deleted, but still keeps.
const DELETED_STAGE: &str = "Deleted_Internal";

/// A registry that the caller has opened.
pub enum Opened {
    /// An MLflow file store; the root of the object store is the folder that holds `models/`.
    Files(Arc<dyn ObjectStore>),
    /// A Delta table at some version, and the session that may query it.
    Table(SessionContext, Arc<dyn TableProvider>),
}

/// What a registry says about a model.
#[derive(Debug)]
pub struct Entry {
    /// The model.
    pub model: RegisteredModel,
    /// A sentence for each file that could not be understood, and for which the model lacks something.
    pub findings: Vec<String>,
}

/// What `registry`, which is open as `opened`, says about its model.
///
/// # Errors
/// The model is not there, or the registry cannot be read or understood. [`RegistryError::remedy`] says what to do.
pub async fn read(registry: &config::Registry, opened: Opened) -> Result<Entry, RegistryError> {
    let (config::RegistryPlace::MlflowFiles(url) | config::RegistryPlace::Table(url)) = &registry.place;
    let place = address(url);
    match opened {
        Opened::Files(store) => {
            let (model, unread) = mlflow_files::read(&store, &place, &registry.model).await?;
            Ok(Entry { model, findings: findings::of_files(&unread) })
        }
        Opened::Table(context, table) => {
            let model = delta_table::read(&context, &table, &place, &registry.model).await?;
            Ok(Entry { model, findings: Vec::new() })
        }
    }
}

/// `url` as messages show it.
fn address(url: &Url) -> String {
    without_secrets(url.as_str()).trim_end_matches('/').to_owned()
}

/// `address` without passwords, tokens and signatures, if it is a URL that may carry some; anything else as it is.
///
/// The user of `abfss://container@account…` stays, as it is a container; that of `https://token@host` does not.
fn without_secrets(address: &str) -> String {
    let Ok(mut url) = Url::parse(address) else {
        return address.to_owned();
    };
    let web = matches!(url.scheme(), "http" | "https");
    let user = url.password().is_some() || (web && !url.username().is_empty());
    if !user && url.query().is_none() {
        return address.to_owned();
    }
    if user {
        // Refused only by URLs without a host, which have no user either.
        let _ = url.set_password(None);
        let _ = url.set_username("");
    }
    url.set_query(None);
    url.into()
}

/// The stage, unless there is none.
fn stage(name: Option<String>) -> Option<String> {
    name.filter(|name| !name.is_empty() && name != NO_STAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, expected: &str) {
        assert_eq!(without_secrets(address), expected);
    }

    #[test]
    fn addresses_lose_their_secrets_and_nothing_else() {
        check("s3://bucket/models/churn/2", "s3://bucket/models/churn/2");
        check("models:/m-1ce2", "models:/m-1ce2");
        check("dbfs:/databricks/x", "dbfs:/databricks/x");
        check("baseline/credit_default", "baseline/credit_default");
        check("abfss://box@acct.dfs.core.windows.net/x", "abfss://box@acct.dfs.core.windows.net/x");
        check("https://token@host/x", "https://host/x");
        check("https://me:pw@host/x.csv?sig=abc", "https://host/x.csv");
        check("s3://bucket/x?X-Amz-Signature=abc", "s3://bucket/x");
        check("ftp://me:pw@host/x", "ftp://host/x");
    }
}
