-- profile.sql: one row for each base window, model version and slice, with the state of every column.
-- reads   sliced(__window_start, __model_version, __slice_value, <columns>)
-- names   {{states}}: one aggregate call for each column, `profile_<kind>(<column>) AS <column>`,
--         and one for the model's quality
-- nulls   counted in the states; a group without a window holds the rows without a time, and one whose window is
--         out of range those with a time that no window can hold
SELECT
    __window_start,
    __model_version,
    __slice_value,
    count(*) AS __row_count,
    {{states}}
FROM sliced
GROUP BY __window_start, __model_version, __slice_value
ORDER BY __window_start, __model_version, __slice_value
