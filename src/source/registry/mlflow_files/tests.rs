#![allow(clippy::expect_used, reason = "a test says what it expected and then fails")]

mod arbitrary;
mod contents;
mod datasets;
mod failures;
mod haunted;

use object_store::memory::InMemory;
use object_store::{ObjectStoreExt, PutPayload};

use super::*;

const PLACE: &str = "s3://lake/mlruns";
const RUN: &str = "ebcd81f02b834daea2af54454876f927";

async fn store(files: &[(&str, &str)]) -> InMemory {
    let store = InMemory::new();
    for (path, content) in files {
        let path = Path::parse(path).expect("a path");
        let content = PutPayload::from((*content).to_owned());
        store.put(&path, content).await.expect("written");
    }
    store
}

async fn churn(files: &[(&str, &str)]) -> RegisteredModel {
    let (model, unread) = read(&store(files).await, PLACE, "churn").await.expect("a model");
    assert!(unread.is_empty(), "{unread:?}");
    model
}

async fn failure(files: &[(&str, &str)], model: &str) -> RegistryError {
    read(&store(files).await, PLACE, model).await.expect_err("no model")
}
