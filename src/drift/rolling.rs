//! Several windows together, as one side of a comparison.

use super::{Against, At, Compared};
use crate::config::Comparison;
use crate::profile::{ColumnState, Group, Profiles, Subject};
use crate::window::Window;

/// Windows that were taken together.
pub(super) struct Rolling {
    /// From the first of them until the last, be there rows in it or not.
    span: Window,
    /// How many have rows.
    windows: u64,
    /// The rows of all.
    group: Group,
}

impl Rolling {
    /// As what a window is compared with.
    pub(super) fn compared(&self) -> Compared<'_> {
        Compared {
            windows: Some(self.windows),
            ..Compared::with(Comparison::Rolling, self.span, &self.group)
        }
    }
}

/// The windows before the one `at` which comparisons are made, as far as it takes them to compare `subjects`; `None` if too few
/// of them have rows.
pub(super) fn together(
    profiles: &Profiles,
    subjects: &[Subject],
    at: At<'_>,
    against: Against<'_>,
) -> Option<Rolling> {
    let Against { comparisons, calendar, .. } = against;
    let before = comparisons.rolling(calendar, at.series.granularity, at.window);
    let span = Window { start: before.first()?.start, end: before.last()?.end };
    let groups: Vec<&Group> =
        before.iter().filter_map(|window| Some(at.windows.get(window)?.as_ref())).collect();
    if groups.len() < comparisons.rolling_min() {
        return None;
    }
    Some(Rolling { span, windows: groups.len() as u64, group: sum(profiles, subjects, &groups) })
}

/// The rows of all `groups`, oldest first: which they are decides what their sum is, and nothing else. Of columns that are not
/// among `subjects` nothing is added.
fn sum(profiles: &Profiles, subjects: &[Subject], groups: &[&Group]) -> Group {
    let columns = profiles.columns.iter().map(|column| ColumnState::empty(column.kind)).collect();
    let mut sum = Group::new(0, columns, None);
    for group in groups {
        sum.row_count += group.row_count;
        sum.non_null.unite(&group.non_null);
    }
    for subject in subjects {
        let Subject::Column(place) = *subject else {
            groups.iter().for_each(|group| sum.table.merge(&group.table));
            sum.table.settle();
            continue;
        };
        let Some(state) = sum.columns.get_mut(place) else { continue };
        let mut states = groups.iter().filter_map(|group| group.columns.get(place));
        if let Some(first) = states.next() {
            state.clone_from(first);
        }
        states.for_each(|other| state.merge(other));
        state.settle();
    }
    sum
}
