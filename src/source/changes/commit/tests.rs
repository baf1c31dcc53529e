#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::super::span::Span;
use super::*;

/// Of 2026-01-01T00:00:00Z.
const NEW_YEAR: i64 = 1_767_225_600_000_000;

fn at() -> TimeColumn {
    TimeColumn { physical: "at".to_owned(), is_partition: false }
}

fn read(lines: &str) -> Result<Commit, Broken> {
    parse(&Bytes::copy_from_slice(lines.as_bytes()), &at())
}

fn file(path: &str) -> File {
    File { path: path.to_owned(), size: 0, rows: None, times: None, deletion_vector: None }
}

#[test]
fn an_append_of_delta_rs_is_read() {
    let commit = read(
        r#"{"commitInfo":{"timestamp":1795180672331,"operation":"WRITE","operationMetrics":{"num_added_files":1},"engineInfo":"delta-rs:1.1.3"}}
{"add":{"path":"day=2026-01-01/part-0.parquet","partitionValues":{"day":"2026-01-01"},"size":797,"modificationTime":1795180672321,"dataChange":true,"stats":"{\"numRecords\":5,\"minValues\":{\"at\":\"2026-01-01T00:00:00Z\",\"name\":\"n0\"},\"maxValues\":{\"name\":\"n4\",\"at\":\"2026-01-01T00:00:00.000005Z\"},\"nullCount\":{\"at\":0,\"name\":0}}","tags":null,"baseRowId":null,"defaultRowCommitVersion":null,"clusteringProvider":null}}
{"txn":{"appId":"job","version":1}}
"#,
    );
    let span = Some(Span { first: NEW_YEAR, last: NEW_YEAR + 5 });
    let times = Some(Times { span, without_time: false });
    let part = File { size: 797, rows: Some(5), times, ..file("day=2026-01-01/part-0.parquet") };
    let added = vec![Action { file: part, changes_data: true }];
    assert_eq!(read("{\"commitInfo\":{}}").unwrap(), Commit::default());
    assert_eq!(read(" \n").unwrap_err().0, "is empty");
    assert_eq!(commit.unwrap(), Commit { added, ..Commit::default() });
}

#[test]
fn an_update_of_spark_is_read() {
    let commit = read(
        r#"{"commitInfo":{"timestamp":1703265021675,"operation":"UPDATE","operationParameters":{"predicate":"[\"id#1065 IN (2,3,4)\"]"},"isBlindAppend":false,"engineInfo":"Apache-Spark/3.5.0 Delta-Lake/3.0.0","txnId":"afc86e2b"}}
{"add":{"path":"a.parquet","partitionValues":{},"size":904,"modificationTime":1703265021654,"dataChange":true}}
{"cdc":{"path":"_change_data/cdc-0.parquet","partitionValues":{},"size":1028,"dataChange":false}}
{"remove":{"path":"b.parquet","deletionTimestamp":1703265021672,"dataChange":true,"extendedFileMetadata":true,"partitionValues":{},"size":687}}
{"remove":{"path":"c.parquet","deletionTimestamp":1703265021672,"dataChange":true}}"#,
    );
    let action = |path, size| Action { file: File { size, ..file(path) }, changes_data: true };
    let (added, removed) =
        (vec![action("a.parquet", 904)], vec![action("b.parquet", 687), action("c.parquet", 0)]);
    assert_eq!(commit.unwrap(), Commit { added, removed, ..Commit::default() });
}

