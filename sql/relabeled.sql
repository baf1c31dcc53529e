-- relabeled.sql: the base windows of requests of which labels came, went or changed.
-- reads   candidates(<timestamp>, <request_id>): rows, of these requests among others; relabeled(<request_id>)
-- params  $granularity, $zone: of the base windows
-- names   {{timestamp}}, {{request_id}}: quoted identifiers
-- rows    one for each window; of rows without a time, one without a start
SELECT DISTINCT window_start(candidates.{{timestamp}}, $granularity, $zone) AS window_start
FROM candidates
LEFT SEMI JOIN relabeled ON candidates.{{request_id}} = relabeled.{{request_id}}
