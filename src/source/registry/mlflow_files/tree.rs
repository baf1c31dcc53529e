//! Which files a model has, by what they are for.
//!
//! It knows names of files only, and must not read them.

use std::collections::BTreeMap;

use object_store::path::Path;

use super::files::{Files, join};
use crate::source::registry::RegistryError;

/// The tag by which MLflow tells prompts from models.
pub(super) const PROMPT_TAG: &str = "mlflow.prompt.is_prompt";

/// The files of one model that matter here.
#[derive(Default)]
pub(super) struct Tree {
    pub(super) meta: Option<Path>,
    pub(super) prompt: Option<Path>,
    /// By alias.
    pub(super) aliases: Vec<(String, Path)>,
    pub(super) versions: BTreeMap<String, VersionFiles>,
}

#[derive(Default)]
pub(super) struct VersionFiles {
    pub(super) meta: Option<Path>,
    /// By key.
    pub(super) tags: Vec<(String, Path)>,
}

impl Tree {
    /// The files of `model`, unless it is not there. One listing, whatever the number of versions.
    pub(super) async fn list(files: &Files<'_>, model: &str) -> Result<Option<Self>, RegistryError> {
        let Some(folder) = join(&["models", model]) else {
            return Ok(None);
        };
        let mut tree = Self::default();
        for path in files.list(&folder).await? {
            tree.add(&folder, path);
        }
        let there = tree.meta.is_some() || tree.versions.values().any(|found| found.meta.is_some());
        Ok(there.then_some(tree))
    }

    fn add(&mut self, folder: &Path, path: Path) {
        let text = path.as_ref().to_owned();
        let Some(inner) = text.strip_prefix(folder.as_ref()).and_then(|rest| rest.strip_prefix('/')) else {
            return;
        };
        if inner == "meta.yaml" {
            self.meta = Some(path);
        } else if let Some(alias) = inner.strip_prefix("aliases/") {
            self.aliases.push((alias.to_owned(), path));
        } else if let Some(key) = inner.strip_prefix("tags/") {
            if key == PROMPT_TAG {
                self.prompt = Some(path);
            }
        } else if let Some((name, file)) =
            inner.strip_prefix("version-").and_then(|rest| rest.split_once('/'))
        {
            let version = self.versions.entry(name.to_owned()).or_default();
            if file == "meta.yaml" {
                version.meta = Some(path);
            } else if let Some(key) = file.strip_prefix("tags/") {
                // A key with slashes is a file in folders.
                version.tags.push((key.to_owned(), path));
            }
        }
    }
}
