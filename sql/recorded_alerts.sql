-- recorded_alerts.sql: the last event of each alert of one monitor.
-- reads   alerts, all columns
-- params  $monitor: its name
-- rows    one for each alert: the event that was computed last and, of several of a run, that of the latest window; told_until is
--         the latest window of which any event of the alert tells
-- instants in microseconds, UTC
WITH ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY alert_id ORDER BY computed_at DESC, window_start DESC, event_id DESC
        ) AS place,
        max(window_start) OVER (PARTITION BY alert_id) AS told_until
    FROM alerts
    WHERE monitor_name = $monitor
)
SELECT
    * EXCEPT (place) REPLACE (
        CAST(window_start AS BIGINT) AS window_start,
        CAST(window_end AS BIGINT) AS window_end,
        CAST(first_window_start AS BIGINT) AS first_window_start,
        CAST(computed_at AS BIGINT) AS computed_at,
        CAST(told_until AS BIGINT) AS told_until
    )
FROM ranked
WHERE place = 1
ORDER BY alert_id
