#![allow(clippy::unwrap_used)]
use bytes::Bytes;

use super::super::commit::parse;
use super::super::span::TimeColumn;
use super::*;

/// A line that adds or removes `path`, which says that rows changed unless `more` says something else.
fn action(kind: &str, path: &str, more: &str) -> String {
    let change = if more.contains("dataChange") { "" } else { r#","dataChange":true"# };
    let more = if more.is_empty() { String::new() } else { format!(",{more}") };
    format!(r#"{{"{kind}":{{"path":"{path}","size":1{change}{more}}}}}"#)
}

fn add(path: &str) -> String {
    action("add", path, "")
}

fn remove(path: &str) -> String {
    action("remove", path, "")
}

/// Adds a file of which these rows are deleted.
fn add_marked(path: &str, vector: &str) -> String {
    let vector =
        format!(r#"{{"storageType":"i","pathOrInlineDv":"{vector}","sizeInBytes":4,"cardinality":2}}"#);
    action("add", path, &format!(r#""deletionVector":{vector},"stats":"{{\"numRecords\":10}}""#))
}

fn move_in(path: &str) -> String {
    action("add", path, r#""dataChange":false"#)
}

fn move_out(path: &str) -> String {
    action("remove", path, r#""dataChange":false"#)
}

fn at() -> TimeColumn {
    TimeColumn { physical: "at".to_owned(), is_partition: false }
}

fn file(path: &str) -> File {
    File { path: path.to_owned(), size: 1, rows: None, times: None, deletion_vector: None }
}

fn walked(before: &Before, commits: &[Vec<String>]) -> Walked {
    let read = |lines: &Vec<String>| {
        let lines = format!("{{\"commitInfo\":{{}}}}\n{}", lines.join("\n"));
        parse(&Bytes::from(lines), &at()).unwrap()
    };
    walk(&commits.iter().map(read).collect::<Vec<_>>(), before)
}

fn paths(files: &[File]) -> Vec<&str> {
    let mut paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// A table that holds the file `old`, and `marked` with some rows deleted.
fn before() -> Before {
    let marked = File { deletion_vector: Some("ione@0".to_owned()), ..file("marked") };
    let files = [file("old"), marked];
    Before::Known(files.map(|file| (file.key(), file)).into())
}

#[track_caller]
fn check(commits: &[&[String]], fresh: &[&str], touched: &[&str]) {
    let commits: Vec<Vec<String>> = commits.iter().map(|lines| lines.to_vec()).collect();
    let walked = walked(&before(), &commits);
    assert_eq!((paths(&walked.fresh), paths(&walked.touched)), (fresh.to_vec(), touched.to_vec()));
}

#[test]
fn an_append_is_new() {
    check(&[], &[], &[]);
    check(&[&[]], &[], &[]);
    check(&[&[add("a"), add("b")], &[add("c")]], &["a", "b", "c"], &[]);
}

#[test]
fn what_is_appended_twice_counts_once() {
    check(&[&[add("a")], &[add("a")]], &["a"], &[]);
    check(&[&[add("a"), add("a")]], &["a"], &[]);
    check(&[&[add("old")]], &[], &[]);
    check(&[&[add("a%20b")], &[add("a b")]], &["a%20b"], &[]);
}

#[test]
fn what_is_said_of_a_file_changes_nothing() {
    check(&[&[move_in("old")]], &[], &[]);
    check(&[&[add("a")], &[move_in("a")]], &["a"], &[]);
}

#[test]
fn new_rows_that_went_need_nothing() {
    check(&[&[add("a"), add("b")], &[remove("a")]], &["b"], &[]);
    check(&[&[add("a")], &[remove("a")], &[add("a")]], &["a"], &[]);
}

#[test]
fn where_only_new_rows_were_rewritten_all_are_new() {
    check(&[&[add("a"), add("b")], &[remove("a"), add("c")]], &["b", "c"], &[]);
    check(&[&[add("a"), add("b")], &[move_out("a"), move_out("b"), move_in("c")]], &["c"], &[]);
}

#[test]
fn old_rows_that_went_are_touched() {
    check(&[&[remove("old")]], &[], &["old"]);
    check(&[&[add("a")], &[remove("old")]], &["a"], &["old"]);
}

#[test]
fn what_was_rewritten_is_touched_before_and_after() {
    check(&[&[remove("old"), add("a")], &[add("b")]], &["b"], &["a", "old"]);
    check(&[&[add("a"), remove("old")]], &[], &["a", "old"]);
    check(&[&[remove("old"), add("a")], &[remove("a"), add("b")]], &[], &["a", "b", "old"]);
}

#[test]
fn new_rows_that_were_rewritten_with_old_ones_are_touched_in_the_new_file() {
    check(&[&[add("a")], &[remove("old"), remove("a"), add("b")]], &[], &["b", "old"]);
}

#[test]
fn compaction_of_old_rows_is_nothing() {
    check(&[&[move_out("old"), move_out("marked"), move_in("a")]], &[], &[]);
    check(&[&[add("b")], &[move_out("old"), move_in("a")]], &["b"], &[]);
}

#[test]
fn new_rows_that_were_compacted_with_old_ones_are_touched() {
    check(&[&[add("a")], &[move_out("old"), move_out("a"), move_in("b")]], &[], &["a"]);
}

#[test]
fn what_was_compacted_is_touched_when_it_goes() {
    check(&[&[move_out("old"), move_in("a")], &[remove("a")]], &[], &["a"]);
    check(&[&[move_out("old"), move_in("a")], &[remove("a"), add("b")]], &[], &["a", "b"]);
}

#[test]
fn rows_that_are_marked_as_deleted_are_touched() {
    check(&[&[remove("old"), add_marked("old", "one")]], &[], &["old"]);
    check(&[&[add_marked("old", "one")]], &[], &["old"]);
    check(&[&[remove("marked"), add_marked("marked", "two")]], &[], &["marked"]);
    check(&[&[remove("marked"), add("marked")]], &[], &["marked"]);
    check(&[&[add_marked("marked", "one")]], &[], &[]);
}

#[test]
fn a_new_file_stays_new_when_rows_of_it_are_marked() {
    check(&[&[add("a")], &[remove("a"), add_marked("a", "one")]], &["a"], &[]);
    check(&[&[add_marked("a", "one")]], &["a"], &[]);
    let with_old = [remove("a"), add_marked("a", "one"), remove("old"), add_marked("old", "one")];
    check(&[&[add("a")], &with_old], &["a"], &["old"]);
    // Without being removed before, nobody can tell what it means.
    check(&[&[add("a")], &[add_marked("a", "one")]], &[], &["a"]);
    let walked = walked(&before(), &[vec![add("a")], vec![remove("a"), add_marked("a", "one")]]);
    assert_eq!(walked.fresh[0].rows, Some(8));
}

#[test]
fn what_comes_back_is_touched() {
    check(&[&[remove("old")], &[add("old")]], &[], &["old"]);
    check(&[&[move_out("old"), move_in("a")], &[remove("a"), add("old")]], &[], &["a", "old"]);
    check(&[&[move_out("old"), move_in("a")], &[add("old")]], &[], &["old"]);
}

#[test]
fn all_rows_can_be_replaced() {
    let overwrite = [remove("old"), remove("marked"), remove("a"), add("b")];
    check(&[&[add("a")], &overwrite], &[], &["b", "marked", "old"]);
}

#[test]
fn what_is_gone_already_is_touched_again() {
    check(&[&[remove("never there")]], &[], &["never there"]);
    check(&[&[remove("old"), add("a")], &[remove("old"), add("a")]], &[], &["a", "old"]);
}

#[test]
fn commits_that_change_rows_are_counted() {
    let lines = [vec![add("a")], vec![move_out("old"), move_in("b")], vec![], vec![remove("a")]];
    assert_eq!(walked(&before(), &lines).commits, 2);
}

#[test]
fn without_the_files_before_only_what_must_be_new_is() {
    #[track_caller]
    fn check(commits: &[&[String]], fresh: &[&str], touched: &[&str]) {
        let commits: Vec<Vec<String>> = commits.iter().map(|lines| lines.to_vec()).collect();
        let walked = walked(&Before::Unknown, &commits);
        assert_eq!((paths(&walked.fresh), paths(&walked.touched)), (fresh.to_vec(), touched.to_vec()));
    }
    check(&[&[add("a")]], &["a"], &[]);
    check(&[&[remove("old"), add("a")]], &[], &["a", "old"]);
    check(&[&[add_marked("old", "one")]], &[], &["old"]);
    check(&[&[move_in("old")]], &[], &["old"]);
    check(&[&[move_out("old"), move_in("a")]], &[], &[]);
}

#[test]
fn times_are_recalled_from_where_they_were_told() {
    let stats = |day: &str| {
        let values = format!(r#"{{\"at\":\"2026-01-{day}\"}}"#);
        format!(r#""stats":"{{\"minValues\":{values},\"maxValues\":{values}}}""#)
    };
    let times = |day: &str| {
        let told = at().told(
            Some(&format!(
                r#"{{"minValues":{{"at":"2026-01-{day}"}},"maxValues":{{"at":"2026-01-{day}"}}}}"#
            )),
            &HashMap::new(),
        );
        told.times
    };
    let old = File { times: times("01"), ..file("old") };
    let before = Before::Known([("old".to_owned(), old)].into());
    let moved = vec![move_out("old"), action("add", "a", &format!(r#""dataChange":false,{}"#, stats("02")))];
    let commits = [moved, vec![remove("a"), remove("old"), action("remove", "b", &stats("03"))]];
    let touched = walked(&before, &commits).touched;
    let told: Vec<_> = touched.iter().map(|file| (file.path.as_str(), file.times)).collect();
    assert_eq!(told, [("a", times("02")), ("old", times("01")), ("b", times("03"))]);
    assert!(touched.iter().all(|file| file.times.is_some()));
}
