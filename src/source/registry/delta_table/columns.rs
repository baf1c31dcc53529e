//! Which columns a registry table has, and whether their types mean something.

use arrow::datatypes::{DataType, Schema};

use crate::source::registry::RegistryError;

/// What a column says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Name,
    Version,
    RunId,
    Stage,
    Source,
    TrainingDataset,
    Aliases,
    Tags,
    CreatedAt,
    UpdatedAt,
}

const ROLES: [Role; 10] = [
    Role::Name,
    Role::Version,
    Role::RunId,
    Role::Stage,
    Role::Source,
    Role::TrainingDataset,
    Role::Aliases,
    Role::Tags,
    Role::CreatedAt,
    Role::UpdatedAt,
];

impl Role {
    /// Names of the column; the first that is there counts.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Name => &["name"],
            Self::Version => &["version"],
            Self::RunId => &["run_id"],
            Self::Stage => &["current_stage", "stage"],
            Self::Source => &["source"],
            Self::TrainingDataset => &["training_dataset"],
            Self::Aliases => &["aliases"],
            Self::Tags => &["tags"],
            Self::CreatedAt => &["creation_timestamp"],
            Self::UpdatedAt => &["last_updated_timestamp"],
        }
    }

    fn is_required(self) -> bool {
        matches!(self, Self::Name | Self::Version)
    }

    /// Types that are understood, in words.
    fn expected(self) -> &'static str {
        match self {
            Self::Version => "text or an integer",
            Self::Aliases => "a list of text, or text with commas",
            Self::Tags => "a map of text to text, or text with a JSON object",
            Self::CreatedAt | Self::UpdatedAt => "a timestamp, or a 64-bit integer of milliseconds",
            _ => "text",
        }
    }

    fn understands(self, data_type: &DataType) -> bool {
        match (self, data_type) {
            (Self::Version, DataType::Decimal128(_, 0)) => true,
            (Self::Version, number) if number.is_integer() => true,
            (Self::Aliases, DataType::List(item) | DataType::LargeList(item)) => is_text(item.data_type()),
            (Self::Tags, DataType::Map(entries, _)) => match entries.data_type() {
                DataType::Struct(fields) => fields.iter().all(|field| is_text(field.data_type())),
                _ => false,
            },
            (Self::CreatedAt | Self::UpdatedAt, other) => {
                matches!(other, DataType::Timestamp(_, _) | DataType::Int64)
            }
            (_, other) => is_text(other),
        }
    }
}

pub(super) fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// The columns that are there, with their names in the table. Never without [`Role::Name`] and [`Role::Version`].
pub(super) struct Columns(Vec<(Role, String)>);

impl Columns {
    /// The columns of `schema`, or what is wrong with them.
    pub(super) fn find(schema: &Schema, place: &str) -> Result<Self, RegistryError> {
        let mut found = Vec::new();
        for role in ROLES {
            let field = role.names().iter().find_map(|name| {
                let same = |field: &&_| is_named(field, name);
                // A name in another case is meant only if no column has this very name.
                let exact = schema.field_with_name(name).ok();
                exact.or_else(|| schema.fields().iter().map(AsRef::as_ref).find(same))
            });
            match field {
                Some(field) if role.understands(field.data_type()) => {
                    found.push((role, field.name().clone()));
                }
                Some(field) => {
                    return Err(RegistryError::ColumnType {
                        column: field.name().clone(),
                        expected: role.expected(),
                        found: field.data_type().to_string(),
                        place: place.to_owned(),
                    });
                }
                None if role.is_required() => {
                    return Err(RegistryError::MissingColumn {
                        column: role.names()[0],
                        columns: schema.fields().iter().map(|field| field.name().clone()).collect(),
                        place: place.to_owned(),
                    });
                }
                None => {}
            }
        }
        Ok(Self(found))
    }

    /// Names in the table.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, name)| name.as_str())
    }

    /// Where the column of `role` stands among [`Self::names`], if it is there.
    pub(super) fn position(&self, role: Role) -> Option<usize> {
        self.0.iter().position(|(found, _)| *found == role)
    }

    /// The name of `role`'s column in the table; as it should be if it is not there.
    pub(super) fn name_of(&self, role: Role) -> &str {
        self.position(role).map_or(role.names()[0], |position| &self.0[position].1)
    }
}

fn is_named(field: &arrow::datatypes::Field, name: &str) -> bool {
    field.name().eq_ignore_ascii_case(name)
}
