//! The benchmark table: an inference log of a classifier, one commit a day.
//!
//! Drift is in it on purpose: the mean of `num_0` moves, the first value of `cat_0` grows, and from two thirds of the
//! days on a second model version takes half of the traffic, with nulls in `num_1`. The same rows each time.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use deltalake::DeltaTable;
use deltalake::protocol::SaveMode;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Poisson, StandardNormal, Zipf};
use url::Url;

/// Different values of each category.
const LEVELS: [u32; 6] = [4, 8, 20, 50, 200, 5_000];

/// 2026-01-01T00:00:00Z, in microseconds.
const FIRST_DAY: i64 = 1_767_225_600_000_000;
const DAY: i64 = 86_400_000_000;

/// Writes the table to `folder/inference`.
pub async fn write(folder: &Path, rows: usize, days: usize) {
    let path = folder.join("inference");
    std::fs::create_dir_all(&path).expect("a folder");
    let path = std::fs::canonicalize(path).expect("a folder");
    let url = Url::from_directory_path(path).expect("an absolute path");
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut table = DeltaTable::try_from_url(url).await.expect("a place for a table");
    for day in 0..days {
        let batch = batch(&mut rng, rows / days, day, days);
        table = table.write(vec![batch]).with_save_mode(SaveMode::Append).await.expect("a commit");
    }
}

fn batch(rng: &mut ChaCha8Rng, rows: usize, day: usize, days: usize) -> RecordBatch {
    let mut times: Vec<i64> = (0..rows).map(|_| rng.random_range(0..DAY)).collect();
    times.sort_unstable();
    let times = times.into_iter().map(|time| FIRST_DAY + day as i64 * DAY + time);
    let is_second: Vec<bool> = (0..rows).map(|_| rng.random::<f64>() < 0.5 && 3 * day >= 2 * days).collect();
    let mut columns: Vec<(String, ArrayRef)> = vec![
        ("request_id".into(), texts((0..rows).map(|_| format!("{:016x}", rng.random::<u64>())))),
        (
            "event_time".into(),
            Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC")),
        ),
        (
            "model_version".into(),
            texts(is_second.iter().map(|second| if *second { "2" } else { "1" }.to_owned())),
        ),
    ];
    let mut first = Vec::new();
    for index in 0..10 {
        let spread = (1 + index) as f64;
        let values: Vec<f64> = normals(rng, rows)
            .map(|value| match index {
                0 => value + 0.02 * day as f64,
                6.. => value.exp(),
                _ => value * spread,
            })
            .collect();
        let array: Float64Array = match index {
            1 => {
                let mut is_null = |second: &bool| *second && rng.random::<f64>() < 0.05;
                values
                    .iter()
                    .zip(&is_second)
                    .map(|(value, second)| (!is_null(second)).then_some(*value))
                    .collect()
            }
            _ => values.iter().copied().map(Some).collect(),
        };
        if index == 0 {
            first = values;
        }
        columns.push((format!("num_{index}"), Arc::new(array)));
    }
    for index in 0..4 {
        let poisson = Poisson::new(3.0 + 20.0 * f64::from(index)).expect("a positive mean");
        let values = (0..rows).map(|_| poisson.sample(rng) as i64);
        columns.push((format!("int_{index}"), Arc::new(Int64Array::from_iter_values(values))));
    }
    for (index, levels) in LEVELS.into_iter().enumerate() {
        let zipf = Zipf::new(f64::from(levels), 1.0).expect("some levels");
        let more = if index == 0 { 0.01 * day as f64 } else { 0.0 };
        let level =
            |rng: &mut ChaCha8Rng| if rng.random::<f64>() < more { 0 } else { zipf.sample(rng) as u32 - 1 };
        columns.push((format!("cat_{index}"), texts((0..rows).map(|_| format!("c{index}_{}", level(rng))))));
    }
    let logits: Vec<f64> = first.iter().map(|value| 0.8 * value - 0.5).collect();
    let scores: Vec<f64> =
        logits.iter().zip(normals(rng, rows)).map(|(logit, noise)| logistic(logit + 0.3 * noise)).collect();
    let predictions = scores.iter().map(|score| i64::from(*score > 0.5));
    columns.push(("prediction".into(), Arc::new(Int64Array::from_iter_values(predictions))));
    columns.push(("score".into(), Arc::new(Float64Array::from(scores))));
    let labels: Int64Array = logits
        .iter()
        .map(|logit| {
            let is_true = rng.random::<f64>() < logistic(*logit);
            (rng.random::<f64>() >= 0.3).then_some(i64::from(is_true))
        })
        .collect();
    columns.push(("label".into(), Arc::new(labels)));
    let latencies = normals(rng, rows).map(|value| (0.5 * value + 3.0).exp());
    columns.push(("latency_ms".into(), Arc::new(Float64Array::from_iter_values(latencies))));
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    RecordBatch::try_from_iter_with_nullable(columns).expect("columns of one length")
}

fn logistic(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

fn normals(rng: &mut ChaCha8Rng, rows: usize) -> std::vec::IntoIter<f64> {
    let values: Vec<f64> = (0..rows).map(|_| rng.sample(StandardNormal)).collect();
    values.into_iter()
}

fn texts(texts: impl Iterator<Item = String>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(texts))
}
