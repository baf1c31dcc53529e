//! What surrounds each stage of a run: a panic is an error, a stop ends it, and a damaged file is named.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use url::Url;

use super::{RunError, Stop};
use crate::sink;
use crate::source::{self, Lake, Snapshot};

/// What a stage gives; a panic in it, or in a task of the query engine, is an error like any other.
pub(super) async fn guard<T, E: Into<RunError>>(
    table: &Url,
    stage: impl Future<Output = Result<T, E>>,
) -> Result<T, RunError> {
    let panicked = |_| RunError::Fault { table: source::shown(table) };
    AssertUnwindSafe(stage).catch_unwind().await.map_err(panicked)?.map_err(Into::into)
}

/// What `stage` gives, unless it is stopped before. Only for stages of which no reader sees a thing.
pub(super) async fn unless<T, E: Into<RunError>>(
    stop: &Stop,
    stage: impl Future<Output = Result<T, E>>,
) -> Result<T, RunError> {
    tokio::select! {
        biased;
        () = stop.asked() => Err(RunError::Canceled),
        done = stage => done.map_err(Into::into),
    }
}

/// `error`, or the damaged file that is behind it.
pub(super) async fn blame(error: RunError, snapshot: &Snapshot, lake: Lake<'_>) -> RunError {
    if let RunError::Sink(sunk) = &error
        && let Some(table) = sunk.may_be_damaged()
    {
        let damage = source::damage_of(lake, sink::KEY, table).await;
        return damage.map_or(error, |damage| RunError::Sink(damage.into()));
    }
    let may_be_damage = match &error {
        RunError::Query(error) => error.may_be_damage(),
        RunError::Fault { .. } => true,
        RunError::Secret(_) | RunError::Source(_) | RunError::Sink(_) | RunError::Canceled => false,
    };
    if !may_be_damage {
        return error;
    }
    source::damage(snapshot, lake).await.map_or(error, RunError::Source)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, clippy::unwrap_used)]
    use std::sync::Arc;

    use arrow::datatypes::DataType;
    use datafusion::logical_expr::{Volatility, create_udf};
    use datafusion::prelude::SessionContext;

    use super::*;
    use crate::cause::chain;
    use crate::profile::query::QueryError;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_panic_in_a_task_of_the_engine_is_an_error_that_says_so() {
        let ctx = SessionContext::new();
        let bursts = create_udf(
            "bursts",
            vec![DataType::Int64],
            DataType::Int64,
            Volatility::Volatile,
            Arc::new(|_| panic!("a Rust value")),
        );
        ctx.register_udf(bursts);
        let sql =
            "SELECT value % 3, sum(bursts(value)) FROM generate_series(1, 100000) GROUP BY 1 ORDER BY 1";
        let failed = |error| QueryError::query("file:///lake/t", error);
        let stage = async { ctx.sql(sql).await.map_err(failed)?.collect().await.map_err(failed) };
        let error = guard(&Url::parse("file:///lake/t/").unwrap(), stage).await.unwrap_err();
        let said = format!("{}\n{}", chain(&error), error.hint());
        assert!(said.contains("file:///lake/t") && said.contains("please report"), "{said}");
        assert!(!said.contains("a Rust value"), "{said}");
    }
}
