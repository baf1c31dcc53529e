//! The data sets that runs logged.

use super::*;

/// The training data set of a version whose run has `inputs` (data set, context), in falling order of their ids.
async fn training_dataset(source: &str, inputs: &[(&str, &str)]) -> Option<String> {
    let version = format!("run_id: {RUN}\nsource: {source}\n");
    let mut files = vec![
        ("models/churn/version-1/meta.yaml".to_owned(), version),
        ("0/meta.yaml".to_owned(), "experiment_id: '0'".to_owned()),
        (format!("5818/{RUN}/meta.yaml"), format!("run_id: {RUN}")),
        (
            "5818/datasets/a/meta.yaml".to_owned(),
            "name: a\nsource: '{\"path\":\"base/a\",\"delta_table_version\":0}'\n".to_owned(),
        ),
        ("5818/datasets/b/meta.yaml".to_owned(), "name: b\ndigest: 12e4".to_owned()),
    ];
    for (index, (dataset, context)) in inputs.iter().enumerate() {
        files.push((
            format!("5818/{RUN}/inputs/{}/meta.yaml", 9 - index),
            format!("source_type: DATASET\nsource_id: {dataset}\ntags: {{mlflow.data.context: {context}}}\n"),
        ));
    }
    files.push((
        format!("5818/{RUN}/inputs/0/meta.yaml"),
        "source_type: RUN\nsource_id: a\ndestination_type: MODEL_INPUT\n".to_owned(),
    ));
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    churn(&files).await.versions["1"].training_dataset.clone()
}

#[tokio::test]
async fn datasets_are_found_by_the_address_of_the_model_or_by_listing() {
    for source in ["s3://artifacts/5818/models/m-1/artifacts", "models:/m-1", "s3://x/0/y"] {
        let found = training_dataset(source, &[("a", "evaluation")]).await;
        assert_eq!(found.as_deref(), Some("base/a@v0"), "{source}");
    }
}

#[tokio::test]
async fn datasets_for_training_are_preferred_and_all_are_sorted() {
    for (inputs, expected) in [
        (&[][..], None),
        (&[("gone", "training")], None),
        (&[("b", "training"), ("a", "evaluation")], Some("b@12e4")),
        (&[("b", "evaluation"), ("a", "evaluation")], Some("b@12e4, base/a@v0")),
        (&[("b", "training"), ("a", "training"), ("a", "training")], Some("b@12e4, base/a@v0")),
    ] {
        assert_eq!(training_dataset("models:/m-1", inputs).await.as_deref(), expected, "{inputs:?}");
    }
}

#[tokio::test]
async fn a_run_that_is_not_in_the_store_has_no_dataset() {
    let model = churn(&[
        ("models/churn/version-1/meta.yaml", "run_id: elsewhere\nsource: s3://b/7/elsewhere"),
        ("models/churn/version-2/meta.yaml", "run_id: ../../up"),
        ("7/meta.yaml", "name: other"),
    ])
    .await;
    assert!(model.versions.values().all(|version| version.training_dataset.is_none()));
}
