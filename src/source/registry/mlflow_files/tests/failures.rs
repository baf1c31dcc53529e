//! What is said when a registry cannot be read.

use std::sync::atomic::AtomicUsize;

use super::haunted::Haunted;
use super::*;
use crate::remedy::Remedy;

#[tokio::test(start_paused = true)]
async fn a_missing_model_names_those_that_are_there() {
    let files = [
        ("models/churn/meta.yaml", "name: churn"),
        ("models/greeting/meta.yaml", "name: greeting"),
        ("models/greeting/tags/mlflow.prompt.is_prompt", "true"),
        ("models/not_a_prompt/tags/mlflow.prompt.is_prompt", "false"),
    ];
    for model in ["chrun", "", "..", "churn/version-1", "chur"] {
        let error = failure(&files, model).await;
        let start =
            format!("model `{model}` is not in registry `{PLACE}`, which has `churn`, `not_a_prompt`");
        assert!(error.to_string().starts_with(&start), "{error}");
        assert_eq!(error.remedy(), Remedy::FixMonitor);
    }
    let error = failure(&files, "greeting").await;
    assert_eq!(error.to_string(), "`greeting` is a prompt and not a model, in registry `s3://lake/mlruns`");
}

#[tokio::test]
async fn a_place_without_models_says_what_it_has() {
    let error = failure(&[("mlruns/models/churn/meta.yaml", ""), ("inference/x/y", "")], "churn").await;
    let expected = "no model is registered at `s3://lake/mlruns`, where there is `inference`, `mlruns`";
    assert_eq!(error.to_string(), expected);
    let error = failure(&[], "churn").await;
    assert_eq!(error.to_string(), "no model is registered at `s3://lake/mlruns`, where there is nothing");
    assert_eq!(error.remedy(), Remedy::FixMonitor);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_cannot_be_understood_is_named() {
    let deep = "[".repeat(10_000);
    for content in ["a: [1, 2\nb: 3\n", "- a\n- b\n", "run_id: [a]", "creation_timestamp: soon", &deep] {
        let error = failure(&[("models/churn/version-1/meta.yaml", content)], "churn").await;
        let expected = "`s3://lake/mlruns/models/churn/version-1/meta.yaml` cannot be understood";
        assert_eq!(error.to_string(), expected, "{content:.50}");
        assert_eq!(error.remedy(), Remedy::InspectData);
        assert!(std::error::Error::source(&error).is_some(), "the cause is kept");
    }
}

#[tokio::test]
async fn a_file_that_is_too_large_is_refused() {
    let large = "#".repeat(1 + usize::try_from(files::MOST_BYTES).expect("small"));
    let error = failure(&[("models/churn/meta.yaml", &large)], "churn").await;
    let expected =
        "`s3://lake/mlruns/models/churn/meta.yaml` has 1048577 bytes, more than the 1048576 that are read";
    assert_eq!(error.to_string(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_vanishes_is_looked_for_once_more() {
    let files = [
        ("models/churn/meta.yaml", "aliases: {champion: 1}"),
        ("models/churn/version-1/meta.yaml", "version: 1"),
    ];
    for (times, found) in [(0, true), (1, true), (2, false)] {
        let store = Haunted {
            inner: store(&files).await,
            ghost: Path::from("models/churn/version-1/meta.yaml"),
            times: AtomicUsize::new(times),
        };
        match read(&store, PLACE, "churn").await {
            Ok(model) => {
                assert!(found, "{times}");
                assert_eq!(model.versions["1"].aliases, ["champion"]);
            }
            Err(error) => {
                assert!(!found, "{times}");
                assert_eq!(error.remedy(), Remedy::Retry);
                let expected = "`s3://lake/mlruns/models/churn/version-1/meta.yaml` went away while the registry was read";
                assert_eq!(error.to_string(), expected);
            }
        }
    }
}
