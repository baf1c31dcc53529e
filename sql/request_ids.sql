-- request_ids.sql: between which ids requests lie, so that files without any of them can be skipped.
-- reads   {{rows}}(<request_id>)
-- names   {{rows}}: the table; {{request_id}}: quoted identifier
-- rows    one; NULL if no row has an id
SELECT min({{request_id}}) AS least, max({{request_id}}) AS greatest
FROM {{rows}}
