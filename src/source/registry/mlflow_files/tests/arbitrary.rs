//! Whatever stands in a file, reading it does not panic.

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(
        bytes in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            "(aliases|run_id|source|tags|[a-z&*!|>{}\\[\\]'\",:?%@-]| |\n|: |- |[0-9]){0,60}".prop_map(String::into_bytes),
        ],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(async {
            let paths = [
                "models/churn/meta.yaml".to_owned(),
                "models/churn/version-1/meta.yaml".to_owned(),
                "models/churn/aliases/a".to_owned(),
                format!("7/{RUN}/inputs/1/meta.yaml"),
                "7/datasets/a/meta.yaml".to_owned(),
            ];
            for broken in &paths {
                let run = format!("run_id: {RUN}");
                let input = format!("7/{RUN}/inputs/1/meta.yaml");
                let store = store(&[
                    ("models/churn/version-1/meta.yaml", run.as_str()),
                    (input.as_str(), "source_id: a"),
                    ("7/datasets/a/meta.yaml", "name: a"),
                ]).await;
                let path = Path::parse(broken).expect("a path");
                store.put(&path, bytes.clone().into()).await.expect("written");
                // What comes out does not matter, as long as something does.
                let _ = read(&store, PLACE, "churn").await;
            }
        });
    }
}
