//! Which rows of a batch belong to which group.
//!
//! A state that gets its rows in one piece can fold them in tight loops. Most batches of a table that is
//! written day by day have one group, which costs one look at each row; else the rows are sorted by counting.

use std::cell::RefCell;

/// Rows of a batch that go to one state.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    /// All of them.
    All,
    /// These, in order.
    These(&'a [u32]),
}

impl Which<'_> {
    /// How many these are, of a batch of `rows`.
    pub fn count(self, rows: usize) -> usize {
        match self {
            Self::All => rows,
            Self::These(these) => these.len(),
        }
    }

    /// Calls `each` with the rows, of a batch of `rows`. Not an iterator over either, which would ask at each row
    /// which it is.
    pub fn for_each(self, rows: usize, each: impl FnMut(usize)) {
        match self {
            Self::All => (0..rows).for_each(each),
            Self::These(these) => these.iter().map(|row| *row as usize).for_each(each),
        }
    }
}

thread_local! {
    /// The split of the batch before: a batch is split once, not for each of its columns.
    static LAST: RefCell<Split> = RefCell::default();
}

/// Calls `each` with every group that has rows, and which these are. Row `i` is of group `groups[i]`, if it is `wanted`.
pub fn for_each(
    groups: &[usize],
    wanted: Option<&dyn Fn(usize) -> bool>,
    each: &mut dyn FnMut(usize, Which<'_>),
) {
    if let Some(wanted) = wanted {
        let mut split = Split::default();
        split.sort(groups, wanted);
        return split.for_each(each);
    }
    LAST.with_borrow_mut(|last| {
        if last.groups != groups {
            last.split(groups);
        }
        last.for_each(each);
    });
}

/// The rows of a batch in the order of their groups.
#[derive(Debug, Default)]
struct Split {
    /// The group of each row.
    groups: Vec<usize>,
    rows: Vec<u32>,
    /// Where the rows of each group end, from the least group on.
    ends: Vec<u32>,
    /// Groups that have rows, and where these end.
    parts: Vec<(usize, usize)>,
}

impl Split {
    /// All rows of `groups`.
    fn split(&mut self, groups: &[usize]) {
        let first = groups.first().copied().unwrap_or_default();
        // Without a branch, and so several at once.
        if groups.iter().fold(0, |other, group| other | (group ^ first)) > 0 {
            return self.sort(groups, |_| true);
        }
        groups.clone_into(&mut self.groups);
        self.rows.clear();
        self.parts.clear();
        self.parts.extend((!groups.is_empty()).then_some((first, groups.len())));
    }

    fn sort(&mut self, groups: &[usize], wanted: impl Fn(usize) -> bool) {
        self.order(groups, wanted);
        let Self { rows, parts, .. } = self;
        parts.clear();
        let mut end = 0;
        for rows in rows.chunk_by(|a, b| groups[*a as usize] == groups[*b as usize]) {
            end += rows.len();
            parts.push((groups[rows[0] as usize], end));
        }
    }

    fn order(&mut self, groups: &[usize], wanted: impl Fn(usize) -> bool) {
        let Self { groups: known, rows, ends, .. } = self;
        groups.clone_into(known);
        rows.clear();
        let range = groups
            .iter()
            .fold((usize::MAX, 0), |(least, greatest), group| (least.min(*group), greatest.max(*group)));
        let (least, greatest) = range;
        if greatest.saturating_sub(least) > 4 * groups.len() {
            // Few rows in very many groups; stable, so that rows keep their order.
            rows.extend((0..groups.len()).filter(|row| wanted(*row)).map(|row| row as u32));
            return rows.sort_by_key(|row| groups[*row as usize]);
        }
        ends.clear();
        ends.resize(greatest.saturating_sub(least) + 2, 0);
        for (row, group) in groups.iter().enumerate() {
            ends[group - least + 1] += u32::from(wanted(row));
        }
        let mut end = 0;
        for count in ends.iter_mut() {
            end += *count;
            *count = end;
        }
        rows.resize(end as usize, 0);
        for (row, group) in groups.iter().enumerate().filter(|(row, _)| wanted(*row)) {
            let at = &mut ends[group - least];
            rows[*at as usize] = row as u32;
            *at += 1;
        }
    }

    fn for_each(&self, each: &mut dyn FnMut(usize, Which<'_>)) {
        let mut from = 0;
        for (group, end) in &self.parts {
            // Not sorted, since all are of one group.
            let which = if self.rows.is_empty() { Which::All } else { Which::These(&self.rows[from..*end]) };
            each(*group, which);
            from = *end;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn split(groups: &[usize], wanted: Option<&dyn Fn(usize) -> bool>) -> BTreeMap<usize, Vec<u32>> {
        let mut split = BTreeMap::new();
        for_each(groups, wanted, &mut |group, which| {
            let mut rows = Vec::new();
            which.for_each(groups.len(), |row| rows.push(row as u32));
            assert!(split.insert(group, rows).is_none(), "each group comes once");
        });
        split
    }

    proptest! {
        #[test]
        fn every_row_goes_to_its_group_in_order(
            groups in prop::collection::vec(prop_oneof![0usize..4, 0usize..10_000], 0..80), kept in 1usize..4,
        ) {
            let every = |row: usize| row.is_multiple_of(kept);
            let mut expected: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
            for (row, group) in groups.iter().enumerate().filter(|(row, _)| every(*row)) {
                expected.entry(*group).or_default().push(row as u32);
            }
            prop_assert_eq!(split(&groups, Some(&every)), expected);
            prop_assert_eq!(split(&groups, None).values().map(Vec::len).sum::<usize>(), groups.len());
        }
    }
}
