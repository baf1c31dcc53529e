//! What changed in a table between two versions: of every time, what was counted and what was added are what is
//! there, unless the time is touched.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, AsArray, Date32Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::prelude::SessionContext;
use deltalake::delta_datafusion::FileSelection;
use deltalake::kernel::{PrimitiveType, StructField};
use deltalake::operations::write::SchemaMode;
use deltalake::protocol::{SaveMode, checkpoints};
use deltalake::{DeltaTable, DeltaTableBuilder, ensure_table_uri};
use secchi::source::SourceError;
use secchi::source::changes::{Changes, Counted, Since, Why, count_files, since};
use serde_json::{Value, json};
use tempfile::TempDir;

const KEY: &str = "inference.table";
const HOUR: i64 = 3_600_000_000;
/// Of 2026-01-01T00:00:00.123456Z.
const START: i64 = 1_767_225_600_123_456;
/// 2026-01-01, in days since the epoch.
const NEW_YEAR: i32 = 20_454;

/// A row: its number, and its time.
type Row = (i64, Option<i64>);

/// Rows with these numbers and times.
fn batch(ids: Int64Array, name: &str, times: ArrayRef) -> RecordBatch {
    let columns = [("id", Arc::new(ids) as ArrayRef, true), (name, times, true)];
    RecordBatch::try_from_iter_with_nullable(columns).expect("two columns")
}

/// Rows with numbers from `first` on, at these hours.
fn rows(first: i64, hours: &[Option<i64>]) -> RecordBatch {
    let ids: Int64Array = (first..).take(hours.len()).map(Some).collect();
    let times: TimestampMicrosecondArray =
        hours.iter().map(|hour| hour.map(|hour| START + hour * HOUR)).collect();
    batch(ids, "at", Arc::new(times.with_timezone("UTC")))
}

/// Rows of these hours, from `hour` on.
fn hours(first: i64, hours: std::ops::Range<i64>) -> RecordBatch {
    rows(first, &hours.map(Some).collect::<Vec<_>>())
}

/// A table to which things happen.
struct Story {
    folder: TempDir,
    /// Its column of times.
    time: &'static str,
}

