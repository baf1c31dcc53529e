//! Secchi's own SQL functions: rows to states, and instants to windows.
//!
//! | function | arguments | result |
//! |---|---|---|
//! | `profile_numeric` | a number; edges (literal), if any | state of the column |
//! | `profile_text` | anything that has a text form | state of the column |
//! | `profile_time` | a timestamp or date | state of the column |
//! | `profile_opaque` | anything | state of the column |
//! | `classification_quality` | prediction; label; probability, or a map or struct of them by class; positive class (literal); edges (literal), if any | state of the quality |
//! | `regression_quality` | prediction, label | state of the quality |
//! | `profile_covariance` | scales (literal), and a column for each | state of how columns move together |
//! | `expected_losses` | an estimator (literal), the prediction, and a column for each of its scales; with the feature `dle` | state of the losses |
//! | `profile_requests` | timestamp, label, its time, request id; zone (literal) | state of the requests |
//! | `window_start` | timestamp, granularity (literal), zone (literal) | start of the window |
//!
//! A state is bytes ([`State::into_bytes`]). Edges are a JSON list of numbers, scales one of objects. Everything that a function needs to know is a literal argument,
//! so that a plan can be shipped and functions be found by name.

mod aggregate;
mod classes;
mod coded;
mod codes;
mod counted;
mod covariance;
mod dictionary;
mod folds;
mod given;
mod instants;
#[cfg(feature = "dle")]
mod losses;
pub(in crate::profile) mod measured;
mod names;
mod probabilities;
mod regression;
mod requests;
mod split;
mod window_start;

use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};

use aggregate::StateFunction;
pub use aggregate::{LAYOUT, State};
use classes::Classification;
use covariance::Covariance;
use folds::{Numeric, Opaque, Text, Time};
use regression::Regression;
use requests::Requests;
pub use window_start::OUT_OF_RANGE;
pub(in crate::profile) use window_start::WindowStart;

use crate::profile::covariance::MAX_COLUMNS;

/// Makes the functions known to `ctx`.
pub fn register(ctx: &SessionContext) {
    let aggregates = [
        AggregateUDF::from(StateFunction::<Numeric>::new("profile_numeric", 1..=2)),
        AggregateUDF::from(StateFunction::<Text>::new("profile_text", 1..=1)),
        AggregateUDF::from(StateFunction::<Time>::new("profile_time", 1..=1)),
        AggregateUDF::from(StateFunction::<Opaque>::new("profile_opaque", 1..=1)),
        AggregateUDF::from(StateFunction::<Classification>::new("classification_quality", 4..=5)),
        AggregateUDF::from(StateFunction::<Regression>::new("regression_quality", 2..=2)),
        AggregateUDF::from(StateFunction::<Covariance>::new("profile_covariance", 2..=1 + MAX_COLUMNS)),
        AggregateUDF::from(StateFunction::<Requests>::new("profile_requests", 5..=5)),
    ];
    for function in aggregates {
        ctx.register_udaf(function);
    }
    #[cfg(feature = "dle")]
    ctx.register_udaf(AggregateUDF::from(StateFunction::<losses::ExpectedLosses>::new(
        "expected_losses",
        3..=2 + MAX_COLUMNS,
    )));
    ctx.register_udf(ScalarUDF::from(WindowStart::new()));
}
