//! MLflow file stores.
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use deltalake::logstore::{ObjectStoreRef, store_for};
use secchi::lineage::RegisteredModel;
use secchi::remedy::Remedy;
use secchi::simulate;
use secchi::source::registry::{self, Opened, RegistryError};
use url::Url;

use super::{lines, mlflow};

fn local(root: &Path) -> ObjectStoreRef {
    let url = Url::from_directory_path(root).expect("a full path");
    store_for(&url, HashMap::<String, String>::new()).expect("a store")
}

async fn read(store: &ObjectStoreRef, model: &str) -> Result<RegisteredModel, RegistryError> {
    let registry = mlflow("s3://lake/mlruns/", model);
    let entry = registry::read(&registry, Opened::Files(Arc::clone(store))).await?;
    assert_eq!(entry.findings, [""; 0]);
    Ok(entry.model)
}

async fn versions(store: &ObjectStoreRef, model: &str) -> Vec<Vec<String>> {
    let model = read(store, model).await.expect("a model");
    model.versions.values().map(lines).collect()
}

/// A small simulated lake's registry.
async fn simulated() -> (tempfile::TempDir, PathBuf) {
    let lake = tempfile::tempdir().expect("a folder");
    let options =
        simulate::Options { rows_per_model: simulate::LEAST_ROWS_PER_MODEL, ..simulate::Options::default() };
    simulate::write_lake(lake.path(), &options, &mut |_| {}).await.expect("a lake");
    let root = lake.path().join("mlruns");
    (lake, root)
}

#[tokio::test]
async fn a_simulated_registry_reads_alike_from_a_folder_and_from_s3() {
    let (_lake, root) = simulated().await;
    let store = local(&root);
    let credit = versions(&store, "credit_default").await;
    let sources: Vec<_> = credit.iter().map(|lines| lines[5].clone()).collect();
    let runs: Vec<_> = credit.iter().map(|lines| lines[1].clone()).collect();
    let expected = [
        [
            "version 1",
            &runs[0],
            "aliases challenger",
            "stage Archived",
            "created 2026-02-23T11:00:00Z",
            &sources[0],
            "trained on baseline/credit_default@v0",
            "tag validation=approved",
        ],
        [
            "version 2",
            &runs[1],
            "aliases champion production",
            "stage Production",
            "created 2026-02-25T11:00:00Z",
            &sources[1],
            "trained on baseline/credit_default@v0",
            "tag validation=approved",
        ],
    ];
    assert_eq!(credit, expected);
    assert!(sources.iter().all(|line| line.starts_with("source models:/m-")), "{sources:?}");
    assert!(runs.iter().all(|line| line.len() == "run ".len() + 32), "{runs:?}");

    let delivery = versions(&store, "delivery_time").await;
    let trained: Vec<bool> = delivery
        .iter()
        .map(|lines| lines.contains(&"trained on baseline/delivery_time@v0".to_owned()))
        .collect();
    assert_eq!(trained, [false, false, true, true]);

    let error = read(&store, "credit-default").await.expect_err("another name");
    let expected = "model `credit-default` is not in registry `s3://lake/mlruns`, which has `credit_default`, \
                    `delivery_time`: did you mean `credit_default`?";
    assert_eq!(error.to_string(), expected);

    #[cfg(feature = "s3")]
    from_s3(&root, &credit).await;
}

/// The same registry in S3 says the same, in few requests; and what is not there is told from what is refused.
#[cfg(feature = "s3")]
async fn from_s3(root: &Path, expected: &[Vec<String>]) {
    use crate::support::s3::S3Server;

    let server = S3Server::start().await;
    for (path, bytes) in files(root) {
        server.put(&format!("lake/mlruns/{path}"), bytes);
    }
    let at = |url: &str, options| store_for(&Url::parse(url).expect("a URL"), options).expect("a store");
    let store = at("s3://lake/mlruns/", server.options());
    assert_eq!(versions(&store, "credit_default").await, expected);

    let requests = server.requests();
    let mut counts = HashMap::new();
    for request in &requests {
        *counts.entry(request.method.as_str()).or_insert(0) += 1;
    }
    // Listings: the model, the experiments, and the inputs of two runs. Files: `meta.yaml` of the model and of two
    // versions, three aliases, two tags, two inputs, two data sets. HEAD: two runs.
    assert_eq!(counts, HashMap::from([("GET", 4 + 12), ("HEAD", 2)]), "{requests:#?}");

    let store = at("s3://lost/mlruns", server.options());
    let error = read(&store, "churn").await.expect_err("no bucket");
    assert!(matches!(error, RegistryError::NoPlace { .. }), "{error:?}");

    let mut options = server.options();
    options.insert("aws_secret_access_key".to_owned(), "guess".to_owned());
    let store = at("s3://lake/mlruns", options);
    let error = read(&store, "churn").await.expect_err("no access");
    let expected = "may not read `s3://lake/mlruns/models/churn`: \
                    check the storage settings in `secchi.yaml` and the credentials";
    assert_eq!(error.to_string(), expected);
    assert_eq!(error.remedy(), Remedy::FixMonitor);
}

/// Every file below `root`, by its path with slashes.
#[cfg(feature = "s3")]
fn files(root: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let inner = path.strip_prefix(root).expect("below the root");
                let inner = inner.to_str().expect("a name in Unicode").replace('\\', "/");
                found.push((inner, std::fs::read(&path).expect("a file")));
            }
        }
    }
    found
}

/// Reads a file store that MLflow 3.17 wrote. It is not part of this repository: without it the test says so.
#[tokio::test]
#[allow(clippy::print_stderr, reason = "a test that does nothing must say so")]
async fn a_store_that_mlflow_wrote() {
    let Some(cases) = std::env::var_os("SECCHI_CASES") else {
        eprintln!("skipped: SECCHI_CASES does not name the folder with registry/mlflow-filestore");
        return;
    };
    let cases = std::fs::canonicalize(cases).expect("SECCHI_CASES names a folder");
    let store = local(&cases.join("registry/mlflow-filestore"));
    let expected = [
        vec![
            "version 1",
            "run ebcd81f02b834daea2af54454876f927",
            "aliases champion",
            "stage Production",
            "created 2026-11-20T13:02:54.015Z",
            "source file:///tmp/x",
            "trained on s3://b/t@v3",
            "tag data_version=3",
        ],
        vec![
            "version 2",
            "aliases challenger",
            "created 2026-11-20T13:02:54.041Z",
            "source s3://bucket/models/churn/2",
            "tag monitor=yes",
        ],
    ];
    assert_eq!(versions(&store, "churn").await, expected);
}
