//! The whole job on S3: inference, labels, baseline, registry and metric tables.

use deltalake::{DeltaTableBuilder, ensure_table_uri};

use crate::support::cli::{secchi, secchi_with};
use crate::support::s3::S3Server;
use crate::support::scene::upload;

#[tokio::test(flavor = "multi_thread")]
async fn a_run_needs_nothing_but_s3() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    assert_eq!(secchi(folder, &["demo", "demo", "--rows", "3000", "--no-run"]).code, 0);
    let s3 = S3Server::start().await;
    upload(&s3, &folder.join("demo/lake"), &folder.join("demo/lake"));
    let on_s3 = |text: String| text.replace("../lake/", "s3://lake/");
    let monitor =
        std::fs::read_to_string(folder.join("demo/monitors/credit-default.yaml")).expect("the monitor");
    std::fs::create_dir_all(folder.join("monitors")).expect("a folder");
    std::fs::write(folder.join("monitors/credit-default.yaml"), on_s3(monitor)).expect("a monitor file");
    let options = s3.options();
    let settings = format!(
        "outbox: outbox\nhold_webhooks: true\nstorage:\n  - prefix: s3://lake/\n    options: {{ aws_endpoint: \"{}\", \
         aws_region: {}, aws_allow_http: \"true\" }}\n    secrets: {{ aws_access_key_id: {{ env: KEY_ID }}, \
         aws_secret_access_key: {{ env: KEY }} }}\ndefaults: {{ output: {{ uri: s3://lake/monitoring }} }}\n",
        options["aws_endpoint"], options["aws_region"],
    );
    std::fs::write(folder.join("secchi.yaml"), settings).expect("a settings file");
    let env = [
        ("KEY_ID", options["aws_access_key_id"].as_str()),
        ("KEY", options["aws_secret_access_key"].as_str()),
    ];

    for attempt in 1..=2 {
        let said = secchi_with(folder, &["run", "--as-of", "2026-05-02T12:00:00Z"], &env);
        assert_eq!(said.code, 0, "{attempt}: {}", said.err);
        assert!(!said.out.contains(env[1].1) && !said.err.contains(env[1].1));
    }
    let url = ensure_table_uri("s3://lake/monitoring/credit_default_drift_metrics").expect("a URL");
    let table = DeltaTableBuilder::from_url(url)
        .expect("a table's place")
        .with_storage_options(options)
        .load()
        .await
        .expect("the drift table");
    // Made and written; then nothing was new.
    assert_eq!(table.version(), Some(1));
    assert!(s3.list("lake/monitoring/runs/_delta_log/").len() >= 4);
}
