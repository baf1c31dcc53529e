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

/// A model of two versions, with all that its files say.
const WHOLE: [(&str, &str); 9] = [
    ("models/churn/meta.yaml", "name: churn"),
    ("models/churn/tags/mlflow.prompt.is_prompt", "false"),
    ("models/churn/aliases/champion", "1"),
    ("models/churn/version-1/meta.yaml", "run_id: r1\nsource: s3://b/7/m"),
    ("models/churn/version-1/tags/tier", "1"),
    ("models/churn/version-2/meta.yaml", "source: s3://b/other"),
    ("7/r1/meta.yaml", "run_id: r1"),
    ("7/r1/inputs/i/meta.yaml", "source_id: a"),
    ("7/datasets/a/meta.yaml", "name: train"),
];

/// What is known of version 1 of [`WHOLE`] if `content` stands in `broken`, and the one file that is told of.
async fn without(broken: &str, content: &[u8]) -> (ModelVersion, RegistryError) {
    let store = store(&WHOLE).await;
    let path = Path::parse(broken).expect("a path");
    store.put(&path, content.to_vec().into()).await.expect("written");
    let (mut model, mut unread) = read(&store, PLACE, "churn").await.expect("a model");
    assert_eq!(unread.len(), 1, "{unread:?}");
    let other = model.versions.remove("2").and_then(|version| version.source);
    assert_eq!(other.as_deref(), Some("s3://b/other"), "the other version does not notice");
    (model.versions.remove("1").expect("the version"), unread.remove(0))
}

#[tokio::test(start_paused = true)]
async fn a_file_that_cannot_be_understood_is_named_and_left_out() {
    let deep = "[".repeat(10_000);
    let file = "models/churn/version-1/meta.yaml";
    let texts = ["a: [1, 2\nb: 3\n", "- a\n- b\n", "run_id: [a]", "creation_timestamp: soon", &deep];
    for content in texts.iter().map(|text| text.as_bytes()).chain([b"run_id: \xff\xfe".as_slice()]) {
        let (version, error) = without(file, content).await;
        assert_eq!(error.to_string(), format!("`{PLACE}/{file}` cannot be understood"));
        assert_eq!(error.remedy(), Remedy::InspectData);
        assert!(std::error::Error::source(&error).is_some(), "the cause is kept");
        let expected = ModelVersion {
            version: "1".to_owned(),
            aliases: vec!["champion".to_owned()],
            tags: BTreeMap::from([("tier".to_owned(), "1".to_owned())]),
            ..ModelVersion::default()
        };
        assert_eq!(version, expected, "other files say this");
    }
}

#[tokio::test(start_paused = true)]
async fn each_file_says_only_its_own() {
    let (model, _) = read(&store(&WHOLE).await, PLACE, "churn").await.expect("a model");
    let whole = &model.versions["1"];
    let check = async |broken: &str, expected: &ModelVersion| {
        let (version, error) = without(broken, b"a: \xff").await;
        assert_eq!(&version, expected, "{broken}");
        assert_eq!(error.to_string(), format!("`{PLACE}/{broken}` cannot be understood"));
    };
    check("models/churn/meta.yaml", whole).await;
    check("models/churn/tags/mlflow.prompt.is_prompt", whole).await;
    check("models/churn/aliases/champion", &ModelVersion { aliases: Vec::new(), ..whole.clone() }).await;
    check("models/churn/version-1/tags/tier", &ModelVersion { tags: BTreeMap::new(), ..whole.clone() }).await;
    let untrained = ModelVersion { training_dataset: None, ..whole.clone() };
    check("7/r1/inputs/i/meta.yaml", &untrained).await;
    check("7/datasets/a/meta.yaml", &untrained).await;
}

#[tokio::test(start_paused = true)]
async fn a_broken_file_of_another_model_is_of_no_interest() {
    let store =
        store(&[("models/churn/version-1/meta.yaml", "version: 1"), ("models/b/meta.yaml", "[")]).await;
    let path = Path::from("models/b/tags/mlflow.prompt.is_prompt");
    store.put(&path, b"\xff".to_vec().into()).await.expect("written");
    let (_, unread) = read(&store, PLACE, "churn").await.expect("a model");
    assert!(unread.is_empty(), "{unread:?}");
    let error = read(&store, PLACE, "chrun").await.expect_err("no model");
    let expected =
        format!("model `chrun` is not in registry `{PLACE}`, which has `b`, `churn`: did you mean `churn`?");
    assert_eq!(error.to_string(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_too_large_is_left_out() {
    let large = "#".repeat(1 + usize::try_from(files::MOST_BYTES).expect("small"));
    let (_, error) = without("models/churn/meta.yaml", large.as_bytes()).await;
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
            Ok((model, _)) => {
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
