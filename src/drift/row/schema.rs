//! What the inference table has of the columns of the baseline, in rows that compare the two.

use super::DriftRow;
use crate::profile::Profiles;
use crate::profile::gap::Gap;

const ADDED: &str = "added";
const LOST: &str = "lost";
const RETYPED: &str = "retyped";

/// How a gap is called, and the type in the baseline.
fn change(gap: &Gap) -> (&'static str, Option<String>) {
    match gap {
        Gap::Missing => (ADDED, None),
        Gap::Unlike { found, .. } => (RETYPED, Some(found.clone())),
    }
}

/// With how many columns came, went and changed. What a baseline never has, or waits for, has not come.
pub(super) fn table_row(row: DriftRow, profiles: &Profiles) -> DriftRow {
    let counted = |name: &str| {
        let columns = profiles.all_columns.iter();
        let gaps = columns
            .filter(|column| !column.is_label() && !column.role.is_operational())
            .filter_map(|column| profiles.gaps.get(&column.name));
        Some(gaps.filter(|gap| change(gap).0 == name).count() as u64)
    };
    DriftRow {
        columns_added: counted(ADDED),
        columns_lost: Some(profiles.lost.len() as u64),
        columns_retyped: counted(RETYPED),
        ..row
    }
}

/// With what happened to a column that cannot be compared.
pub(super) fn gap_row(row: DriftRow, gap: &Gap) -> DriftRow {
    let (schema_change, data_type_cmp) = change(gap);
    DriftRow { schema_change: Some(schema_change), data_type_cmp, ..row }
}

/// The row of a column that only the baseline has: its name and its type there.
pub(super) fn lost_row(row: DriftRow, (name, data_type): &(String, String)) -> DriftRow {
    DriftRow {
        column_name: name.clone(),
        schema_change: Some(LOST),
        data_type_cmp: Some(data_type.clone()),
        count_current: 0,
        count_cmp: 0,
        reason: Some("the inference table does not have the column".to_owned()),
        ..row
    }
}
