//! The tables that Secchi writes, described once.
//!
//! Names, order, types and sentences of every column stand here; the Arrow schemas, the Delta column
//! comments, the page `docs/tables.md` and the metric names that rules may use are made from them.
//! Names and conventions are those of Databricks data profiling where that has the column; what Secchi
//! adds comes after. This module is data: it must not compute, read or write anything.

pub mod alerts;
pub mod drift_metrics;
mod lineage;
mod measure_of;
pub mod profile_metrics;
pub mod profile_states;
pub mod runs;
mod shared;

pub use measure_of::{Behind, MeasureOf, Quality};

/// `column_name` of the rows that describe a whole table.
pub const TABLE: &str = ":table";
/// `model_version` of the rows that describe all versions together.
pub const ALL_VERSIONS: &str = "*";
/// `model_version` of rows that carry none.
pub const NO_VERSION: &str = ":null";
/// `slice_value` of the values beyond the limit.
pub const OTHER: &str = ":other";
/// `slice_value` of rows for which the slicing expression is NULL.
pub const NULL_SLICE: &str = ":null";

/// Type of a column: the subset of Delta's types that every reader knows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Type {
    /// Text.
    Text,
    /// Whole number of 32 bits.
    Int,
    /// Whole number of 64 bits.
    Long,
    /// Floating-point number; never NaN, never infinite.
    Double,
    /// True or false.
    Bool,
    /// Bytes.
    Binary,
    /// Microseconds, UTC.
    Timestamp,
    /// A day.
    Date,
    /// Named fields.
    Struct(&'static [Column]),
    /// Many of one type.
    List(&'static Type),
    /// Text to number.
    TextToDouble,
    /// Text to text.
    TextToText,
    /// Text to named fields.
    TextToStruct(&'static [Column]),
}

/// One column of a table, or one field of a struct.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub ty: Type,
    /// What it means: unit, range, when it is NULL.
    pub doc: &'static str,
    /// The rows that it stands in, of what rules can watch.
    pub of: Option<MeasureOf>,
    /// Whether all rows stand behind it, where else values or labels would.
    is_of_rows: bool,
}

impl Column {
    const fn of(self, of: MeasureOf) -> Self {
        Self { of: Some(of), ..self }
    }

    const fn of_rows(self) -> Self {
        Self { is_of_rows: true, ..self }
    }
}

/// Shorthand for the lists of this module.
const fn column(name: &'static str, ty: Type, doc: &'static str) -> Column {
    Column { name, ty, doc, of: None, is_of_rows: false }
}

/// One table: its columns in order.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Name, or what follows `<monitor>_` in it.
    pub name: &'static str,
    /// What one row is.
    pub doc: &'static str,
    /// What tells rows apart, and what describes them.
    key: &'static [Column],
    /// What was measured.
    measures: &'static [&'static [Column]],
    /// What stands beside it: flat windows, reasons, lineage.
    beside: &'static [&'static [Column]],
    /// Whether all monitors of an output write to it, or each has one of its own.
    pub is_shared: bool,
    /// Columns that Delta partitions by.
    pub partition_by: &'static [&'static str],
    /// Columns by which rows are in order in files that maintenance writes. Where there are partitions, a file has rows of
    /// one value of the first only.
    pub sorted_by: &'static [&'static str],
}

/// The order of the metric tables: what is replaced together lies together.
const BY_WINDOW: &[&str] =
    &["granularity", "window_start", "model_version", "slice_key", "slice_value", "column_name"];

impl Table {
    /// Every column, in order.
    pub fn columns(&self) -> impl Iterator<Item = &'static Column> + use<> {
        let Self { key, measures, beside, .. } = *self;
        key.iter().chain(measures.iter().chain(beside).copied().flatten())
    }

    /// The columns that tell rows apart and describe them.
    pub fn key_columns(&self) -> impl Iterator<Item = &'static Column> + use<> {
        self.key.iter()
    }

    /// The columns that were measured.
    pub fn measure_columns(&self) -> impl Iterator<Item = &'static Column> + use<> {
        self.measures.iter().copied().flatten()
    }

    /// The column called `name`.
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns().find(|column| column.name == name)
    }

    /// What stands behind `metric`, a field of a struct with a dot: behind those of one's own all rows.
    pub fn behind(&self, metric: &str) -> Behind {
        let column = column_of(metric);
        match self.measure_columns().find(|known| known.name == column) {
            None => Behind::Rows,
            Some(known) if known.is_of_rows => Behind::Rows,
            Some(Column { of: Some(MeasureOf::Quality(of)), .. }) if !of.is_estimated() => Behind::Labels,
            Some(_) => Behind::Values,
        }
    }

    /// Names of all numbers that a rule can watch; a field of a struct with a dot.
    pub fn metrics(&self) -> impl Iterator<Item = String> + use<> {
        let measures = self.measures;
        measures.iter().copied().flatten().flat_map(|column| match column.ty {
            Type::Double | Type::Long => vec![column.name.to_owned()],
            Type::Struct(fields) => fields
                .iter()
                .filter(|field| matches!(field.ty, Type::Double | Type::Int))
                .map(|field| format!("{}.{}", column.name, field.name))
                .collect(),
            _ => Vec::new(),
        })
    }
}

/// What `metric` is of, in whichever of the metric tables it stands; a field of a struct with a dot.
pub fn measure_of(metric: &str) -> Option<MeasureOf> {
    let column = column_of(metric);
    let tables = [profile_metrics::TABLE, drift_metrics::TABLE];
    let mut measures = tables.iter().flat_map(Table::measure_columns);
    measures.find(|known| known.name == column)?.of
}

/// What `metric` looks at, if it is a measure of quality; a field of a struct with a dot.
pub fn quality(metric: &str) -> Option<Quality> {
    measure_of(metric).and_then(MeasureOf::quality)
}

fn column_of(metric: &str) -> &str {
    metric.split_once('.').map_or(metric, |(column, _)| column)
}

/// `struct<start, end>` of a window.
const WINDOW: Type = Type::Struct(&[
    column("start", Type::Timestamp, "First instant of the window."),
    column("end", Type::Timestamp, "First instant after the window."),
]);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const TABLES: [Table; 5] =
        [profile_metrics::TABLE, profile_states::TABLE, drift_metrics::TABLE, alerts::TABLE, runs::TABLE];

    #[test]
    fn names_are_unique_and_documented() {
        for table in TABLES {
            let names: BTreeSet<_> = table.columns().map(|column| column.name).collect();
            assert_eq!(names.len(), table.columns().count(), "{}", table.name);
            for column in table.columns() {
                assert!(column.doc.ends_with('.'), "{}.{}", table.name, column.name);
            }
        }
    }

    #[test]
    fn partition_and_sort_columns_exist() {
        for table in TABLES {
            let mut names = table.partition_by.iter().chain(table.sorted_by);
            assert!(names.all(|name| table.column(name).is_some()), "{}", table.name);
        }
    }

    #[test]
    fn metrics_name_numbers_only() {
        let metrics: Vec<_> = drift_metrics::TABLE.metrics().collect();
        assert!(metrics.contains(&"ks_test.statistic".to_owned()));
        assert!(metrics.contains(&"population_stability_index".to_owned()));
        assert!(!metrics.contains(&"column_name".to_owned()));
        assert!(!metrics.contains(&"source_version".to_owned()));
    }
}
