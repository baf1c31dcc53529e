//! `object_store`'s S3 client against the S3 server.
use std::collections::HashMap;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, MultipartUpload, ObjectStore, ObjectStoreExt};
use object_store::{PutMode, PutPayload};

use crate::support::s3::{S3Options, S3Server};

pub(super) fn client(options: HashMap<String, String>) -> AmazonS3 {
    let mut builder = AmazonS3Builder::new().with_bucket_name("lake");
    for (name, value) in options {
        builder = builder.with_config(name.parse().expect("a known option"), value);
    }
    builder.build().expect("complete options")
}

async fn keys(store: &AmazonS3, prefix: &str) -> Vec<String> {
    let found = store.list(Some(&Path::from(prefix)));
    let found: Vec<_> = found.try_collect().await.expect("a listing");
    found.into_iter().map(|meta| meta.location.to_string()).collect()
}

#[tokio::test]
async fn an_object_comes_back_with_its_metadata() {
    let server = S3Server::start_with(S3Options {
        clock: Box::new(|| UNIX_EPOCH + Duration::from_secs(1_777_000_000)),
        ..S3Options::default()
    })
    .await;
    let store = client(server.options());
    // Characters that signatures, URLs and XML each treat in their own way.
    let key = Path::from("a b/ü&<+>%2F=/part-0.parquet");
    let put = store.put(&key, "hello".into()).await.expect("written");
    let got = store.get(&key).await.expect("read");
    assert_eq!(got.meta.size, 5);
    assert_eq!(got.meta.e_tag, put.e_tag);
    assert_eq!(got.meta.last_modified.timestamp(), 1_777_000_000);
    assert_eq!(got.bytes().await.expect("a body"), "hello");
    let listed = store.list(None).next().await.expect("one").expect("listed");
    assert_eq!(listed, store.head(&key).await.expect("a head"));
    assert_eq!(server.list("lake/"), [format!("lake/{key}")]);
    assert_eq!(server.get(&format!("lake/{key}")), Some(Bytes::from("hello")));
}

#[tokio::test]
async fn ranges_are_inclusive_open_or_from_the_end() {
    let server = S3Server::start().await;
    server.put("lake/digits", "0123456789");
    let store = client(server.options());
    let cases = [
        (GetRange::Bounded(2..5), "234"),
        (GetRange::Bounded(8..50), "89"),
        (GetRange::Offset(7), "789"),
        (GetRange::Suffix(4), "6789"),
        (GetRange::Suffix(99), "0123456789"),
    ];
    for (range, expected) in cases {
        let options = GetOptions::new().with_range(Some(range.clone()));
        let got = store.get_opts(&"digits".into(), options).await;
        let got = got.expect("read").bytes().await.expect("a body");
        assert_eq!(got, expected, "{range:?}");
    }
    let parts = store.get_ranges(&"digits".into(), &[0..2, 5..6]).await;
    assert_eq!(parts.expect("read"), ["01", "5"]);
    let beyond = store.get_range(&"digits".into(), 10..12).await;
    assert!(beyond.is_err(), "{beyond:?}");
}

#[tokio::test]
async fn a_listing_is_ordered_paged_and_cut_at_the_delimiter() {
    let server = S3Server::start_with(S3Options { page_size: 3, ..S3Options::default() }).await;
    let store = client(server.options());
    let all: Vec<_> = (0..10).map(|n| format!("t/_delta_log/{n:020}.json")).collect();
    for key in &all {
        server.put(&format!("lake/{key}"), "{}");
    }
    for key in ["t/a=1/x", "t/a=1/y", "t/a=2/x", "t/readme", "u/other"] {
        server.put(&format!("lake/{key}"), "");
    }
    assert_eq!(keys(&store, "t/_delta_log").await, all);
    let pages = server.requests().len();
    assert_eq!(pages, 4, "ten keys in pages of three");

    let after = Path::from(all[6].as_str());
    let rest = store.list_with_offset(Some(&"t/_delta_log".into()), &after);
    let rest: Vec<_> = rest.map_ok(|meta| meta.location.to_string()).try_collect().await.expect("a listing");
    assert_eq!(rest, all[7..]);

    let level = store.list_with_delimiter(Some(&"t".into())).await.expect("a listing");
    let prefixes: Vec<_> = level.common_prefixes.iter().map(Path::as_ref).collect();
    assert_eq!(prefixes, ["t/_delta_log", "t/a=1", "t/a=2"]);
    let objects: Vec<_> = level.objects.iter().map(|meta| meta.location.as_ref()).collect();
    assert_eq!(objects, ["t/readme"]);
    assert_eq!(keys(&store, "nothing").await, [""; 0]);
}

