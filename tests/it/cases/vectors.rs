//! The test vectors of other tools' own tests: where a convention is shared, so is the number; where Secchi has another on
//! purpose, the test says which number it has instead.

use std::collections::{BTreeMap, BTreeSet};

use secchi::drift::chi_squared_test::chi_squared_test;
use secchi::drift::hellinger_distance::hellinger_distance;
use secchi::drift::l_infinity_distance::l_infinity_distance;
use secchi::drift::paired::Paired;
use secchi::drift::population_stability_index::population_stability_index;
use serde_json::Value;

use super::case;

fn vectors() -> Option<Value> {
    let file = case("unit_vectors_from_peer_tests.json")?;
    let text = std::fs::read_to_string(file).expect("the vectors");
    Some(serde_json::from_str(&text).expect("vectors are JSON"))
}

/// Counts by name, side by side: the comparison's and the window's.
fn pair(comparison: &Value, window: &Value) -> Paired {
    let counts = |side: &Value| -> BTreeMap<String, u64> {
        let side = side.as_object().expect("counts by name").iter();
        side.map(|(name, count)| (name.clone(), count.as_u64().expect("a count"))).collect()
    };
    of(&counts(comparison), &counts(window))
}

fn of(comparison: &BTreeMap<String, u64>, window: &BTreeMap<String, u64>) -> Paired {
    let names: BTreeSet<&String> = comparison.keys().chain(window.keys()).collect();
    let side = |counts: &BTreeMap<String, u64>| -> Vec<u64> {
        names.iter().map(|name| counts.get(*name).copied().unwrap_or_default()).collect()
    };
    Paired::from_counts(&side(comparison), &side(window)).expect("two sides")
}

/// Counts of a list of names.
fn listed(names: &Value) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for name in names.as_array().expect("names") {
        *counts.entry(name.as_str().expect("a name").to_owned()).or_default() += 1;
    }
    counts
}

#[track_caller]
fn close(what: &str, ours: f64, theirs: f64, tolerance: f64) {
    assert!((ours - theirs).abs() <= tolerance, "{what}: {ours}, theirs {theirs}");
}

#[test]
fn deequ() {
    let Some(vectors) = vectors() else { return };
    let tests = vectors["deequ"]["tests"].as_array().expect("tests");
    let named = |name: &str| {
        let found = tests.iter().find(|test| test["name"] == name);
        found.unwrap_or_else(|| panic!("no vector {name}"))
    };
    let index = named("PSI deciles");
    let side = |side: &str| -> Vec<u64> {
        index[side].as_array().expect("counts").iter().filter_map(Value::as_u64).collect()
    };
    let deciles = Paired::from_counts(&side("expected_counts"), &side("actual")).expect("two sides");
    close("PSI", population_stability_index(&deciles), index["psi"].as_f64().expect("a number"), 1e-15);

    let both = |name: &str| {
        let test = named(name);
        (pair(&test["baseline"], &test["sample"]), test["expected"].as_f64().expect("a number"))
    };
    for name in [
        "Categorial distance should compute correct linf_simple",
        "Categorial distance should compute correct linf_simple with different bin value",
    ] {
        let (pair, expected) = both(name);
        close(name, l_infinity_distance(&pair), expected, 1e-15);
    }
    // Deequ's default takes off what chance alone could have moved, and is then 0 here; Secchi's is the plain distance, and
    // whether it is large is for the rule, which looks at the number of rows.
    let (plain, expected) = both("Categorial distance should compute correct linf_robust");
    assert_eq!(expected, 0.0);
    close("the plain distance", l_infinity_distance(&plain), 0.060_150_375_939_849_62, 1e-15);
    // Deequ takes the baseline's shares for exact, which Secchi does not: its statistic grows by the doubt about the baseline.
    let name = "Categorical distance should compute correct chisquare stats with missing bin values";
    let (pair, expected) = both(name);
    let ours = chi_squared_test(&pair).expect("a test").statistic;
    assert!((ours - expected).abs() > 1.0, "{ours} is two-sample, {expected} is not");
}

#[test]
fn evidently() {
    let Some(vectors) = vectors() else { return };
    let tests = vectors["evidently"]["tests"].as_array().expect("tests");
    for test in tests.iter().filter(|test| test["hellinger"].is_number()) {
        let pair = pair(&test["ref"], &test["cur"]);
        let tolerance = test["tol"].as_f64().expect("a tolerance");
        let hellinger = test["hellinger"].as_f64().expect("a number");
        close("Hellinger distance", hellinger_distance(&pair), hellinger, tolerance);
        // Theirs is the test of one sample against exact shares; with both sides in doubt there is less to be seen.
        let theirs = test["chisquare_p"].as_f64().expect("a number");
        let ours = chi_squared_test(&pair).expect("a test").pvalue;
        assert!(ours > theirs + 0.05, "{ours} is of two samples, {theirs} of one");
    }
}

#[test]
fn frouros_popmon_and_nannyml() {
    let Some(vectors) = vectors() else { return };
    let test = &vectors["frouros"]["tests"][0];
    let ours = chi_squared_test(&of(&listed(&test["ref"]), &listed(&test["cur"]))).expect("a test");
    close("chi-squared", ours.statistic, test["chi2_statistic"].as_f64().expect("a number"), 1e-8);
    close("its p-value", ours.pvalue, test["p"].as_f64().expect("a number"), 1e-8);

    let test = &vectors["popmon"]["tests"][0];
    let shares = |side: &str| -> Vec<u64> {
        let side = test[side].as_array().expect("shares").iter().filter_map(Value::as_f64);
        side.map(|share| (share * 100.0).round() as u64).collect()
    };
    let pair = Paired::from_counts(&shares("q"), &shares("p")).expect("two sides");
    let (ours, theirs) = (population_stability_index(&pair), test["psi_eps1e5"].as_f64().expect("a number"));
    // They add 1e-5 to each share; Secchi lifts only shares below 1e-4.
    close("PSI", ours, theirs, test["tol"].as_f64().expect("a tolerance") * 2.0);
    close("PSI", ours, 0.6 * 3.4f64.ln() + 3.0 * 0.2 * 5f64.ln(), 1e-12);

    for test in vectors["nannyml"]["tests"].as_array().expect("tests") {
        let [then, now] = [0, 1].map(|side| listed(&test["l_infinity"][side]));
        let ours = l_infinity_distance(&of(&then, &now));
        // They round.
        close("L-infinity distance", ours, test["expected"].as_f64().expect("a number"), 0.005);
    }
}
