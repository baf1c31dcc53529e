//! A whole small lake, written and read back.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use deltalake::{DeltaTable, DeltaTableBuilder};
use futures::TryStreamExt;
use jiff::Timestamp;

use super::*;

const SMALL: Options = Options { rows_per_model: 3_000, seed: 7 };

async fn write(lake: &Path) -> Truth {
    write_lake(lake, &SMALL, &mut |_| {}).await.unwrap()
}

fn builder(lake: &Path, table: &str) -> DeltaTableBuilder {
    let url = deltalake::ensure_table_uri(lake.join(table).to_str().unwrap()).unwrap();
    DeltaTableBuilder::from_url(url).unwrap()
}

async fn count(table: &DeltaTable) -> u64 {
    let context = deltalake::delta_datafusion::create_session().into_inner();
    context.register_table("t", table.table_provider().await.unwrap()).unwrap();
    context.table("t").await.unwrap().count().await.unwrap() as u64
}

/// The names and contents of all files below `folder`, with their modification times where the story sets them.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), std::fs::read(path).unwrap());
            }
        }
    }
    found
}

#[tokio::test]
async fn the_tables_hold_what_the_truth_says() {
    let lake = tempfile::tempdir().unwrap();
    let truth = write(lake.path()).await;
    let on_disk = std::fs::read_to_string(lake.path().join("truth.json")).unwrap();
    assert_eq!(serde_json::from_str::<Truth>(&on_disk).unwrap(), truth);

    assert_eq!(truth.tables.len(), 6);
    for (path, expected) in &truth.tables {
        let table = builder(lake.path(), path).load().await.unwrap();
        assert_eq!(table.version(), Some(expected.version), "{path}");
        assert_eq!(count(&table).await, expected.rows, "{path}");
    }
    for model in ["credit_default", "delivery_time"] {
        let inference = &truth.tables[&format!("inference/{model}")];
        assert_eq!((inference.rows, inference.version), (3_000, 60));
        assert_eq!(truth.tables[&format!("baseline/{model}")].version, 0);
    }
}

#[tokio::test]
async fn incidents_are_traced_to_their_commits() {
    let lake = tempfile::tempdir().unwrap();
    let truth = write(lake.path()).await;
    let names: Vec<&str> = truth.incidents.iter().map(|incident| incident.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "version-2-overconfident",
            "new-channel-mobile-app",
            "roadworks-slow-deliveries",
            "income-in-yearly-units",
            "version-4-slow-responses",
            "employment-years-missing-in-south",
        ]
    );
    for incident in &truth.incidents {
        let name = incident.table.split('/').nth(1).unwrap();
        let table = builder(lake.path(), &format!("inference/{name}")).load().await.unwrap();
        let bytes = table.log_store().read_commit_entry(incident.commit_version).await.unwrap().unwrap();
        let commit =
            serde_json::Deserializer::from_slice(&bytes).into_iter::<serde_json::Value>().next().unwrap();
        let info = &commit.unwrap()["commitInfo"];
        assert_eq!(info["userName"], incident.commit_user.as_str());
        assert_eq!(info["job"]["jobName"], incident.commit_job.as_str());
        let day = Timestamp::from_millisecond(info["timestamp"].as_i64().unwrap()).unwrap();
        let expected = format!("{}T00:2", incident.first_day.tomorrow().unwrap());
        assert!(day.to_string().starts_with(&expected), "{} was committed at {day}", incident.name);

        let before = builder(lake.path(), &format!("inference/{name}"));
        let before = before.with_version(incident.commit_version - 1).load().await.unwrap();
        let context = deltalake::delta_datafusion::create_session().into_inner();
        context.register_table("t", before.table_provider().await.unwrap()).unwrap();
        let late = format!("SELECT 1 FROM t WHERE event_time >= TIMESTAMP '{}'", incident.first_day);
        assert_eq!(context.sql(&late).await.unwrap().count().await.unwrap(), 0, "{}", incident.name);
    }
    let income = truth.incidents.iter().find(|incident| incident.column == "monthly_income").unwrap();
    assert_eq!((income.commit_version, income.commit_job.as_str()), (39, "ingest-crm 4.2.0"));
    let roadworks = truth.incidents.iter().find(|incident| incident.column == "actual_minutes").unwrap();
    // The first week has no labels, so version 1 is day 7; day 42 is the first that can know of day 35.
    assert_eq!(roadworks.label_commit_version, Some(36));
}

