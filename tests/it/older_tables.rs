//! Tables that an earlier version has made: what it did not have is added to them.

use datafusion::prelude::SessionContext;
use deltalake::operations::write::SchemaMode;
use deltalake::protocol::SaveMode;

use crate::support::scene::Scene;
use crate::support::tables;

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_is_new_is_added_and_restates_nothing() {
    let scene = Scene::new().await;
    let run = || {
        let said = scene.secchi(&["run", "good"]);
        assert_eq!(said.code, 0, "{}", said.err);
    };
    run();
    let table = tables::open(&scene.path("monitoring/good_profile_metrics")).await;
    let ctx = SessionContext::new();
    let provider = table.table_provider().await.expect("its rows");
    ctx.register_table("newer", provider).expect("a new name");
    let older = ctx.sql("SELECT * EXCEPT (rank_error) FROM newer").await.expect("all other columns");
    let batches = older.collect().await.expect("rows");
    let older =
        table.write(batches).with_save_mode(SaveMode::Overwrite).with_schema_mode(SchemaMode::Overwrite);
    older.await.expect("the table of an earlier version");

    scene.edit_of("good", "alerts: []", "alerts: []\nowner: risk@example.com");
    run();
    let sql = "SELECT count(*) AS rows, count(rank_error) AS errors, max(revision) AS revision FROM good_profile_metrics";
    let rows = scene.rows(sql).await;
    assert_eq!((&rows[0]["rows"], &rows[0]["revision"]), (&54.into(), &1.into()), "{rows:?}");
    assert!(rows[0]["errors"].as_u64() > Some(0), "{rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn states_in_another_form_are_counted_anew() {
    let scene = Scene::new().await;
    assert_eq!(scene.secchi(&["run", "good"]).code, 0);
    let entry = scene.path("monitoring/good_profile_states/_delta_log/00000000000000000001.json");
    let text = std::fs::read_to_string(&entry).expect("an entry");
    let older = text.replace(r#"\"layout\":"#, r#"\"layout\":1"#);
    assert_ne!(older, text);
    std::fs::write(&entry, older).expect("an entry");
    let plan = scene.secchi(&["plan", "good"]);
    assert!(plan.out.contains("since what was counted is kept in another form"), "{}", plan.out);
    let said = scene.secchi(&["run", "good"]);
    assert!(
        said.out.contains("all rows were read, since what was counted is kept in another form"),
        "{}",
        said.out
    );
    assert!(scene.secchi(&["plan", "good"]).out.contains("nothing to do"));
}
