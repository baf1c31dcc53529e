-- kept_states.sql: states that earlier runs have counted, of base windows of a span.
-- reads   states(log_type, granularity, window_start, model_version, slice_key, slice_value, column_name, count,
--         distinct_sketch, state)
-- params  $granularity: of the base windows; $from, $upto: least start of a window, and the first that is beyond
-- rows    one for each window, model version, slice and column, and `:table`
SELECT
    window_start,
    model_version,
    slice_key,
    slice_value,
    column_name,
    count,
    distinct_sketch,
    state
FROM states
WHERE
    log_type = 'INPUT'
    AND granularity = $granularity
    AND window_start >= $from
    AND window_start < $upto
