//! An MLflow file store (`mlruns/`), as MLflow 1, 2 and 3 lay it out, in any object store.
//!
//! ```text
//! models/<model>/meta.yaml  aliases/<alias>  version-<n>/{meta.yaml, tags/<key>}
//! <experiment>/<run>/{meta.yaml, inputs/<id>/meta.yaml}  <experiment>/datasets/<id>/meta.yaml
//! ```
//!
//! MLflow rewrites files in place, so a reader may meet the store halfway: a file that is listed and then gone, or cut
//! short, makes the whole be read once more. Keys that are unknown are passed over, and keys that are missing are
//! nothing; what is not YAML, or no text, is set aside with an error that names the file, and the rest is read. This module must not write, nor resolve where models are.

mod files;
mod meta;
mod training_dataset;
mod tree;

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::{try_join, try_join_all};
use jiff::Timestamp;
use object_store::ObjectStore;
use object_store::path::Path;

use self::files::{Files, join};
use self::meta::{ModelMeta, VersionMeta, yaml};
use self::tree::{PROMPT_TAG, Tree, VersionFiles};
use super::{DELETED_STAGE, RegistryError, stage, without_secrets};
use crate::lineage::{ModelVersion, RegisteredModel};

/// How long MLflow gets to finish what it was writing.
const PAUSE: Duration = Duration::from_millis(250);

/// Most models whose names are looked at when the one that was asked for is missing.
const MOST_OTHERS: usize = 100;

/// What the file store at the root of `store`, which messages call `place`, says about `model`.
///
/// `source` is what MLflow shows as such; for models of MLflow 3 that is `models:/<model id>`.
///
/// Files that cannot be understood are left out: what is wrong with each is told beside the model.
///
/// # Errors
/// The model is not there, or its files cannot be read.
pub async fn read(
    store: &dyn ObjectStore,
    place: &str,
    model: &str,
) -> Result<(RegisteredModel, Vec<RegistryError>), RegistryError> {
    let files = Files::new(store, place);
    let mut outcome = attempt(&files, model).await;
    let mut unread = files.take_unread();
    if !unread.is_empty() || matches!(outcome, Err(RegistryError::Changing { .. })) {
        tokio::time::sleep(PAUSE).await;
        outcome = attempt(&files, model).await;
        unread = files.take_unread();
    }
    Ok((outcome?, unread))
}

async fn attempt(files: &Files<'_>, model: &str) -> Result<RegisteredModel, RegistryError> {
    let Some(tree) = Tree::list(files, model).await? else {
        return Err(absent(files, model).await?);
    };
    if let Some(tag) = &tree.prompt
        && is_true(&files.or_nothing(files.text(tag).await)?)
    {
        let place = files.place().to_owned();
        let model = model.to_owned();
        return Err(RegistryError::Prompt { model, place });
    }
    let versions = tree.versions.into_iter().map(|(name, found)| version(files, name, found));
    let (aliases, versions) =
        try_join(aliases(files, tree.meta, tree.aliases), try_join_all(versions)).await?;
    let mut versions: Vec<Version> = versions.into_iter().flatten().collect();
    let mut runs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for version in &mut versions {
        if let Some(run) = &version.record.run_id {
            runs.entry(run.clone()).or_default().append(&mut version.addresses);
        }
    }
    let datasets = training_dataset::of_runs(files, &runs).await?;
    let finish = |Version { mut record, .. }: Version| {
        let names = aliases.iter().filter(|(_, at)| **at == record.version);
        record.aliases = names.map(|(alias, _)| alias.clone()).collect();
        let run = record.run_id.as_ref();
        record.training_dataset = run.and_then(|run| datasets.get(run).cloned());
        (record.version.clone(), record)
    };
    Ok(RegisteredModel { name: model.to_owned(), versions: versions.into_iter().map(finish).collect() })
}

/// A version, before what other files say about it.
struct Version {
    record: ModelVersion,
    /// Where its files are: its source and its storage location.
    addresses: Vec<String>,
}

/// The version `name`, unless it is deleted, or is a folder without a version in it.
async fn version(
    files: &Files<'_>,
    name: String,
    found: VersionFiles,
) -> Result<Option<Version>, RegistryError> {
    let Some(meta) = found.meta else {
        return Ok(None);
    };
    let meta: VersionMeta = yaml(files, &meta).await?;
    if meta.current_stage.as_deref() == Some(DELETED_STAGE) {
        return Ok(None);
    }
    let tags = texts(files, found.tags).await?;
    let record = ModelVersion {
        version: name,
        run_id: meta.run_id.filter(|run| !run.is_empty()),
        aliases: Vec::new(),
        stage: stage(meta.current_stage),
        tags: tags.into_iter().collect(),
        created_at: meta.creation_timestamp.and_then(|at| Timestamp::from_millisecond(at).ok()),
        source: meta.source.as_deref().map(without_secrets),
        training_dataset: None,
    };
    let addresses = [meta.source, meta.storage_location].into_iter().flatten();
    Ok(Some(Version { record, addresses: addresses.collect() }))
}

/// Version by alias. MLflow reads the files, and `aliases:` in `meta.yaml` repeats them: that counts without files only.
async fn aliases(
    files: &Files<'_>,
    meta: Option<Path>,
    found: Vec<(String, Path)>,
) -> Result<BTreeMap<String, String>, RegistryError> {
    let repeated = async {
        let Some(meta) = meta else {
            return Ok(BTreeMap::new());
        };
        let meta: ModelMeta = yaml(files, &meta).await?;
        Ok(meta.aliases.0)
    };
    let has_files = !found.is_empty();
    let (repeated, found) = try_join(repeated, texts(files, found)).await?;
    let found = found.into_iter().map(|(alias, version)| (alias, version.trim().to_owned()));
    Ok(if has_files { found.collect() } else { repeated })
}

/// The texts of these files by their names, of those that are text.
async fn texts(
    files: &Files<'_>,
    found: Vec<(String, Path)>,
) -> Result<Vec<(String, String)>, RegistryError> {
    let texts = found.into_iter().map(|(name, path)| async move {
        let text = files.or_nothing(files.text(&path).await.map(Some))?;
        Ok(text.map(|text| (name, text)))
    });
    Ok(try_join_all(texts).await?.into_iter().flatten().collect())
}

/// Why `model` is not there; an error by itself if that cannot be found out.
async fn absent(files: &Files<'_>, model: &str) -> Result<RegistryError, RegistryError> {
    let models = Path::from("models");
    let mut names = files.folders(Some(&models)).await?;
    names.truncate(MOST_OTHERS);
    let names = names.into_iter().map(|name| async move {
        let tag = join(&["models", &name, "tags", PROMPT_TAG]);
        let prompt = match tag {
            Some(tag) => files.or_nothing(files.find(&tag).await)?.is_some_and(|text| is_true(&text)),
            None => false,
        };
        Ok((!prompt).then_some(name))
    });
    let others: Vec<String> = try_join_all(names).await?.into_iter().flatten().collect();
    let place = files.place().to_owned();
    if others.is_empty() {
        let found = files.folders(None).await?;
        return Ok(RegistryError::NoModels { found, place });
    }
    let model = model.to_owned();
    Ok(RegistryError::NoModel { model, others, place })
}

/// Whether the value of a tag means yes.
fn is_true(text: &str) -> bool {
    text.trim().eq_ignore_ascii_case("true")
}

#[cfg(test)]
mod tests;
