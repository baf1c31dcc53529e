//! The data sets that a training run logged, as one text: `baseline/credit_default@v0`.
//!
//! A run is known by its id alone, so its experiment has to be found first: by the address of the model's files, in
//! which it usually stands, or else by listing the experiments. A run or a data set that is not in this store is no
//! error, since models may be registered from elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;
use futures::stream::{FuturesUnordered, TryStreamExt};
use object_store::path::Path;
use serde_json::Value;

use super::files::{Files, join};
use super::meta::{DatasetMeta, InputMeta, parse, yaml};
use crate::source::registry::{RegistryError, without_secrets};

/// Input tag that says what a data set was for.
const CONTEXT_TAG: &str = "mlflow.data.context";

/// Most inputs of one run that are looked at.
const MOST_INPUTS: usize = 100;

/// Text by run id, for those of `runs` that logged data sets. With each run id come the addresses of its models.
pub(super) async fn of_runs(
    files: &Files<'_>,
    runs: &BTreeMap<String, Vec<String>>,
) -> Result<BTreeMap<String, String>, RegistryError> {
    if runs.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut experiments = files.folders(None).await?;
    experiments.retain(|name| name != "models" && !name.starts_with('.'));
    let homes = homes(files, runs, &experiments).await?;
    let texts = homes.into_iter().map(|(run, experiment)| async move {
        let text = of_run(files, experiment, run).await?;
        Ok(text.map(|text| (run.to_owned(), text)))
    });
    Ok(try_join_all(texts).await?.into_iter().flatten().collect())
}

/// The experiment of each run that has one.
async fn homes<'a>(
    files: &Files<'_>,
    runs: &'a BTreeMap<String, Vec<String>>,
    experiments: &'a [String],
) -> Result<BTreeMap<&'a str, &'a str>, RegistryError> {
    let guesses = runs.iter().map(|(run, addresses)| guess(files, run, addresses, experiments));
    let mut homes: BTreeMap<_, _> = try_join_all(guesses).await?.into_iter().flatten().collect();

    // One listing for each experiment, and not one request for each pair of a run and an experiment.
    let mut listings = FuturesUnordered::new();
    if homes.len() < runs.len() {
        listings.extend(experiments.iter().map(|experiment| async move {
            let folder = join(&[experiment]);
            let found = files.folders(folder.as_ref()).await?;
            Ok::<_, RegistryError>((experiment, found))
        }));
    }
    while homes.len() < runs.len()
        && let Some((experiment, found)) = listings.try_next().await?
    {
        let found = found.iter().filter_map(|name| runs.get_key_value(name));
        homes.extend(found.map(|(run, _)| (run.as_str(), experiment.as_str())));
    }
    Ok(homes)
}

/// The run and its experiment, if that is a folder of one of `addresses`.
async fn guess<'a>(
    files: &Files<'_>,
    run: &'a str,
    addresses: &[String],
    experiments: &'a [String],
) -> Result<Option<(&'a str, &'a str)>, RegistryError> {
    let folders: BTreeSet<&str> = addresses.iter().flat_map(|text| text.split('/')).collect();
    for experiment in experiments {
        if folders.contains(experiment.as_str())
            && let Some(meta) = join(&[experiment, run, "meta.yaml"])
            && files.exists(&meta).await?
        {
            return Ok(Some((run, experiment)));
        }
    }
    Ok(None)
}

/// The data sets of `run`, if it logged any: those for training, if it says which they are, or else all.
async fn of_run(files: &Files<'_>, experiment: &str, run: &str) -> Result<Option<String>, RegistryError> {
    let Some(folder) = join(&[experiment, run, "inputs"]) else {
        return Ok(None);
    };
    let mut found = files.list(&folder).await?;
    found.retain(|path| path.filename() == Some("meta.yaml"));
    found.truncate(MOST_INPUTS);
    let inputs = found.iter().map(|path| input(files, path));
    let mut inputs = try_join_all(inputs).await?;
    inputs.retain(|input| matches!(input.source_type.as_deref(), None | Some("DATASET")));
    let training = |input: &InputMeta| input.tags.0.get(CONTEXT_TAG).is_some_and(|tag| tag == "training");
    if inputs.iter().any(training) {
        inputs.retain(training);
    }
    let ids: BTreeSet<_> = inputs.into_iter().filter_map(|input| input.source_id).collect();
    let texts = ids.iter().map(|id| dataset(files, experiment, id));
    let texts: BTreeSet<String> = try_join_all(texts).await?.into_iter().flatten().collect();
    let text = Vec::from_iter(texts).join(", ");
    Ok((!text.is_empty()).then_some(text))
}

async fn input(files: &Files<'_>, meta: &Path) -> Result<InputMeta, RegistryError> {
    yaml(files, meta).await
}

/// The text for one data set, unless it is not there.
async fn dataset(files: &Files<'_>, experiment: &str, id: &str) -> Result<Option<String>, RegistryError> {
    let Some(meta) = join(&[experiment, "datasets", id, "meta.yaml"]) else {
        return Ok(None);
    };
    let text = files.find(&meta).await;
    let read = text.and_then(|text| text.map(|text| parse(files, &meta, &text)).transpose());
    Ok(files.or_nothing(read)?.and_then(describe))
}

/// `path@v<version>` for a table version, else `path@<digest>`; the name stands in for a source without an address.
fn describe(meta: DatasetMeta) -> Option<String> {
    let source = meta.source.as_deref().unwrap_or_default();
    let source: Value = serde_json::from_str(source).unwrap_or_default();
    let address = ["path", "delta_table_name", "uri", "url"]
        .iter()
        .find_map(|key| source.get(key)?.as_str())
        .map(without_secrets);
    let name = address.or(meta.name).filter(|name| !name.is_empty())?;
    let version = match source.get("delta_table_version") {
        Some(Value::Number(version)) => Some(format!("v{version}")),
        Some(Value::String(version)) => Some(format!("v{version}")),
        _ => meta.digest.filter(|digest| !digest.is_empty()),
    };
    Some(match version {
        Some(version) => format!("{name}@{version}"),
        None => name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &str) {
        let meta = DatasetMeta {
            name: Some("train".to_owned()),
            digest: Some("abc123".to_owned()),
            source: Some(source.to_owned()),
        };
        assert_eq!(describe(meta).as_deref(), Some(expected));
    }

    #[test]
    fn a_table_version_wins_over_the_digest_and_an_address_over_the_name() {
        check(r#"{"path":"s3://b/t","delta_table_version":3}"#, "s3://b/t@v3");
        check(r#"{"path":null,"delta_table_name":"main.ml.t","delta_table_version":"0"}"#, "main.ml.t@v0");
        check(r#"{"uri":"s3://b/t.csv"}"#, "s3://b/t.csv@abc123");
        check(r#"{"url":"https://h/t.csv?sig=secret"}"#, "https://h/t.csv@abc123");
        check(r#"{"tags":{"mlflow.user":"me"}}"#, "train@abc123");
        check("not JSON", "train@abc123");
    }

    #[test]
    fn a_dataset_without_name_and_address_has_no_text() {
        assert_eq!(describe(DatasetMeta::default()), None);
    }
}
