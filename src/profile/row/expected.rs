//! How many values are not what was known beforehand, in the row of a column.

use super::ProfileRow;
use crate::config::Expectation;
use crate::profile::numeric::NumericState;
use crate::profile::reason::{Absence, Reasons};
use crate::profile::text::TextState;
use crate::profile::{ColumnState, percent};

/// With what is beyond bounds, or not listed. A column that is not of the kind says so.
pub(super) fn expected_row(
    row: ProfileRow,
    state: &ColumnState,
    expected: &Expectation,
    reasons: &mut Reasons,
) -> ProfileRow {
    match (expected, state) {
        (Expectation::Between(low, high), ColumnState::Numeric(numbers)) => {
            ProfileRow { percent_out_of_bounds: percent_out_of_bounds(numbers, *low, *high), ..row }
        }
        (Expectation::Among(values), ColumnState::Text(names)) => {
            let unlisted = percent_unlisted(names, |name| values.contains(name));
            ProfileRow { percent_unlisted: reasons.noted("percent_unlisted", unlisted), ..row }
        }
        (Expectation::Between(..), _) => {
            reasons.lacks("percent_out_of_bounds", Absence::new("it holds no numbers"));
            row
        }
        (Expectation::Among(_), _) => {
            reasons.lacks(
                "percent_unlisted",
                Absence::new("it holds no names, which `columns.categorical` can change"),
            );
            row
        }
    }
}

/// Finite values below `low` or above `high`, in percent of all finite values. States are cut at both, so that it is exact.
fn percent_out_of_bounds(numbers: &NumericState, low: f64, high: f64) -> Option<f64> {
    let buckets = numbers.distribution.buckets();
    let beyond = buckets.iter().filter(|bucket| bucket.high < low || bucket.low > high);
    percent(beyond.map(|bucket| bucket.count).sum(), numbers.finite())
}

/// Values whose name is not listed, in percent of all values.
fn percent_unlisted(names: &TextState, is_listed: impl Fn(&str) -> bool) -> Result<f64, Absence> {
    if !names.items.is_exact() {
        return Err(Absence::new("there are so many different values that not all are known"));
    }
    let unlisted = names.items.iter().filter(|(name, _)| !is_listed(name)).map(|(_, count)| count).sum();
    percent(unlisted, names.count).ok_or(Absence::new("every value is NULL"))
}
