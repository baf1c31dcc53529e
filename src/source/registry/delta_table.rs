//! A Delta table as a registry: one row for each model version, or one for each change of it.
//!
//! | column | type | |
//! |---|---|---|
//! | `name`, `version` | text; text or integer | required |
//! | `run_id`, `source`, `training_dataset` | text | |
//! | `current_stage` or `stage` | text | `None` is none; `Deleted_Internal` hides the version |
//! | `aliases` | list of text, or text with commas | |
//! | `tags` | map of text, or text with a JSON object | |
//! | `creation_timestamp`, `last_updated_timestamp` | timestamp, or integer of milliseconds | |
//!
//! Names of columns match whatever their case; other columns are passed over. Of several rows of a version the one with
//! the latest `last_updated_timestamp` counts. Rows that are equally late must say the same, since Delta keeps no order
//! that could decide. It must not open the table, nor choose its version.

mod columns;
mod values;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::lit;
use datafusion::prelude::{SessionContext, ident};
use jiff::Timestamp;

use self::columns::{Columns, Role};
use self::values::{Rows, text_values};
use super::{DELETED_STAGE, RegistryError, stage, without_secrets};
use crate::lineage::{ModelVersion, RegisteredModel};

/// Most rows of one model.
const MOST_ROWS: usize = 100_000;

/// Most models whose names are looked at when the one that was asked for is missing.
const MOST_OTHERS: usize = 1_000;

/// What `table`, which messages call `place`, says about `model`.
///
/// # Errors
/// The model is not there, or the table cannot be read or is no registry.
pub async fn read(
    context: &SessionContext,
    table: &Arc<dyn TableProvider>,
    place: &str,
    model: &str,
) -> Result<RegisteredModel, RegistryError> {
    let failed =
        |source: DataFusionError| RegistryError::Query { place: place.to_owned(), source: Box::new(source) };
    let columns = Columns::find(&table.schema(), place)?;
    let rows = context.read_table(Arc::clone(table)).map_err(failed)?;
    let found = of_model(rows.clone(), &columns, model).await;
    let Some(found) = found.map_err(failed)? else {
        return Err(RegistryError::NoModel {
            model: model.to_owned(),
            others: names(rows, &columns).await.map_err(failed)?,
            place: place.to_owned(),
        });
    };
    if found.num_rows() > MOST_ROWS {
        return Err(RegistryError::TooMany {
            limit: MOST_ROWS,
            what: "rows of one model",
            place: place.to_owned(),
        });
    }
    let records = records(&Rows::new(&found, &columns, place), model)?;
    Ok(RegisteredModel { name: model.to_owned(), versions: latest(records, model, place)? })
}

/// The rows of `model`, if there are any.
async fn of_model(
    rows: DataFrame,
    columns: &Columns,
    model: &str,
) -> Result<Option<RecordBatch>, DataFusionError> {
    let name = ident(columns.name_of(Role::Name));
    let batches = rows
        .filter(name.eq(lit(model)))?
        .select(columns.names().map(ident))?
        .limit(0, Some(MOST_ROWS + 1))?
        .collect()
        .await?;
    let Some(first) = batches.iter().find(|batch| batch.num_rows() > 0) else {
        return Ok(None);
    };
    Ok(Some(concat_batches(&first.schema(), &batches)?))
}

/// Names of models, sorted.
async fn names(rows: DataFrame, columns: &Columns) -> Result<Vec<String>, DataFusionError> {
    let name = ident(columns.name_of(Role::Name));
    let batches = rows
        .select([name.clone()])?
        .distinct()?
        .sort(vec![name.sort(true, true)])?
        .limit(0, Some(MOST_OTHERS))?
        .collect()
        .await?;
    let mut names = Vec::new();
    for batch in &batches {
        names.extend(text_values(batch.column(0))?.into_iter().flatten());
    }
    Ok(names)
}

/// One row.
#[derive(PartialEq)]
struct Record {
    updated_at: Option<Timestamp>,
    deleted: bool,
    version: ModelVersion,
}

fn records(rows: &Rows<'_>, model: &str) -> Result<Vec<Record>, RegistryError> {
    let versions = rows.texts(Role::Version)?;
    let mut run_ids = rows.texts(Role::RunId)?;
    let mut stages = rows.texts(Role::Stage)?;
    let mut sources = rows.texts(Role::Source)?;
    let mut datasets = rows.texts(Role::TrainingDataset)?;
    let mut aliases = rows.lists(Role::Aliases)?;
    let mut tags = rows.pairs(Role::Tags)?;
    let created = rows.times(Role::CreatedAt)?;
    let updated = rows.times(Role::UpdatedAt)?;
    let mut records = Vec::new();
    for (row, version) in versions.into_iter().enumerate() {
        let version = version.filter(|version| !version.is_empty());
        let version =
            version.ok_or_else(|| rows.invalid(Role::Version, "set", format!("a row of model `{model}`")))?;
        let stage_name = stages[row].take();
        records.push(Record {
            updated_at: updated[row],
            deleted: stage_name.as_deref() == Some(DELETED_STAGE),
            version: ModelVersion {
                version,
                run_id: run_ids[row].take().filter(|run| !run.is_empty()),
                aliases: std::mem::take(&mut aliases[row]),
                stage: stage(stage_name),
                tags: std::mem::take(&mut tags[row]),
                created_at: created[row],
                source: sources[row].take().as_deref().map(without_secrets),
                training_dataset: datasets[row].take().filter(|text| !text.is_empty()),
            },
        });
    }
    Ok(records)
}

/// The latest row of each version that is not deleted.
fn latest(
    mut records: Vec<Record>,
    model: &str,
    place: &str,
) -> Result<BTreeMap<String, ModelVersion>, RegistryError> {
    records.sort_by_key(|record| std::cmp::Reverse(record.updated_at));
    let mut latest = BTreeMap::new();
    for record in records {
        match latest.entry(record.version.version.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(record);
            }
            Entry::Occupied(entry) => {
                let kept: &Record = entry.get();
                if kept.updated_at == record.updated_at && *kept != record {
                    return Err(RegistryError::Duplicate {
                        model: model.to_owned(),
                        version: record.version.version,
                        place: place.to_owned(),
                    });
                }
            }
        }
    }
    let latest = latest.into_iter().filter(|(_, record)| !record.deleted);
    Ok(latest.map(|(version, record)| (version, record.version)).collect())
}

#[cfg(test)]
mod tests;
