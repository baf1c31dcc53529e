//! Columns of a table: whether they are there and can have their roles, and their types in Spark's words.

use arrow::datatypes::{DataType, Field, Schema};
use url::Url;

use super::{SourceError, shown};
use crate::config::{Prediction, Proba, ProblemType, suggest};

/// A table's columns, with what errors need to name it.
#[derive(Debug, Clone)]
pub(super) struct Columns<'a> {
    pub(super) table: &'a Url,
    pub(super) version: u64,
    pub(super) schema: &'a Schema,
}

impl Columns<'_> {
    /// The type of the column that has `role`.
    pub(super) fn require(&self, role: &'static str, column: &str) -> Result<&DataType, SourceError> {
        self.schema.field_with_name(column).map(Field::data_type).map_err(|_| {
            let known: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
            let hint =
                if known.is_empty() { "the table has no columns".to_owned() } else { suggest(column, known) };
            SourceError::MissingColumn {
                role,
                column: column.to_owned(),
                table: shown(self.table),
                version: self.version,
                hint,
            }
        })
    }

    pub(super) fn require_type(
        &self,
        role: &'static str,
        column: &str,
        wanted: &'static str,
        fits: impl Fn(&DataType) -> bool,
    ) -> Result<(), SourceError> {
        let found = self.require(role, column)?;
        if fits(found) {
            return Ok(());
        }
        Err(SourceError::WrongType {
            role,
            column: column.to_owned(),
            table: shown(self.table),
            found: spark_type(found),
            wanted: wanted.to_owned(),
        })
    }

    /// A probability is a number; in one column there may be those of every class.
    pub(super) fn require_proba(&self, proba: &Proba) -> Result<(), SourceError> {
        let fits = |found: &DataType| is_number(found) || is_by_class(found);
        match proba {
            Proba::Column(column) => self.require_type(
                "prediction_proba_col",
                column,
                "a number, or a map or struct of numbers by class",
                fits,
            ),
            Proba::Columns(columns) => columns.values().try_for_each(|column| {
                self.require_type("prediction_proba_cols", column, "a number", is_number)
            }),
        }
    }

    /// A label is a number for a regression, and a name for a classification.
    pub(super) fn require_label(&self, prediction: &Prediction, column: &str) -> Result<(), SourceError> {
        match prediction.problem_type {
            ProblemType::Regression => self.require_type("label_col", column, "a number", is_number),
            ProblemType::Classification => {
                self.require_type("label_col", column, "a text, a number or a boolean", is_scalar)
            }
        }
    }

    /// The column called the same in `other` can be compared with this one.
    pub(super) fn require_joinable(
        &self,
        role: &'static str,
        column: &str,
        other: &Self,
    ) -> Result<(), SourceError> {
        let (ours, theirs) = (self.require(role, column)?, other.require(role, column)?);
        let both_integers = ours.is_integer() && theirs.is_integer();
        if both_integers || (is_scalar(ours) && spark_type(ours) == spark_type(theirs)) {
            return Ok(());
        }
        let wanted = format!("{} as in table `{}`", spark_type(theirs), shown(other.table));
        let (column, table, found) = (column.to_owned(), shown(self.table), spark_type(ours));
        Err(SourceError::WrongType { role, column, table, found, wanted })
    }
}

/// Whether a column of this type says when something happened.
pub fn is_time(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64)
}

/// Whether a column of this type holds something that is so many bytes long.
pub(super) fn is_bytes(data_type: &DataType) -> bool {
    data_type.is_string() || data_type.is_binary()
}

/// Whether values of this type can name something.
pub(super) fn is_id(data_type: &DataType) -> bool {
    !data_type.is_nested()
}

pub(super) fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric()
}

/// Whether these are numbers by name.
pub fn is_by_class(data_type: &DataType) -> bool {
    match data_type {
        DataType::Struct(fields) => fields.iter().all(|field| is_number(field.data_type())),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(entry) => {
                let types: Vec<&DataType> = entry.iter().map(|field| field.data_type()).collect();
                matches!(types.as_slice(), [key, value] if is_scalar(key) && is_number(value))
            }
            _ => false,
        },
        _ => false,
    }
}

pub(super) fn is_scalar(data_type: &DataType) -> bool {
    let binary = matches!(
        data_type,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_)
    );
    !data_type.is_nested() && !binary
}

/// The type in Spark's words, as Delta has it.
pub fn spark_type(data_type: &DataType) -> String {
    match data_type {
        DataType::Dictionary(_, values) => spark_type(values),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int8 => "tinyint".to_owned(),
        DataType::Int16 | DataType::UInt8 => "smallint".to_owned(),
        DataType::Int32 | DataType::UInt16 => "int".to_owned(),
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => "bigint".to_owned(),
        DataType::Float16 | DataType::Float32 => "float".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Decimal32(p, s)
        | DataType::Decimal64(p, s)
        | DataType::Decimal128(p, s)
        | DataType::Decimal256(p, s) => {
            format!("decimal({p},{s})")
        }
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::Timestamp(_, Some(_)) => "timestamp".to_owned(),
        DataType::Timestamp(_, None) => "timestamp_ntz".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            "binary".to_owned()
        }
        DataType::Struct(_) => "struct".to_owned(),
        DataType::List(_) | DataType::LargeList(_) | DataType::ListView(_) | DataType::FixedSizeList(..) => {
            "array".to_owned()
        }
        DataType::Map(..) => "map".to_owned(),
        other => other.to_string().to_lowercase(),
    }
}
