//! What is asked of the rows: one aggregate call for each column, and up to three for the table as a whole.

use super::table::{Asked, Table};
use crate::config::{Proba, ProblemType};
use crate::profile::covariance::Reference;
use crate::profile::gap::Gap;
use crate::profile::pinned::PinnedEdges;
use crate::profile::template::Name;
use crate::profile::{ColumnInfo, Kind};

/// Name of the state of the model's quality in the answer.
pub(super) const QUALITY: &str = "quality";

/// Name of the state of the requests in the answer.
pub(super) const REQUESTS: &str = "requests";

/// Name of the state of how columns move together in the answer.
pub(super) const COVARIANCE: &str = "covariance";

/// Name of the state of expected losses in the answer.
pub(super) const LOSSES: &str = "losses";

/// Name of the state of the `index`-th column in the answer.
pub(super) fn of_column(index: usize) -> String {
    format!("state_{index}")
}

/// Name of the value of the `index`-th slicing expression in the answer.
pub(super) fn of_slice(index: usize) -> String {
    format!("slice_{index}")
}

/// Name of the state of the `index`-th range in the answer.
pub(super) fn of_range(index: usize) -> String {
    format!("range_{index}")
}

/// What `profile.sql` is filled in with.
pub(super) fn of_columns(
    table: &Table<'_>,
    asked: Asked<'_>,
    pinned: &PinnedEdges,
) -> [(&'static str, Name); 3] {
    let [keys, groups] = of_groups(table);
    [keys, ("states", calls(table, asked, pinned)), groups]
}

/// What `groups.sql` is filled in with.
pub(super) fn of_groups(table: &Table<'_>) -> [(&'static str, Name); 2] {
    let Table { monitor, own, .. } = table;
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
    [("keys", Name::list(&keys)), ("groups", groups)]
}

/// The aggregate calls.
fn calls(table: &Table<'_>, asked: Asked<'_>, pinned: &PinnedEdges) -> Name {
    let state = |(index, column): (usize, &ColumnInfo)| {
        let function = match column.kind {
            Kind::Numeric => "profile_numeric",
            Kind::Time => "profile_time",
            Kind::Text => "profile_text",
            Kind::Opaque => "profile_opaque",
        };
        let edges = edges_of(&column.name, pinned).filter(|_| column.kind == Kind::Numeric);
        let arguments: Vec<Name> = [Name::column(&column.name)].into_iter().chain(edges).collect();
        Name::call(function, &arguments, &of_column(index))
    };
    let mut calls: Vec<Name> = asked.columns.iter().enumerate().map(state).collect();
    calls.extend(quality_call(table, pinned).filter(|_| asked.with_quality));
    calls.extend(requests_call(table).filter(|_| asked.with_requests));
    calls.extend(asked.reference.map(covariance_call));
    calls.extend(asked.reference.and_then(|reference| losses_call(table, reference, asked.estimator?)));
    Name::list(&calls)
}

/// The argument that names the edges of the column called `name`, if there are any.
fn edges_of(name: &str, pinned: &PinnedEdges) -> Option<Name> {
    let edges = pinned.of(name);
    (!edges.is_empty()).then(|| Name::edges(&edges))
}

fn quality_call(table: &Table<'_>, pinned: &PinnedEdges) -> Option<Name> {
    // What is of another type says nothing about quality.
    let column = |name: &String| match table.gaps.get(name) {
        Some(Gap::Unlike { .. }) => Name::null(),
        Some(Gap::Missing) | None => Name::column(name),
    };
    let prediction = table.monitor.inference.prediction.as_ref()?;
    let label = prediction.label.as_ref()?;
    let (said, is) = (column(&prediction.column), column(&label.column));
    Some(match prediction.problem_type {
        ProblemType::Regression => Name::call("regression_quality", &[said, is], QUALITY),
        ProblemType::Classification => {
            let (proba, edges) = match &prediction.proba {
                None => (Name::null(), None),
                Some(Proba::Column(name)) => (column(name), edges_of(name, pinned)),
                Some(Proba::Columns(columns)) => {
                    let fields = columns.iter().map(|(class, name)| (class.as_str(), column(name)));
                    (Name::named_struct(fields), None)
                }
            };
            let positive = prediction.positive_class.as_ref();
            let arguments = [said, is, proba, positive.map_or_else(Name::null, |class| Name::text(class))];
            let arguments: Vec<Name> = arguments.into_iter().chain(edges).collect();
            Name::call("classification_quality", &arguments, QUALITY)
        }
    })
}

fn covariance_call(reference: &Reference) -> Name {
    // Scales are numbers and texts, which always are JSON.
    let said = Name::literal(&serde_json::to_string(reference).unwrap_or_default());
    let columns = reference.scales().iter().map(|scale| Name::column(scale.column()));
    let arguments: Vec<Name> = [said].into_iter().chain(columns).collect();
    Name::call("profile_covariance", &arguments, COVARIANCE)
}

/// The estimator's columns are those of `reference`.
fn losses_call(table: &Table<'_>, reference: &Reference, estimator: &str) -> Option<Name> {
    let prediction = Name::column(&table.monitor.inference.prediction.as_ref()?.column);
    let columns = reference.scales().iter().map(|scale| Name::column(scale.column()));
    let arguments: Vec<Name> = [Name::literal(estimator), prediction].into_iter().chain(columns).collect();
    Some(Name::call("expected_losses", &arguments, LOSSES))
}

/// Of a baseline, which is no log of requests, there is none.
fn requests_call(table: &Table<'_>) -> Option<Name> {
    let Table { monitor, own, .. } = table;
    let label = monitor.label();
    let labelled_at = label.and_then(|label| match &label.arrives_in {
        Some(labels) => labels.timestamp_col.as_ref().map(|_| own.labelled_at()),
        None => label.known_at.as_deref().map(Name::column),
    });
    let arguments = [
        Name::column(&monitor.inference.timestamp_col),
        label.map_or_else(Name::null, |label| Name::column(&label.column)),
        labelled_at.unwrap_or_else(Name::null),
        monitor.inference.request_id_col.as_deref().map_or_else(Name::null, Name::column),
        Name::literal(&monitor.timezone),
    ];
    table.has_windows.then(|| Name::call("profile_requests", &arguments, REQUESTS))
}
