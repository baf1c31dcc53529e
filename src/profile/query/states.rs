//! What is asked of the rows: one aggregate call for each column, and one for the model's quality.

use crate::config::{Monitor, ProblemType};
use crate::profile::gap::{Gap, Gaps};
use crate::profile::own_names::OwnNames;
use crate::profile::template::Name;
use crate::profile::{ColumnInfo, Kind};

/// Name of the state of the model's quality in the answer.
pub(super) const QUALITY: &str = "quality";

/// Name of the state of the `index`-th column in the answer.
pub(super) fn of_column(index: usize) -> String {
    format!("state_{index}")
}

/// Name of the value of the `index`-th slicing expression in the answer.
pub(super) fn of_slice(index: usize) -> String {
    format!("slice_{index}")
}

/// What `profile.sql` is filled in with.
pub(super) fn asked(
    monitor: &Monitor,
    columns: &[ColumnInfo],
    gaps: &Gaps,
    own: &OwnNames,
) -> [(&'static str, Name); 3] {
    let (window, version) = (own.window_start(), own.model_version());
    let slices: Vec<Name> =
        (0..monitor.slicing_exprs.len()).map(|index| Name::column(&own.slice(index))).collect();
    let mut keys = vec![window.called("window_start"), version.called("model_version")];
    keys.extend(slices.iter().enumerate().map(|(index, slice)| slice.called(&of_slice(index))));
    let with_slice = |slice: &Name| Name::list(&[window.clone(), version.clone(), slice.clone()]);
    let groups = match slices.as_slice() {
        [] => Name::list(&[window.clone(), version.clone()]),
        [one] => with_slice(one),
        several => Name::grouping_sets(&several.iter().map(with_slice).collect::<Vec<_>>()),
    };
    [("keys", Name::list(&keys)), ("states", calls(monitor, columns, gaps)), ("groups", groups)]
}

/// The aggregate calls, on a table with these gaps.
fn calls(monitor: &Monitor, columns: &[ColumnInfo], gaps: &Gaps) -> Name {
    let state = |(index, column): (usize, &ColumnInfo)| {
        let function = match column.kind {
            Kind::Numeric => "profile_numeric",
            Kind::Time => "profile_time",
            Kind::Text => "profile_text",
            Kind::Opaque => "profile_opaque",
        };
        Name::call(function, &[Name::column(&column.name)], &of_column(index))
    };
    let mut calls: Vec<Name> = columns.iter().enumerate().map(state).collect();
    calls.extend(quality_call(monitor, gaps));
    Name::list(&calls)
}

fn quality_call(monitor: &Monitor, gaps: &Gaps) -> Option<Name> {
    // What is of another type says nothing about quality.
    let column = |name: &String| match gaps.get(name) {
        Some(Gap::Unlike { .. }) => Name::null(),
        Some(Gap::Missing) | None => Name::column(name),
    };
    let prediction = monitor.inference.prediction.as_ref()?;
    let label = prediction.label.as_ref()?;
    let (said, is) = (column(&prediction.column), column(&label.column));
    Some(match prediction.problem_type {
        ProblemType::Regression => Name::call("regression_quality", &[said, is], QUALITY),
        ProblemType::Classification => {
            let proba = prediction.proba_col.as_ref().map_or_else(Name::null, column);
            let positive =
                prediction.positive_class.as_ref().map_or_else(Name::null, |class| Name::text(class));
            Name::call("classification_quality", &[said, is, proba, positive], QUALITY)
        }
    })
}
