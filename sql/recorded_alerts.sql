-- recorded_alerts.sql: the last event of each alert of one monitor.
-- reads   alerts, all columns
-- params  $monitor: its name
-- rows    one for each alert: the event of the latest window and, of several, the one that was computed last
-- instants in microseconds, UTC
WITH ranked AS (
    SELECT *, row_number() OVER (
        PARTITION BY alert_id ORDER BY window_start DESC, computed_at DESC, event_id DESC
    ) AS place
    FROM alerts
    WHERE monitor_name = $monitor
)
SELECT
    * EXCEPT (place) REPLACE (
        CAST(window_start AS BIGINT) AS window_start,
        CAST(window_end AS BIGINT) AS window_end,
        CAST(first_window_start AS BIGINT) AS first_window_start,
        CAST(computed_at AS BIGINT) AS computed_at
    )
FROM ranked
WHERE place = 1
ORDER BY alert_id
