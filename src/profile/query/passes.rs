//! Passes: which columns are counted at once, so that their states fit into memory.
//!
//! How large states become is known from how many rows each group has, but not of what they are: these are bounds that
//! hold for most columns, and names of thousands of characters can exceed them. This module reckons; it must not read.

use std::sync::Arc;

use crate::profile::classification::ScoredAs;
use crate::profile::{BaseGroup, ColumnInfo, Kind, Rollup};

/// The places of the columns of one pass.
pub(super) type Pass = Vec<usize>;

/// Bytes of a state.
#[derive(Clone, Copy)]
pub(super) struct Size {
    /// Without rows.
    empty: u64,
    /// More for each row, while there are few.
    a_row: u64,
    /// Of very many rows.
    most: u64,
}

/// Of one distribution: while rows are added it has up to 8,192 buckets.
const OF_NUMBERS: Size = Size { empty: 256, a_row: 16, most: 80 << 10 };

impl Size {
    /// Of a column of this kind. Beside its distribution, numbers have a sketch; names are up to as many.
    pub(super) fn of(kind: Kind) -> Self {
        match kind {
            Kind::Numeric | Kind::Time => Self { empty: 512 + OF_NUMBERS.empty, ..OF_NUMBERS },
            Kind::Text => Self { empty: 256, a_row: 80, most: 256 << 10 },
            Kind::Opaque => Self::always(128),
        }
    }

    /// Of what is as large without rows as with many.
    pub(super) fn always(bytes: u64) -> Self {
        Self { empty: bytes, a_row: 0, most: bytes }
    }

    /// Of the probabilities of so many classes: each has a distribution for every kind of row that there is.
    pub(super) fn of_classes(classes: u64) -> Self {
        let kinds = ScoredAs::ALL.len() as u64;
        Self {
            empty: classes * 2 * OF_NUMBERS.empty,
            a_row: classes * OF_NUMBERS.a_row,
            most: classes * kinds * OF_NUMBERS.most,
        }
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

    /// Bytes that they take, if each is of this size.
    pub(super) fn bytes(&self, size: Size) -> u64 {
        let Size { empty, a_row, most } = size;
        let of_rows = |rows: u64| a_row.saturating_mul(rows).saturating_add(empty).min(most);
        let bytes = self.0.iter().map(|(rows, number)| of_rows(*rows).saturating_mul(*number));
        bytes.fold(0, u64::saturating_add)
    }
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
    let of = |place: usize| states.bytes(Size::of(columns[place].kind));
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

    #[test]
    fn probabilities_of_classes_take_what_their_distributions_do() {
        let few = States(vec![(10, 1_000)]);
        assert_eq!(few.bytes(Size::of_classes(3)), 1_000 * 3 * (2 * 256 + 10 * 16));
        let many = States(vec![(1_000_000, 2)]);
        assert_eq!(many.bytes(Size::of_classes(3)), 2 * 3 * 6 * (80 << 10));
        assert_eq!(many.bytes(Size::of_classes(0)), 0);
    }
}
