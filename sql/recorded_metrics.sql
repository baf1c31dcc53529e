-- recorded_metrics.sql: rows of a metric table, of windows of one length.
-- reads   metrics: the profile or the drift table, with all columns
-- params  $granularity: of the windows; $from, $upto: least start of a window, and the first that is beyond
-- rows    as they are; what is asked of them is selected from these
-- nulls   rows of the baseline have no window, and are left out
SELECT *
FROM metrics
WHERE
    granularity = $granularity
    AND window_start >= $from
    AND window_start < $upto
