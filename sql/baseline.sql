-- baseline.sql: the rows of the baseline table, in the shape of windowed.sql.
-- reads   baseline(<model_id>, …)
-- names   {{model_id}}: quoted identifier, or '*' where there is none;
--         {{window_start}}, {{model_version}}: names that the table does not have
-- rows    one for each row of baseline; it lies in no window
SELECT
    *,
    CAST(NULL AS TIMESTAMP) AS {{window_start}},
    coalesce(CAST({{model_id}} AS VARCHAR), ':null') AS {{model_version}}
FROM baseline
