-- chunks.sql: how many rows the windows of one length have.
-- reads   inference(<timestamp>)
-- params  $granularity, $zone: of the windows
-- names   {{timestamp}}: quoted identifier
-- rows    one for each window with rows, in order
-- nulls   rows without a time are left out
-- range   times that no window can hold have the greatest of all numbers as their window's start
WITH starts AS (
    SELECT window_start({{timestamp}}, $granularity, $zone) AS window_start
    FROM inference
)
SELECT
    window_start,
    count(*) AS row_count
FROM starts
WHERE window_start IS NOT NULL
GROUP BY window_start
ORDER BY window_start
