//! How often the default rules are wrong, and what they see.
//!
//! `cargo bench --bench calibration` draws monitors whose rows do not drift, and monitors of which one column does by a known
//! size, lets the default rules judge them, and writes `docs/calibration.md`.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "an experiment that fails has nobody to report to but the terminal"
)]

mod columns;
mod experiment;

use std::fmt::Write as _;
use std::path::Path;

use columns::Shift;
use experiment::{BASELINE, Trial, alerts, caught};

/// Monitors of each trial.
const MONITORS: u64 = 200;

fn main() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/calibration.md");
    let text = format!("{HEAD}{}{BETWEEN}{}", false_alarms(), seen());
    std::fs::write(&page, &text).expect("the page can be written");
    println!("written to {}", page.display());
}

const HEAD: &str = "\
# How often the default rules are wrong

Without `alerts`, a monitor has default rules: `drift` (`effect_size` above 0.04), `missing values`
(`percent_null_delta` above 1), both only where the p-value, adjusted for the columns of the comparison, is below 0.01, and
`quality` (`accuracy_score` 10% below the baseline's). This is what they do on rows that are drawn, so that it is known what
is in them. `cargo bench --bench calibration` makes this page.

## False alarms

200 monitors of 20 columns (ten of numbers, ten of names with 2 to 1,000 values, up to 30 % NULLs) over 30 days, of which
every row is drawn from the same distributions. An alert is one column that begins to fire. All of them are false.

";

const BETWEEN: &str = "
The baseline has errors of its own, and every day is compared with it: so of monitors against a baseline most are silent all
month, and a few are wrong several times. Drift that is real begins where `effect_size` is above 0.04, not where it is
significant: with many rows everything is. A season or a weekday that moves one value in twenty-five is told as drift, since
it is; a rule with a larger bound is quiet on it.

## What is seen

200 monitors each, of which one column has moved and 19 have not: the share in which an alert on that column began within two
days.

";

/// What is told where nothing drifts.
fn false_alarms() -> String {
    let mut text = String::from(
        "| rows a day | compared with | alerts a monitor and month | drift | missing values | quality | monitors without any | most of one |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for (rows, has_baseline) in [(500, true), (5_000, true), (5_000, false)] {
        let trial = Trial { rows, days: 30, has_baseline, shift: None };
        let alerts = alerts(trial, MONITORS);
        let of = |rule: &str| alerts.iter().filter_map(|alerts| alerts.get(rule)).sum::<u64>() as f64;
        let totals: Vec<u64> = alerts.iter().map(|alerts| alerts.values().sum()).collect();
        let [drift, nulls, quality] =
            ["drift", "missing values", "quality"].map(|rule| of(rule) / MONITORS as f64);
        let against = if has_baseline {
            format!("a baseline of {}", thousands(BASELINE))
        } else {
            "the day before".to_owned()
        };
        let silent = totals.iter().filter(|total| **total == 0).count();
        let most = totals.iter().max().copied().unwrap_or_default();
        let all = totals.iter().sum::<u64>() as f64 / MONITORS as f64;
        writeln!(
            text,
            "| {} | {against} | **{all:.3}** | {drift:.3} | {nulls:.3} | {quality:.3} | {silent} of {MONITORS} | {most} |",
            thousands(rows)
        )
        .expect("a text");
        println!("{}", text.lines().last().unwrap_or_default());
    }
    text
}

/// What is told where one column drifts.
fn seen() -> String {
    let mut text = String::from(
        "| rows a day | mean +0.25 σ | scale × 1.2 | one share +5 points | NULLs +3 points |\n|---|---|---|---|---|\n",
    );
    for rows in [500, 1_000, 5_000] {
        let shifts = [Shift::Mean(0.25), Shift::Scale(1.2), Shift::Share(5.0), Shift::Nulls(3.0)];
        let rates = shifts.map(|shift| {
            let trial = Trial { rows, days: 2, has_baseline: true, shift: Some(shift) };
            format!("{:.1} %", 100.0 * caught(trial, MONITORS))
        });
        writeln!(text, "| {} | {} |", thousands(rows), rates.join(" | ")).expect("a text");
        println!("{}", text.lines().last().unwrap_or_default());
    }
    text.push_str(
        "\nThe mean and the scale are of a normal column, the share is the rarest of four names (20 %), and NULLs rise from 5 %. Against\n\
         a baseline of 20,000 rows.\n",
    );
    text
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).expect("digits")).collect();
    groups.join(",")
}
