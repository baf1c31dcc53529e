//! A Delta table as a registry.
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int32Array, ListBuilder, MapBuilder, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray,
};
use datafusion::prelude::SessionContext;
use deltalake::{DeltaTable, DeltaTableBuilder};
use secchi::config::{Registry, RegistryPlace};
use secchi::source::registry::{self, Opened, RegistryError};
use url::Url;

use super::lines;

/// Three changes of two versions of `churn`, and one of another model.
fn rows() -> RecordBatch {
    let mut aliases = ListBuilder::new(StringBuilder::new());
    aliases.append_value([Some("staging")]);
    aliases.append_value([Some("production"), None, Some("champion")]);
    aliases.append_null();
    aliases.append_value([Some("champion")]);
    let mut tags = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for pairs in [&[("tier", "2")][..], &[("tier", "1"), ("team", "risk")], &[], &[("tier", "3")]] {
        for (key, value) in pairs {
            tags.keys().append_value(key);
            tags.values().append_value(value);
        }
        tags.append(true).expect("as many values as keys");
    }
    let days = |days: [i64; 4]| {
        let micros = days.map(|day| 1_777_680_000_000_000 + day * 86_400_000_000);
        Arc::new(TimestampMicrosecondArray::from(micros.to_vec()).with_timezone("UTC")) as ArrayRef
    };
    let columns: [(&str, ArrayRef); 8] = [
        ("name", Arc::new(StringArray::from(vec!["churn", "churn", "churn", "fraud"]))),
        ("version", Arc::new(Int32Array::from(vec![1, 1, 2, 1]))),
        ("run_id", Arc::new(StringArray::from(vec![Some("r1"), Some("r1"), None, Some("r9")]))),
        ("current_stage", Arc::new(StringArray::from(vec!["Staging", "Production", "None", "None"]))),
        ("aliases", Arc::new(aliases.finish())),
        ("tags", Arc::new(tags.finish())),
        ("creation_timestamp", days([0, 0, 1, 2])),
        ("last_updated_timestamp", days([3, 4, 1, 2])),
    ];
    RecordBatch::try_from_iter(columns).expect("columns of four rows")
}

async fn table(url: &Url) -> DeltaTable {
    let empty = DeltaTableBuilder::from_url(url.clone()).expect("a table URL").build().expect("a store");
    empty.write([rows()]).await.expect("a commit")
}

#[tokio::test]
async fn the_latest_row_of_each_version_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = Url::from_directory_path(folder.path()).expect("a full path");
    let table = table(&url).await;
    let read = async |model: &str| {
        let registry = Registry { place: RegistryPlace::Table(url.clone()), model: model.to_owned() };
        let provider = table.table_provider().await.expect("a provider");
        registry::read(&registry, Opened::Table(SessionContext::new(), provider))
            .await
            .map(|entry| entry.model)
    };

    let model = read("churn").await.expect("a model");
    let versions: Vec<_> = model.versions.values().map(lines).collect();
    let expected = [
        vec![
            "version 1",
            "run r1",
            "aliases champion production",
            "stage Production",
            "created 2026-05-02T00:00:00Z",
            "tag team=risk",
            "tag tier=1",
        ],
        vec!["version 2", "created 2026-05-03T00:00:00Z"],
    ];
    assert_eq!(versions, expected);

    let error = read("chum").await.expect_err("another name");
    let RegistryError::NoModel { others, .. } = error else {
        unreachable!("{error:?}");
    };
    assert_eq!(others, ["churn", "fraud"]);
}
