//! The plan: how many rows each group has, and so in how many passes the tables are read.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::measured::Scales;
use super::passes::{self, Pass, Size, States};
use super::{Counting, QueryError};
use crate::profile::classification::every_class::MAX_CLASSES;
use crate::profile::covariance::CovarianceState;
use crate::profile::functions::State;
use crate::profile::known_classes::{KnownClasses, known_classes};
use crate::profile::{BaseGroup, ColumnInfo, Group, Role, Series};
use crate::window::Window;

impl Counting<'_> {
    /// The passes that are needed, and the bytes that were read to know.
    pub(super) async fn plan(&self) -> Result<(Vec<Pass>, u64), QueryError> {
        let memory = self.memory;
        // What the row of the whole table looks at.
        let is_last = |column: &ColumnInfo| column.role != Role::Feature;
        let tables = || self.baseline.iter().chain([&self.inference]);
        // A log may leave out how many rows there are.
        let rows = tables().map(|table| table.size.rows).sum::<Option<u64>>().unwrap_or(u64::MAX);
        let mut states = States::of_rows(rows, self.rollup(), self.monitor.slicing_exprs.len());
        let mut bytes = 0;
        if let Some(base) = &self.base {
            // What is read is added to what is kept, and is hardly ever more.
            states.add(&base.groups, self.rollup());
        }
        let of_table = self.of_table();
        let all = |states: &States| {
            let of_columns = self.columns.iter().map(|column| Size::of(column.kind));
            of_columns.chain(of_table).map(|size| states.bytes(size)).fold(0, u64::saturating_add)
        };
        if all(&states) > memory {
            states = States::default();
            if let Some(base) = &self.base {
                states.add(&base.groups, self.rollup());
            }
            for table in self.baseline.iter().chain(self.read.is_none().then_some(&self.inference)) {
                let (groups, read) = table.count_rows().await?;
                states.add(&groups, self.rollup());
                bytes += read;
            }
            if let Some(read) = &self.read {
                states.add(read, self.rollup());
            }
        }
        // Where there are very many windows, columns have to leave room to what is kept of all of them together.
        let of_table = of_table.into_iter().map(|size| states.bytes(size)).fold(0, u64::saturating_add);
        let memory = memory - of_table.min(memory / 2);
        Ok((passes::passes(&self.columns, is_last, &states, memory), bytes))
    }

    /// What is kept of each group beside columns: of all numbers together, and of probabilities.
    fn of_table(&self) -> [Size; 2] {
        let measured = if self.baseline.is_some() { Scales::most(&self.columns) } else { 0 };
        [
            Size::always(CovarianceState::size_of_columns(measured) as u64),
            Size::of_classes(self.most_classes() as u64),
        ]
    }

    /// How many classes may have probabilities that are told apart.
    fn most_classes(&self) -> usize {
        let classes = match known_classes(self.monitor, &self.snapshot.schema) {
            KnownClasses::None => 0,
            KnownClasses::Positive => 1,
            KnownClasses::InRows => MAX_CLASSES,
            KnownClasses::These(classes) => classes.len(),
        };
        // Of more than can be told apart none is kept.
        if classes > MAX_CLASSES { 0 } else { classes }
    }
}

/// Bytes that are held of predictions in `groups`, and in the `windows` that are not just one of them.
pub(super) fn bytes_of_quality(
    groups: &[BaseGroup],
    windows: &BTreeMap<Series, BTreeMap<Window, Arc<Group>>>,
) -> u64 {
    let sums = windows.values().flat_map(BTreeMap::values).filter(|group| Arc::strong_count(group) == 1);
    let all = groups.iter().map(|base| &base.group).chain(sums);
    all.filter_map(|group| group.table.quality.as_ref()).map(|quality| quality.size() as u64).sum()
}
