//! One row of the states table: what is kept of a column in a base window, and what of it can be read without us.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use serde::Serialize;

use super::distribution::Edges;
use super::functions::State;
use super::pinned::PinnedEdges;
use super::row::WindowStruct;
use super::{BaseGroup, ColumnInfo, ColumnState, Profiles, QualityState, Subject, TableState};
use crate::contract::TABLE;
use crate::window::Granularity;

/// The groups that everything else is added up from.
#[derive(Debug, Clone, Default)]
pub struct Bases {
    /// Of the inference table.
    pub inference: Vec<BaseGroup>,
    /// Of the baseline table.
    pub baseline: Vec<BaseGroup>,
    /// The edges that rows of both are told apart at.
    pub pinned: PinnedEdges,
}

/// Numbers in bins.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Histogram {
    /// Between bins.
    pub edges: Vec<f64>,
    /// One more than there are edges.
    pub counts: Vec<u64>,
}

/// A row of `<monitor>_profile_states`, but for lineage. Field names are the column names; what each means stands in
/// [`contract::profile_states`](crate::contract::profile_states).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[allow(missing_docs)] // The contract documents every column once.
pub struct StateRow {
    pub window: Option<WindowStruct>,
    pub log_type: &'static str,
    pub granularity: Option<String>,
    pub model_version: String,
    pub slice_key: Option<String>,
    pub slice_value: Option<String>,
    pub column_name: String,
    pub data_type: Option<String>,
    pub kind: Option<&'static str>,
    pub count: u64,
    pub num_nulls: Option<u64>,
    pub num_nan: Option<u64>,
    pub num_infinite: Option<u64>,
    pub num_zeros: Option<u64>,
    pub num_negative: Option<u64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub sum: Option<f64>,
    pub histogram: Option<Histogram>,
    pub window_start: Option<i64>,
    pub window_end: Option<i64>,
    /// Bytes have a column of their own kind.
    #[serde(skip)]
    pub distinct_sketch: Option<Vec<u8>>,
    #[serde(skip)]
    pub state: Option<Vec<u8>>,
}

/// The rows of the states table about `subjects`: those of the baseline, then those of windows of `base`.
///
/// # Errors
/// If a state cannot be encoded.
pub fn rows(
    profiles: &Profiles,
    subjects: &[Subject],
    bases: &Bases,
    base: Granularity,
) -> Result<Vec<StateRow>, StateError> {
    // Rows without a time are in no window, and add to none.
    let windows = bases.inference.iter().filter(|group| group.window.is_some());
    let groups = bases.baseline.iter().map(|group| (group, None));
    let mut rows = Vec::new();
    for (group, granularity) in groups.chain(windows.map(|group| (group, Some(base)))) {
        let key = key(group, granularity);
        for subject in subjects {
            rows.push(match *subject {
                Subject::Table => table_row(key.clone(), group)?,
                Subject::Column(place) => {
                    let (column, state) = (&profiles.columns[place], &group.group.columns[place]);
                    column_row(key.clone(), column, state, &bases.pinned)?
                }
            });
        }
    }
    Ok(rows)
}

/// The state in a row of the states table, from its columns `state` and `distinct_sketch`.
///
/// # Errors
/// If they are not what this version writes.
pub fn column_state(state: &[u8], distinct_sketch: Option<&[u8]>) -> Result<ColumnState, StateError> {
    let mut state = ColumnState::from_bytes(state)?;
    if let Some(sketch) = distinct_sketch {
        state.put_sketch(sketch).map_err(|why| StateError::External(why.into()))?;
    }
    Ok(state)
}

/// The edges between bins in this row of a column of histograms' edges; `None` if there are none.
///
/// # Errors
/// If they are no numbers.
pub fn bins(edges: &ArrayRef, row: usize) -> Result<Option<Edges>, StateError> {
    let Some(lists) = edges.as_list_opt::<i32>().filter(|lists| lists.is_valid(row)) else { return Ok(None) };
    let numbers = cast(&lists.value(row), &DataType::Float64)?;
    let edges = Edges::new(numbers.as_primitive::<Float64Type>().iter().flatten());
    Ok((!edges.is_empty()).then_some(edges))
}

/// Why a state cannot be encoded or decoded.
pub type StateError = datafusion::common::DataFusionError;

fn key(base: &BaseGroup, granularity: Option<Granularity>) -> StateRow {
    StateRow {
        window: base.window.map(WindowStruct::from),
        log_type: if granularity.is_some() { "INPUT" } else { "BASELINE" },
        granularity: granularity.map(|granularity| granularity.to_string()),
        model_version: base.segment.model_version.clone(),
        slice_key: base.segment.slice.as_ref().map(|slice| slice.key.clone()),
        slice_value: base.segment.slice.as_ref().map(|slice| slice.value.clone()),
        window_start: base.window.map(|window| window.start.as_microsecond()),
        window_end: base.window.map(|window| window.end.as_microsecond()),
        ..StateRow::default()
    }
}

fn table_row(key: StateRow, base: &BaseGroup) -> Result<StateRow, StateError> {
    let table = &base.group.table;
    let quality = table.quality.as_ref();
    let state = (*table != TableState::default()).then(|| table.clone());
    Ok(StateRow {
        column_name: TABLE.to_owned(),
        kind: quality.map(|quality| match quality {
            QualityState::Classification(_) => "classification",
            QualityState::Regression(_) => "regression",
        }),
        count: base.group.row_count,
        state: state.map(State::into_bytes).transpose()?,
        ..key
    })
}

fn column_row(
    key: StateRow,
    column: &ColumnInfo,
    state: &ColumnState,
    pinned: &PinnedEdges,
) -> Result<StateRow, StateError> {
    let row = StateRow {
        column_name: column.name.clone(),
        data_type: Some(column.data_type.clone()),
        count: state.count(),
        num_nulls: Some(state.num_nulls()),
        ..key
    };
    let row = match state {
        ColumnState::Numeric(numbers) => StateRow {
            kind: Some("numeric"),
            num_nan: Some(numbers.num_nan),
            num_infinite: Some(numbers.num_infinite),
            num_zeros: Some(numbers.num_zeros),
            num_negative: Some(numbers.num_negative),
            min: numbers.extremes().map(|(min, _)| min),
            max: numbers.extremes().map(|(_, max)| max),
            sum: numbers.sum(),
            histogram: pinned.bins(&column.name).and_then(|edges| {
                let counts = numbers.distribution.bins_on(edges)?;
                Some(Histogram { edges: edges.values().collect(), counts })
            }),
            ..row
        },
        ColumnState::Time(instants) => StateRow {
            kind: Some("time"),
            min: instants.extremes().map(|(min, _)| min),
            max: instants.extremes().map(|(_, max)| max),
            ..row
        },
        ColumnState::Text(_) => StateRow { kind: Some("text"), ..row },
        ColumnState::Opaque(_) => StateRow { kind: Some("opaque"), ..row },
    };
    let mut state = state.clone();
    state.settle();
    let distinct_sketch = state.take_sketch();
    Ok(StateRow { distinct_sketch, state: Some(state.into_bytes()?), ..row })
}
