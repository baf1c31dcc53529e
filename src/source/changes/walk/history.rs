//! Any history of a table: of every time, the rows at its end are those that were counted, and those of new files,
//! unless the time is touched.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fmt::Write;

use bytes::Bytes;
use jiff::Timestamp;
use proptest::prelude::*;

use super::super::commit::{self, parse};
use super::super::span::{Span, TimeColumn, Times};
use super::*;

const HOUR: i64 = 3_600_000_000;

/// A row: its number, and its time in microseconds.
type Row = (u32, Option<i64>);

/// The files of a table: of each, its deletion vector, if any, and the rows that this marks.
type Files = BTreeMap<String, Option<(String, BTreeSet<u32>)>>;

/// What a commit does to rows that were there.
#[derive(Debug, Clone)]
enum Act {
    Nothing,
    /// Writes files with these rows anew, without them.
    Delete(u32),
    /// Writes files with these rows anew, with other times for them.
    Update(u32, i64),
    /// Marks these rows as deleted.
    Mark(u32),
    /// Marks these rows as deleted, and writes them with other times to a new file.
    Replace(u32, i64),
    /// Puts these files together.
    Compact(u32),
    Overwrite,
    /// Goes back to an earlier version.
    Restore(u32),
    /// Says something of these files.
    Describe(u32),
    /// Does what was done last, once more.
    Repeat,
}

#[derive(Debug, Clone)]
struct Step {
    act: Act,
    /// Hours of rows that the same commit appends.
    appended: Vec<Option<u8>>,
}

/// A table and its log.
#[derive(Default)]
struct Table {
    /// What files hold, for ever.
    rows: BTreeMap<String, Vec<Row>>,
    /// After each version.
    versions: Vec<Files>,
    commits: Vec<String>,
    is_repeat: Vec<bool>,
    next_row: u32,
    next_vector: u32,
    now: Files,
    log: String,
}

/// Whether `number` is among those that `pick` picks: about a third.
fn picks(pick: u32, number: u32) -> bool {
    (number.wrapping_mul(0x9E37_79B9) ^ pick.wrapping_mul(0x85EB_CA6B)).wrapping_mul(0xC2B2_AE35) >> 16 & 3
        == 0
}

/// A number of a file.
fn number(path: &str) -> u32 {
    path.trim_start_matches('f').parse().unwrap()
}

/// Whether the log says of this file when its rows are.
fn is_told(path: &str) -> bool {
    !number(path).is_multiple_of(5)
}

impl Table {
    fn time(&self, hour: Option<u8>) -> Option<i64> {
        // Statistics cut off what is below a millisecond.
        hour.map(|hour| i64::from(hour) * HOUR + i64::from(self.next_row) * 7 % 3_000)
    }

    fn live(&self, path: &str) -> impl Iterator<Item = Row> {
        let marked = self.now[path].clone().map(|(_, rows)| rows).unwrap_or_default();
        self.rows[path].clone().into_iter().filter(move |(row, _)| !marked.contains(row))
    }

