-- relabeled.sql: the base windows of requests of which labels came, went or changed.
-- reads   inference(<timestamp>, <request_id>), relabeled(<request_id>)
-- params  $granularity, $zone: of the base windows; $least, $greatest: between which ids these requests lie
-- names   {{timestamp}}, {{request_id}}: quoted identifiers
-- rows    one for each window; of rows without a time, one without a start
SELECT DISTINCT window_start(inference.{{timestamp}}, $granularity, $zone) AS window_start
FROM inference
LEFT SEMI JOIN relabeled ON inference.{{request_id}} = relabeled.{{request_id}}
WHERE inference.{{request_id}} BETWEEN $least AND $greatest
