-- recorded_dates.sql: of each column the last date of which there are states with numbers.
-- reads   states(column_name, window_date, min, baseline_table, baseline_version)
-- params  $baseline_table: URL of the baseline, or NULL; $baseline_version: the version that the monitor names, or NULL;
--         $since: the first date that is looked at, or NULL for all dates and the baseline
-- rows    one for each column; bins are chosen for all windows at once, so that those of its last date are those of all
-- nulls   states of the baseline have no date
SELECT
    column_name,
    max(window_date) AS window_date
FROM states
WHERE
    min IS NOT NULL
    AND ($since IS NULL OR window_date >= $since)
    AND (baseline_table IS NOT DISTINCT FROM $baseline_table)
    AND ($baseline_version IS NULL OR baseline_version = $baseline_version)
GROUP BY column_name
