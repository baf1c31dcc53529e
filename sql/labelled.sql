-- labelled.sql: the rows of the inference table, with labels that arrive in a table of their own.
-- reads   inference(<request_id>, …), labels(<request_id>, <label>, <label time>)
-- names   {{request_id}}, {{label}}: quoted identifiers; {{label_order}}: the label's time if it has one, and itself;
--         {{label_time}}: the label's time, or NULL; {{labelled_at}}: a name that the table does not have
-- rows    one for each row of inference: a request with several labels has its latest, one without has NULL
WITH latest AS (
    SELECT
        {{request_id}} AS __request_id,
        last_value({{label}} ORDER BY {{label_order}}) AS {{label}},
        last_value({{label_time}} ORDER BY {{label_order}}) AS {{labelled_at}}
    FROM labels
    WHERE {{label}} IS NOT NULL
    GROUP BY {{request_id}}
)
SELECT inference.*, latest.{{label}}, latest.{{labelled_at}}
FROM inference
LEFT JOIN latest ON inference.{{request_id}} = latest.__request_id
