//! Random histories of a table: after each, what runs have added up is what one run over everything gives.

mod past;

use std::collections::BTreeSet;

pub use past::{History, USUAL};
use rand::RngExt;
use secchi::alert::Event;
use serde_json::Value;

use crate::support::tables;

/// Histories that are tried, unless the environment says how many.
const HISTORIES: u64 = 6;

/// What happens to the table, one after the other.
const STEPS: usize = 6;

impl History {
    /// What the tables in `output` say, but for where it comes from. The column that comes later is in no baseline: its bins
    /// follow from the rows that there were when they were chosen.
    async fn rows(&self, output: &str) -> Vec<Value> {
        let lineage = "run_id, config_hash, label_version, source_version, source_version_from, engine_version, computed_at";
        let folder = self.scene.path(output);
        let profile = format!(
            "SELECT * EXCEPT (logging_table_commit_version, revision, {lineage}) FROM history_profile_metrics \
             ORDER BY granularity, window_start, model_version, slice_key, slice_value, column_name"
        );
        let drift = format!(
            "SELECT * EXCEPT (revision, {lineage}) FROM history_drift_metrics \
             ORDER BY granularity, window_start, drift_type, model_version, slice_key, slice_value, column_name"
        );
        let states = format!(
            "SELECT * EXCEPT (histogram, {lineage}, distinct_sketch, state), \
             CASE WHEN column_name <> 'more' THEN histogram['edges'] END AS edges, \
             CASE WHEN column_name <> 'more' THEN histogram['counts'] END AS bins, \
             CASE WHEN column_name <> 'more' THEN encode(state, 'hex') END AS state FROM history_profile_states \
             ORDER BY window_start, model_version, slice_key, slice_value, column_name"
        );
        let mut rows = tables::query(&folder, &profile).await;
        rows.extend(tables::query(&folder, &drift).await);
        rows.extend(tables::query(&folder, &states).await);
        rows
    }

    /// Whether the outputs of both monitors do.
    pub async fn says_the_same(&self) {
        let (added_up, anew) = (self.rows("monitoring").await, self.rows("anew").await);
        for (ours, theirs) in added_up.iter().zip(&anew) {
            assert!(ours == theirs, "{}\nadded up: {ours:#}\nanew: {theirs:#}", self.told);
        }
        assert_eq!(added_up.len(), anew.len(), "{}", self.told);
        let bins = "SELECT count(DISTINCT histogram['edges']) AS edges, \
                    count(*) FILTER (WHERE histogram IS NULL) AS missing FROM history_profile_states \
                    WHERE column_name = 'more' AND count > 0";
        let bins = &tables::query(&self.scene.path("monitoring"), bins).await[0];
        let (edges, missing) = (bins["edges"].as_u64(), bins["missing"].as_u64());
        assert!(edges == Some(0) || (edges, missing) == (Some(1), Some(0)), "{}\n{bins}", self.told);
    }

    /// What runs have added up is what one run gives.
    async fn is_as_anew(&self, firing: &[Event]) {
        let rows = tables::query(&self.scene.path("lake"), "SELECT count(*) AS rows FROM history").await;
        if rows[0]["rows"] == 0 {
            // A monitor does not begin with an empty table; one that was emptied has no windows any more.
            let windows = "SELECT count(*) AS rows FROM history_profile_metrics WHERE log_type = 'INPUT'";
            let left = tables::query(&self.scene.path("monitoring"), windows).await;
            assert_eq!(left[0]["rows"], 0, "{}", self.told);
            return;
        }
        let _ = std::fs::remove_dir_all(self.scene.path("anew"));
        let anew = self.run("anew").await;
        self.says_the_same().await;
        let mut expected: BTreeSet<String> = anew.firing.iter().map(named).collect();
        // Of times of which there are no rows any more, the record is taken at its word.
        for event in firing {
            if event.first_window_start < self.oldest(event).await {
                expected.insert(named(event));
            }
        }
        let firing: BTreeSet<String> = firing.iter().map(named).collect();
        assert_eq!(firing, expected, "{}", self.told);
    }

    /// Start of the first window of the series of an alert.
    async fn oldest(&self, event: &Event) -> i64 {
        let text =
            |text: &Option<String>| text.as_ref().map_or("NULL".to_owned(), |text| format!("'{text}'"));
        let sql = format!(
            "SELECT CAST(min(window_start) AS BIGINT) AS oldest FROM history_profile_metrics \
             WHERE granularity = '{}' AND model_version = '{}' AND column_name = '{}' \
             AND (slice_key IS NOT DISTINCT FROM {}) AND (slice_value IS NOT DISTINCT FROM {})",
            event.granularity,
            event.model_version,
            event.column_name,
            text(&event.slice_key),
            text(&event.slice_value),
        );
        tables::query(&self.scene.path("anew"), &sql).await[0]["oldest"].as_i64().unwrap_or(i64::MAX)
    }
}

/// What an alert is about.
fn named(event: &Event) -> String {
    let Event { rule, granularity, model_version, slice_key, slice_value, column_name, .. } = event;
    format!("{rule} {granularity} {model_version} {slice_key:?} {slice_value:?} {column_name}")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_add_up_is_what_one_run_gives() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("SECCHI_HISTORY").unwrap_or(0);
    for seed in first..first + number("SECCHI_HISTORIES").unwrap_or(HISTORIES) {
        let mut history = History::begin(seed).await;
        history.run("history").await;
        for _ in 0..STEPS {
            history.step().await;
            if history.chance.random_bool(0.7) {
                let outcome = history.run("history").await;
                let anew = outcome.findings.iter().any(|finding| finding.starts_with("all rows"));
                assert!(!anew || !history.is_known, "{}\n{:?}", history.told, outcome.findings);
                history.is_known = true;
            }
        }
        let outcome = history.run("history").await;
        history.is_as_anew(&outcome.firing).await;
        let outcome = history.run("history").await;
        assert!(outcome.is_unchanged, "{}", history.told);
    }
}
