//! The Arrow schemas of the tables, made from the contract.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

use crate::contract::{Column, Table, Type};

/// The monitor's model id column, if it needs a column beside `model_version`. Delta tells names apart without
/// their case.
pub fn own_model_id(model_id_col: Option<&str>) -> Option<&str> {
    model_id_col.filter(|name| !name.eq_ignore_ascii_case("model_version"))
}

/// The schema of `table`, with a sentence for each column. Where the monitor's model id column has a name
/// of its own, it stands just before `model_version`.
pub fn schema(table: &Table, model_id_col: Option<&str>) -> SchemaRef {
    let mut fields: Vec<Field> = Vec::new();
    for column in table.columns() {
        if let Some(name) = own_model_id(model_id_col).filter(|_| column.name == "model_version") {
            fields.push(commented(
                Field::new(name, DataType::Utf8, true),
                "The model id column, as `model_version`.",
            ));
        }
        fields.push(field(column));
    }
    Arc::new(Schema::new(fields))
}

/// `schema` without its sentences, for rows: what a table was made with stands, and Delta refuses rows whose columns say
/// it in other words, as those of another version of Secchi do.
pub fn without_comments(schema: &Schema) -> SchemaRef {
    Arc::new(Schema::new(bare_fields(schema.fields())))
}

fn bare_fields(fields: &Fields) -> Fields {
    fields.iter().map(|field| bare(field)).collect()
}

fn bare(field: &Field) -> Field {
    let data_type = match field.data_type() {
        DataType::Struct(fields) => DataType::Struct(bare_fields(fields)),
        DataType::List(item) => DataType::List(Arc::new(bare(item))),
        DataType::Map(entry, sorted) => DataType::Map(Arc::new(bare(entry)), *sorted),
        other => other.clone(),
    };
    Field::new(field.name(), data_type, field.is_nullable())
}

fn field(column: &Column) -> Field {
    commented(Field::new(column.name, arrow_type(column.ty), true), column.doc)
}

pub(super) fn commented(field: Field, comment: &str) -> Field {
    field.with_metadata(HashMap::from([("comment".to_owned(), comment.to_owned())]))
}

/// The Arrow type that Delta's is read as.
pub(super) fn arrow_type(ty: Type) -> DataType {
    match ty {
        Type::Text => DataType::Utf8,
        Type::Int => DataType::Int32,
        Type::Long => DataType::Int64,
        Type::Double => DataType::Float64,
        Type::Bool => DataType::Boolean,
        Type::Binary => DataType::Binary,
        Type::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Type::Date => DataType::Date32,
        Type::Struct(fields) => DataType::Struct(fields.iter().map(field).collect()),
        Type::List(item) => DataType::List(Arc::new(Field::new("element", arrow_type(*item), true))),
        Type::TextToDouble => map_of(DataType::Float64),
        Type::TextToText => map_of(DataType::Utf8),
        Type::TextToStruct(fields) => map_of(arrow_type(Type::Struct(fields))),
    }
}

fn map_of(value: DataType) -> DataType {
    let entries =
        Fields::from(vec![Field::new("key", DataType::Utf8, false), Field::new("value", value, true)]);
    DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(entries), false)), false)
}
