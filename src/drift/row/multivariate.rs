//! How columns move together, and how that has changed, in rows that compare whole tables.

use std::collections::BTreeMap;

use super::DriftRow;
use crate::drift::Compared;
use crate::drift::correlation_change::correlation_change;
use crate::drift::reconstruction_error::{Components, ReconstructionError};
use crate::profile::Group;
use crate::profile::covariance::{CovarianceState, Reference};
use crate::profile::reason::{Absence, Reasons};

/// The components of baselines, by model version and columns: most windows are compared with one.
#[derive(Default)]
pub(in crate::drift) struct KnownComponents(BTreeMap<(String, Vec<u64>), Known>);

/// Components, and how badly the baseline itself fits them.
type Known = Result<(Components, f64), Absence>;

impl KnownComponents {
    fn of(&mut self, version: &str, columns: &[u64], baseline: &CovarianceState) -> &Known {
        self.0.entry((version.to_owned(), columns.to_vec())).or_insert_with(|| {
            let moments = baseline.standardized(columns);
            let components = Components::of(&moments)?;
            let own = components.reconstruction_error(&moments)?.value;
            Ok((components, own))
        })
    }
}

/// With how well the rows of `group` fit those that it is compared with, if both are whole tables of which columns were looked
/// at together.
pub(super) fn table_row(
    row: DriftRow,
    (group, other): (&Group, &Group),
    compared: &Compared<'_>,
    reference: &Reference,
    known: &mut KnownComponents,
) -> DriftRow {
    let (Some(now), Some(then)) = (&group.table.covariance, &other.table.covariance) else { return row };
    // Columns that were there once have scales, too. Those that the window lacks are NULL in it, and so the mean.
    let columns: Vec<u64> = then.measured().filter(|id| reference.column(*id).is_some()).collect();
    let both = now.measured().filter(|id| columns.binary_search(id).is_ok()).count();
    let name = |place: usize| columns.get(place).and_then(|id| reference.column(*id)).map(str::to_owned);
    let mut reasons = Reasons::default();
    let change = correlation_change(&then.bounded(&columns), &now.bounded(&columns));
    let change = reasons.noted("correlation_change", change);
    let row = match compared.baseline_model_version {
        None => row,
        Some(version) => {
            let error = known.of(version, &columns, then).as_ref().map_err(Clone::clone);
            let error = error.and_then(|(components, own)| {
                Ok((components.reconstruction_error(&now.standardized(&columns))?, *own))
            });
            let error = reasons.noted("reconstruction_error", error);
            let value = |error: &(ReconstructionError, f64)| error.0.value;
            DriftRow {
                reconstruction_error: error.as_ref().map(value),
                reconstruction_error_cmp: error.as_ref().map(|(_, own)| *own),
                reconstruction_error_column: error.and_then(|(error, _)| name(error.worst?.0)),
                ..row
            }
        }
    };
    let pair = change.as_ref().map(|change| change.pair);
    DriftRow {
        correlation_change: change.as_ref().map(|change| change.largest),
        correlation_change_columns: pair.and_then(|(i, j)| Some(vec![name(i)?, name(j)?])),
        correlation_current: change.as_ref().map(|change| change.window),
        correlation_cmp: change.as_ref().map(|change| change.comparison),
        columns_together: Some(both as u64),
        reason: reasons.into_text(),
        ..row
    }
}
