//! Layout: which files of a table are better written together.
//!
//! Good files are of one length of windows, lie one after another in time, and are neither so small that a reader opens
//! hundreds, nor so large that a run which replaces one window writes much else again. A choice by what the log says;
//! it must not read the files.

use std::collections::BTreeMap;

use crate::sink::extent::Extent;

/// Bytes of a good file: a run that replaces a window reads and writes one in a second, and a year of five-minute windows
/// of thirty columns has a hundred.
pub const TARGET: u64 = 8 << 20;

/// Files from which on it is worth writing them together.
const FILES_MIN: usize = 4;

/// A file, as the log describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Its path in the table.
    pub path: String,
    /// The month that it is of, if the table has months.
    pub month: Option<String>,
    /// Its size.
    pub bytes: u64,
    /// Its windows.
    pub extent: Extent,
}

impl DataFile {
    /// Whether it has windows of several lengths.
    fn is_mixed(&self) -> bool {
        self.extent.granularities.as_ref().is_some_and(|(first, last)| first != last)
    }

    /// The length of its windows, if that is known.
    fn granularity(&self) -> Option<&str> {
        self.extent.granularities.as_ref().map(|(first, _)| first.as_str())
    }
}

/// Bytes from which on a file is left as it is. A file that is written until it has `target` bytes has more than that:
/// only the half that is not yet compressed is guessed.
fn small(target: u64) -> u64 {
    target / 4
}

/// The files of which it is worth to write rows together, each heap of them of one month, where good files have `target`
/// bytes. Once they are, there is none any more.
pub fn heaps(files: &[DataFile], target: u64) -> Vec<Vec<&DataFile>> {
    let mut months: BTreeMap<Option<&str>, Vec<&DataFile>> = BTreeMap::new();
    for file in files {
        months.entry(file.month.as_deref()).or_default().push(file);
    }
    months.into_values().flat_map(|files| heaps_of_month(files, target)).collect()
}

fn heaps_of_month(files: Vec<&DataFile>, target: u64) -> Vec<Vec<&DataFile>> {
    // What becomes of mixed files lies across all others.
    if files.iter().filter(|file| file.is_mixed()).count() >= FILES_MIN {
        return vec![files];
    }
    let mut by_granularity: BTreeMap<Option<&str>, Vec<&DataFile>> = BTreeMap::new();
    for file in files.into_iter().filter(|file| !file.is_mixed()) {
        by_granularity.entry(file.granularity()).or_default().push(file);
    }
    by_granularity.into_values().flat_map(|files| heaps_in_order(files, target)).collect()
}

/// What lies between good files, one after another in time.
fn heaps_in_order(mut files: Vec<&DataFile>, target: u64) -> Vec<Vec<&DataFile>> {
    // Of those whose windows are not known, small ones come first.
    files.sort_by_key(|file| (file.extent.starts, file.bytes));
    let mut heaps = vec![Vec::new()];
    for stretch in stretches(&files) {
        match (stretch, heaps.last_mut()) {
            ([lone], _) if lone.bytes >= small(target) => heaps.push(Vec::new()),
            (_, Some(heap)) => heap.extend(stretch),
            (_, None) => {}
        }
    }
    heaps.retain(|heap| heap.len() >= FILES_MIN);
    heaps
}

