-- own_labels.sql: the labels of the requests of which rows are read.
-- reads   all_labels(<request_id>, …), inference(<request_id>)
-- params  $least, $greatest: between which ids these requests lie
-- names   {{request_id}}: quoted identifier; {{columns}}: what is known of a label
-- rows    one for each label
SELECT {{columns}}
FROM all_labels
LEFT SEMI JOIN inference ON all_labels.{{request_id}} = inference.{{request_id}}
WHERE all_labels.{{request_id}} BETWEEN $least AND $greatest
