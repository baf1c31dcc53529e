//! Conditional requests of `object_store`'s S3 client, alone and in a race.
use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use chrono::TimeDelta;
use object_store::path::Path;
use object_store::{Error, GetOptions, ObjectStore, ObjectStoreExt};
use object_store::{PutMode, PutOptions, UpdateVersion};
use tokio::task::JoinSet;

use super::s3::client;
use crate::support::s3::S3Server;

fn create() -> PutOptions {
    PutOptions::from(PutMode::Create)
}

#[tokio::test]
async fn tags_guard_reads_and_updates() {
    let server = S3Server::start().await;
    let store = client(server.options());
    let key = Path::from("state.json");
    let first = store.put_opts(&key, "1".into(), create()).await.expect("created");
    let again = store.put_opts(&key, "2".into(), create()).await;
    assert!(matches!(again, Err(Error::AlreadyExists { .. })), "{again:?}");

    let unchanged = GetOptions::new().with_if_none_match(first.e_tag.clone());
    let unchanged = store.get_opts(&key, unchanged).await;
    assert!(matches!(unchanged, Err(Error::NotModified { .. })), "{unchanged:?}");

    let old = UpdateVersion::from(first);
    let update = PutOptions::from(PutMode::Update(old.clone()));
    store.put_opts(&key, "2".into(), update.clone()).await.expect("updated");
    let stale = store.put_opts(&key, "3".into(), update.clone()).await;
    assert!(matches!(stale, Err(Error::Precondition { .. })), "{stale:?}");
    let gone = store.put_opts(&"other".into(), "3".into(), update).await;
    // The server says 404 as AWS does; to object_store an update of nothing is a failed condition.
    assert!(matches!(gone, Err(Error::Precondition { .. })), "{gone:?}");
    let outdated = GetOptions::new().with_if_match(old.e_tag);
    let outdated = store.get_opts(&key, outdated).await;
    assert!(matches!(outdated, Err(Error::Precondition { .. })), "{outdated:?}");
    assert_eq!(server.get("lake/state.json"), Some(Bytes::from("2")));
}

#[tokio::test]
async fn times_guard_reads() {
    let server = S3Server::start().await;
    server.put("lake/state.json", "1");
    let store = client(server.options());
    let key = Path::from("state.json");
    let written = store.head(&key).await.expect("a head").last_modified;
    let earlier = written - TimeDelta::hours(1);

    let changed = GetOptions::new().with_if_modified_since(Some(earlier));
    store.get_opts(&key, changed).await.expect("newer");
    let unchanged = GetOptions::new().with_if_modified_since(Some(written));
    let unchanged = store.get_opts(&key, unchanged).await;
    assert!(matches!(unchanged, Err(Error::NotModified { .. })), "{unchanged:?}");
    let outdated = GetOptions::new().with_if_unmodified_since(Some(earlier));
    let outdated = store.get_opts(&key, outdated).await;
    assert!(matches!(outdated, Err(Error::Precondition { .. })), "{outdated:?}");
}

#[tokio::test]
async fn copies_can_demand_a_free_name() {
    let server = S3Server::start().await;
    server.put("lake/from", "1");
    server.put("lake/taken", "2");
    for mode in ["multipart", "header: if-none-match: *"] {
        let mut options = server.options();
        options.insert("aws_copy_if_not_exists".to_owned(), mode.to_owned());
        let store = client(options);
        let (from, to) = (Path::from("from"), Path::from("to"));
        store.copy_if_not_exists(&from, &to).await.expect("copied");
        let taken = store.copy_if_not_exists(&from, &"taken".into()).await;
        assert!(matches!(taken, Err(Error::AlreadyExists { .. })), "{taken:?}");
        store.copy(&to, &"again".into()).await.expect("copied");
        store.rename(&"again".into(), &to).await.expect("renamed");
        assert_eq!(server.get("lake/to"), Some(Bytes::from("1")));
        store.delete(&to).await.expect("deleted");
    }
    assert_eq!(server.list("lake/"), ["lake/from", "lake/taken"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_creators_exactly_one_wins() {
    const TASKS: usize = 32;
    const KEYS: usize = 40;
    let server = S3Server::start().await;
    let store = Arc::new(client(server.options()));
    let starting_line = Arc::new(tokio::sync::Barrier::new(TASKS));
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (store, starting_line) = (Arc::clone(&store), Arc::clone(&starting_line));
        tasks.spawn(async move {
            let mut won = Vec::new();
            for key in 0..KEYS {
                starting_line.wait().await;
                let (path, claim) = (Path::from(format!("k{key:02}")), format!("task {task}"));
                match store.put_opts(&path, claim.into(), create()).await {
                    Ok(_) => won.push(key),
                    Err(Error::AlreadyExists { .. }) => {}
                    Err(other) => return Err(other),
                }
            }
            Ok((task, won))
        });
    }
    let mut winners: HashMap<usize, Vec<usize>> = HashMap::new();
    while let Some(ended) = tasks.join_next().await {
        let (task, won) = ended.expect("no panic").expect("won or lost, nothing else");
        for key in won {
            winners.entry(key).or_default().push(task);
        }
    }
    for key in 0..KEYS {
        let [winner] = winners[&key][..] else { unreachable!("key {key} went to {:?}", winners[&key]) };
        let stored = server.get(&format!("lake/k{key:02}"));
        assert_eq!(stored, Some(Bytes::from(format!("task {winner}"))));
    }
    let lost = server.requests().iter().filter(|request| request.status == 412).count();
    assert_eq!(lost, (TASKS - 1) * KEYS);
}
