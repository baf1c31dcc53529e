//! The `alerts` table: what it already says.

use arrow::json::LineDelimitedWriter;
use datafusion::common::ScalarValue;
use deltalake::DeltaTable;

use super::SinkError;
use crate::alert::{Event, Recorded};

/// The last event of each alert of a monitor.
const RECORDED: &str = include_str!("../../sql/recorded_alerts.sql");

/// What `table` says about `monitor`.
///
/// # Errors
/// If it cannot be read.
pub async fn recorded(table: &DeltaTable, monitor: &str) -> Result<Recorded, SinkError> {
    let url = table.table_url().clone();
    let failed =
        |source: Box<dyn std::error::Error + Send + Sync>| SinkError::Read { table: url.clone(), source };
    let provider = table.table_provider().await.map_err(|error| failed(error.into()))?;
    let ctx = deltalake::delta_datafusion::create_session().into_inner();
    let batches = async {
        ctx.register_table("alerts", provider)?;
        let parameters = vec![("monitor", ScalarValue::from(monitor))];
        ctx.sql(RECORDED).await?.with_param_values(parameters)?.collect().await
    };
    let batches = batches.await.map_err(|error| failed(error.into()))?;
    let mut lines = LineDelimitedWriter::new(Vec::new());
    lines
        .write_batches(&batches.iter().collect::<Vec<_>>())
        .and_then(|()| lines.finish())
        .map_err(|error| failed(error.into()))?;
    let lines = lines.into_inner();
    let events = serde_json::Deserializer::from_slice(&lines).into_iter::<Event>();
    let last =
        events.map(|event| event.map(|event| (event.alert_id.clone(), event))).collect::<Result<_, _>>();
    Ok(Recorded { last: last.map_err(|error| failed(error.into()))? })
}
