-- recorded_edges.sql: the states of one date, with the edges of their bins.
-- reads   states(column_name, window_date, histogram, min, state, baseline_table, baseline_version)
-- params  $window_date: the date; the others as in recorded_dates.sql
-- rows    one for each column with numbers on that date; which of its states, is left open, since all have the same edges
SELECT DISTINCT ON (column_name)
    column_name,
    histogram['edges'] AS edges,
    state
FROM states
WHERE
    (window_date IS NOT DISTINCT FROM $window_date)
    AND histogram IS NOT NULL
    AND min IS NOT NULL
    AND (baseline_table IS NOT DISTINCT FROM $baseline_table)
    AND ($baseline_version IS NULL OR baseline_version = $baseline_version)
