//! What is asked of the rows: one aggregate call for each column, and one for the model's quality.

use crate::config::{Monitor, ProblemType};
use crate::profile::template::Name;
use crate::profile::{ColumnInfo, Kind};

/// Name of the state of the model's quality in the answer.
pub(super) const QUALITY: &str = "__quality";

/// Name of the state of the `index`-th column in the answer.
pub(super) fn of_column(index: usize) -> String {
    format!("__state_{index}")
}

/// The aggregate calls of `profile.sql`.
pub(super) fn calls(monitor: &Monitor, columns: &[ColumnInfo]) -> Name {
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
    calls.extend(quality_call(monitor));
    Name::list(&calls)
}

fn quality_call(monitor: &Monitor) -> Option<Name> {
    let prediction = monitor.inference.prediction.as_ref()?;
    let label = prediction.label.as_ref()?;
    let (said, is) = (Name::column(&prediction.column), Name::column(&label.column));
    Some(match prediction.problem_type {
        ProblemType::Regression => Name::call("regression_quality", &[said, is], QUALITY),
        ProblemType::Classification => {
            let proba = prediction.proba_col.as_ref().map_or_else(Name::null, |name| Name::column(name));
            let positive =
                prediction.positive_class.as_ref().map_or_else(Name::null, |class| Name::text(class));
            Name::call("classification_quality", &[said, is, proba, positive], QUALITY)
        }
    })
}
