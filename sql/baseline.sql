-- baseline.sql: the rows of the baseline table, in the shape of windowed.sql.
-- reads   baseline(<model_id>, …)
-- names   {{model_id}}: quoted identifier, or '*' where there is none
-- rows    one for each row of baseline; it lies in no window
SELECT
    *,
    CAST(NULL AS TIMESTAMP) AS __window_start,
    coalesce(CAST({{model_id}} AS VARCHAR), ':null') AS __model_version
FROM baseline
