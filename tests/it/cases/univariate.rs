//! Each column by itself, month by month, against what NannyML recorded: distances, the bounds that it learned from its reference, and
//! the months in which it raised an alert.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::california::california;
use super::{load, monitor, recorded};
use crate::support::cli::secchi;
use crate::support::tables;

/// A measure as NannyML calls it, as it is a rule's metric, and in SQL.
type Measure = (&'static str, &'static str);

/// What is asked of a column and measure.
struct Asked<'a> {
    column: &'a str,
    measure: Measure,
    /// Relative and absolute.
    tolerance: (f64, f64),
}

/// What a run with `--json` says of its alerts: the months in which each rule and column fired, and the bound.
fn fired(out: &str) -> BTreeMap<(String, String), (Vec<String>, String)> {
    let document: Value = serde_json::from_str(out).expect("one JSON document");
    let mut fired: BTreeMap<(String, String), (Vec<String>, String)> = BTreeMap::new();
    for event in document["runs"][0]["events"].as_array().expect("events") {
        if event["state"] == "firing" {
            let text = |name: &str| event[name].as_str().expect("a text").to_owned();
            let of = fired.entry((text("rule"), text("column_name"))).or_default();
            of.0.push(text("window_start")[..7].to_owned());
            of.1 = text("threshold");
        }
    }
    fired
}

/// The values of a measure are the recorded ones, within the tolerance, and so are the months of alerts. The bound is told where a
/// rule has fired: it is the recorded one, within the same tolerance.
async fn agree(
    folder: &Path,
    name: &str,
    answers: &[Value],
    fired: &BTreeMap<(String, String), (Vec<String>, String)>,
    asked: &Asked<'_>,
) {
    let Asked { column, measure: (theirs, ours), tolerance: (relative, absolute) } = asked;
    let sql = format!(
        "SELECT substr(CAST(window_start AS VARCHAR), 1, 7) AS month, {ours} AS value FROM {name}_drift_metrics
         WHERE drift_type = 'BASELINE' AND model_version = '*' AND slice_key IS NULL AND column_name = '{column}'"
    );
    let rows = tables::query(&folder.join("monitoring"), &sql).await;
    let near = |what: &str, ours: f64, theirs: f64| {
        let within = relative * theirs.abs() + absolute;
        assert!((ours - theirs).abs() <= within, "{what} of {column}: {ours}, recorded {theirs}");
    };
    let key = |end: &str| format!("{column}.{theirs}.{end}");
    let mut alerts = Vec::new();
    for answer in answers {
        let month = answer["chunk.key"].as_str().expect("a month");
        let row = rows.iter().find(|row| row["month"] == month).expect("a row for each month");
        let value = answer[key("value")].as_f64().expect("a recorded value");
        near(&format!("{ours} in {month}"), row["value"].as_f64().expect("a value"), value);
        if answer[key("alert")] == true {
            alerts.push(month.to_owned());
        }
    }
    let none = (Vec::new(), String::new());
    let (months, threshold) = fired.get(&((*ours).to_owned(), (*column).to_owned())).unwrap_or(&none);
    assert_eq!(*months, alerts, "months of {ours} of {column}");
    if let (Ok(threshold), Some(theirs)) = (threshold.parse(), answers[0][key("upper_threshold")].as_f64()) {
        // Bounds are told to six digits.
        near(&format!("bound of {ours}"), threshold, theirs * (1.0 + 1e-5));
    }
}

/// Rules that learn each of `measures` of `columns`.
fn rules(measures: &[Measure], columns: &[&str]) -> String {
    let columns = columns.join(", ");
    measures
        .iter()
        .map(|(_, ours)| {
            format!("  - {{ rule: {ours}, metric: {ours}, above: learned, columns: [{columns}] }}\n")
        })
        .collect()
}

const OF_NAMES: [Measure; 3] = [
    ("jensen_shannon", "js_distance"),
    ("l_infinity", "l_infinity_distance"),
    ("hellinger", "hellinger_distance"),
];

/// The names in the tables of taxi trips that the other test has made.
pub(super) async fn names_of_taxi_trips(folder: &Path, answers: &[Value]) {
    let columns = ["payment_type", "vendor_id", "passenger_count", "rate_code_id"];
    let text = format!(
        "
monitor: names
inference:
  table: ../lake/trips
  timestamp_col: month_middle
  columns: {{ include: [{0}], categorical: [{0}] }}
baseline: {{ table: ../lake/trips_2018 }}
granularities: [1 month]
alerts:
{1}output: {{ uri: ../monitoring }}
",
        columns.join(", "),
        rules(&OF_NAMES, &columns)
    );
    monitor(folder, "names", &text);
    let said = secchi(folder, &["run", "names", "--json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let fired = fired(&said.out);
    for column in columns {
        for measure in OF_NAMES {
            agree(folder, "names", answers, &fired, &Asked { column, measure, tolerance: (1e-5, 1e-9) })
                .await;
        }
    }
}

const OF_NUMBERS: [Measure; 2] =
    [("kolmogorov_smirnov", "ks_test.statistic"), ("wasserstein", "wasserstein_distance")];

/// Houses of California: its reference is small enough for NannyML to look at each value. So does Secchi, up to 2,048 different
/// ones.
#[tokio::test(flavor = "multi_thread")]
async fn houses_of_california_drift_in_the_recorded_months() {
    let Some((case, ctx)) = california().await else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let columns = [
        "MedInc",
        "HouseAge",
        "AveRooms",
        "AveBedrms",
        "Population",
        "AveOccup",
        "Latitude",
        "Longitude",
        "y_pred_proba",
    ];
    let quoted: Vec<String> = columns.iter().map(|column| format!("\"{column}\"")).collect();
    let houses = |table: &str| format!("SELECT timestamp, {} FROM {table}", quoted.join(", "));
    load(&ctx, &houses("reference"), &folder.join("lake/reference")).await;
    let all = format!("{} UNION ALL {}", houses("reference"), houses("analysis"));
    load(&ctx, &all, &folder.join("lake/houses")).await;
    let text = format!(
        "
monitor: houses
inference: {{ table: ../lake/houses, timestamp_col: timestamp }}
baseline: {{ table: ../lake/reference }}
granularities: [1 month]
alerts:
{}output: {{ uri: ../monitoring }}
",
        rules(&OF_NUMBERS, &columns)
    );
    monitor(folder, "houses", &text);
    let said = secchi(folder, &["run", "--json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let answers = recorded(&case.join("nml_california_univariate_monthly.json"));
    let fired = fired(&said.out);
    for column in columns {
        let [ks, distance] = OF_NUMBERS;
        // Where a side has more than 2,048 different values they share buckets.
        agree(folder, "houses", &answers, &fired, &Asked { column, measure: ks, tolerance: (0.0, 0.002) })
            .await;
        let asked = Asked { column, measure: distance, tolerance: (2e-3, 1e-9) };
        agree(folder, "houses", &answers, &fired, &asked).await;
    }
}
