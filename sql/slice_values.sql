-- slice_values.sql: the most frequent values of a slicing expression.
-- reads   sliced(<slice>), a text that is never NULL
-- params  $most: how many values are wanted
-- names   {{slice}}: quoted identifier
-- rows    one for each value, most frequent first; equally frequent ones in their own order
SELECT {{slice}} AS slice_value, count(*) AS row_count
FROM sliced
GROUP BY {{slice}}
ORDER BY row_count DESC, slice_value
LIMIT $most
