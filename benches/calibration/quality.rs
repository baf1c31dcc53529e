//! How often the default rule on quality is wrong, by how good the model is and how its errors are distributed.

use std::fmt::Write as _;
use std::sync::Arc;

use rand_distr::{Distribution as _, LogNormal, Normal};
use secchi::alert::Transition;
use secchi::profile::classification::ClassificationState;
use secchi::profile::regression::{RegressionState, Room};
use secchi::profile::{Group, QualityState};

use super::columns::{count, draws};
use super::experiment::{BASELINE, each, judged, monitor_of};

/// Days of a month, and of a change that is to be seen.
const MONTH: u64 = 30;
const SOON: u64 = 2;

/// Rows of a window.
const ROWS: [u64; 3] = [250, 500, 5_000];

/// Models, and how their predictions are wrong.
const MODELS: [(&str, Model); 5] = [
    ("two classes, 85 % right", Model::Classes { classes: 2, right: 0.85 }),
    ("ten classes, 40 % right", Model::Classes { classes: 10, right: 0.4 }),
    ("two classes, 99 % right", Model::Classes { classes: 2, right: 0.99 }),
    ("a regression, normal errors", Model::Numbers { tail: None }),
    ("a regression, log-normal errors (σ = 1.5)", Model::Numbers { tail: Some(1.5) }),
];

#[derive(Clone, Copy)]
enum Model {
    Classes {
        classes: u64,
        right: f64,
    },
    /// Errors are normal, or have a log-normal size of this σ.
    Numbers {
        tail: Option<f64>,
    },
}

impl Model {
    fn problem_type(self) -> &'static str {
        match self {
            Self::Classes { .. } => "classification",
            Self::Numbers { .. } => "regression",
        }
    }

    /// Labelled rows that are drawn, of which the model is `worse` by this share of its accuracy or mean error.
    fn drawn(self, seed: [u64; 3], rows: u64, worse: f64) -> QualityState {
        let mut rng = draws(seed, 0);
        match self {
            Self::Classes { classes, right } => {
                let mut state = ClassificationState::default();
                for class in 0..classes {
                    let of_class = rows / classes + u64::from(class < rows % classes);
                    let hits = count(&mut rng, of_class, right * (1.0 - worse));
                    let (own, other) = (class.to_string(), ((class + 1) % classes).to_string());
                    state.add(&own, &own, class == 1, hits);
                    state.add(&other, &own, class == 1, of_class - hits);
                }
                QualityState::Classification(state)
            }
            Self::Numbers { tail } => {
                let mut state = RegressionState::default();
                let normal = Normal::new(0.0, 1.0).expect("a law");
                let mut drawn = || {
                    let label = 100.0 + 10.0 * normal.sample(&mut rng);
                    let size = match tail {
                        None => normal.sample(&mut rng),
                        Some(sigma) => LogNormal::new(0.0, sigma).expect("a law").sample(&mut rng),
                    };
                    (label + size * (1.0 + 2.0 * worse), label)
                };
                let all: Vec<(f64, f64)> = (0..rows).map(|_| drawn()).collect();
                state.add_all(&all, &mut Room::default());
                state.settle();
                QualityState::Regression(state)
            }
        }
    }

    /// How often the rule begins to fire in so many days, in each of so many monitors.
    fn told(self, rows: u64, days: u64, worse: f64, monitors: u64) -> Vec<usize> {
        each(monitors, |seed| {
            let monitor = monitor_of(true, self.problem_type());
            let group = |seed, rows, worse| Group::new(rows, Vec::new(), Some(self.drawn(seed, rows, worse)));
            let baseline = group([seed, rows, 0], BASELINE, 0.0);
            let events = judged(&monitor, Arc::default(), Some(baseline), days, |day| {
                group([seed, rows, day], rows, worse)
            });
            events
                .iter()
                .filter(|event| event.rule == "quality" && event.transition == Transition::First)
                .count()
        })
    }
}

/// What the rule does to each model: while it is as good as it was, and once it is worse.
pub fn rates(monitors: u64) -> String {
    let mut text = String::from(
        "| model | rows a day | alerts a monitor and month | seen within two days: 20 % worse | 40 % worse |\n|---|---|---|---|---|\n",
    );
    for (name, model) in MODELS {
        for rows in ROWS {
            let alerts: usize = model.told(rows, MONTH, 0.0, monitors).iter().sum();
            let seen = [0.2, 0.4].map(|worse| {
                let told = model.told(rows, SOON, worse, monitors);
                100.0 * told.iter().filter(|alerts| **alerts > 0).count() as f64 / monitors as f64
            });
            let rate = alerts as f64 / monitors as f64;
            writeln!(
                text,
                "| {name} | {} | **{rate:.3}** | {:.1} % | {:.1} % |",
                super::thousands(rows),
                seen[0],
                seen[1]
            )
            .expect("a text");
            println!("{}", text.lines().last().unwrap_or_default());
        }
    }
    text
}