    fn line(&mut self, kind: &str, path: &str, changes: bool) {
        let rows = &self.rows[path];
        let mut more = String::new();
        if kind == "add" && is_told(path) {
            let times: Vec<i64> = rows.iter().filter_map(|(_, time)| *time).collect();
            let (least, greatest) = (times.iter().min(), times.iter().max());
            let value = |time: Option<&i64>| {
                time.map_or_else(
                    || "{}".to_owned(),
                    |time| {
                        let time = Timestamp::from_millisecond(time.div_euclid(1_000)).unwrap();
                        format!(r#"{{\"at\":\"{time:.3}\"}}"#)
                    },
                )
            };
            let (count, nulls) = (rows.len(), rows.len() - times.len());
            let (least, greatest) = (value(least), value(greatest));
            write!(
                more,
                r#","stats":"{{\"numRecords\":{count},\"minValues\":{least},\"maxValues\":{greatest},\"nullCount\":{{\"at\":{nulls}}}}}""#
            )
            .unwrap();
        }
        if kind == "add"
            && let Some((vector, marked)) = &self.now[path]
        {
            let cardinality = marked.len();
            write!(
                more,
                r#","deletionVector":{{"storageType":"u","pathOrInlineDv":"{vector}","cardinality":{cardinality}}}"#
            )
            .unwrap();
        }
        writeln!(self.log, r#"{{"{kind}":{{"path":"{path}","dataChange":{changes}{more}}}}}"#).unwrap();
    }

    fn create(&mut self, rows: Vec<Row>, changes: bool) {
        if !rows.is_empty() {
            let path = format!("f{}", self.rows.len());
            self.rows.insert(path.clone(), rows);
            self.now.insert(path.clone(), None);
            self.line("add", &path, changes);
        }
    }

    fn drop(&mut self, path: &str, changes: bool) {
        self.line("remove", path, changes);
        self.now.remove(path);
    }

    fn mark(&mut self, path: &str, marked: BTreeSet<u32>) {
        self.line("remove", path, true);
        self.next_vector += 1;
        self.now.insert(path.to_owned(), Some((format!("v{}", self.next_vector), marked)));
        self.line("add", path, true);
    }

    /// The files with rows that `pick` picks.
    fn picked(&self, pick: u32) -> Vec<String> {
        let has = |path: &&String| self.live(path).any(|(row, _)| picks(pick, row));
        self.now.keys().filter(has).cloned().collect()
    }

    fn rewrite(&mut self, pick: u32, change: impl Fn(Row) -> Option<Row>) {
        let mut rows = Vec::new();
        for path in self.picked(pick) {
            let changed = |row: Row| if picks(pick, row.0) { change(row) } else { Some(row) };
            rows.extend(self.live(&path).filter_map(changed));
            self.drop(&path, true);
        }
        self.create(rows, true);
    }

    fn restore(&mut self, version: usize) {
        let then = self.versions[version].clone();
        let vector = |files: &Files, path: &str| {
            files.get(path).map(|marks| marks.as_ref().map(|(name, _)| name.clone()))
        };
        let now = self.now.clone();
        for path in now.keys().filter(|path| vector(&now, path) != vector(&then, path)) {
            self.drop(path, true);
        }
        for (path, marks) in then.iter().filter(|(path, _)| vector(&now, path) != vector(&then, path)) {
            self.now.insert(path.clone(), marks.clone());
            self.line("add", path, true);
        }
    }

    fn step(&mut self, step: &Step) {
        self.log = "{\"commitInfo\":{}}\n".to_owned();
        let is_repeat = matches!(step.act, Act::Repeat);
        match step.act {
            Act::Nothing => {}
            Act::Delete(pick) => self.rewrite(pick, |_| None),
            Act::Update(pick, hours) => {
                self.rewrite(pick, |(row, time)| Some((row, time.map(|time| time + hours * HOUR))));
            }
            Act::Mark(pick) | Act::Replace(pick, _) => {
                let mut rows = Vec::new();
                for path in self.picked(pick) {
                    rows.extend(self.live(&path).filter(|(row, _)| picks(pick, *row)));
                    let live = self.live(&path).map(|(row, _)| row);
                    let kept: BTreeSet<u32> = live.filter(|row| !picks(pick, *row)).collect();
                    let all = self.rows[&path].iter().map(|(row, _)| *row);
                    let marked = all.filter(|row| !kept.contains(row)).collect();
                    self.mark(&path, marked);
                }
                if let Act::Replace(_, hours) = step.act {
                    let later = |(row, time): Row| (row, time.map(|time| time + hours * HOUR));
                    self.create(rows.into_iter().map(later).collect(), true);
                }
            }
            Act::Compact(pick) => {
                let paths: Vec<String> =
                    self.now.keys().filter(|path| !picks(pick, number(path))).cloned().collect();
                let mut rows = Vec::new();
                for path in paths {
                    rows.extend(self.live(&path));
                    self.drop(&path, false);
                }
                let rest = rows.split_off(rows.len() / 2);
                self.create(rows, false);
                self.create(rest, false);
            }
            Act::Overwrite => {
                for path in self.now.clone().keys() {
                    self.drop(path, true);
                }
            }
            Act::Restore(version) => self.restore(version as usize % self.versions.len()),
            Act::Describe(pick) => {
                for path in self.now.clone().keys().filter(|path| picks(pick, number(path))) {
                    self.line("add", path, false);
                }
            }
            Act::Repeat => self.log = self.commits.last().cloned().unwrap_or_default(),
        }
        let mut rows = Vec::new();
        for hour in &step.appended {
            rows.push((self.next_row, self.time(*hour)));
            self.next_row += 1;
        }
        let rest = rows.split_off(rows.len() / 2);
        self.create(rows, true);
        self.create(rest, true);
        self.versions.push(self.now.clone());
        self.commits.push(self.log.clone());
        self.is_repeat.push(is_repeat);
    }

    /// The rows at `version` that `keeps` keeps of the files that it is told, in order.
    fn rows_at(&self, version: usize, keeps: impl Fn(&str, &Row) -> bool) -> Vec<Row> {
        let files = self.versions[version].iter();
        let mut rows: Vec<Row> = files
            .flat_map(|(path, marks)| {
                let is_live = move |row: &&Row| marks.as_ref().is_none_or(|(_, rows)| !rows.contains(&row.0));
                let keeps = &keeps;
                self.rows[path].iter().filter(is_live).filter(move |row| keeps(path, row)).copied()
            })
            .collect();
        rows.sort_unstable();
        rows
    }

    /// The times of a file, as a look into it gives them.
    fn times(&self, path: &str) -> Times {
        let rows = &self.rows[path];
        let span = |time: i64| Span { first: time, last: time };
        let spans = rows.iter().filter_map(|(_, time)| time.map(span));
        Times { span: spans.reduce(Span::around), without_time: rows.iter().any(|(_, time)| time.is_none()) }
    }

    fn before(&self, version: usize) -> Before {
        let file = |(path, marks): (&String, &Option<(String, BTreeSet<u32>)>)| {
            let file = File {
                path: path.clone(),
                size: 0,
                rows: None,
                times: is_told(path).then(|| self.times(path)),
                deletion_vector: marks.as_ref().map(|(name, _)| commit::name("u", name, None)),
            };
            (path.clone(), file)
        };
        Before::Known(self.versions[version].iter().map(file).collect())
    }

    fn check(&self, from: usize, to: usize, before: &Before) -> Result<(), TestCaseError> {
        let column = TimeColumn { physical: "at".to_owned(), is_partition: false };
        let read = |lines: &String| parse(&Bytes::from(lines.clone()), &column).unwrap();
        let commits: Vec<Commit> = self.commits[from + 1..=to].iter().map(read).collect();
        let walked = walk(&commits, before);
        let times = |file: &File| file.times.unwrap_or_else(|| self.times(&file.path));
        let touched: Vec<Times> = walked.touched.iter().map(times).collect();
        let is_touched = |time: Option<i64>| match time {
            Some(time) => touched.iter().filter_map(|times| times.span).any(|span| span.contains(time)),
            None => touched.iter().any(|times| times.without_time),
        };
        let fresh: BTreeSet<&str> = walked.fresh.iter().map(|file| file.path.as_str()).collect();
        let mut counted = self.rows_at(from, |_, (_, time)| !is_touched(*time));
        counted.extend(self.rows_at(to, |path, (_, time)| fresh.contains(path) && !is_touched(*time)));
        counted.extend(self.rows_at(to, |_, (_, time)| is_touched(*time)));
        counted.sort_unstable();
        prop_assert_eq!(counted, self.rows_at(to, |_, _| true), "{} to {}: {:?}", from, to, walked);
        for file in &walked.fresh {
            let rows = self.rows_at(to, |path, _| path == file.path).len();
            prop_assert!(self.versions[to].contains_key(&file.path));
            prop_assert!(file.rows.is_none_or(|told| told == rows as u64), "{:?} has {} rows", file, rows);
        }
        Ok(())
    }
}

fn step() -> impl Strategy<Value = Step> {
    let (pick, hours) = (0..1_000_u32, -2..3_i64);
    let act = prop_oneof![
        3 => Just(Act::Nothing),
        1 => pick.clone().prop_map(Act::Delete),
        1 => (pick.clone(), hours.clone()).prop_map(|(pick, hours)| Act::Update(pick, hours)),
        1 => pick.clone().prop_map(Act::Mark),
        1 => (pick.clone(), hours).prop_map(|(pick, hours)| Act::Replace(pick, hours)),
        2 => pick.clone().prop_map(Act::Compact),
        1 => Just(Act::Overwrite),
        1 => pick.clone().prop_map(Act::Restore),
        1 => pick.prop_map(Act::Describe),
        1 => Just(Act::Repeat),
    ];
    let hour = prop_oneof![9 => (0..24_u8).prop_map(Some), 1 => Just(None)];
    (act, prop::collection::vec(hour, 0..5)).prop_map(|(act, appended)| match act {
        // What is repeated is repeated as it was.
        Act::Repeat => Step { act, appended: Vec::new() },
        _ => Step { act, appended },
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn what_was_counted_and_what_is_new_are_what_is_there(steps in prop::collection::vec(step(), 1..9)) {
        let mut table = Table::default();
        table.step(&Step { act: Act::Nothing, appended: vec![Some(1), Some(5), None, Some(9)] });
        for step in &steps {
            table.step(step);
        }
        let last = table.commits.len() - 1;
        for from in 0..=last {
            for to in from..=last {
                table.check(from, to, &table.before(from))?;
                // What is repeated right behind a version cannot be known without its files.
                if !table.is_repeat.get(from + 1).is_some_and(|is_repeat| *is_repeat) {
                    table.check(from, to, &Before::Unknown)?;
                }
            }
        }
    }
}
