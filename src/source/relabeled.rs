//! Labels that came, went or changed since the label table was last read.
//!
//! Compares the files that the table has with those that it had, so that labels which merely lie in other files are none
//! that changed. Names rows; it must not read them.

use std::collections::HashMap;

use datafusion::common::DataFusionError;
use datafusion::dataframe::DataFrame;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::ident;
use deltalake::{DeltaTable, DeltaTableError};

use super::provider::provider;
use crate::cause::{Trouble, trouble};

/// The name of the label table's changed rows in SQL.
pub const RELABELED: &str = "relabeled";

/// What is known of changed labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Relabeled {
    /// No label changed.
    Nothing,
    /// Some may have: SQL sees them as `relabeled`.
    Rows,
    /// What the labels were cannot be read any more.
    Unknown,
}

/// Lets SQL see the rows of `table` that are not those of version `since`, by their `columns`.
///
/// # Errors
/// If the table cannot be read.
pub(super) async fn show(
    ctx: &SessionContext,
    table: &DeltaTable,
    since: u64,
    columns: &[&str],
) -> Result<Relabeled, DataFusionError> {
    let mut before = table.clone();
    match before.load_version(since).await {
        Err(error) if trouble(&error) == Trouble::Other => return Ok(Relabeled::Unknown),
        loaded => loaded?,
    }
    if before.snapshot()?.metadata().id() != table.snapshot()?.metadata().id() {
        return Ok(Relabeled::Unknown);
    }
    let (was, is) = (files(&before)?, files(table)?);
    let came = is.iter().filter(|(file, _)| !was.contains_key(*file)).map(|(_, path)| path.clone());
    let went = was.iter().filter(|(file, _)| !is.contains_key(*file)).map(|(_, path)| path.clone());
    let came = rows(ctx, table, came.collect(), columns).await?;
    let went = rows(ctx, &before, went.collect(), columns).await?;
    let changed = match (came, went) {
        (None, None) => return Ok(Relabeled::Nothing),
        (Some(some), None) | (None, Some(some)) => some,
        (Some(came), Some(went)) => came.clone().except(went.clone())?.union(went.except(came)?)?,
    };
    ctx.deregister_table(RELABELED)?;
    ctx.register_table(RELABELED, changed.into_view())?;
    Ok(Relabeled::Rows)
}

/// The paths of the files of `table`, by what tells them apart: a path, and which of its rows are deleted.
fn files(table: &DeltaTable) -> Result<HashMap<(String, Option<String>), String>, DeltaTableError> {
    let files = table.snapshot()?.log_data().into_iter().map(|file| {
        let path = file.path().into_owned();
        let deleted = file.deletion_vector_descriptor().map(|vector| {
            format!("{:?} {} {:?}", vector.storage_type, vector.path_or_inline_dv, vector.offset)
        });
        ((path.clone(), deleted), path)
    });
    Ok(files.collect())
}

/// The rows of the files at `paths`, if there are some.
async fn rows(
    ctx: &SessionContext,
    table: &DeltaTable,
    paths: Vec<String>,
    columns: &[&str],
) -> Result<Option<DataFrame>, DataFusionError> {
    if paths.is_empty() {
        return Ok(None);
    }
    let rows = ctx.read_table(provider(ctx, table, Some(&paths)).await?)?;
    Ok(Some(rows.select(columns.iter().map(|column| ident(*column)).collect::<Vec<_>>())?))
}
