-- several_labels.sql: how many requests have different labels, where no time says which is the latest.
-- reads   labels(<request_id>, <label>)
-- names   {{request_id}}, {{label}}: quoted identifiers
-- rows    one
WITH several AS (
    SELECT {{request_id}}
    FROM labels
    WHERE {{request_id}} IS NOT NULL AND {{label}} IS NOT NULL
    GROUP BY {{request_id}}
    HAVING min({{label}}) <> max({{label}})
)
SELECT count(*) AS requests
FROM several
