-- recorded_alerts.sql: the events that are recorded for one monitor, in the order in which they happened.
-- reads   alerts(alert_id, event_id, state, window_start, computed_at, monitor_name)
-- params  $monitor: its name
-- rows    one for each event, oldest first
SELECT alert_id, event_id, state
FROM alerts
WHERE monitor_name = $monitor
ORDER BY computed_at, window_start, event_id