impl Story {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), time: "at" }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn log(&self, version: u64) -> PathBuf {
        self.path(&format!("_delta_log/{version:020}.json"))
    }

    fn builder(&self) -> DeltaTableBuilder {
        let url = ensure_table_uri(self.folder.path().display().to_string()).expect("a folder is a URL");
        DeltaTableBuilder::from_url(url).expect("a folder is a table's place")
    }

    async fn table(&self) -> DeltaTable {
        self.builder().load().await.expect("there is a table")
    }

    async fn at(&self, version: u64) -> DeltaTable {
        self.builder().with_version(version).load().await.expect("there is such a version")
    }

    async fn create(&self, batch: RecordBatch) {
        let table = self.builder().build().expect("a table's place");
        table.write([batch]).await.expect("a new table");
    }

    async fn append(&self, batch: RecordBatch) {
        self.table().await.write([batch]).with_save_mode(SaveMode::Append).await.expect("an append");
    }

    async fn overwrite(&self, batch: RecordBatch) {
        self.table().await.write([batch]).with_save_mode(SaveMode::Overwrite).await.expect("an overwrite");
    }

    async fn delete(&self, which: &str) {
        self.table().await.delete().with_predicate(which).await.expect("a deletion");
    }

    async fn update(&self, which: &str, to: &str) {
        self.table().await.update().with_predicate(which).with_update("at", to).await.expect("an update");
    }

    async fn merge(&self, batch: RecordBatch) {
        let source = SessionContext::new().read_batch(batch).expect("a frame");
        let merge = self.table().await.merge(source, "target.id = source.id");
        let merge = merge.with_source_alias("source").with_target_alias("target");
        let merge = merge.when_matched_update(|update| update.update("at", "source.at")).expect("a clause");
        let insert = |insert: deltalake::operations::merge::InsertBuilder| {
            insert.set("id", "source.id").set("at", "source.at")
        };
        merge.when_not_matched_insert(insert).expect("a clause").await.expect("a merge");
    }

    async fn compact(&self) {
        let size = NonZeroU64::new(100_000_000).expect("not zero");
        self.table().await.optimize().with_target_size(size).await.expect("a compaction");
    }

    async fn restore(&self, version: u64) {
        self.table().await.restore().with_version_to_restore(version).await.expect("a restoration");
    }

    /// Writes a commit by hand.
    fn commit(&self, version: u64, actions: &[Value]) {
        let lines: Vec<String> = actions.iter().map(Value::to_string).collect();
        std::fs::write(self.log(version), lines.join("\n")).expect("a commit");
    }

    /// The actions of a commit.
    fn actions(&self, version: u64) -> Vec<Value> {
        let text = std::fs::read_to_string(self.log(version)).expect("a commit");
        text.lines().map(|line| serde_json::from_str(line).expect("an action")).collect()
    }

    /// The files that a commit added, with what it says of them.
    fn added(&self, version: u64) -> Vec<Value> {
        self.actions(version).iter().filter_map(|action| action.get("add").cloned()).collect()
    }

    async fn since(&self, from: u64, to: u64) -> Result<Since, SourceError> {
        let table = self.at(to).await;
        let counted = Counted { version: from, table_id: None, files: None };
        let told = since(KEY, &table, counted, self.time).await;
        // What is known of the counted version saves a look at its log, and changes nothing.
        let mut before = self.table().await;
        if let (Ok(told), Ok(())) = (&told, before.load_version(from).await) {
            let id = before.snapshot().expect("it is loaded").metadata().id();
            let files = Some(count_files(KEY, &before)?);
            let known = since(KEY, &table, Counted { table_id: Some(id), files, ..counted }, self.time).await;
            assert_eq!(&known?, told, "{from} to {to}");
        }
        told
    }

    /// What changed, which must be known.
    async fn changes(&self, from: u64, to: u64) -> Changes {
        match self.since(from, to).await.expect("a log") {
            Since::Changes(changes) => changes,
            Since::Everything(why) => panic!("{from} to {to}: {why}"),
        }
    }

    /// What changed: how many files were added, between which hours rows are touched, and whether those without a
    /// time are.
    async fn told(&self, from: u64, to: u64) -> (usize, Vec<(i64, i64)>, bool) {
        let changes = self.changes(from, to).await;
        let hour = |time: i64| (time - START + HOUR / 2).div_euclid(HOUR);
        let touched = changes.touched.iter().map(|span| (hour(span.first), hour(span.last))).collect();
        (changes.added.len(), touched, changes.touched_without_time)
    }

    async fn rows(&self, version: u64, files: Option<&[String]>) -> Vec<Row> {
        if files.is_some_and(<[_]>::is_empty) {
            return Vec::new();
        }
        let provider = self.at(version).await.table_provider();
        let provider = match files {
            Some(files) => {
                provider.with_file_selection(FileSelection::from_file_paths(files.iter().cloned()))
            }
            None => provider,
        };
        let ctx: SessionContext = deltalake::delta_datafusion::create_session().into_inner();
        ctx.register_table("t", provider.await.expect("rows")).expect("a new name");
        let frame =
            ctx.sql(&format!("SELECT CAST(id AS BIGINT), {} FROM t", self.time)).await.expect("a query");
        let mut rows = Vec::new();
        for batch in frame.collect().await.expect("rows") {
            let times =
                cast(batch.column(1), &DataType::Timestamp(TimeUnit::Microsecond, None)).expect("times");
            let times = times.as_primitive::<TimestampMicrosecondType>();
            rows.extend(batch.column(0).as_primitive::<Int64Type>().values().iter().copied().zip(times));
        }
        rows.sort_unstable();
        rows
    }

    /// From every version to every later one, nothing is lost and nothing is counted twice.
    async fn holds(&self) {
        let last = self.table().await.version().expect("a version");
        for from in 0..=last {
            for to in from..=last {
                self.holds_between(from, to).await;
            }
        }
    }

    async fn holds_between(&self, from: u64, to: u64) {
        let changes = self.changes(from, to).await;
        let paths: Vec<String> = changes.added.iter().map(|file| file.path.clone()).collect();
        let there = self.rows(to, None).await;
        let added = self.rows(to, Some(&paths)).await;
        let known: Option<u64> = changes.added.iter().map(|file| file.rows).sum();
        assert!(known.is_none_or(|known| known == added.len() as u64), "{from} to {to}: {changes:?}");
        for (_, time) in &added {
            let told = changes.added.iter().all(|file| file.times.is_some());
            let spans = changes.added.iter().filter_map(|file| file.times).filter_map(|times| times.span);
            let is_told = time.is_none_or(|time| spans.into_iter().any(|span| span.contains(time)));
            assert!(!told || is_told, "{from} to {to}: {time:?}");
        }
        let is_touched = |row: &Row| changes.touches(row.1);
        let mut counted = self.rows(from, None).await;
        counted.retain(|row| !is_touched(row));
        counted.extend(added.into_iter().filter(|row| !is_touched(row)));
        counted.extend(there.iter().copied().filter(is_touched));
        counted.sort_unstable();
        assert_eq!(counted, there, "{from} to {to}: {changes:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_to_a_table_is_told() {
    let story = Story::new();
    story.create(hours(0, 0..6)).await;
    story.append(rows(6, &[Some(24), None, Some(30)])).await;
    story.delete("id = 1").await; // 2
    story.append(hours(10, 48..50)).await;
    story.compact().await; // 4
    story.append(hours(20, 72..74)).await;
    story.append(hours(30, 96..98)).await; // 6
    story.update("id = 20", "at + interval '1 hour'").await;
    story.merge(hours(30, 97..100)).await; // 8
    story.delete("id = 7").await;
    story.overwrite(hours(40, 120..122)).await; // 10
    story.restore(6).await;
    story.append(hours(50, 144..146)).await; // 12
    story.append(hours(60, 168..170)).await;
    story.compact().await; // 14

    let (nothing, with_none) = (Vec::new(), true);
    assert_eq!(story.told(0, 1).await, (1, nothing.clone(), false));
    assert_eq!(story.told(1, 2).await, (0, vec![(0, 5)], false));
    assert_eq!(story.told(2, 3).await, (1, nothing.clone(), false));
    assert_eq!(story.told(3, 4).await, (0, nothing.clone(), false));
    assert_eq!(story.told(2, 4).await, (0, vec![(48, 49)], false));
    assert_eq!(story.told(4, 6).await, (2, nothing.clone(), false));
    assert_eq!(story.told(6, 7).await, (0, vec![(72, 73)], false));
    assert_eq!(story.told(4, 7).await, (2, nothing.clone(), false));
    assert_eq!(story.told(8, 9).await, (0, vec![(0, 49)], with_none));
    assert_eq!(story.told(13, 13).await, (0, nothing.clone(), false));
    let commits = story.changes(1, 4).await.commits;
    assert_eq!(commits, 2);
    story.holds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn days_can_be_folders() {
    let story = Story { time: "day", ..Story::new() };
    let days = |first: i64, days: &[Option<i32>]| {
        let ids: Int64Array = (first..).take(days.len()).map(Some).collect();
        let days: Date32Array = days.iter().map(|day| day.map(|day| NEW_YEAR + day)).collect();
        batch(ids, "day", Arc::new(days))
    };
    let table = story.builder().build().expect("a table's place");
    let written = table.write([days(0, &[Some(1), Some(1), Some(2), None])]).with_partition_columns(["day"]);
    written.await.expect("a new table");
    story.append(days(10, &[Some(2), Some(3)])).await;
    story.delete("id = 1").await; // 2
    story.delete("day IS NULL").await;
    story.append(days(20, &[Some(3), None])).await; // 4
    story.compact().await;

    assert_eq!(story.told(0, 1).await, (2, vec![], false));
    assert_eq!(story.told(1, 2).await, (0, vec![(24, 24)], false));
    assert_eq!(story.told(2, 3).await, (0, vec![], true));
    assert_eq!(story.told(4, 5).await, (0, vec![], false));
    story.holds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn times_can_be_folders() {
    let story = Story::new();
    let table = story.builder().build().expect("a table's place");
    let written = table.write([rows(0, &[Some(0), Some(1), None])]).with_partition_columns(["at"]);
    written.await.expect("a new table");
    story.append(hours(10, 1..3)).await;
    story.delete("id = 1").await;
    assert_eq!(story.told(0, 1).await, (2, vec![], false));
    assert_eq!(story.told(1, 2).await, (0, vec![(1, 1)], false));
    story.holds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_can_have_other_names_in_files() {
    let story = Story::new();
    let field = |name, kind| StructField::nullable(name, kind);
    let create = story.builder().build().expect("a table's place").create();
    let columns = [field("id", PrimitiveType::Long), field("at", PrimitiveType::Timestamp)];
    let mapped =
        create.with_columns(columns).with_configuration([("delta.columnMapping.mode", Some("name"))]);
    mapped.await.expect("a new table");
    story.append(hours(0, 0..4)).await;
    story.append(hours(10, 24..26)).await; // 2
    story.delete("id = 2").await;
    assert!(!story.added(1)[0]["stats"].as_str().expect("statistics").contains("\"at\""), "names are mapped");
    assert_eq!(story.told(1, 2).await, (1, vec![], false));
    assert_eq!(story.told(2, 3).await, (0, vec![(0, 3)], false));
    assert!(story.changes(0, 3).await.added.iter().all(|file| file.times.is_some()));
    story.holds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_can_have_other_names_in_the_log() {
    let story = Story::new();
    let field = |name, kind| StructField::nullable(name, kind);
    let create = story.builder().build().expect("a table's place").create();
    let columns = [field("id", PrimitiveType::Long), field("at", PrimitiveType::Timestamp)];
    let mapped =
        create.with_columns(columns).with_configuration([("delta.columnMapping.mode", Some("name"))]);
    mapped.with_partition_columns(["at"]).await.expect("a new table");
    story.append(rows(0, &[Some(0), Some(1), None])).await;
    story.delete("id = 1").await;
    assert_eq!(story.told(0, 1).await, (3, vec![], false));
    assert_eq!(story.told(1, 2).await, (0, vec![(1, 1)], false));
    story.holds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_marked_as_deleted_are_told() {
    let story = Story::new();
    story.create(hours(0, 0..4)).await;
    story.append(hours(10, 24..28)).await;
    // The first and the last of four rows; the second and the third.
    let vector = |rows: &str, cardinality: u64| {
        let inline = format!("^Bg9^0rr910000000000iXQKl0rr91000315c8Xg0{rows}");
        json!({"storageType": "i", "pathOrInlineDv": inline, "sizeInBytes": 36, "cardinality": cardinality})
    };
    let outer = vector("0093", 2);
    let inner = vector("rrf3", 2);
    let mark = |file: &Value, vector: &Value| {
        let remove = json!({"path": file["path"], "dataChange": true, "deletionTimestamp": 0});
        let mut add = file.clone();
        add["deletionVector"] = vector.clone();
        [json!({"remove": remove}), json!({"add": add})]
    };
    let features = ["deletionVectors"];
    let protocol = json!({"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": features, "writerFeatures": features});
    story.commit(2, &[json!({"protocol": protocol})]);
    let (old, new) = (story.added(0)[0].clone(), story.added(1)[0].clone());
    story.commit(3, &mark(&old, &outer));
    story.commit(4, &mark(&new, &outer));
    story.commit(5, &story.actions(4)[1..]);
    story.commit(6, &mark(&old, &inner));

    assert_eq!(story.rows(3, None).await.len(), 6, "rows are marked");
    let changes = story.changes(1, 2).await;
    assert!(changes.protocol && changes.added.is_empty() && changes.commits == 0);
    assert_eq!(story.told(2, 3).await, (0, vec![(0, 3)], false));
    assert_eq!(story.told(3, 4).await, (0, vec![(24, 27)], false));
    assert_eq!(story.told(0, 4).await, (1, vec![(0, 3)], false));
    assert_eq!(story.changes(0, 4).await.added[0].rows, Some(2));
    assert_eq!(story.told(4, 5).await, (0, vec![], false));
    story.holds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_was_repeated_counts_once() {
    let story = Story::new();
    story.create(hours(0, 0..4)).await;
    story.append(hours(10, 24..28)).await;
    std::fs::copy(story.log(1), story.log(2)).expect("a repeated commit");
    assert_eq!(story.told(0, 2).await, (1, vec![], false));
    assert_eq!(story.told(1, 2).await, (0, vec![], false));
    story.holds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_without_statistics_are_looked_into() {
    let story = Story::new();
    let batch = rows(0, &[Some(3), None, Some(1)]);
    let table = story.builder().build().expect("a table's place");
    let bare = table.write([batch]).with_configuration([("delta.dataSkippingNumIndexedCols", Some("0"))]);
    bare.await.expect("a new table");
    story.append(hours(10, 24..26)).await;
    story.delete("id = 0").await; // 2
    let removed = story.added(0)[0]["path"].as_str().expect("a path").to_owned();
    assert!(!story.added(0)[0]["stats"].as_str().unwrap_or_default().contains("\"at\""), "nothing is told");
    assert_eq!(story.told(0, 1).await, (1, vec![], false));
    assert_eq!(story.told(1, 2).await, (0, vec![(1, 3)], true));
    story.holds().await;

    std::fs::remove_file(story.path(&removed)).expect("the file was there");
    assert_eq!(story.since(1, 2).await.expect("a log"), Since::Everything(Why::Unknown(removed)));
    assert_eq!(story.told(0, 1).await, (1, vec![], false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_is_new_is_told() {
    let story = Story { time: "at", ..Story::new() };
    let batch = hours(0, 0..2);
    let ids = batch.project(&[0]).expect("one column");
    story.create(ids).await;
    let merged = story.table().await.write([hours(10, 0..2)]).with_schema_mode(SchemaMode::Merge);
    merged.with_save_mode(SaveMode::Append).await.expect("a new column");
    story.delete("id = 0").await; // 2
    let changes = story.changes(0, 1).await;
    assert!(changes.metadata && changes.added.len() == 1);
    assert_eq!(story.told(1, 2).await, (0, vec![], true));
    story.holds_between(1, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_cut_off_is_told() {
    let story = Story::new();
    story.create(hours(0, 0..4)).await;
    story.append(hours(10, 24..28)).await;
    story.append(hours(20, 48..52)).await; // 2
    story.delete("id = 1").await;
    story.append(hours(30, 72..74)).await; // 4
    checkpoints::create_checkpoint(&story.at(3).await, None).await.expect("a checkpoint");
    let whole = story.told(2, 4).await;
    assert_eq!(whole, (1, vec![(0, 3)], false));
    for version in 0..3 {
        std::fs::remove_file(story.log(version)).expect("the commit was there");
    }
    assert_eq!(story.since(0, 4).await.expect("a log"), Since::Everything(Why::Gone(1)));
    assert_eq!(story.since(1, 4).await.expect("a log"), Since::Everything(Why::Gone(2)));
    assert_eq!(story.told(3, 4).await, (1, vec![], false));
    // Version 2 cannot be read any more, but what came after it can; the file says itself when its rows were.
    assert_eq!(story.told(2, 4).await, whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_table_in_its_place_is_told() {
    let story = Story::new();
    story.create(hours(0, 0..4)).await;
    story.append(hours(10, 24..28)).await;
    let table = story.table().await;
    let id = table.snapshot().expect("it is loaded").metadata().id().to_owned();
    let since = async |version, table_id| {
        since(KEY, &table, Counted { version, table_id, files: None }, "at").await.expect("a log")
    };
    let recreated = Since::Everything(Why::Recreated);
    assert_eq!(since(2, None).await, recreated);
    assert_eq!(since(0, Some("another")).await, recreated);
    assert!(matches!(since(0, Some(&id)).await, Since::Changes(_)));
    assert!(matches!(since(1, Some(&id)).await, Since::Changes(_)));

    // A second writer that made the table, too.
    let mut actions = story.actions(0);
    for action in &mut actions {
        if let Some(metadata) = action.get_mut("metaData") {
            metadata["id"] = json!("another");
        }
    }
    story.commit(2, &actions);
    assert_eq!(story.since(1, 2).await.expect("a log"), recreated);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_commit_is_named() {
    let story = Story::new();
    story.create(hours(0, 0..4)).await;
    story.append(hours(10, 24..28)).await;
    let table = story.table().await;
    let whole = std::fs::read_to_string(story.log(1)).expect("a commit");
    for (text, expected) in [
        (whole.replace("{\"add\"", "{\"add"), "is not JSON in line 2"),
        (whole[..whole.len() - 20].to_owned(), "breaks off in line 2"),
    ] {
        std::fs::write(story.log(1), text).expect("a commit");
        let counted = Counted { version: 0, table_id: None, files: None };
        let error = since(KEY, &table, counted, "at").await.expect_err("a damaged commit");
        let SourceError::Damaged { file, what, .. } = error else { panic!("{error}") };
        assert_eq!((file.as_str(), what.as_str()), ("_delta_log/00000000000000000001.json", expected));
    }
}

/// A copy of a table that other engines wrote, if it is here.
fn copied(case: &str, time: &'static str) -> Option<Story> {
    let Some(cases) = std::env::var_os("SECCHI_CASES") else {
        eprintln!("SECCHI_CASES is not set: {case} is not checked");
        return None;
    };
    let story = Story { time, ..Story::new() };
    copy(&PathBuf::from(cases).join("delta-features").join(case), story.folder.path());
    Some(story)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let copied = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &copied);
        } else {
            std::fs::write(copied, std::fs::read(path).expect("a file")).expect("a copy");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn updates_and_deletions_of_spark_are_told() {
    let Some(story) = copied("crates/test/tests/data/cdf-table", "birthday") else { return };
    let day = |day: &str| {
        let instant: jiff::Timestamp = format!("{day}T00:00:00Z").parse().expect("a day");
        (instant.as_microsecond() - START + HOUR / 2).div_euclid(HOUR)
    };
    let touched = |days: &[&str]| days.iter().map(|name| (day(name), day(name))).collect::<Vec<_>>();
    assert_eq!(story.told(0, 1).await, (0, touched(&["2023-12-22", "2023-12-23"]), false));
    assert_eq!(story.told(1, 2).await, (0, touched(&["2023-12-24", "2023-12-29"]), false));
    assert_eq!(story.told(2, 3).await, (0, touched(&["2023-12-29"]), false));
    story.holds().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_databricks_marked_as_deleted_are_told() {
    for case in ["crates/test/tests/data/table-with-dv-small", "dvmany"] {
        // It has no column of times, so that all of its rows are without a time.
        let Some(story) = copied(case, "at") else { return };
        assert_eq!(story.told(0, 1).await, (0, vec![], true), "{case}");
        std::fs::copy(story.log(1), story.log(2)).expect("a repeated commit");
        assert_eq!(story.told(1, 2).await, (0, vec![], true), "{case}");
    }
}

/// A table of which there is only the log: `commits` commits with `files` files of one hour each.
fn large(story: &Story, commits: u64, files: u64) {
    std::fs::create_dir_all(story.path("_delta_log")).expect("a folder for the log");
    let names: Vec<String> = (0..30).map(|n| format!("column_{n}")).collect();
    let fields =
        names.iter().map(|name| json!({"name": name, "type": "double", "nullable": true, "metadata": {}}));
    let time = json!({"name": "at", "type": "timestamp", "nullable": true, "metadata": {}});
    let schema = json!({"type": "struct", "fields": fields.chain([time]).collect::<Vec<_>>()});
    let format = json!({"provider": "parquet", "options": {}});
    let metadata = json!({"id": "large", "format": format, "schemaString": schema.to_string(), "partitionColumns": [], "configuration": {}, "createdTime": 0});
    let protocol = json!({"minReaderVersion": 1, "minWriterVersion": 2});
    story.commit(0, &[json!({"protocol": protocol}), json!({"metaData": metadata})]);
    for commit in 0..commits {
        let mut lines = String::new();
        for file in 0..files {
            let hour = (commit * files + file) as i64;
            let time = |micros| jiff::Timestamp::from_microsecond(micros).expect("a time").to_string();
            let stats = |value: f64, at: i64| {
                let mut values: BTreeMap<&str, Value> =
                    names.iter().map(|name| (name.as_str(), json!(value))).collect();
                values.insert("at", json!(time(at)));
                values
            };
            let (least, greatest) =
                (stats(0.5, START + hour * HOUR), stats(99.5, START + (hour + 1) * HOUR - 1));
            let nulls: BTreeMap<&str, u64> =
                names.iter().map(|name| (name.as_str(), 0)).chain([("at", 0)]).collect();
            let stats =
                json!({"numRecords": 1000, "minValues": least, "maxValues": greatest, "nullCount": nulls});
            let add = json!({"path": format!("part-{commit:05}-{file:05}.snappy.parquet"), "partitionValues": {}, "size": 100_000, "modificationTime": 0, "dataChange": true, "stats": stats.to_string()});
            writeln!(lines, "{}", json!({"add": add})).expect("a text");
        }
        std::fs::write(story.log(commit + 1), lines).expect("a commit");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_files_are_told() {
    let story = Story::new();
    large(&story, 100, 100);
    let removes: Vec<Value> = story
        .added(1)
        .iter()
        .map(|file| json!({"remove": {"path": file["path"], "dataChange": true}}))
        .collect();
    story.commit(101, &removes);
    let table = story.table().await;
    for (from, added) in [(0, 9_900), (50, 5_000), (99, 100), (100, 0)] {
        let start = Instant::now();
        let counted = Counted { version: from, table_id: None, files: None };
        let told = since(KEY, &table, counted, "at").await.expect("a log");
        let elapsed = start.elapsed();
        let Since::Changes(changes) = told else { panic!("{told:?}") };
        eprintln!(
            "{} files added after version {from} of 101 were found in {elapsed:?}",
            changes.added.len()
        );
        assert_eq!(changes.added.len(), added);
        assert_eq!(changes.touched.is_empty(), from == 0);
    }
}
