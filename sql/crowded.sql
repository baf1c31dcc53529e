-- crowded.sql: the numbers within some ranges, of all rows, each range by itself.
-- reads   sliced(<columns>)
-- names   {{ranges}}: one aggregate call for each range, `profile_numeric(<number within the range, else NULL>) AS <range>`
-- rows    one
SELECT
    {{ranges}}
FROM sliced
