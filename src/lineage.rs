//! Where a row comes from: plain records that travel beside the numbers.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// A Delta table at the version at which it was read.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Pin {
    /// URL of the table.
    pub table: String,
    /// Its version.
    pub version: u64,
}

/// What the registry says about one version of a model.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct ModelVersion {
    /// The version, as the inference table writes it.
    pub version: String,
    /// The training run.
    pub run_id: Option<String>,
    /// Aliases, sorted.
    pub aliases: Vec<String>,
    /// Stage, unless it is `None`.
    pub stage: Option<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// When it was registered.
    pub created_at: Option<Timestamp>,
    /// Where its files are.
    pub source: Option<String>,
    /// Data set that the training run logged: a name or path, and its version.
    pub training_dataset: Option<String>,
}

/// A registered model and its versions, as one run saw them.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct RegisteredModel {
    /// Its name.
    pub name: String,
    /// By version.
    pub versions: BTreeMap<String, ModelVersion>,
}

/// Everything that the rows of one run have in common.
#[derive(Debug, Clone)]
pub struct Lineage {
    /// Names the run; the same pins give the same id.
    pub run_id: String,
    /// The monitor.
    pub monitor_name: String,
    /// First 16 hex digits of the SHA-256 of its settings.
    pub config_hash: String,
    /// The inference table.
    pub source: Pin,
    /// First commit that contributed.
    pub source_version_from: u64,
    /// The label table.
    pub labels: Option<Pin>,
    /// The baseline table.
    pub baseline: Option<Pin>,
    /// The model.
    pub model: Option<RegisteredModel>,
    /// When the run began.
    pub computed_at: Timestamp,
}

/// Version of Secchi.
pub const ENGINE_VERSION: &str = env!("CARGO_PKG_VERSION");
