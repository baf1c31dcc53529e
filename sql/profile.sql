-- profile.sql: a state of every column for each base window, model version and slice, in one scan.
-- reads   sliced(<window>, <version>, <slices>, <columns>)
-- names   {{keys}}: the window, the version and each slice, quoted, `AS` what they are called in the answer;
--         {{states}}: one aggregate call for each column, `profile_<kind>(<column>) AS <state>`, one for the
--         model's quality, one for requests as such and one for all columns together;
--         {{groups}}: the window and the version, with one slice; if there are several, a grouping set for each
-- rows    one for each group; of the slices at most one is not NULL. Their order is left open
-- nulls   counted in the states; a group without a window holds the rows without a time, and one whose window is
--         out of range those with a time that no window can hold
SELECT
    {{keys}},
    count(*) AS row_count,
    {{states}}
FROM sliced
GROUP BY {{groups}}
