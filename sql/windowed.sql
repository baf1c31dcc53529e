-- windowed.sql: the rows of the inference table, each with its base window and model version.
-- reads   labelled(<timestamp>, <model_id>, …)
-- params  $granularity, $zone: of the base windows
-- names   {{timestamp}}: quoted identifier; {{model_id}}: quoted identifier, or '*' where there is none;
--         {{window_start}}, {{model_version}}: names that the table does not have
-- nulls   a row without a time has no window; a row without a version has the version ':null'
-- range   a time that no window can hold has the greatest of all numbers as its window's start
SELECT
    *,
    window_start({{timestamp}}, $granularity, $zone) AS {{window_start}},
    coalesce(CAST({{model_id}} AS VARCHAR), ':null') AS {{model_version}}
FROM labelled
