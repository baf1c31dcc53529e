-- recorded_dates.sql: of each column the last date of which there are states with numbers.
-- reads   states(column_name, window_date, histogram, min, baseline_table, baseline_version)
-- params  $baseline_table: URL of the baseline, or NULL; $baseline_version: the version that the monitor names, or NULL
-- rows    one for each column
-- nulls   states of the baseline have no date
SELECT
    column_name,
    max(window_date) AS window_date
FROM states
WHERE
    histogram IS NOT NULL
    AND min IS NOT NULL
    AND (baseline_table IS NOT DISTINCT FROM $baseline_table)
    AND ($baseline_version IS NULL OR baseline_version = $baseline_version)
GROUP BY column_name
