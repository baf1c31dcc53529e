#![allow(clippy::expect_used, reason = "a test says what it expected and then fails")]

use super::*;
use crate::remedy::Remedy;

const PLACE: &str = "s3://lake/registry";

/// Reads `churn` from the rows of a query.
async fn read_rows(sql: &str) -> Result<RegisteredModel, RegistryError> {
    let context = SessionContext::new();
    let table = context.sql(sql).await.expect("a query").into_view();
    read(&context, &table, PLACE, "churn").await
}

async fn churn(sql: &str) -> RegisteredModel {
    read_rows(sql).await.expect("a model")
}

#[track_caller]
fn check(error: &RegistryError, expected: &str, remedy: Remedy) {
    assert_eq!(error.to_string(), expected);
    assert_eq!(error.remedy(), remedy);
}

async fn check_failure(sql: &str, expected: &str, remedy: Remedy) {
    check(&read_rows(sql).await.expect_err("no model"), expected, remedy);
}

#[tokio::test]
async fn a_version_is_all_that_its_row_says() {
    let model = churn(
        "SELECT 'churn' AS name, 7 AS version, 'ebcd81' AS run_id, 'best, champion' AS aliases,
                'Production' AS stage, '{\"tier\": \"1\"}' AS tags, 1795179774015 AS creation_timestamp,
                's3://bucket/churn?sig=abc' AS source, 'base/churn@v3' AS training_dataset, 1.5 AS other",
    )
    .await;
    let expected = ModelVersion {
        version: "7".to_owned(),
        run_id: Some("ebcd81".to_owned()),
        aliases: vec!["best".to_owned(), "champion".to_owned()],
        stage: Some("Production".to_owned()),
        tags: BTreeMap::from([("tier".to_owned(), "1".to_owned())]),
        created_at: "2026-11-20T13:02:54.015Z".parse().ok(),
        source: Some("s3://bucket/churn".to_owned()),
        training_dataset: Some("base/churn@v3".to_owned()),
    };
    assert_eq!(model.name, "churn");
    assert_eq!(model.versions, BTreeMap::from([("7".to_owned(), expected)]));
}

#[tokio::test]
async fn two_columns_are_enough_and_names_may_be_in_any_case() {
    let model = churn("SELECT 'churn' AS \"NAME\", '1' AS \"Version\" UNION ALL SELECT 'other', '2'").await;
    let versions: Vec<_> = model.versions.keys().collect();
    assert_eq!(versions, ["1"]);
    let version = ModelVersion { version: "1".to_owned(), ..ModelVersion::default() };
    assert_eq!(model.versions["1"], version);
}

#[tokio::test]
async fn times_are_utc_in_any_unit() {
    for at in [
        "TIMESTAMP '2026-05-02 10:00:00.5'",
        "arrow_cast('2026-05-02 10:00:00.5', 'Timestamp(Second, None)')",
        "arrow_cast('2026-05-02T10:00:00.5Z', 'Timestamp(Microsecond, Some(\"+02:00\"))')",
    ] {
        let model = churn(&format!("SELECT 'churn' AS name, 1 AS version, {at} AS creation_timestamp")).await;
        let created = model.versions["1"].created_at.expect("a time");
        assert_eq!(created.as_second(), 1_777_716_000, "{at}");
    }
}

#[tokio::test]
async fn the_latest_row_of_a_version_counts() {
    let model = churn(
        "SELECT * FROM (VALUES
            ('churn', 1, 'Staging',          10),
            ('churn', 1, 'Production',       30),
            ('churn', 1, 'Archived',         20),
            ('churn', 1, 'None',             NULL),
            ('churn', 2, 'Production',       10),
            ('churn', 2, 'Deleted_Internal', 20),
            ('churn', 3, 'None',             10),
            ('churn', 3, 'None',             10)
        ) AS t(name, version, current_stage, last_updated_timestamp)",
    )
    .await;
    let stages: Vec<_> = model.versions.values().map(|found| found.stage.as_deref()).collect();
    assert_eq!(stages, [Some("Production"), None]);
}

#[tokio::test]
async fn rows_that_contradict_each_other_are_an_error() {
    let expected = "version `1` of model `churn` stands in rows that differ without a later `last_updated_timestamp`, \
                    in registry table `s3://lake/registry`";
    for sql in [
        "SELECT 'churn' AS name, 1 AS version, 'a' AS run_id UNION ALL SELECT 'churn', 1, 'b'",
        "SELECT 'churn' AS name, 1 AS version, 'a' AS run_id, 5 AS last_updated_timestamp
         UNION ALL SELECT 'churn', 1, 'b', 5",
    ] {
        check_failure(sql, expected, Remedy::InspectData).await;
    }
}

#[tokio::test]
async fn a_missing_model_names_those_that_are_there() {
    check_failure(
        "SELECT * FROM (VALUES ('churm', 1), ('fraud', 1), ('churm', 2), (NULL, 1)) AS t(name, version)",
        "model `churn` is not in registry `s3://lake/registry`, which has `churm`, `fraud`: did you mean `churm`?",
        Remedy::FixMonitor,
    )
    .await;
    check_failure(
        "SELECT 'churn' AS name, 1 AS version WHERE false",
        "model `churn` is not in registry `s3://lake/registry`, which has nothing",
        Remedy::FixMonitor,
    )
    .await;
}

#[tokio::test]
async fn a_table_that_is_no_registry_says_what_it_lacks() {
    check_failure(
        "SELECT 'churn' AS model, 1 AS version",
        "column `name` is not in registry table `s3://lake/registry`, which has `model`, `version`",
        Remedy::FixMonitor,
    )
    .await;
    for (column, value, found, expected) in [
        ("version", "1.5", "Float64", "text or an integer"),
        ("run_id", "1", "Int64", "text"),
        ("aliases", "true", "Boolean", "a list of text, or text with commas"),
        ("tags", "1", "Int64", "a map of text to text, or text with a JSON object"),
        ("creation_timestamp", "'x'", "Utf8", "a timestamp, or a 64-bit integer of milliseconds"),
    ] {
        let other = if column == "version" { "" } else { ", 1 AS version" };
        check_failure(
            &format!("SELECT 'churn' AS name, {value} AS {column}{other}"),
            &format!("column `{column}` must be {expected}, but is {found}, in registry table `{PLACE}`"),
            Remedy::InspectData,
        )
        .await;
    }
}

#[tokio::test]
async fn a_value_that_means_nothing_is_named_with_its_version() {
    for (column, value, expected) in [
        ("tags", "'tier=1'", "a JSON object"),
        ("aliases", "'[1]'", "text with commas or a JSON array"),
        ("creation_timestamp", "9223372036854775807", "a time in milliseconds"),
    ] {
        check_failure(
            &format!("SELECT 'churn' AS name, 3 AS version, {value} AS {column}"),
            &format!("column `{column}` must be {expected}, but is not for version `3`, in registry table `{PLACE}`"),
            Remedy::InspectData,
        )
        .await;
    }
    check_failure(
        "SELECT 'churn' AS name, CAST(NULL AS BIGINT) AS version",
        "column `version` must be set, but is not for a row of model `churn`, in registry table `s3://lake/registry`",
        Remedy::InspectData,
    )
    .await;
}