/// `files`, which are in order, such that those which share time are together. A window that goes on in the next file is
/// no time that they share.
fn stretches<'s, 'f>(files: &'s [&'f DataFile]) -> Vec<&'s [&'f DataFile]> {
    let mut stretches = Vec::new();
    let (mut begin, mut reached) = (0, None);
    for (index, file) in files.iter().enumerate() {
        let starts = file.extent.starts;
        let is_apart = reached.zip(starts).is_none_or(|(reached, (first, _))| first >= reached);
        if is_apart && index > begin {
            stretches.push(&files[begin..index]);
            begin = index;
        }
        let last = starts.map(|(_, last)| last);
        reached = if is_apart { last } else { reached.max(last) };
    }
    if begin < files.len() {
        stretches.push(&files[begin..]);
    }
    stretches
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;

    fn file(
        name: &str,
        granularities: Option<(&str, &str)>,
        starts: Option<(i64, i64)>,
        bytes: u64,
    ) -> DataFile {
        let granularities = granularities.map(|(first, last)| (first.to_owned(), last.to_owned()));
        let extent = Extent { granularities, starts };
        DataFile { path: name.to_owned(), month: Some("2026-05-01".to_owned()), bytes, extent }
    }

    fn day(name: &str, starts: (i64, i64), bytes: u64) -> DataFile {
        file(name, Some(("1 day", "1 day")), Some(starts), bytes)
    }

    #[track_caller]
    fn check(files: &[DataFile], expected: &[&[&str]]) {
        let names = |heap: &Vec<&DataFile>| heap.iter().map(|file| file.path.clone()).collect::<Vec<_>>();
        assert_eq!(heaps(files, TARGET).iter().map(names).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn four_small_files_are_a_heap_and_three_are_not() {
        let mut files: Vec<DataFile> =
            ["a", "b", "c"].into_iter().zip(0..).map(|(name, at)| day(name, (at, at), 20 * KIB)).collect();
        check(&files, &[]);
        files.push(day("d", (3, 3), 20 * KIB));
        check(&files, &[&["a", "b", "c", "d"]]);
        // Of another month, or of windows of another length, it is none of them.
        files[3].month = None;
        check(&files, &[]);
        files[3] = file("d", Some(("1 week", "1 week")), Some((0, 0)), 20 * KIB);
        check(&files, &[]);
    }

    #[test]
    fn a_good_file_stays_where_it_is_and_parts_those_beside_it() {
        let small = |name, at| day(name, (at, at), 20 * KIB);
        let before = ["a", "b", "c", "d"].into_iter().zip(0..).map(|(name, at)| small(name, at));
        let after = ["e", "f", "g", "h"].into_iter().zip(10..).map(|(name, at)| small(name, at));
        let good = day("good", (4, 9), 3 * MIB);
        let files: Vec<DataFile> = after.chain([good]).chain(before).collect();
        check(&files, &[&["a", "b", "c", "d"], &["e", "f", "g", "h"]]);
    }

    #[test]
    fn large_files_that_share_time_are_a_heap_and_those_that_share_a_window_at_their_ends_are_not() {
        let names = ["a", "b", "c", "d"];
        let across: Vec<DataFile> = names.iter().map(|name| day(name, (0, 30), 6 * MIB)).collect();
        check(&across, &[&names]);
        let after: Vec<DataFile> =
            names.iter().zip(0..).map(|(name, at)| day(name, (at, at + 1), 6 * MIB)).collect();
        check(&after, &[]);
        let one_window: Vec<DataFile> = names.iter().map(|name| day(name, (7, 7), 6 * MIB)).collect();
        check(&one_window, &[]);
    }

    #[test]
    fn a_month_of_mixed_files_is_written_anew_as_a_whole() {
        let mixed = |name| file(name, Some(("1 day", "1 week")), Some((0, 20)), 20 * KIB);
        let mut files: Vec<DataFile> = ["a", "b", "c"].into_iter().map(mixed).collect();
        files.push(day("good", (3, 9), 4 * MIB));
        check(&files, &[]);
        files.push(mixed("d"));
        check(&files, &[&["a", "b", "c", "good", "d"]]);
    }

    #[test]
    fn of_files_whose_windows_are_not_known_the_small_ones_are_a_heap() {
        let sizes = [("a", 20 * KIB), ("b", 9 * MIB), ("c", 30 * KIB), ("d", 40 * KIB), ("e", 50 * KIB)];
        let files: Vec<DataFile> =
            sizes.into_iter().map(|(name, bytes)| file(name, None, None, bytes)).collect();
        check(&files, &[&["a", "c", "d", "e"]]);
    }

    /// A row: its length of windows, its start, and which it is.
    type Row = (u8, i64, usize);

    /// Rows in a file of so many bytes each.
    #[derive(Debug, Clone)]
    struct Rows {
        month: u8,
        rows: Vec<Row>,
        bytes_per_row: u64,
    }

    impl Rows {
        fn file(&self, index: usize) -> DataFile {
            let ends = |keys: Vec<i64>| keys.iter().min().copied().zip(keys.iter().max().copied());
            let lengths = ends(self.rows.iter().map(|(length, ..)| i64::from(*length)).collect());
            let starts = ends(self.rows.iter().map(|(_, start, _)| *start).collect());
            let granularities = lengths.map(|(first, last)| (first.to_string(), last.to_string()));
            DataFile {
                path: index.to_string(),
                month: Some(self.month.to_string()),
                bytes: self.rows.len() as u64 * self.bytes_per_row,
                extent: Extent { granularities, starts },
            }
        }
    }

    fn described(table: &[Rows]) -> Vec<DataFile> {
        table.iter().enumerate().map(|(index, rows)| rows.file(index)).collect()
    }

    /// What a maintenance makes of a table: heaps are sorted, and cut where a length of windows ends or there are `target`
    /// bytes.
    fn maintained(table: &[Rows], target: u64) -> Vec<Rows> {
        let files = described(table);
        let heaps = heaps(&files, target);
        let index = |file: &&DataFile| file.path.parse::<usize>().unwrap();
        let gone: BTreeSet<usize> = heaps.iter().flatten().map(index).collect();
        assert_eq!(gone.len(), heaps.iter().map(Vec::len).sum::<usize>(), "no file is in two heaps");
        let mut made: Vec<Rows> = Vec::new();
        for heap in &heaps {
            let months: BTreeSet<_> = heap.iter().map(|file| &file.month).collect();
            assert_eq!(months.len(), 1, "a heap is of one month");
            let month = table[index(&heap[0])].month;
            let mut rows: Vec<Row> = heap.iter().flat_map(|file| table[index(file)].rows.clone()).collect();
            rows.sort_unstable();
            for of_a_length in rows.chunk_by(|a, b| a.0 == b.0) {
                made.extend(of_a_length.chunks(target.div_ceil(10) as usize).map(|rows| Rows {
                    month,
                    rows: rows.to_vec(),
                    bytes_per_row: 10,
                }));
            }
        }
        let kept = table.iter().enumerate().filter(|(index, _)| !gone.contains(index));
        kept.map(|(_, rows)| rows.clone()).chain(made).collect()
    }

    fn all_rows(table: &[Rows]) -> Vec<(u8, Row)> {
        let mut rows: Vec<_> =
            table.iter().flat_map(|file| file.rows.iter().map(|row| (file.month, *row))).collect();
        rows.sort_unstable();
        rows
    }

    fn tables() -> impl Strategy<Value = Vec<Rows>> {
        let rows = prop::collection::vec((0u8..3, 0i64..40, Just(0)), 1..12);
        let file = (0u8..2, rows, prop::sample::select(vec![10u64, 40, 200]));
        let file = file.prop_map(|(month, rows, bytes_per_row)| Rows { month, rows, bytes_per_row });
        prop::collection::vec(file, 0..40).prop_map(|mut table| {
            let rows = table.iter_mut().flat_map(|file| &mut file.rows);
            rows.enumerate().for_each(|(index, row)| row.2 = index);
            table
        })
    }

    proptest! {
        #[test]
        fn rows_stay_the_same_and_once_is_enough(table in tables(), target in prop::sample::select(vec![40u64, 200, 1000])) {
            let once = maintained(&table, target);
            prop_assert_eq!(all_rows(&once), all_rows(&table));
            let files = described(&once);
            prop_assert_eq!(heaps(&files, target), Vec::<Vec<&DataFile>>::new());
        }
    }
}