#[test]
fn a_deletion_of_databricks_is_read() {
    let commit = read(
        r#"{"commitInfo": {"operation": "DELETE", "engineInfo": "Databricks-Runtime/<unknown>"}}
{"remove": {"path": "a.parquet", "deletionTimestamp": 1677811194426, "dataChange": true, "extendedFileMetadata": true, "partitionValues": {}, "size": 635, "tags": {"INSERTION_TIME": "1677811178336000"}}}
{"add": {"path": "a.parquet", "partitionValues": {}, "size": 635, "modificationTime": 1677811178336, "dataChange": true, "stats": "{\"numRecords\":10,\"minValues\":{\"at\":\"2026-01-01T00:00:00.000Z\"},\"maxValues\":{\"at\":\"2026-01-01T00:00:00.000Z\"},\"nullCount\":{\"at\":3},\"tightBounds\":false}", "tags": {"INSERTION_TIME": "1677811178336000"}, "baseRowId": 7, "defaultRowCommitVersion": 0, "deletionVector": {"storageType": "u", "pathOrInlineDv": "vBn[lx{q8@P<9BNH/isA", "offset": 1, "sizeInBytes": 36, "cardinality": 2}}}
{"domainMetadata":{"domain":"delta.rowTracking","configuration":"{}","removed":false}}
{"somethingNew":[1,2,3]}"#,
    );
    let times =
        Some(Times { span: Some(Span { first: NEW_YEAR, last: NEW_YEAR + 999 }), without_time: true });
    let deletion_vector = Some("uvBn[lx{q8@P<9BNH/isA@1".to_owned());
    let before = File { size: 635, ..file("a.parquet") };
    let after = File { rows: Some(8), times, deletion_vector, ..before.clone() };
    let action = |file| vec![Action { file, changes_data: true }];
    let expected = Commit { added: action(after), removed: action(before), ..Commit::default() };
    assert_eq!(commit.unwrap(), expected);
}

#[test]
fn metadata_and_protocol_are_told() {
    let commit = read(
        r#"{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["new"],"writerFeatures":["new"]}}

{"metaData":{"id":"e382f86f","format":{"provider":"parquet","options":{}},"schemaString":"","partitionColumns":[],"configuration":{}}}
{"add":{"path":"a","dataChange":false}}"#,
    );
    let added = vec![Action { file: file("a"), changes_data: false }];
    let table_id = Some("e382f86f".to_owned());
    assert_eq!(commit.unwrap(), Commit { added, table_id, protocol: true, ..Commit::default() });
}

#[test]
fn a_line_that_is_no_action_is_named() {
    #[track_caller]
    fn check(lines: &str, expected: &str) {
        assert_eq!(read(lines).unwrap_err().0, expected, "{lines}");
    }
    let good = r#"{"add":{"path":"a","dataChange":true}}"#;
    check(&format!("{good}\n{{\"add\":{{\"path\""), "breaks off in line 2");
    check(&format!("{good}\n\nhello\n{good}"), "is not JSON in line 3");
    check(&format!("{good}{good}"), "is not JSON in line 1");
    check(r#"{"add":{}}"#, "has no action in line 1: missing field `path` at line 1 column 9");
    check("5", "has no action in line 1: invalid type: integer `5`, expected struct Line at line 1 column 1");
}

#[test]
fn paths_are_told_apart_as_they_are() {
    for (path, expected) in [
        ("part-0.parquet", "part-0.parquet"),
        ("at=2026-01-01%2000%3A00%3A00/a%25b.parquet", "at=2026-01-01 00:00:00/a%b.parquet"),
        ("%e2%82%AC+%", "€+%"),
        ("100%zz%4", "100%zz%4"),
        ("s3://bucket/a%20b", "s3://bucket/a b"),
        ("", ""),
    ] {
        assert_eq!(file(path).key(), expected);
    }
}

/// Any JSON, with the words that commits are made of.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let word = prop::sample::select(vec![
        "add",
        "remove",
        "metaData",
        "protocol",
        "path",
        "stats",
        "dataChange",
        "partitionValues",
        "deletionVector",
        "id",
        "a%",
        "{\"numRecords\":-1}",
    ]);
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        word.clone().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::hash_map(word.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&Bytes::from(bytes), &at());
    }

    #[test]
    fn no_json_is_too_odd(lines in prop::collection::vec(json(), 0..4)) {
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        let _ = read(&lines.join("\n"));
    }

    #[test]
    fn a_path_without_a_percent_sign_is_itself(path in "[^%]*") {
        prop_assert_eq!(file(&path).key(), path);
    }
}
