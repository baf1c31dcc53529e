-- losses.sql: what losses are learnt from: rows of the baseline that have a label.
-- reads   sliced(<prediction>, <label>, <columns>)
-- names   {{prediction}}, {{label}}: quoted identifiers; {{columns}}: others, quoted, in the order in which they are learnt
-- rows    one for each row with a prediction and a label
SELECT
    {{prediction}},
    {{label}},
    {{columns}}
FROM sliced
WHERE {{prediction}} IS NOT NULL AND {{label}} IS NOT NULL
