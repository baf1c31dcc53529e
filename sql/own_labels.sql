-- own_labels.sql: the labels of the requests of which rows are read.
-- reads   candidates(<request_id>, …): labels, of these requests among others; inference(<request_id>)
-- names   {{request_id}}: quoted identifier; {{columns}}: what is known of a label
-- rows    one for each label
SELECT {{columns}}
FROM candidates
LEFT SEMI JOIN inference ON candidates.{{request_id}} = inference.{{request_id}}
