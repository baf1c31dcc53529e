-- groups.sql: how many rows each base window, model version and slice has, without a look at their columns.
-- reads   sliced(<window>, <version>, <slices>)
-- names   {{keys}}, {{groups}}: as in profile.sql
-- rows    one for each group, as in profile.sql
SELECT
    {{keys}},
    count(*) AS row_count
FROM sliced
GROUP BY {{groups}}
