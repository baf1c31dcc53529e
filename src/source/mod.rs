//! Sources: what a run reads, pinned.
//!
//! [`open`] chooses the version of every table once, checks that the columns that the monitor names are
//! there and of the right types, and makes the tables known to SQL as `inference`, `labels` and
//! `baseline`. Later stages never ask for "latest". This module reads metadata; it must not read rows.

pub mod changes;
mod columns;
mod commits;
mod damage;
mod error;
mod head;
mod lake;
mod local;
mod part;
mod provider;
pub mod registry;
mod relabeled;
mod versions;

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use columns::{Columns, is_bytes, is_id, is_number, is_scalar};
pub use columns::{is_by_class, is_time, spark_type};
use datafusion::common::DataFusionError;
use datafusion::execution::context::SessionContext;
use deltalake::kernel::LogicalFileView;
use deltalake::{DeltaTable, DeltaTableError};
pub use error::SourceError;
pub(crate) use error::{HINT_UNREACHABLE, hint_denied, hint_full};
use futures::TryStreamExt;
pub use head::{Heads, Pinned, is_as_it_was};
pub use lake::Lake;
pub use part::{INFERENCE, Part};
use registry::Entry;
pub use relabeled::{RELABELED, Relabeled};
use serde::{Deserialize, Serialize};
use url::Url;
pub use versions::{At, Versions};

use crate::config::{
    Inference, LabelTable, Monitor, Operations, Prediction, ProblemType, Registry, RegistryPlace,
};
use crate::lineage::{Pin, RegisteredModel};

/// The name of the label table in SQL, which may be narrowed down to the labels of some rows.
pub const LABELS: &str = "labels";

/// The name of the whole label table in SQL.
pub const ALL_LABELS: &str = "all_labels";

/// Everything that a run reads, at the versions at which it reads it.
pub struct Snapshot {
    /// Knows the tables `inference`, `labels`, `all_labels` and `baseline`.
    pub ctx: SessionContext,
    /// The columns of the inference table; the label last if it arrives apart.
    pub schema: SchemaRef,
    /// The inference table.
    pub inference: DeltaTable,
    /// The id of the inference table, which another in its place would not have.
    pub id: String,
    /// The entries of the logs of what is read.
    pub heads: Heads,
    /// The inference table, as lineage names it.
    pub source: Pin,
    /// The label table.
    pub labels: Option<Pin>,
    label_table: Option<DeltaTable>,
    /// The baseline table.
    pub baseline: Option<BaselineSnapshot>,
    /// The model, if the monitor names a registry.
    pub model: Option<RegisteredModel>,
    /// What is wrong with the registry, and did not keep the model from being read.
    pub registry_findings: Vec<String>,
    /// How large the inference table is.
    pub size: TableSize,
}

/// Ids of the tables beside the inference table, which others in their places would not have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ids {
    /// Of the label table.
    pub labels: Option<String>,
    /// Of the baseline table.
    pub baseline: Option<String>,
}

impl Snapshot {
    /// The ids of the tables beside the inference table.
    pub fn ids(&self) -> Ids {
        Ids {
            labels: self.label_table.as_ref().and_then(id_of),
            baseline: self.baseline.as_ref().and_then(|baseline| baseline.id.clone()),
        }
    }

    /// Which of the tables is not the one that was `read`, though it may have the same id, if one is not: a copy was put in its
    /// place, say, that was made before.
    ///
    /// # Errors
    /// If a log cannot be read.
    pub async fn replaced(&self, read: Pinned<'_>) -> Result<Option<&'static str>, SourceError> {
        let tables = [
            (Some(&self.inference), Some(read.source), &read.heads.inference, "the table was made anew"),
            (self.label_table.as_ref(), read.labels, &read.heads.labels, "the label table was made anew"),
        ];
        for (table, pin, head, why) in tables {
            let (Some(table), Some(pin), Some(head)) = (table, pin, head) else { continue };
            let found = head::entry(table.log_store().as_ref(), pin.version).await;
            let found = found.map_err(|error| SourceError::read(table.table_url(), error))?;
            if found.is_some_and(|found| found != *head) {
                return Ok(Some(why));
            }
        }
        Ok(None)
    }

    /// The type of labels that arrive in a table of their own, as Spark writes it.
    pub fn label_type(&self, monitor: &Monitor) -> Option<String> {
        self.label_table.as_ref()?;
        let label = monitor.inference.prediction.as_ref()?.label.as_ref()?;
        self.schema.field_with_name(&label.column).ok().map(|field| spark_type(field.data_type()))
    }

    /// Lets SQL see only these rows as the inference table.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn show(&self, part: &Part, inference: &Inference) -> Result<(), DataFusionError> {
        part.show(&self.ctx, &self.inference, &inference.timestamp_col).await
    }

