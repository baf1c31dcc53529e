-- unsent_alerts.sql: the events of runs of one monitor, of which it is not known whether anybody was told.
-- reads   alerts, all columns
-- params  $monitor: its name; $runs: the ids of the runs, a list
-- rows    one for each event, in the order of their windows
-- instants in microseconds, UTC
SELECT
    * REPLACE (
        CAST(window_start AS BIGINT) AS window_start,
        CAST(window_end AS BIGINT) AS window_end,
        CAST(first_window_start AS BIGINT) AS first_window_start,
        CAST(computed_at AS BIGINT) AS computed_at
    )
FROM alerts
WHERE
    monitor_name = $monitor
    AND array_has($runs, run_id)
ORDER BY window_start, alert_id, computed_at
