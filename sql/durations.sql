-- durations.sql: how long the runs of one monitor took, by what they read.
-- reads   runs(monitor_name, status, seconds, bytes_read)
-- params  $monitor: its name
-- rows    one: how many runs; seconds that each takes, and seconds for each byte, as a line through them has it; means,
--         and the seconds of the fastest
-- nulls   no line where all runs read the same, or none read anything
SELECT
    count(*) AS runs,
    regr_intercept(seconds, CAST(bytes_read AS DOUBLE)) AS fixed,
    regr_slope(seconds, CAST(bytes_read AS DOUBLE)) AS per_byte,
    avg(seconds) AS mean_seconds,
    avg(CAST(bytes_read AS DOUBLE)) AS mean_bytes,
    min(seconds) AS least_seconds
FROM runs
WHERE
    monitor_name = $monitor
    AND status = 'SUCCEEDED'
    AND seconds IS NOT NULL
    AND bytes_read > 0
