-- kept_values.sql: how many numbers earlier runs have counted of each column whose bins have not been chosen, and which.
-- reads   states(log_type, granularity, window_end, slice_key, column_name, kind, count, num_nan, num_infinite, min, max,
--         histogram)
-- params  $granularity: of the base windows; $until: the last end of a window that is complete
-- rows    one for each column
-- nulls   least and greatest are NULL where there are no numbers
SELECT
    column_name,
    sum(count - num_nan - num_infinite) AS numbers,
    min(min) AS least,
    max(max) AS greatest
FROM states
WHERE
    log_type = 'INPUT'
    AND granularity = $granularity
    AND window_end <= $until
    AND slice_key IS NULL
    AND kind = 'numeric'
    AND histogram IS NULL
GROUP BY column_name
