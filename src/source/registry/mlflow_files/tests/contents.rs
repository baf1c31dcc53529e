//! What the files of a model say.

use std::sync::Arc;

use super::*;

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_version_is_all_that_its_files_say() {
    let model = churn(&[
        ("models/churn/meta.yaml", "name: churn\naliases: {champion: '1'}\n"),
        ("models/churn/tags/owner", "risk"),
        ("models/churn/aliases/champion", "7"),
        ("models/churn/aliases/best", "7\n"),
        (
            "models/churn/version-7/meta.yaml",
            "creation_timestamp: 1795179774015\ncurrent_stage: Production\nname: churn\nrun_id: ebcd81\n\
             source: s3://me:pw@bucket/churn?sig=abc\nversion: 7\nkey_of_the_future: {a: [1, 2]}\n",
        ),
        ("models/churn/version-7/tags/tier", "1"),
        ("models/churn/version-7/tags/data: set/änd more", "two\nlines\n"),
    ])
    .await;
    let expected = ModelVersion {
        version: "7".to_owned(),
        run_id: Some("ebcd81".to_owned()),
        aliases: vec!["best".to_owned(), "champion".to_owned()],
        stage: Some("Production".to_owned()),
        tags: texts(&[("tier", "1"), ("data: set/änd more", "two\nlines\n")]),
        created_at: "2026-11-20T13:02:54.015Z".parse().ok(),
        source: Some("s3://bucket/churn".to_owned()),
        training_dataset: None,
    };
    assert_eq!(model.name, "churn");
    assert_eq!(model.versions, BTreeMap::from([("7".to_owned(), expected)]));
}

#[tokio::test]
async fn what_is_missing_or_none_is_nothing() {
    let model = churn(&[
        ("models/churn/version-1/meta.yaml", "version: 1\n"),
        ("models/churn/version-2/meta.yaml", "{current_stage: None, run_id: null, source: }"),
        ("models/churn/version-3/meta.yaml", "current_stage: Deleted_Internal\n"),
        ("models/churn/version-4/tags/left", "over"),
        ("models/churn_2/version-5/meta.yaml", "version: 5\n"),
    ])
    .await;
    let nothing = |version: &str| {
        let version = version.to_owned();
        (version.clone(), ModelVersion { version, ..ModelVersion::default() })
    };
    assert_eq!(model.versions, BTreeMap::from(["1", "2"].map(nothing)));
}

#[tokio::test]
async fn aliases_in_meta_yaml_count_when_there_are_no_files() {
    for meta in [
        "aliases: {champion: '1', old: 2}",
        "aliases:\n- {alias: champion, version: 1}\n- alias: old\n  version: '2'\n",
    ] {
        let model =
            churn(&[("models/churn/meta.yaml", meta), ("models/churn/version-1/meta.yaml", "version: 1")])
                .await;
        assert_eq!(model.versions["1"].aliases, ["champion"], "{meta}");
    }
    for meta in ["aliases: []", "aliases: {}", "aliases:", "name: churn"] {
        let model = churn(&[("models/churn/meta.yaml", meta)]).await;
        assert!(model.versions.is_empty(), "{meta}");
    }
}

#[tokio::test]
async fn a_run_id_that_looks_like_a_number_stays_a_text() {
    let run = "12345678e90123456789012345678901";
    let model = churn(&[("models/churn/version-1/meta.yaml", &format!("run_id: {run}\n"))]).await;
    assert_eq!(model.versions["1"].run_id.as_deref(), Some(run));
}

#[tokio::test]
async fn a_read_can_be_moved_to_another_thread() {
    let store = Arc::new(store(&[("models/churn/version-1/meta.yaml", "version: 1")]).await);
    let task = tokio::spawn(async move { read(&*store, PLACE, "churn").await });
    assert!(task.await.expect("no panic").is_ok());
}
