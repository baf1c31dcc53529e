//! What is asked of the rows: one aggregate call for each column, and one for the model's quality.

use crate::config::{Monitor, ProblemType};
use crate::profile::gap::{Gap, Gaps};
use crate::profile::template::Name;
use crate::profile::{ColumnInfo, Kind};

/// Name of the state of the model's quality in the answer.
pub(super) const QUALITY: &str = "__quality";

/// Name of the state of the `index`-th column in the answer.
pub(super) fn of_column(index: usize) -> String {
    format!("__state_{index}")
}

/// The aggregate calls of `profile.sql`, on a table with these gaps.
pub(super) fn calls(monitor: &Monitor, columns: &[ColumnInfo], gaps: &Gaps) -> Name {
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