    /// Lets SQL see the rows of the label table that are not those of version `since`, by their `columns`, as `relabeled`.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub async fn show_relabeled(&self, since: u64, columns: &[&str]) -> Result<Relabeled, DataFusionError> {
        match &self.label_table {
            None => Ok(Relabeled::Nothing),
            Some(labels) => relabeled::show(&self.ctx, labels, since, columns).await,
        }
    }
}

/// How large a table is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TableSize {
    /// Bytes of Parquet.
    pub bytes: u64,
    /// Rows, if the log says it of every file.
    pub rows: Option<u64>,
}

/// The baseline table.
pub struct BaselineSnapshot {
    /// Its id.
    pub id: Option<String>,
    /// The table.
    pub pin: Pin,
    /// Its columns.
    pub schema: SchemaRef,
    /// Whether it says which model version a row is of.
    pub has_model_id: bool,
    /// How large it is.
    pub size: TableSize,
}

/// Pins and opens what `monitor` reads.
///
/// # Errors
/// If something is not there, cannot be read, or is of another type than its role needs.
pub async fn open(monitor: &Monitor, versions: Versions, lake: Lake<'_>) -> Result<Snapshot, SourceError> {
    let ctx = deltalake::delta_datafusion::create_session().into_inner();
    let inference = &monitor.inference;

    let table = lake.table("inference.table", &inference.table, versions.of_inference()).await?;
    let beside = versions.of_others(&table).await?;
    let (source, schema) = register(&ctx, INFERENCE, &inference.table, &table).await?;
    let size = size_of(&table).await.map_err(|error| SourceError::read(&inference.table, error))?;
    let state = table.snapshot().map_err(|error| SourceError::read(&inference.table, error))?;
    let id = state.metadata().id().to_owned();
    let own = Columns { table: &inference.table, version: source.version, schema: &schema };
    own.require_type("timestamp_col", &inference.timestamp_col, "a timestamp or a date", is_time)?;
    if let Some(model_id_col) = &inference.model_id_col {
        own.require_type("model_id_col", model_id_col, "a text or a number", is_scalar)?;
    }
    if let Some(request_id_col) = &inference.request_id_col {
        own.require_type("request_id_col", request_id_col, "a text, a number or binary", is_id)?;
    }
    let Operations { latency_col, status_col, payload_cols } = &inference.operations;
    if let Some(latency_col) = latency_col {
        own.require_type("latency_col", latency_col, "a number", is_number)?;
    }
    if let Some(status_col) = status_col {
        own.require_type("status_col", status_col, "a text or a number", is_scalar)?;
    }
    for payload_col in payload_cols {
        own.require_type("payload_cols", payload_col, "a text or binary", is_bytes)?;
    }
    if let Some(prediction) = &inference.prediction {
        let regression = prediction.problem_type == ProblemType::Regression;
        let (wanted, fits): (_, fn(&_) -> bool) =
            if regression { ("a number", is_number) } else { ("a text, a number or a boolean", is_scalar) };
        own.require_type("prediction_col", &prediction.column, wanted, fits)?;
        if let Some(proba) = &prediction.proba {
            own.require_proba(proba)?;
        }
    }

    let labelled =
        inference.prediction.as_ref().and_then(|prediction| Some((prediction, prediction.label.as_ref()?)));
    let head = async |url: &Url, table: &DeltaTable| {
        head::of(table).await.map_err(|error| SourceError::read(url, error))
    };
    let mut heads = Heads { inference: head(&inference.table, &table).await?, ..Heads::default() };
    let (mut labels, mut label_table) = (None, None);
    let mut all_fields = schema.fields().to_vec();
    // Quality is estimated by labels of the baseline, where the inference table never gets any.
    let mut awaited = None;
    if let Some((prediction, label)) = labelled {
        if let Some(known_at) = &label.known_at {
            own.require_type("label_timestamp_col", known_at, "a timestamp or a date", is_time)?;
        }
        match &label.arrives_in {
            None if monitor.baseline.is_some() && schema.field_with_name(&label.column).is_err() => {
                awaited = Some((prediction, &label.column));
            }
            None => own.require_label(prediction, &label.column)?,
            Some(arrives_in) => {
                let at = beside.or_own(versions.labels)?;
                let (pin, field, opened) =
                    open_labels(&ctx, lake, at, arrives_in, (prediction, &label.column), &own).await?;
                if schema.field_with_name(&label.column).is_ok() {
                    return Err(SourceError::LabelTwice {
                        column: label.column.clone(),
                        labels: pin.table,
                        table: source.table,
                    });
                }
                heads.labels = head(&arrives_in.table, &opened).await?;
                labels = Some(pin);
                label_table = Some(opened);
                all_fields.push(field);
            }
        }
    }
    let labelled = Schema::new(all_fields);
    let labelled_columns = Columns { schema: &labelled, ..own.clone() };
    for name in inference.columns.include.iter().flatten() {
        labelled_columns.require("columns.include", name)?;
    }
    for name in &inference.columns.categorical {
        labelled_columns.require("columns.categorical", name)?;
    }

    let baseline = match &monitor.baseline {
        None => None,
        Some(baseline) => {
            let at = beside.or_own(versions.baseline.or(baseline.version))?;
            let table = lake.table("baseline.table", &baseline.table, at).await?;
            let (pin, schema) = register(&ctx, "baseline", &baseline.table, &table).await?;
            if let Some((prediction, column)) = awaited {
                let of_baseline = Columns { table: &baseline.table, version: pin.version, schema: &schema };
                let is_there = schema.field_with_name(column).is_ok();
                if is_there { of_baseline } else { own.clone() }.require_label(prediction, column)?;
            }
            let size = size_of(&table).await.map_err(|error| SourceError::read(&baseline.table, error))?;
            let model_id_col = inference.model_id_col.as_ref();
            let has_model_id = model_id_col.is_some_and(|name| schema.field_with_name(name).is_ok());
            heads.baseline = head(&baseline.table, &table).await?;
            Some(BaselineSnapshot { id: id_of(&table), pin, schema, has_model_id, size })
        }
    };
    let (model, registry_findings) = match &monitor.registry {
        None => (None, Vec::new()),
        Some(registry) => {
            let Entry { model, findings } = read_registry(registry, lake, &ctx).await?;
            (Some(model), findings)
        }
    };
    let schema = Arc::new(labelled);
    Ok(Snapshot {
        ctx,
        schema,
        inference: table,
        id,
        heads,
        source,
        labels,
        label_table,
        baseline,
        model,
        registry_findings,
        size,
    })
}

