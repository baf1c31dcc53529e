//! What happened to the columns of a table.
//!
//! Columns are told apart by the ids that Delta's column mapping gives them, and else by their names. Compares two
//! schemas; it must not decide what a change means.

use std::collections::HashMap;
use std::fmt;

use arrow::datatypes::{DataType, Schema};
use deltalake::kernel::{MetadataValue, Snapshot, StructType};
use deltalake::{DeltaTable, DeltaTableError};

use crate::cause::{Trouble, trouble};
use crate::source::spark_type;

/// Delta's number of a column, which it keeps when it is renamed.
const COLUMN_ID: &str = "delta.columnMapping.id";

/// What happened to a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnChange {
    /// It is new.
    Added(String),
    /// It is not there any more.
    Dropped(String),
    /// It is called otherwise.
    Renamed {
        /// As it was called.
        from: String,
        /// As it is called.
        to: String,
    },
    /// Its values are of another type.
    Retyped {
        /// Its name.
        column: String,
        /// The type that they were of, as Spark writes it.
        from: String,
        /// The type that they are of.
        to: String,
    },
    /// It is not there any more, and another has its name.
    Replaced(String),
}

impl ColumnChange {
    /// The column that it is about, as it was called.
    pub fn column(&self) -> &str {
        match self {
            Self::Added(column) | Self::Dropped(column) | Self::Replaced(column) => column,
            Self::Renamed { from, .. } => from,
            Self::Retyped { column, .. } => column,
        }
    }
}

impl fmt::Display for ColumnChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added(column) => write!(f, "column `{column}` was added"),
            Self::Dropped(column) => write!(f, "column `{column}` was dropped"),
            Self::Renamed { from, to } => write!(f, "column `{from}` was renamed to `{to}`"),
            Self::Retyped { column, from, to } => {
                write!(f, "column `{column}` is {to} now, and was {from}")
            }
            Self::Replaced(column) => write!(f, "column `{column}` was dropped, and another has its name"),
        }
    }
}

/// A column, as one schema has it.
struct Column {
    id: Option<i64>,
    name: String,
    data_type: DataType,
}

/// What happened to the columns of `table` since `version`; `None` if what they were then cannot be read any more.
///
/// # Errors
/// If the store does not answer, or refuses.
pub(super) async fn since(
    table: &DeltaTable,
    version: u64,
) -> Result<Option<Vec<ColumnChange>>, DeltaTableError> {
    let log = table.log_store();
    let before = match Snapshot::try_new(log.as_ref(), Some(version)).await {
        Err(error) if trouble(&error) == Trouble::Other => return Ok(None),
        before => before?,
    };
    let now = table.snapshot()?.snapshot();
    let before = columns(&before.schema(), &before.arrow_schema());
    Ok(Some(changes(&before, &columns(&now.schema(), &now.arrow_schema()))))
}

fn columns(schema: &StructType, types: &Schema) -> Vec<Column> {
    let column = |field: &deltalake::kernel::StructField| {
        let id = match field.metadata.get(COLUMN_ID) {
            Some(MetadataValue::Number(id)) => Some(*id),
            _ => None,
        };
        let data_type = types.field_with_name(field.name()).ok()?.data_type().clone();
        Some(Column { id, name: field.name().clone(), data_type })
    };
    schema.fields().filter_map(column).collect()
}

/// What happened from `before` until `now`, in the order of the columns that are there now; then those that are gone.
fn changes(before: &[Column], now: &[Column]) -> Vec<ColumnChange> {
    let by_id: HashMap<i64, &Column> =
        before.iter().filter_map(|column| Some((column.id?, column))).collect();
    let by_name: HashMap<&str, &Column> =
        before.iter().map(|column| (column.name.as_str(), column)).collect();
    let known = |column: &Column| match column.id.filter(|_| !by_id.is_empty()) {
        Some(id) => by_id.get(&id).copied(),
        None => by_name.get(column.name.as_str()).copied(),
    };
    let mut changes = Vec::new();
    let mut found = Vec::new();
    for column in now {
        let Some(was) = known(column) else {
            let name = column.name.clone();
            let is_gone = |was: &&Column| now.iter().all(|column| column.id != was.id);
            let is_replaced = by_name.get(column.name.as_str()).copied().is_some_and(|was| is_gone(&was));
            found.extend(is_replaced.then_some(column.name.as_str()));
            changes.push(if is_replaced { ColumnChange::Replaced(name) } else { ColumnChange::Added(name) });
            continue;
        };
        found.push(was.name.as_str());
        if was.name != column.name {
            changes.push(ColumnChange::Renamed { from: was.name.clone(), to: column.name.clone() });
        }
        let [from, to] = [&was.data_type, &column.data_type].map(spark_type);
        if from != to {
            changes.push(ColumnChange::Retyped { column: column.name.clone(), from, to });
        }
    }
    let gone = before.iter().filter(|column| !found.contains(&column.name.as_str()));
    changes.extend(gone.map(|column| ColumnChange::Dropped(column.name.clone())));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(id: Option<i64>, name: &str, data_type: DataType) -> Column {
        Column { id, name: name.to_owned(), data_type }
    }

    fn said(before: &[Column], now: &[Column]) -> Vec<String> {
        changes(before, now).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn columns_come_and_go_and_change_their_types() {
        let before = [column(None, "a", DataType::Int32), column(None, "b", DataType::Utf8)];
        let now = [column(None, "a", DataType::Int64), column(None, "c", DataType::Utf8)];
        assert_eq!(
            said(&before, &now),
            ["column `a` is bigint now, and was int", "column `c` was added", "column `b` was dropped"]
        );
        assert!(said(&before, &before).is_empty());
    }

    #[test]
    fn a_column_with_an_id_can_be_renamed() {
        let before = [column(Some(1), "a", DataType::Int32), column(Some(2), "b", DataType::Utf8)];
        let now = [column(Some(1), "b", DataType::Int32), column(Some(3), "a", DataType::Utf8)];
        assert_eq!(
            said(&before, &now),
            ["column `a` was renamed to `b`", "column `a` was added", "column `b` was dropped"]
        );
        let other = [column(Some(1), "a", DataType::Int32), column(Some(3), "b", DataType::Utf8)];
        assert_eq!(said(&before, &other), ["column `b` was dropped, and another has its name"]);
        // Ids that came later tell nothing of what was before.
        assert!(
            said(&[column(None, "a", DataType::Int32)], &[column(Some(1), "a", DataType::Int32)]).is_empty()
        );
    }
}
