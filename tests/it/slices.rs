//! Slices: several expressions are counted in one scan, and the whole table is what they add up to.

use serde_json::Value;

use crate::support::scene::Scene;

/// The measured values of the rows of `bad` that `filter` keeps, without what differs from run to run.
async fn rows(scene: &Scene, table: &str, filter: &str) -> Vec<Value> {
    let sql = format!(
        "SELECT * EXCLUDE (run_id, config_hash, computed_at, revision, source_table) FROM bad_{table} WHERE {filter} \
         ORDER BY window_start, model_version, slice_key, slice_value, column_name"
    );
    scene.rows(&sql).await
}

async fn ran(slicing_exprs: &str) -> Scene {
    let scene = Scene::new().await;
    scene.edit("slicing_exprs: [region]", &format!("slicing_exprs: {slicing_exprs}"));
    let said = scene.secchi(&["run", "bad"]);
    assert_eq!(said.code, 0, "{}", said.err);
    scene
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_tables_and_slices_are_the_same_beside_others() {
    let [none, one, several] =
        [ran("[]").await, ran("[region]").await, ran("[\"amount > 3\", region, \"1 = 1\"]").await];
    for table in ["profile_metrics", "drift_metrics"] {
        let whole = rows(&none, table, "slice_key IS NULL").await;
        assert!(!whole.is_empty());
        assert_eq!(rows(&one, table, "slice_key IS NULL").await, whole, "{table}");
        assert_eq!(rows(&several, table, "slice_key IS NULL").await, whole, "{table}");
        let of_region = rows(&one, table, "slice_key = 'region'").await;
        assert_eq!(rows(&several, table, "slice_key = 'region'").await, of_region, "{table}");
        let everything = rows(&several, table, "slice_key = '1 = 1'").await;
        assert_eq!(everything.len(), whole.len(), "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_may_be_called_as_ours_are() {
    let scene = Scene::new().await;
    scene
        .table(
            "odd",
            "SELECT *, amount AS __window_start, amount AS __model_version, region AS __slice_0, \
             amount AS \"window_start\", amount AS \"row_count\", amount AS \"state_0\" FROM model",
        )
        .await;
    scene.edit("../lake/bad", "../lake/odd");
    scene.edit("include: [amount, region]", "exclude: []");
    scene.edit("slicing_exprs: [region]", "slicing_exprs: [__slice_0]");
    let said = scene.secchi(&["run", "bad"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let averages = scene
        .rows(
            "SELECT DISTINCT avg FROM bad_profile_metrics WHERE slice_value = 'north' AND model_version = '1' \
             AND date_part('day', window_start) = 1 AND column_name IN ('amount', '__window_start', '__model_version', \
             'window_start', 'row_count', 'state_0')",
        )
        .await;
    assert_eq!(averages.len(), 1, "{averages:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_is_called_as_the_table_is_can_be_excluded() {
    let scene = Scene::new().await;
    scene.table("odd", "SELECT *, amount AS \":table\" FROM model").await;
    scene.edit("../lake/bad", "../lake/odd");
    scene.edit("include: [amount, region]", "exclude: []");
    for command in [["validate", "--connect", "bad"].as_slice(), &["run", "bad"]] {
        let said = scene.secchi(command);
        assert_eq!(said.code, 1, "{}", said.err);
        assert!(said.err.contains("has a column called `:table`"), "{}", said.err);
        assert!(said.err.contains("hint: list it under `columns.exclude`: [\":table\"]"), "{}", said.err);
    }
    scene.edit("exclude: []", "exclude: [\":table\"]");
    let said = scene.secchi(&["run", "bad"]);
    assert_eq!(said.code, 0, "{}", said.err);
}
