//! How often the default rules are wrong, and what they see; and how often learned bounds are wrong.
//!
//! `cargo bench --bench calibration` draws monitors whose rows do not drift, and monitors of which one column does by a known
//! size, lets the default rules judge them, learns bounds and holds later windows against them, and writes `docs/calibration.md`.
//! With `--no-default-features` DataFusion is not built for it.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "an experiment that fails has nobody to report to but the terminal"
)]

mod columns;
mod experiment;
mod learned;
mod quality;

use std::fmt::Write as _;
use std::path::Path;

use columns::Shift;
use experiment::{BASELINE, Trial, alerts, caught};
use learned::{BASELINES, Seen, WATCHED, Watched};
use secchi::config::Tail;
use statrs::distribution::{ContinuousCDF as _, StudentsT};

/// Monitors of each trial.
const MONITORS: u64 = 200;

fn main() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/calibration.md");
    let (false_alarms, seen, quality, learned) =
        (false_alarms(), seen(), quality::rates(MONITORS), learned_bounds());
    let text = format!("{HEAD}{false_alarms}{BETWEEN}{seen}{QUALITY}{quality}{LEARNED}{learned}{ADVICE}");
    std::fs::write(&page, &text).expect("the page can be written");
    println!("written to {}", page.display());
}

const HEAD: &str = "\
# How often the default rules are wrong

Without `alerts`, a monitor has default rules: `drift` (`effect_size` above 0.04), `missing values`
(`percent_null_delta` above 1), both only where the p-value, adjusted for the columns of the comparison, is below 0.01, and
`quality` (`accuracy_score` 10% below the baseline's, of a regression `mean_average_error` 20% above), only where the p-value of the
difference is below 0.01. This is what they do on rows that are drawn, so that it is known what
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

const QUALITY: &str = "
## Quality

How good a model is decides how much its accuracy strays: of 250 rows of which 40 % are predicted right, one day in ten is 10 % below by
chance alone. So the rule asks for a p-value, too, of the difference from the baseline, by the `confidence_intervals` of both. 200
monitors, a baseline of 20,000 rows; an accuracy that is 20 % worse is 0.8 times what it was, a mean error 1.4 times.

";

const LEARNED: &str = "
## Learned bounds

`above: learned` (`below`, `outside`) bounds a metric by its mean over the windows of the baseline and three of its standard
deviations there. That is NannyML's convention, and no test: how often it is wrong depends on how many windows there are to learn
from, and on how the metric is distributed. So here it is measured: 200 monitors, whose rows are all drawn from the same
distributions, learn from baselines of so many days of so many rows, and 30 more days are held against what they have learned.
The share of values, each of one column on one day, that are beyond the bound, all of them wrongly:

";

const THEORY: &str = "
PSI and JS distance are of seven columns (five of numbers, with a skewed and a mostly zero one among them, and names of 4 and 25
values), the other distances and `avg` of those of numbers, `percent_null` of four with 2 to 10 % NULLs; the heavy tail is Pareto's of
index 1.5. Ten more columns are looked at together: unrelated, normal; related, each one of three numbers, and noise; with heavy
tails, unrelated, two of them Pareto's.

What theory says of normal values is the least to be expected: mean and deviation of n windows are not known better than that, and
a later value is beyond with the chance that Student's t of n − 1 degrees of freedom is above 3 · √((n − 1) / (n + 1)). Means, shares
and reconstruction errors are about there. Distances are beyond more often, since they are skewed, and since a window of the
baseline is a part of what it is compared with and so nearer to it than any later one: PSI, which goes with the square, by
(n − 1) / (n + 1), a quarter less with 7 windows and a fifteenth with 30. Where columns are looked at together that is made up for:
the correlations of a window of the baseline are compared with those of the others, and its reconstruction error is raised by as
much as components of other windows leave more of one over, in the median. Of heavy tails, where a single row decides, no mean and
deviation say how far the next one will be.

With `for: 2 of 3`, the share of days at which it holds:

";

const ADVICE: &str = "
What to take from it:

- **Give it thirty windows.** From seven, the least that are taken, a value in seven to eleven of a distance is beyond. From thirty it
  is one in forty, of JS distance one in a hundred; from sixty a third fewer.
- **Ask for `for: 2 of 3`.** From thirty windows, about a tenth of it is left: of twenty columns over thirty days, 600 values,
  PSI is beyond some 15 times, and twice in three days at one or two. From seven windows half is left, since a bound that is too near
  is too near every day.
- **Rows matter little.** A window of 500 rows strays further than one of 5,000, and so does what is learned.
- **Prefer `significance` where only chance is in question.** Its rate is known beforehand, whatever the baseline's length, and is that
  of all columns of a comparison together. What is learned knows more than chance: that Mondays are no Sundays. Where days differ
  by more than their rows, it is the rule to have, and the rates above are those of days that do not.
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

/// How often what does not drift is beyond what was learned.
fn learned_bounds() -> String {
    let many = learned::seen(5_000, &BASELINES, MONITORS);
    let few = learned::seen(500, &[30], MONITORS);
    let trials: Vec<(u64, u64, &[Seen])> = many
        .iter()
        .map(|(windows, seen)| (5_000, *windows, seen.as_slice()))
        .chain(few.iter().map(|(windows, seen)| (500, *windows, seen.as_slice())))
        .collect();
    let heads =
        trials.iter().map(|(rows, windows, _)| format!(" {windows} windows of {} |", thousands(*rows)));
    let head = format!("{}\n|---|---|{}\n", heads.collect::<String>(), "---|".repeat(trials.len()));
    let percent = |share: f64| format!(" {:.2} % |", 100.0 * share);
    let share = |part: u64, seen: &Seen| percent(part as f64 / seen.values as f64);
    let row = |place: usize, part: fn(&Seen) -> u64| {
        let Watched { label, tail, .. } = &WATCHED[place];
        let shares = trials.iter().map(|(_, _, seen)| share(part(&seen[place]), &seen[place]));
        format!("| {label} | {} |{}\n", name(*tail), shares.collect::<String>())
    };
    let rows = |part: fn(&Seen) -> u64| (0..WATCHED.len()).map(|place| row(place, part)).collect::<String>();
    let in_theory = |tails: f64, name: &str| {
        let shares = trials.iter().map(|(_, windows, _)| percent(tails * tail_in_theory(*windows)));
        format!("| *normal values, in theory* | {name} |{}\n", shares.collect::<String>())
    };
    let text = format!(
        "| a value beyond it | bound |{head}{}{}{}{THEORY}| `for: 2 of 3` holds | bound |{head}{}",
        rows(|seen| seen.beyond),
        in_theory(1.0, "above or below"),
        in_theory(2.0, "outside"),
        rows(|seen| seen.twice),
    );
    println!("{text}");
    text
}

/// The share of normal values that lie more than three population standard deviations above the mean, both of so many values: the
/// difference of a value and the mean has the variance `σ² (1 + 1/n)`, so that it is `√(1 + 1/n) s` times Student's t.
fn tail_in_theory(windows: u64) -> f64 {
    let n = windows as f64;
    let t = StudentsT::new(0.0, 1.0, n - 1.0).expect("a law");
    t.sf(3.0 * ((n - 1.0) / (n + 1.0)).sqrt())
}

fn name(tail: Tail) -> &'static str {
    match tail {
        Tail::Above => "above",
        Tail::Below => "below",
        Tail::Outside => "outside",
    }
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).expect("digits")).collect();
    groups.join(",")
}
