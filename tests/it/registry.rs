//! Model registries as they are found: simulated and real MLflow file stores, on disk and in S3, and a Delta table.
#![allow(clippy::expect_used, reason = "a test says what it expected and then fails")]

mod delta_table;
mod mlflow_files;

use secchi::config::{Registry, RegistryPlace};
use secchi::lineage::ModelVersion;
use url::Url;

fn mlflow(url: &str, model: &str) -> Registry {
    let url = Url::parse(url).expect("a URL");
    Registry { place: RegistryPlace::MlflowFiles(url), model: model.to_owned() }
}

/// A version in one line for each thing that is known of it.
fn lines(version: &ModelVersion) -> Vec<String> {
    let ModelVersion { version, run_id, aliases, stage, tags, created_at, source, training_dataset } =
        version;
    let texts = [
        ("run", run_id.clone()),
        ("aliases", (!aliases.is_empty()).then(|| aliases.join(" "))),
        ("stage", stage.clone()),
        ("created", created_at.map(|at| at.to_string())),
        ("source", source.clone()),
        ("trained on", training_dataset.clone()),
    ];
    let mut lines = vec![format!("version {version}")];
    lines.extend(texts.into_iter().filter_map(|(name, text)| Some(format!("{name} {}", text?))));
    lines.extend(tags.iter().map(|(key, value)| format!("tag {key}={value}")));
    lines
}