async fn open_labels(
    ctx: &SessionContext,
    lake: Lake<'_>,
    at: At,
    labels: &LabelTable,
    label: (&Prediction, &str),
    inference: &Columns<'_>,
) -> Result<(Pin, Arc<Field>, DeltaTable), SourceError> {
    let (prediction, label_col) = label;
    let table = lake.table("inference.label_table", &labels.table, at).await?;
    let (pin, schema) = register(ctx, LABELS, &labels.table, &table).await?;
    let named = async { ctx.register_table(ALL_LABELS, ctx.table_provider(LABELS).await?) }.await;
    named.map_err(|error| SourceError::read(&labels.table, error))?;
    let columns = Columns { table: &labels.table, version: pin.version, schema: &schema };
    columns.require_label(prediction, label_col)?;
    columns.require_joinable("request_id_col", &labels.request_id_col, inference)?;
    if let Some(timestamp_col) = &labels.timestamp_col {
        columns.require("label_timestamp_col", timestamp_col)?;
    }
    let field = schema.fields().iter().find(|field| field.name() == label_col).cloned();
    let missing =
        || SourceError::read(&labels.table, std::io::Error::other("its schema changed while it was read"));
    Ok((pin, field.ok_or_else(missing)?, table))
}

async fn register(
    ctx: &SessionContext,
    name: &str,
    url: &Url,
    table: &DeltaTable,
) -> Result<(Pin, SchemaRef), SourceError> {
    let provider = provider::provider(ctx, table, None).await;
    let provider = provider.map_err(|error| SourceError::read(url, error))?;
    let schema = provider.schema();
    ctx.register_table(name, provider).map_err(|error| SourceError::read(url, error))?;
    let pin = Pin { table: shown(url), version: table.version().unwrap_or_default() };
    Ok((pin, schema))
}

