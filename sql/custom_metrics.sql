-- custom_metrics.sql: the rows that custom metrics are computed of, each with its window of every granularity.
-- reads   sliced(<window>, <version>, <slices>, <columns>)
-- names   {{windows}}: `window_start(<window>, '<granularity>', '<zone>')` for each granularity, `AS` a name that the
--         table does not have
-- rows    one for each row of sliced
-- nulls   a row without a time has no window
-- range   a window that cannot be has the greatest of all numbers as its start
SELECT
    *,
    {{windows}}
FROM sliced
