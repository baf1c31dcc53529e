-- windowed.sql: the rows of the inference table, each with its base window and model version.
-- reads   labelled(<timestamp>, <model_id>, …)
-- params  $granularity, $zone: of the base windows
-- names   {{timestamp}}: quoted identifier; {{model_id}}: quoted identifier, or '*' where there is none
-- nulls   a row without a time has no window; a row without a version has the version ':null'
-- range   a time that no window can hold has the greatest of all numbers as its window's start
SELECT
    *,
    window_start({{timestamp}}, $granularity, $zone) AS __window_start,
    coalesce(CAST({{model_id}} AS VARCHAR), ':null') AS __model_version
FROM labelled
