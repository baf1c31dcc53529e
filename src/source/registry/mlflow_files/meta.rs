//! The `meta.yaml` files of MLflow, as far as they matter here.
//!
//! Texts are read as they stand in the file: `run_id: 1234e567…` is a text for MLflow, which writes it without quotes,
//! although newer YAML would take it for a number. Keys that are missing or `null` are nothing, others are passed over.

use std::collections::BTreeMap;
use std::fmt;

use object_store::path::Path;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};

use super::files::Files;
use crate::source::registry::RegistryError;

/// `models/<model>/meta.yaml`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ModelMeta {
    /// Version by alias.
    pub(super) aliases: Pairs,
}

/// `models/<model>/version-<n>/meta.yaml`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct VersionMeta {
    pub(super) run_id: Option<String>,
    pub(super) source: Option<String>,
    pub(super) storage_location: Option<String>,
    pub(super) current_stage: Option<String>,
    /// Milliseconds since the epoch.
    pub(super) creation_timestamp: Option<i64>,
}

/// `<experiment>/<run>/inputs/<id>/meta.yaml`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct InputMeta {
    /// `DATASET`, or another kind of thing that went into the run.
    pub(super) source_type: Option<String>,
    /// Its id.
    pub(super) source_id: Option<String>,
    pub(super) tags: Pairs,
}

/// `<experiment>/datasets/<id>/meta.yaml`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DatasetMeta {
    pub(super) name: Option<String>,
    /// Hash of the content.
    pub(super) digest: Option<String>,
    /// JSON, with keys that depend on the kind of source.
    pub(super) source: Option<String>,
}

/// Reads `file`, which was there a moment ago; nothing, if it cannot be understood.
pub(super) async fn yaml<T: DeserializeOwned + Default>(
    files: &Files<'_>,
    file: &Path,
) -> Result<T, RegistryError> {
    let text = files.text(file).await;
    files.or_nothing(text.and_then(|text| parse(files, file, &text)))
}

/// Reads `text`, the content of `file`.
pub(super) fn parse<T: DeserializeOwned>(
    files: &Files<'_>,
    file: &Path,
    text: &str,
) -> Result<T, RegistryError> {
    // The library's picture of the place would repeat the content, which may be anything.
    serde_saphyr::from_str(text).map_err(|error| RegistryError::Content {
        file: files.address(file),
        source: error.without_snippet().to_string().into(),
    })
}

/// Texts by name: a mapping, or a list of `{key, value}` or `{alias, version}` as some releases write them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pairs(pub(super) BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PairsVisitor)
    }
}

#[derive(Deserialize)]
struct Pair {
    #[serde(alias = "alias")]
    key: String,
    #[serde(alias = "version", default)]
    value: Option<String>,
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping of texts")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Pairs, E> {
        Ok(Pairs::default())
    }

    fn visit_none<E: de::Error>(self) -> Result<Pairs, E> {
        Ok(Pairs::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
        let mut pairs = Pairs::default();
        while let Some((key, value)) = map.next_entry::<String, Option<String>>()? {
            pairs.0.insert(key, value.unwrap_or_default());
        }
        Ok(pairs)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Pairs, A::Error> {
        let mut pairs = Pairs::default();
        while let Some(Pair { key, value }) = seq.next_element()? {
            pairs.0.insert(key, value.unwrap_or_default());
        }
        Ok(pairs)
    }
}
