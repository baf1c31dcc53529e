//! Where a message sends its reader.

use secchi::notify::further::further;

use super::given::{event, facts};

#[test]
fn drift_is_looked_up_in_the_drift_table() {
    let further = further(&event(), &facts());
    let expected = "-- s3://lake/monitoring/credit_default_drift_metrics\n\
        SELECT window_start, population_stability_index, count_current\n\
        FROM credit_default_drift_metrics\n\
        WHERE column_name = 'monthly_income'\n  AND model_version = '3'\n  AND granularity = '1 day'\n  \
        AND slice_key IS NULL\n  AND drift_type = 'BASELINE'\n\
        ORDER BY window_start DESC LIMIT 30;";
    assert_eq!(further.sql, expected);
    assert_eq!(
        further.command,
        "secchi run /etc/secchi/monitors/credit-default.yaml --as-of 2026-05-02T06:15:00Z --table-version 118 \
         --label-version 60 --baseline-version 2 --output again --no-notify"
    );
}

#[test]
fn quality_is_looked_up_in_the_profile_table() {
    let mut event = event();
    event.drift_type = None;
    event.metric = "accuracy_score".to_owned();
    event.column_name = ":table".to_owned();
    let sql = further(&event, &facts()).sql;
    assert!(sql.contains("accuracy_score, label_count\nFROM credit_default_profile_metrics\n"), "{sql}");
    assert!(sql.contains("log_type = 'INPUT'"), "{sql}");
}

#[test]
fn a_profile_is_looked_up_with_its_count() {
    let mut event = event();
    event.drift_type = None;
    event.metric = "percent_null".to_owned();
    let sql = further(&event, &facts()).sql;
    assert!(sql.contains("percent_null, count\nFROM credit_default_profile_metrics\n"), "{sql}");
}

#[test]
fn what_is_quoted_stays_quoted() {
    let mut event = event();
    event.column_name = "o'brien'; DROP TABLE x; --".to_owned();
    event.metric = "ks_test.statistic".to_owned();
    (event.slice_key, event.slice_value) = (Some("region".to_owned()), Some("l'île".to_owned()));
    let mut facts = facts();
    facts.monitor_file = "my monitors/it's.yaml".to_owned();
    let further = further(&event, &facts);
    assert!(further.sql.contains("column_name = 'o''brien''; DROP TABLE x; --'\n"), "{}", further.sql);
    assert!(further.sql.contains("SELECT window_start, ks_test.statistic,"), "{}", further.sql);
    assert!(further.sql.contains("slice_value = 'l''île'"), "{}", further.sql);
    assert!(
        further.command.starts_with(r"secchi run 'my monitors/it'\''s.yaml' --as-of"),
        "{}",
        further.command
    );
}
