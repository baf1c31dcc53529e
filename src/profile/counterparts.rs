//! Counterparts: what the baseline has of the columns of the inference table, and what of that can be compared.
//!
//! Reads schemas. That a column has no counterpart is its own matter: it is said, and the others go on.

use arrow::datatypes::{DataType, Field, Schema};

use super::columns::{is_by_name, is_wanted, kind_of, profiled, role};
use super::gap::{Gap, Gaps};
use super::{ColumnInfo, Kind};
use crate::config::Monitor;
use crate::source::spark_type;

/// Most names in a finding.
const NAMES_MAX: usize = 10;

/// Which columns of `inference` that `monitor` profiles, predicts or is labelled with cannot be compared with
/// those of `baseline`.
pub fn gaps(monitor: &Monitor, inference: &Schema, baseline: &Schema) -> Gaps {
    let profiled = profiled(monitor, inference);
    let outputs = outputs(monitor).filter(|name| !profiled.iter().any(|column| column.name == **name));
    let names = profiled.iter().map(|column| (&column.name, true)).chain(outputs.map(|name| (name, false)));
    let gap = |name: &String, is_profiled: bool| {
        let wanted = inference.field_with_name(name).ok()?.data_type();
        match baseline.field_with_name(name).map(Field::data_type) {
            Err(_) => is_profiled.then_some(Gap::Missing),
            Ok(found) if is_alike(found, wanted, is_by_name(monitor, name)) => None,
            Ok(found) => Some(Gap::Unlike { found: spark_type(found), wanted: spark_type(wanted) }),
        }
    };
    names.filter_map(|(name, is_profiled)| Some((name.clone(), gap(name, is_profiled)?))).collect()
}

/// The columns that hold what the model said, and what came true.
pub(super) fn outputs(monitor: &Monitor) -> impl Iterator<Item = &String> {
    monitor.inference.prediction.iter().flat_map(|prediction| {
        let label = prediction.label.iter().map(|label| &label.column);
        std::iter::once(&prediction.column).chain(prediction.proba_columns()).chain(label)
    })
}

/// The columns that only `baseline` has, with their types, of those that `monitor` would profile.
pub(super) fn lost(monitor: &Monitor, inference: &Schema, baseline: &Schema) -> Vec<(String, String)> {
    let fields = baseline.fields().iter();
    let lost = fields.filter(|field| is_lost(monitor, inference, field.name()));
    lost.map(|field| (field.name().clone(), spark_type(field.data_type()))).collect()
}

/// What the model says and what comes true is missed elsewhere.
fn is_lost(monitor: &Monitor, inference: &Schema, name: &str) -> bool {
    let is_output = outputs(monitor).any(|output| output == name);
    inference.field_with_name(name).is_err() && is_wanted(monitor, name) && !is_output
}

/// `columns` as they are counted in a baseline with these gaps.
pub(super) fn in_baseline(columns: &[ColumnInfo], gaps: &Gaps) -> Vec<ColumnInfo> {
    let info = |column: &ColumnInfo| match gaps.get(&column.name) {
        Some(Gap::Unlike { found, .. }) => {
            ColumnInfo { data_type: found.clone(), kind: Kind::Opaque, ..column.clone() }
        }
        Some(Gap::Missing) | None => column.clone(),
    };
    columns.iter().map(info).collect()
}

/// Whether values of both types are of one kind: numbers of all widths are, and names of all types.
fn is_alike(found: &DataType, wanted: &DataType, by_name: bool) -> bool {
    let kind = kind_of(found);
    match kind_of(wanted) {
        // Of neither more is counted than values and NULLs.
        Kind::Opaque => true,
        _ if *found == DataType::Null => true,
        _ if by_name => kind != Kind::Opaque,
        wanted => kind == wanted,
    }
}

