//! Which rows are counted: those of the inference table and of the baseline, in one shape.
//!
//! Labels are joined here, and every row gets its base window and model version. Rows are named, not read.

use arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::dataframe::DataFrame;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::lit;

use super::{QueryError, decode};
use crate::config::Monitor;
use crate::contract::ALL_VERSIONS;
use crate::profile::template::{self, Name};
use crate::profile::{ColumnInfo, Kind, columns};
use crate::source::{BaselineSnapshot, Snapshot, spark_type};

/// The rows of the inference table with labels, base window and version.
pub(super) async fn of_inference(monitor: &Monitor, snapshot: &Snapshot) -> Result<DataFrame, QueryError> {
    let rows = windowed(monitor, &snapshot.ctx).await;
    rows.map_err(|error| QueryError::query(&snapshot.source.table, error))
}

/// The rows of the baseline; columns that it lacks are NULL.
pub(super) async fn of_baseline(
    monitor: &Monitor,
    snapshot: &Snapshot,
    baseline: &BaselineSnapshot,
    columns: &[ColumnInfo],
) -> Result<DataFrame, QueryError> {
    let rows = unwindowed(monitor, &snapshot.ctx, columns, baseline.has_model_id).await;
    rows.map_err(|error| QueryError::query(&baseline.pin.table, error))
}

/// Requests with several labels, of which no column says the latest; none where one does.
pub(super) async fn with_several_labels(monitor: &Monitor, snapshot: &Snapshot) -> Result<u64, QueryError> {
    let label = monitor.inference.prediction.as_ref().and_then(|prediction| prediction.label.as_ref());
    let arriving = label.and_then(|label| Some((label, label.arrives_in.as_ref()?)));
    let (Some((label, arrives_in)), Some(pin)) = (arriving, &snapshot.labels) else { return Ok(0) };
    if arrives_in.timestamp_col.is_some() {
        return Ok(0);
    }
    let names =
        [("request_id", Name::column(&arrives_in.request_id_col)), ("label", Name::column(&label.column))];
    let sql = template::fill(template::SEVERAL_LABELS, &names);
    let counted = async {
        let batches = snapshot.ctx.sql(&sql).await?.collect().await?;
        decode::number(&batches, "__requests")
    };
    counted.await.map_err(|error| QueryError::query(&pin.table, error))
}

/// Whether the rows of the baseline have the columns as they are in the inference table.
pub(super) fn are_comparable(
    columns: &[ColumnInfo],
    baseline: &DataFrame,
    table: &str,
) -> Result<(), QueryError> {
    for column in columns {
        let Ok(field) = baseline.schema().field_with_unqualified_name(&column.name) else { continue };
        let found = columns::kind_of(field.data_type());
        let fits = match column.kind {
            Kind::Opaque => true,
            Kind::Text => found != Kind::Opaque,
            kind => found == kind,
        };
        if !fits && *field.data_type() != DataType::Null {
            return Err(QueryError::Baseline {
                column: column.name.clone(),
                table: table.to_owned(),
                found: spark_type(field.data_type()),
                wanted: column.data_type.clone(),
            });
        }
    }
    Ok(())
}

async fn windowed(monitor: &Monitor, ctx: &SessionContext) -> Result<DataFrame, DataFusionError> {
    let labelled = labelled(monitor, ctx).await?;
    view(ctx, "labelled", labelled)?;
    let timestamp = Name::column(&monitor.inference.timestamp_col);
    let names = [("timestamp", timestamp), ("model_id", model_id(monitor, true))];
    let sql = template::fill(template::WINDOWED, &names);
    ctx.sql(&sql).await?.with_param_values(vec![
        ("granularity", ScalarValue::from(monitor.base_granularity().to_string())),
        ("zone", ScalarValue::from(monitor.timezone.clone())),
    ])
}

/// The rows of the inference table, with labels that arrive in a table of their own.
async fn labelled(monitor: &Monitor, ctx: &SessionContext) -> Result<DataFrame, DataFusionError> {
    let label = monitor.inference.prediction.as_ref().and_then(|prediction| prediction.label.as_ref());
    let Some((label, arrives_in)) = label.and_then(|label| Some((label, label.arrives_in.as_ref()?))) else {
        return ctx.table("inference").await;
    };
    let order = arrives_in.timestamp_col.iter().chain([&label.column]);
    let order: Vec<Name> = order.map(|column| Name::column(column)).collect();
    let names = [
        ("request_id", Name::column(&arrives_in.request_id_col)),
        ("label", Name::column(&label.column)),
        ("label_order", Name::list(&order)),
    ];
    ctx.sql(&template::fill(template::LABELLED, &names)).await
}

async fn unwindowed(
    monitor: &Monitor,
    ctx: &SessionContext,
    columns: &[ColumnInfo],
    has_model_id: bool,
) -> Result<DataFrame, DataFusionError> {
    let sql = template::fill(template::BASELINE, &[("model_id", model_id(monitor, has_model_id))]);
    let mut frame = ctx.sql(&sql).await?;
    let prediction = monitor.inference.prediction.iter();
    let outputs = prediction.flat_map(|prediction| {
        let label = prediction.label.iter().map(|label| &label.column);
        std::iter::once(&prediction.column).chain(&prediction.proba_col).chain(label)
    });
    let wanted: Vec<&String> = columns.iter().map(|column| &column.name).chain(outputs).collect();
    for name in wanted {
        if frame.schema().field_with_unqualified_name(name).is_err() {
            frame = frame.with_column(name, lit(ScalarValue::Null))?;
        }
    }
    Ok(frame)
}

fn model_id(monitor: &Monitor, there: bool) -> Name {
    match &monitor.inference.model_id_col {
        Some(column) if there => Name::column(column),
        _ => Name::text(ALL_VERSIONS),
    }
}

/// Makes `frame` known to SQL as `name`.
pub(super) fn view(ctx: &SessionContext, name: &str, frame: DataFrame) -> Result<(), DataFusionError> {
    ctx.deregister_table(name)?;
    ctx.register_table(name, frame.into_view())?;
    Ok(())
}
