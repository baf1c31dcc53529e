//! The `alerts` table: what it already says, and what is new.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use deltalake::DeltaTable;

use super::SinkError;
use crate::alert::{Recorded, State};

/// The events that a table already has for a monitor.
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
    let mut recorded = Recorded { last: BTreeMap::new(), ..Recorded::default() };
    for batch in batches.await.map_err(|error| failed(error.into()))? {
        let text = |index: usize| cast(batch.column(index), &DataType::Utf8);
        let (alert_ids, event_ids, states) = (text(0)?, text(1)?, text(2)?);
        let (alert_ids, event_ids, states) =
            (alert_ids.as_string::<i32>(), event_ids.as_string::<i32>(), states.as_string::<i32>());
        for row in 0..batch.num_rows() {
            if alert_ids.is_null(row) || event_ids.is_null(row) {
                continue;
            }
            let state = if states.value(row) == "firing" { State::Firing } else { State::Resolved };
            recorded.last.insert(alert_ids.value(row).to_owned(), state);
            recorded.event_ids.insert(event_ids.value(row).to_owned());
        }
    }
    Ok(recorded)
}
