//! Houses of California, and a classifier of them: a real case with what other tools say of it.

use std::path::PathBuf;

use datafusion::prelude::{CsvReadOptions, SessionContext};

use super::case;

/// The rows of the case, if it is there: `reference` and what came after it, `analysis`, by the time of each house, and the
/// `labels` of the latter.
pub async fn california() -> Option<(PathBuf, SessionContext)> {
    let case = case("california_housing")?;
    let ctx = SessionContext::new();
    for (name, file) in [
        ("reference", "california_housing_reference.csv"),
        ("analysis", "california_housing_analysis.csv"),
        ("labels", "california_housing_analysis_gt.csv"),
    ] {
        let path = case.join(file).display().to_string();
        let rows = ctx.read_csv(&path, CsvReadOptions::new()).await.expect("a CSV file");
        let rows = if name == "labels" {
            rows
        } else {
            ctx.register_table("raw", rows.into_view()).expect("a name");
            let timed = ctx
                .sql(
                    "SELECT * EXCEPT (timestamp), 1 AS model_version,
                            CAST(concat(replace(CAST(timestamp AS VARCHAR), ' ', 'T'), 'Z') AS TIMESTAMP) AS timestamp
                     FROM raw",
                )
                .await
                .expect("times");
            ctx.deregister_table("raw").expect("a name");
            timed
        };
        ctx.register_table(name, rows.into_view()).expect("a name");
    }
    Some((case, ctx))
}