/// What there is to say about the columns of `baseline`, a table at this address.
pub(super) fn findings(
    monitor: &Monitor,
    inference: &Schema,
    baseline: &Schema,
    address: &str,
) -> Vec<String> {
    let gaps = gaps(monitor, inference, baseline);
    // In the order of the tables, not of names.
    let is_missing =
        |name: &&str| gaps.get(*name) == Some(&Gap::Missing) && !role(monitor, name).is_operational();
    let missing = names(inference).filter(is_missing);
    let missing = list(missing, |columns, is_one| {
        let (are, they_have, them) =
            if is_one { ("is", "it has", "it") } else { ("are", "they have", "them") };
        format!(
            "{columns} {are} not in the baseline, so {they_have} no drift against it: add {them} to table \
             `{address}`"
        )
    });
    let awaited = monitor.label().filter(|label| inference.field_with_name(&label.column).is_err());
    let awaited = awaited.map(|label| {
        format!(
            "the inference table has no `{}`, the `label_col`, which the baseline has: quality is estimated where that \
             can be, and not measured",
            label.column
        )
    });
    let unknown = list(
        names(baseline).filter(|name| is_lost(monitor, inference, name)),
        |columns, is_one| {
            let (are, they_are, them) =
                if is_one { ("is", "it is", "it") } else { ("are", "they are", "them") };
            format!(
                "{columns} of the baseline {are} not in the inference table, so {they_are} not profiled: list {them} \
             under `columns.exclude` if {they_are} not missed"
            )
        },
    );
    let unlike = names(inference).filter_map(|name| {
        let Gap::Unlike { found, wanted } = gaps.get(name)? else { return None };
        let fields = [inference, baseline].map(|schema| schema.field_with_name(name).map(Field::data_type));
        let have_names = fields.iter().flatten().all(|data_type| kind_of(data_type) != Kind::Opaque);
        // `true` and 1 have different names.
        let is_boolean = |field: &Result<&DataType, _>| matches!(field, Ok(DataType::Boolean));
        let names_meet = !fields.iter().any(is_boolean);
        let is_an_output = outputs(monitor).any(|output| output == name);
        let or = match have_names && names_meet && !is_an_output {
            true => ", or list it under `columns.categorical` to compare its values as names",
            false => "",
        };
        Some(format!(
            "column `{name}` is {found} in the baseline and {wanted} in the inference table, so its values are not \
             compared: change its type in one of the two{or}"
        ))
    });
    missing.into_iter().chain(awaited).chain(unknown).chain(unlike).collect()
}

fn names(schema: &Schema) -> impl Iterator<Item = &str> {
    schema.fields().iter().map(|field| field.name().as_str())
}

/// What `say` says of the columns called `names`, if there are any, and of whether it is one.
fn list<'a>(names: impl Iterator<Item = &'a str>, say: impl FnOnce(&str, bool) -> String) -> Option<String> {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    let shown = names.iter().take(NAMES_MAX).cloned().collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => None,
        1 => Some(say(&format!("column {shown}"), true)),
        2..=NAMES_MAX => Some(say(&format!("columns {shown}"), false)),
        all => Some(say(&format!("columns {shown} and {} more", all - NAMES_MAX), false)),
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::TimeUnit;

    use super::*;

    #[track_caller]
    fn check(found: &DataType, wanted: &DataType, expected: (bool, bool)) {
        let alike = |by_name| is_alike(found, wanted, by_name);
        assert_eq!((alike(false), alike(true)), expected, "{found} beside {wanted}");
    }

    #[test]
    fn widths_do_not_matter_and_kinds_do() {
        use DataType::{Boolean, Date32, Decimal128, Float64, Int32, Int64, Null, Utf8, Utf8View};
        let list = DataType::new_list(Int32, true);
        let time = DataType::Timestamp(TimeUnit::Microsecond, None);
        for (found, wanted) in [
            (&Int32, &Int64),
            (&Int64, &Float64),
            (&Decimal128(10, 2), &Float64),
            (&Utf8, &Utf8View),
            (&Utf8, &Boolean),
            (&Date32, &time),
            (&Null, &Int64),
            (&Utf8, &list),
        ] {
            check(found, wanted, (true, true));
        }
        for (found, wanted) in [(&Utf8, &Float64), (&Int32, &Utf8), (&Boolean, &Int32), (&Int64, &time)] {
            check(found, wanted, (false, true));
        }
        for wanted in [&Float64, &Utf8, &time] {
            check(&list, wanted, (false, false));
        }
    }
}