#[tokio::test]
async fn deletes_work_one_by_one_and_in_bulk() {
    let server = S3Server::start().await;
    let store = client(server.options());
    for key in ["a", "b", "c", "d"] {
        server.put(&format!("lake/{key}"), key);
    }
    store.delete(&"a".into()).await.expect("deleted");
    let bulk = futures::stream::iter(["b", "c", "missing"].map(|key| Ok(Path::from(key))));
    let deleted: Vec<_> = store.delete_stream(bulk.boxed()).try_collect().await.expect("deleted");
    assert_eq!(deleted.len(), 3, "what is not there counts as deleted");
    assert_eq!(server.list("lake/"), ["lake/d"]);
    let missing = store.get(&"a".into()).await;
    assert!(matches!(missing, Err(Error::NotFound { .. })), "{missing:?}");
}

#[tokio::test]
async fn parts_become_one_object_or_nothing() {
    const PART: usize = 5 * 1024 * 1024;
    let server = S3Server::start().await;
    let store = client(server.options());
    let key = Path::from("big.parquet");
    let mut upload = store.put_multipart(&key).await.expect("begun");
    let parts: Vec<_> = [b'a', b'b', b'c'].map(|byte| vec![byte; PART]).into();
    for part in &parts {
        let part = PutPayload::from(part.clone());
        upload.put_part(part).await.expect("uploaded");
    }
    assert_eq!(server.get("lake/big.parquet"), None);
    upload.complete().await.expect("completed");
    let whole = server.get("lake/big.parquet").expect("an object");
    assert!(whole == parts.concat(), "the parts in their order");

    let mut dropped = store.put_multipart(&"dropped".into()).await.expect("begun");
    dropped.put_part("x".into()).await.expect("uploaded");
    dropped.abort().await.expect("aborted");
    let mut small = store.put_multipart(&"small".into()).await.expect("begun");
    for _ in 0..2 {
        small.put_part("x".into()).await.expect("uploaded");
    }
    let refused = small.complete().await.expect_err("parts below 5 MiB");
    assert!(refused.to_string().contains("EntityTooSmall"), "{refused}");
    assert_eq!(server.list("lake/"), ["lake/big.parquet"]);
}

#[tokio::test]
async fn only_the_account_of_the_server_gets_in() {
    let server = S3Server::start().await;
    for (option, value) in [
        ("aws_secret_access_key", "guess"),
        ("aws_access_key_id", "stranger"),
        ("aws_skip_signature", "true"),
    ] {
        let mut options = server.options();
        options.insert(option.to_owned(), value.to_owned());
        let store = client(options);
        let write = store.put(&"a".into(), "x".into()).await;
        assert!(matches!(write, Err(Error::PermissionDenied { .. })), "{option}: {write:?}");
        let read = store.get(&"a".into()).await;
        assert!(matches!(read, Err(Error::PermissionDenied { .. })), "{option}: {read:?}");
    }
    assert_eq!(server.list("lake/"), [""; 0]);
    assert!(server.requests().iter().all(|request| request.status == 403));
}

#[tokio::test]
async fn requests_are_logged_with_key_and_status() {
    let server = S3Server::start().await;
    let store = client(server.options());
    let key = Path::from("a b/c");
    for _ in 0..2 {
        // The second is refused, as it should be.
        let _ = store.put_opts(&key, "x".into(), PutMode::Create.into()).await;
    }
    let _ = store.head(&key).await;
    let requests = server.requests().into_iter();
    let requests: Vec<_> = requests
        .map(|request| format!("{} {} {}", request.method, request.path, request.status.as_u16()))
        .collect();
    let expected = ["PUT lake/a b/c 200", "PUT lake/a b/c 412", "HEAD lake/a b/c 200"];
    assert_eq!(requests, expected);
}

#[tokio::test]
async fn a_stopped_server_refuses_connections() {
    let server = S3Server::start().await;
    let mut options = server.options();
    options.insert("connect_timeout".to_owned(), "1s".to_owned());
    let store = AmazonS3Builder::new()
        .with_bucket_name("lake")
        .with_retry(object_store::RetryConfig { max_retries: 0, ..Default::default() });
    let store = options
        .into_iter()
        .fold(store, |store, (name, value)| store.with_config(name.parse().expect("a known option"), value));
    server.stop().await;
    let refused = store.build().expect("complete options").head(&"a".into()).await;
    assert!(matches!(refused, Err(Error::Generic { .. })), "{refused:?}");
}
