//! Which rows are counted: those of the inference table and of the baseline, in one shape.
//!
//! Labels are joined here, and every row gets its base window and model version. Rows are named, not read.

use arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::dataframe::DataFrame;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::lit;

use super::relabeled::window_start;
use super::{QueryError, decode};
use crate::config::Monitor;
use crate::contract::ALL_VERSIONS;
use crate::profile::ColumnInfo;
use crate::profile::counterparts::outputs;
use crate::profile::own_names::OwnNames;
use crate::profile::template::{self, Name};
use crate::source::{BaselineSnapshot, Snapshot};

/// The rows of the inference table with labels, base window and version.
pub(super) async fn of_inference(
    monitor: &Monitor,
    snapshot: &Snapshot,
    own: &OwnNames,
) -> Result<DataFrame, QueryError> {
    let rows = windowed(monitor, &snapshot.ctx, own).await;
    rows.map_err(|error| QueryError::query(&snapshot.source.table, error))
}

/// The rows of the baseline; columns that it lacks are NULL.
pub(super) async fn of_baseline(
    monitor: &Monitor,
    snapshot: &Snapshot,
    baseline: &BaselineSnapshot,
    columns: &[ColumnInfo],
    own: &OwnNames,
) -> Result<DataFrame, QueryError> {
    let rows = unwindowed(monitor, &snapshot.ctx, columns, baseline.has_model_id, own).await;
    rows.map_err(|error| QueryError::query(&baseline.pin.table, error))
}

/// `rows` of the baseline, each in the base window of its time.
pub(super) fn in_windows(
    monitor: &Monitor,
    rows: DataFrame,
    own: &OwnNames,
) -> Result<DataFrame, DataFusionError> {
    rows.with_column(&own.window_start_name(), window_start(monitor))
}

/// Requests with several labels, of which no column says the latest; none where one does.
pub(super) async fn with_several_labels(monitor: &Monitor, snapshot: &Snapshot) -> Result<u64, QueryError> {
    let (Some((label, arrives_in)), Some(pin)) = (monitor.arriving_label(), &snapshot.labels) else {
        return Ok(0);
    };
    if arrives_in.timestamp_col.is_some() {
        return Ok(0);
    }
    let names =
        [("request_id", Name::column(&arrives_in.request_id_col)), ("label", Name::column(&label.column))];
    let sql = template::fill(template::SEVERAL_LABELS, &names);
    let counted = async {
        let batches = snapshot.ctx.sql(&sql).await?.collect().await?;
        decode::number(&batches, "requests")
    };
    counted.await.map_err(|error| QueryError::query(&pin.table, error))
}

async fn windowed(
    monitor: &Monitor,
    ctx: &SessionContext,
    own: &OwnNames,
) -> Result<DataFrame, DataFusionError> {
    let labelled = labelled(monitor, ctx, own).await?;
    view(ctx, "labelled", labelled)?;
    let timestamp = Name::column(&monitor.inference.timestamp_col);
    let [window_start, model_version] = of_shape(own);
    let names =
        [("timestamp", timestamp), ("model_id", model_id(monitor, true)), window_start, model_version];
    let sql = template::fill(template::WINDOWED, &names);
    ctx.sql(&sql).await?.with_param_values(vec![
        ("granularity", ScalarValue::from(monitor.base_granularity().to_string())),
        ("zone", ScalarValue::from(monitor.timezone.clone())),
    ])
}

/// The rows of the inference table, with labels that arrive in a table of their own; labels that only the baseline has are NULL.
async fn labelled(
    monitor: &Monitor,
    ctx: &SessionContext,
    own: &OwnNames,
) -> Result<DataFrame, DataFusionError> {
    let Some(label) = monitor.label() else { return ctx.table("inference").await };
    let Some(arrives_in) = &label.arrives_in else {
        let frame = ctx.table("inference").await?;
        return match frame.schema().field_with_unqualified_name(&label.column) {
            Ok(_) => Ok(frame),
            Err(_) => frame.with_column(&label.column, lit(ScalarValue::Null)),
        };
    };
    let order = arrives_in.timestamp_col.iter().chain([&label.column]);
    let order: Vec<Name> = order.map(|column| Name::column(column)).collect();
    let names = [
        ("request_id", Name::column(&arrives_in.request_id_col)),
        ("label", Name::column(&label.column)),
        ("label_order", Name::list(&order)),
        ("label_time", label_time(ctx, arrives_in.timestamp_col.as_deref()).await?),
        ("labelled_at", own.labelled_at()),
    ];
    ctx.sql(&template::fill(template::LABELLED, &names)).await
}

/// When labels came, if that is known by more than the day: what only orders them has no distance from a request.
async fn label_time(ctx: &SessionContext, column: Option<&str>) -> Result<Name, DataFusionError> {
    let Some(column) = column else { return Ok(Name::null()) };
    let labels = ctx.table("labels").await?;
    let field = labels.schema().field_with_unqualified_name(column)?;
    let is_instant = matches!(field.data_type(), DataType::Timestamp(..));
    Ok(if is_instant { Name::column(column) } else { Name::null() })
}

async fn unwindowed(
    monitor: &Monitor,
    ctx: &SessionContext,
    columns: &[ColumnInfo],
    has_model_id: bool,
    own: &OwnNames,
) -> Result<DataFrame, DataFusionError> {
    let [window_start, model_version] = of_shape(own);
    let names = [("model_id", model_id(monitor, has_model_id)), window_start, model_version];
    let sql = template::fill(template::BASELINE, &names);
    let mut frame = ctx.sql(&sql).await?;
    let wanted: Vec<&String> = columns.iter().map(|column| &column.name).chain(outputs(monitor)).collect();
    for name in wanted {
        if frame.schema().field_with_unqualified_name(name).is_err() {
            frame = frame.with_column(name, lit(ScalarValue::Null))?;
        }
    }
    Ok(frame)
}

/// What is added to the rows of either table.
fn of_shape(own: &OwnNames) -> [(&'static str, Name); 2] {
    [("window_start", own.window_start()), ("model_version", own.model_version())]
}

fn model_id(monitor: &Monitor, there: bool) -> Name {
    match &monitor.inference.model_id_col {
        Some(column) if there => Name::column(column),
        _ => Name::text(ALL_VERSIONS),
    }
}

/// Makes `frame` known to SQL as `name`.
pub(in crate::profile) fn view(
    ctx: &SessionContext,
    name: &str,
    frame: DataFrame,
) -> Result<(), DataFusionError> {
    ctx.deregister_table(name)?;
    ctx.register_table(name, frame.into_view())?;
    Ok(())
}
