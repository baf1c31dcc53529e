//! Which rows of a batch belong to which group.
//!
//! A state that gets its rows in one piece can fold them in tight loops. Most batches of a table that is
//! written day by day have one group, which costs one look at each row; else the rows are sorted by counting.

/// Rows of a batch that go to one state.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    /// All of them.
    All,
    /// These, in order.
    These(&'a [u32]),
}

impl Which<'_> {
    /// Calls `each` with the rows, of a batch of `rows`. Not an iterator over either, which would ask at each row
    /// which it is.
    pub fn for_each(self, rows: usize, each: impl FnMut(usize)) {
        match self {
            Self::All => (0..rows).for_each(each),
            Self::These(these) => these.iter().map(|row| *row as usize).for_each(each),
        }
    }
}

/// Room for the rows of a batch in the order of their groups.
#[derive(Debug, Default)]
pub struct Split {
    rows: Vec<u32>,
    /// Where the rows of each group end, from the least group on.
    ends: Vec<usize>,
}

impl Split {
    /// Calls `each` with every group that has rows, and which these are. Row `i` is of group `groups[i]`, if it
    /// is `wanted`.
    pub fn for_each(
        &mut self,
        groups: &[usize],
        wanted: Option<&dyn Fn(usize) -> bool>,
        each: &mut dyn FnMut(usize, Which<'_>),
    ) {
        let Some(first) = groups.first() else { return };
        // Without a branch, and so several at once.
        if wanted.is_none() && groups.iter().fold(0, |other, group| other | (group ^ first)) == 0 {
            return each(*first, Which::All);
        }
        let (least, greatest) = groups
            .iter()
            .fold((*first, *first), |(least, greatest), group| (least.min(*group), greatest.max(*group)));
        let is_wanted = |row: usize| wanted.is_none_or(|wanted| wanted(row));
        self.rows.clear();
        self.rows.extend((0..groups.len()).filter(|row| is_wanted(*row)).map(|row| row as u32));
        let group_of = |row: &u32| groups.get(*row as usize).copied().unwrap_or(least);
        if greatest - least <= 4 * groups.len() {
            self.count(least, greatest, group_of);
        } else {
            // Few rows in very many groups; stable, so that rows keep their order.
            self.rows.sort_by_key(group_of);
        }
        for rows in self.rows.chunk_by(|a, b| group_of(a) == group_of(b)) {
            if let Some(first) = rows.first() {
                each(group_of(first), Which::These(rows));
            }
        }
    }

    /// Sorts the rows by counting how many each group has.
    fn count(&mut self, least: usize, greatest: usize, group_of: impl Fn(&u32) -> usize) {
        self.ends.clear();
        self.ends.resize(greatest - least + 2, 0);
        for row in &self.rows {
            self.ends[group_of(row) - least + 1] += 1;
        }
        let mut end = 0;
        for count in &mut self.ends {
            end += *count;
            *count = end;
        }
        let unsorted = self.rows.clone();
        for row in unsorted {
            let at = &mut self.ends[group_of(&row) - least];
            self.rows[*at] = row;
            *at += 1;
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
        Split::default().for_each(groups, wanted, &mut |group, which| {
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
