//! Left-overs: data files that no version needs any more, and those that never were in one.
//!
//! A choice by names and times; it must not read or delete.

use std::collections::HashSet;

use object_store::ObjectMeta;
use object_store::path::Path;

/// Of the files that are `listed`, those of data that are not `needed` and were written before a time, in milliseconds
/// since 1970.
pub fn leftovers<'l>(listed: &'l [ObjectMeta], needed: &HashSet<Path>, before: i64) -> Vec<&'l ObjectMeta> {
    let is_left_over = |file: &&ObjectMeta| {
        is_data(&file.location)
            && file.last_modified.timestamp_millis() < before
            && !needed.contains(&file.location)
    };
    listed.iter().filter(is_left_over).collect()
}

/// Whether a file is such as we write. Names that begin with `_` or `.` are those of others, as that of the log.
fn is_data(path: &Path) -> bool {
    let is_hidden = path.parts().any(|part| part.as_ref().starts_with(['_', '.']));
    path.extension() == Some("parquet") && !is_hidden
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use chrono::DateTime;

    use super::*;

    #[test]
    fn old_data_that_is_not_needed_is_left_over() {
        let listed: Vec<ObjectMeta> = [
            ("window_month=2026-05-01/needed.parquet", 1),
            ("window_month=2026-05-01/gone.parquet", 1),
            ("window_month=2026-05-01/young.parquet", 9),
            ("window_month=__HIVE_DEFAULT_PARTITION__/gone.parquet", 1),
            ("gone.parquet", 1),
            ("deletion_vector_0.bin", 1),
            ("_change_data/cdc.parquet", 1),
            ("_delta_log/00000000000000000001.checkpoint.parquet", 1),
            (".hidden/a.parquet", 1),
        ]
        .into_iter()
        .map(|(name, written)| ObjectMeta {
            location: Path::from(name),
            last_modified: DateTime::from_timestamp_millis(written).unwrap(),
            size: 1,
            e_tag: None,
            version: None,
        })
        .collect();
        let needed = HashSet::from([Path::from("window_month=2026-05-01/needed.parquet")]);
        let found = leftovers(&listed, &needed, 5).into_iter().map(|file| file.location.as_ref());
        assert_eq!(
            found.collect::<Vec<_>>(),
            [
                "window_month=2026-05-01/gone.parquet",
                "window_month=__HIVE_DEFAULT_PARTITION__/gone.parquet",
                "gone.parquet"
            ]
        );
    }
}
