//! The `alerts` table: what it already says.

use arrow::datatypes::DataType;
use arrow::json::LineDelimitedWriter;
use datafusion::common::ScalarValue;
use deltalake::DeltaTable;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::SinkError;
use crate::alert::{Event, Recorded};

/// The last event of each alert of a monitor.
const RECORDED: &str = include_str!("../../sql/recorded_alerts.sql");

/// Events of which it is not known whether anybody was told.
const UNSENT: &str = include_str!("../../sql/unsent_alerts.sql");

/// What `table` says about `monitor`.
///
/// # Errors
/// If it cannot be read.
pub async fn recorded(table: &DeltaTable, monitor: &str) -> Result<Recorded, SinkError> {
    let told: Vec<Told> = rows(table, RECORDED, vec![("monitor", ScalarValue::from(monitor))]).await?;
    let mut recorded = Recorded::default();
    for Told { event, told_until } in told {
        recorded.told_until.insert(event.alert_id.clone(), told_until);
        recorded.last.insert(event.alert_id.clone(), event);
    }
    Ok(recorded)
}

/// A row of the answer to `recorded_alerts.sql`.
#[derive(Deserialize)]
struct Told {
    #[serde(flatten)]
    event: Event,
    told_until: i64,
}

/// The events of `runs` of `monitor`.
///
/// # Errors
/// If the table cannot be read.
pub async fn of_runs(table: &DeltaTable, monitor: &str, runs: &[String]) -> Result<Vec<Event>, SinkError> {
    let runs: Vec<ScalarValue> = runs.iter().map(|run| ScalarValue::from(run.as_str())).collect();
    let runs = ScalarValue::List(ScalarValue::new_list_nullable(&runs, &DataType::Utf8));
    rows(table, UNSENT, vec![("monitor", ScalarValue::from(monitor)), ("runs", runs)]).await
}

async fn rows<R: DeserializeOwned>(
    table: &DeltaTable,
    sql: &str,
    parameters: Vec<(&'static str, ScalarValue)>,
) -> Result<Vec<R>, SinkError> {
    let url = table.table_url().clone();
    let failed =
        |source: Box<dyn std::error::Error + Send + Sync>| SinkError::Read { table: url.clone(), source };
    let provider = table.table_provider().await.map_err(|error| failed(error.into()))?;
    let ctx = deltalake::delta_datafusion::create_session().into_inner();
    let batches = async {
        ctx.register_table("alerts", provider)?;
        ctx.sql(sql).await?.with_param_values(parameters)?.collect().await
    };
    let batches = batches.await.map_err(|error| failed(error.into()))?;
    let mut lines = LineDelimitedWriter::new(Vec::new());
    lines
        .write_batches(&batches.iter().collect::<Vec<_>>())
        .and_then(|()| lines.finish())
        .map_err(|error| failed(error.into()))?;
    let lines = lines.into_inner();
    let rows = serde_json::Deserializer::from_slice(&lines).into_iter::<R>();
    rows.collect::<Result<_, _>>().map_err(|error| failed(error.into()))
}
