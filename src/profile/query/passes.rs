//! Passes: which columns are counted at once, so that their states fit into memory.
//!
//! How large states become is known from how many rows each group has, but not of what they are: these are bounds that
//! hold for most columns, and names of thousands of characters can exceed them. This module reckons; it must not read.

use std::sync::Arc;

use crate::profile::{BaseGroup, ColumnInfo, Kind, Rollup};

/// The places of the columns of one pass.
pub(super) type Pass = Vec<usize>;

/// Bytes of a state of one kind.
struct Size {
    /// Without rows.
    empty: u64,
    /// More for each row, while there are few.
    a_row: u64,
    /// Of very many rows.
    most: u64,
}

/// While rows are added a state of numbers has up to 8,192 buckets and a sketch; one of names has up to as many names.
fn size(kind: Kind) -> Size {
    match kind {
        Kind::Numeric | Kind::Time => Size { empty: 768, a_row: 16, most: 80 << 10 },
        Kind::Text => Size { empty: 256, a_row: 80, most: 256 << 10 },
        Kind::Opaque => Size { empty: 128, a_row: 0, most: 128 },
    }
}

/// Groups of rows whose states are held at once: how many there are of so many rows.
#[derive(Debug, Clone, Default)]
pub(super) struct States(Vec<(u64, u64)>);

impl States {
    /// As many as `rows` rows can be in at most.
    pub(super) fn of_rows(rows: u64, rollup: Rollup<'_>, slicing_exprs: usize) -> Self {
        // A row is in its slices and the whole, of its own version and of all, in windows of each length.
        let a_row = 2 * (1 + rollup.granularities.len() as u64) * (1 + slicing_exprs as u64);
        Self(vec![(1, rows.saturating_mul(a_row))])
    }

    /// Adds those of `groups` of a table.
    pub(super) fn add(&mut self, groups: &[BaseGroup], rollup: Rollup<'_>) {
        // Once as a partition has them, once as they are put together.
        let bases = groups.iter().map(|base| (base.group.row_count, 2));
        let windows = rollup.windows(groups);
        let sums = windows.values().flat_map(|windows| windows.values());
        // What is one group only is not held once more.
        let sums = sums.filter(|group| Arc::strong_count(group) == 1).map(|group| (group.row_count, 1));
        self.0.extend(bases.chain(sums));
    }

    /// Bytes that they take of what has `size` bytes, however many rows there are.
    pub(super) fn bytes_of(&self, size: u64) -> u64 {
        let bytes = self.0.iter().map(|(_, number)| size.saturating_mul(*number));
        bytes.fold(0, u64::saturating_add)
    }

    /// Bytes that they take of a column of this kind.
    fn bytes(&self, kind: Kind) -> u64 {
        let Size { empty, a_row, most } = size(kind);
        let of_rows = |rows: u64| a_row.saturating_mul(rows).saturating_add(empty).min(most);
        let bytes = self.0.iter().map(|(rows, number)| of_rows(*rows).saturating_mul(*number));
        bytes.fold(0, u64::saturating_add)
    }
}

/// Bytes that `states` take of all `columns`.
pub(super) fn bytes(columns: &[ColumnInfo], states: &States) -> u64 {
    columns.iter().map(|column| states.bytes(column.kind)).fold(0, u64::saturating_add)
}

/// As few passes over `columns` as `memory` bytes of `states` allow, each of at least one column, in the order of the
/// table. The columns that are `wanted_last` are in the last one.
pub(super) fn passes(
    columns: &[ColumnInfo],
    wanted_last: impl Fn(&ColumnInfo) -> bool,
    states: &States,
    memory: u64,
) -> Vec<Pass> {
    let (last, others): (Pass, Pass) = (0..columns.len()).partition(|place| wanted_last(&columns[*place]));
    let of = |place: usize| states.bytes(columns[place].kind);
    // From the last one on, so that it is the fullest.
    let mut passes = vec![last];
    let mut taken = passes.concat().into_iter().map(of).fold(0, u64::saturating_add);
    for place in others.into_iter().rev() {
        let pass =
            passes.last_mut().filter(|pass| pass.is_empty() || taken.saturating_add(of(place)) <= memory);
        match pass {
            Some(pass) => pass.push(place),
            None => {
                passes.push(vec![place]);
                taken = 0;
            }
        }
        taken = taken.saturating_add(of(place));
    }
    passes.iter_mut().for_each(|pass| pass.sort_unstable());
    passes.reverse();
    passes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, kind: Kind) -> ColumnInfo {
        ColumnInfo {
            name: name.to_owned(),
            data_type: String::new(),
            kind,
            role: crate::profile::Role::Feature,
        }
    }

    /// Passes over some numbers and names, of which those that begin with `y` come last.
    fn of(names: &[&str], states: &States, memory: u64) -> Vec<String> {
        let kind = |name: &str| if name.starts_with('t') { Kind::Text } else { Kind::Numeric };
        let columns: Vec<ColumnInfo> = names.iter().map(|name| column(name, kind(name))).collect();
        let passes = passes(&columns, |column| column.name.starts_with('y'), states, memory);
        passes.iter().map(|pass| pass.iter().map(|place| names[*place]).collect()).collect()
    }

    #[test]
    fn columns_are_counted_at_once_while_there_is_room() {
        let one = States(vec![(1_000_000, 1)]);
        let (number, text) = (80 << 10, 256 << 10);
        assert_eq!(of(&["a", "y", "b"], &one, 3 * number), ["ayb"]);
        assert_eq!(of(&["a", "y", "b", "c"], &one, 3 * number), ["a", "ybc"]);
        assert_eq!(of(&["y", "a", "t", "z"], &one, number + text), ["at", "yz"]);
        assert_eq!(of(&["t", "a", "y"], &one, text), ["t", "ay"]);
        assert_eq!(of(&["a", "b"], &one, 0), ["a", "b"]);
        assert_eq!(of(&["a", "y", "y2"], &one, 0), ["a", "yy2"]);
        assert_eq!(of(&[], &one, 0), [""]);
        assert_eq!(of(&["y"], &States::default(), 0), ["y"]);
        assert_eq!(of(&["a", "b"], &States(vec![(u64::MAX, u64::MAX)]), u64::MAX), ["ab"]);
    }
}
