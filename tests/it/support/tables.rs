//! Delta tables for the tests: written from batches, read with SQL.

use std::path::Path;

use arrow::array::RecordBatch;
use arrow::json::ArrayWriter;
use datafusion::prelude::SessionContext;
use deltalake::protocol::SaveMode;
use deltalake::{DeltaTable, DeltaTableBuilder, ensure_table_uri};
use serde_json::Value;

/// Writes `batches` as a new table in `folder`.
pub async fn write(folder: &Path, batches: Vec<RecordBatch>) {
    append(folder, batches).await;
}

/// Appends `batches` to the table in `folder`, in one commit.
pub async fn append(folder: &Path, batches: Vec<RecordBatch>) {
    std::fs::create_dir_all(folder).expect("a folder for the table");
    let url = ensure_table_uri(folder.display().to_string()).expect("a folder is a URL");
    let table = DeltaTableBuilder::from_url(url)
        .and_then(DeltaTableBuilder::build)
        .expect("a folder is a table's place");
    let table = if folder.join("_delta_log").exists() { open(folder).await } else { table };
    table.write(batches).with_save_mode(SaveMode::Append).await.expect("the table can be written");
}

/// Opens the table in `folder`.
pub async fn open(folder: &Path) -> DeltaTable {
    let url = ensure_table_uri(folder.display().to_string()).expect("a folder is a URL");
    deltalake::open_table(url).await.expect("there is a table")
}

/// The rows that `sql` gives on the tables in `folder`, each known by the name of its folder.
pub async fn batches(folder: &Path, sql: &str) -> Vec<RecordBatch> {
    let ctx: SessionContext = deltalake::delta_datafusion::create_session().into_inner();
    for entry in std::fs::read_dir(folder).expect("a folder of tables") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.join("_delta_log").is_dir() {
            let provider = open(&path).await.table_provider().await.expect("a readable table");
            ctx.register_table(name, provider).expect("a new name");
        }
    }
    ctx.sql(sql).await.expect(sql).collect().await.expect(sql)
}

/// The same rows, as JSON.
pub async fn query(folder: &Path, sql: &str) -> Vec<Value> {
    let batches = batches(folder, sql).await;
    let mut writer = ArrayWriter::new(Vec::new());
    writer.write_batches(&batches.iter().collect::<Vec<_>>()).expect("rows have a JSON form");
    writer.finish().expect("rows have a JSON form");
    let text = writer.into_inner();
    if text.is_empty() {
        Vec::new()
    } else {
        serde_json::from_slice(&text).expect("what was written is JSON")
    }
}
