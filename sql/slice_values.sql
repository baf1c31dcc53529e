-- slice_values.sql: the most frequent values of a slicing expression.
-- reads   sliced(__slice_value), a text that is never NULL
-- params  $most: how many values are wanted
-- rows    one for each value, most frequent first; equally frequent ones in their own order
SELECT __slice_value, count(*) AS row_count
FROM sliced
GROUP BY __slice_value
ORDER BY row_count DESC, __slice_value
LIMIT $most