#[tokio::test]
async fn time_travel_follows_the_story() {
    let lake = tempfile::tempdir().unwrap();
    let truth = write(lake.path()).await;
    for (at, version) in
        [("2026-03-03T00:00:00Z", 0), ("2026-03-03T12:00:00Z", 1), ("2026-04-10T12:00:00Z", 39)]
    {
        let table = builder(lake.path(), "inference/credit_default").with_datestring(at).unwrap();
        assert_eq!(table.load().await.unwrap().version(), Some(version), "{at}");
    }
    let as_of = SystemTime::UNIX_EPOCH + Duration::from_secs(truth.as_of.as_second().unsigned_abs());
    for table in truth.tables.keys() {
        let table = builder(lake.path(), table).load().await.unwrap();
        let mut times = Vec::new();
        for version in 0..=table.version().unwrap() {
            let entry = lake_path(&table).join(format!("_delta_log/{version:020}.json"));
            times.push(entry.metadata().unwrap().modified().unwrap());
        }
        assert!(times.is_sorted() && times.last().is_some_and(|last| *last < as_of));
        let store = table.log_store().object_store(None);
        let data: Vec<_> = store.list(None).try_collect().await.unwrap();
        let as_of = truth.as_of.as_second();
        assert!(data.iter().all(|file| file.last_modified.timestamp() < as_of), "a file is from today");
    }
}

fn lake_path(table: &DeltaTable) -> PathBuf {
    table.table_url().to_file_path().unwrap()
}

#[tokio::test]
async fn the_same_seed_gives_the_same_bytes() {
    let [one, two, other] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let progress = &mut |_: Progress<'_>| {};
    for (lake, seed) in [(&one, 7), (&two, 7), (&other, 8)] {
        write_lake(lake.path(), &Options { rows_per_model: 600, seed }, progress).await.unwrap();
    }
    let [one, two, other] = [one, two, other].map(|lake| files(lake.path()));
    assert_eq!(one.len(), two.len());
    for (path, content) in &one {
        assert!(two.get(path) == Some(content), "{} differs", path.display());
    }
    let same = one.iter().filter(|(path, content)| other.get(*path) == Some(content));
    assert!(same.map(|(path, _)| path).all(|path| path.starts_with("mlruns")));
}

#[tokio::test]
async fn progress_rises_to_one_and_the_future_can_be_spawned() {
    let lake = tempfile::tempdir().unwrap();
    let path = lake.path().to_owned();
    let seen = tokio::spawn(async move {
        let mut seen = Vec::new();
        write_lake(&path, &SMALL, &mut |progress| seen.push(progress.done)).await.unwrap();
        seen
    });
    let seen = seen.await.unwrap();
    assert!(seen.is_sorted());
    assert_eq!(seen.last(), Some(&1.0));
}

#[tokio::test]
async fn a_folder_with_content_is_left_alone() {
    let lake = tempfile::tempdir().unwrap();
    std::fs::write(lake.path().join("mine.txt"), "precious").unwrap();
    let error = write_lake(lake.path(), &SMALL, &mut |_| {}).await.unwrap_err();
    assert!(matches!(error, SimulateError::NotEmpty { .. }));
    assert!(error.to_string().ends_with("is not empty: choose another directory, or delete it first"));
    assert_eq!(files(lake.path()).len(), 1);
}

#[tokio::test]
async fn too_few_rows_are_refused_before_anything_is_written() {
    let lake = tempfile::tempdir().unwrap();
    let options = Options { rows_per_model: 599, seed: 7 };
    let error = write_lake(lake.path(), &options, &mut |_| {}).await.unwrap_err();
    assert_eq!(error.to_string(), "599 rows of each model are too few for 60 days");
    assert!(files(lake.path()).is_empty());
}

#[tokio::test]
async fn the_registry_names_what_the_tables_hold() {
    let lake = tempfile::tempdir().unwrap();
    write(lake.path()).await;
    let registry = lake.path().join("mlruns");
    let read = |path: PathBuf| std::fs::read_to_string(path).unwrap();
    for (model, champion, versions) in [("credit_default", "2", 1..=2), ("delivery_time", "4", 1..=4)] {
        let folder = registry.join("models").join(model);
        assert_eq!(read(folder.join("aliases/champion")), champion);
        for version in versions {
            let meta = read(folder.join(format!("version-{version}/meta.yaml")));
            let field = |key: &str| {
                let line = meta.lines().find_map(|line| line.strip_prefix(&format!("{key}: ")));
                line.unwrap().trim_matches('\'').to_owned()
            };
            assert_eq!((field("name").as_str(), field("version")), (model, version.to_string()));
            assert_eq!(field("run_id").len(), 32);
        }
    }
    let datasets = files(&registry)
        .into_iter()
        .filter(|(path, _)| path.components().any(|part| part.as_os_str() == "datasets"));
    let datasets: Vec<String> = datasets.map(|(_, content)| String::from_utf8(content).unwrap()).collect();
    assert_eq!(datasets.len(), 2);
    assert!(
        datasets
            .iter()
            .any(|yaml| { yaml.contains(r#"{"path":"baseline/credit_default","delta_table_version":0}"#) })
    );
    assert!(datasets.iter().all(|yaml| yaml.contains("source_type: 'delta_table'")));
}
