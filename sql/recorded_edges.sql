-- recorded_edges.sql: the states of one date, with the edges of their bins.
-- reads   states(column_name, slice_key, window_date, histogram, min, state, baseline_table, baseline_version)
-- params  $window_date: the date; the others as in recorded_dates.sql
-- rows    those of whole windows with numbers: they have the same bins, but one that was added to may have more edges
SELECT
    column_name,
    histogram['edges'] AS edges,
    state
FROM states
WHERE
    (window_date IS NOT DISTINCT FROM $window_date)
    AND slice_key IS NULL
    AND histogram IS NOT NULL
    AND min IS NOT NULL
    AND (baseline_table IS NOT DISTINCT FROM $baseline_table)
    AND ($baseline_version IS NULL OR baseline_version = $baseline_version)
