-- kept_baseline.sql: states that an earlier run has counted of the baseline.
-- reads   states, as kept_states.sql does
-- rows    one for each model version, slice and column, and `:table`
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
WHERE log_type = 'BASELINE'