/// The model, if `monitor` names a registry.
///
/// # Errors
/// If the registry cannot be read.
pub async fn model(monitor: &Monitor, lake: Lake<'_>) -> Result<Option<RegisteredModel>, SourceError> {
    let Some(registry) = &monitor.registry else { return Ok(None) };
    let ctx = deltalake::delta_datafusion::create_session().into_inner();
    Ok(Some(read_registry(registry, lake, &ctx).await?.model))
}

async fn read_registry(
    registry: &Registry,
    lake: Lake<'_>,
    ctx: &SessionContext,
) -> Result<Entry, SourceError> {
    let opened = match &registry.place {
        RegistryPlace::MlflowFiles(url) => {
            registry::Opened::Files(lake.folder("registry.mlflow", url)?.object_store(None))
        }
        RegistryPlace::Table(url) => {
            let table = lake.table("registry.table", url, At::Latest).await?;
            let provider = table.table_provider().await.map_err(|error| SourceError::read(url, error))?;
            registry::Opened::Table(ctx.clone(), provider)
        }
    };
    Ok(registry::read(registry, opened).await?)
}

/// Which file of the table at `url`, as `key` names it, cannot be read. Looks at all files; only for when a read has
/// failed.
pub async fn damage_of(lake: Lake<'_>, key: &'static str, url: &Url) -> Option<SourceError> {
    damage::of_files(lake, key, url, At::Latest).await
}

/// Which file of `snapshot` cannot be read, if one cannot. Looks at all files; only for when a read has failed.
pub async fn damage(snapshot: &Snapshot, lake: Lake<'_>) -> Option<SourceError> {
    let pins = [
        ("inference.table", Some(&snapshot.source)),
        ("inference.label_table", snapshot.labels.as_ref()),
        ("baseline.table", snapshot.baseline.as_ref().map(|baseline| &baseline.pin)),
    ];
    for (key, pin) in pins {
        if let Some(pin) = pin
            && let Ok(url) = Url::parse(&format!("{}/", pin.table))
            && let Some(damage) = damage::of_files(lake, key, &url, At::Version(pin.version)).await
        {
            return Some(damage);
        }
    }
    None
}

/// How large a table is, from its log.
async fn size_of(table: &DeltaTable) -> Result<TableSize, DeltaTableError> {
    let files = table.get_active_add_actions_by_partitions(&[]);
    let sum = |sum: TableSize, file: LogicalFileView| async move {
        let rows = file.num_records().map(|rows| rows as u64);
        Ok(TableSize {
            bytes: sum.bytes + u64::try_from(file.size()).unwrap_or_default(),
            rows: sum.rows.zip(rows).map(|(sum, rows)| sum + rows),
        })
    };
    files.try_fold(TableSize { bytes: 0, rows: Some(0) }, sum).await
}

/// The id of a table that is loaded.
fn id_of(table: &DeltaTable) -> Option<String> {
    table.snapshot().ok().map(|state| state.metadata().id().to_owned())
}

/// A table's URL as lineage has it: without the slash at its end.
pub fn shown(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}
