//! The world of `credit_default`: loan requests, and whether the borrower defaults.
//!
//! **Truth** a borrower defaults with the probability that [`truth`] gives; about one in four does.
//! **Model** version 1 knows most of what matters, version 2 all of it; both are calibrated when validated.
//! **Incidents** yearly income, a new channel, missing employment years in the south, an over-confident version 2.
//!
//! Everything that no incident touches has the same distribution on every day and in the baseline.

use std::sync::Arc;

use arrow::array::{BooleanArray, Float64Array, Int32Array, StringArray};

use super::calendar::Rhythm;
use super::chance::{Chance, rounded};
use super::incident::{MOBILE_APP, OVERCONFIDENT, SOUTH_WITHOUT_EMPLOYMENT, YEARLY_INCOME};
use super::world::{Column, Job, Model, Request, World, column};

/// The facts about the model.
static MODEL: Model = Model {
    name: "credit_default",
    monitor: "credit-default",
    number: 1,
    request_prefix: "cd",
    description: "Requests to the credit default model, with features and predictions as served.",
    rhythm: Rhythm {
        weekdays: [109, 107, 105, 104, 102, 90, 83],
        hours: [4, 3, 2, 2, 2, 4, 9, 18, 32, 42, 46, 45, 40, 40, 43, 43, 40, 36, 33, 31, 28, 22, 14, 8],
    },
    versions: ["1", "2"],
    rollout: &[(25, 0.10), (28, 0.50), (32, 1.0)],
    label_days: 14..29,
    never_labelled: 0.04,
    scoring: Job { user: "svc-credit-scoring", name: "credit-scoring", id: 1041 },
    labelling: Job { user: "svc-loan-servicing", name: "loan-outcomes", id: 1057 },
    validation: Job { user: "svc-risk-ml", name: "credit-validation", id: 1066 },
    incidents: &[&OVERCONFIDENT, &MOBILE_APP, &YEARLY_INCOME, &SOUTH_WITHOUT_EMPLOYMENT],
};

/// What the models assume where `employment_years` is missing.
const TYPICAL_EMPLOYMENT_YEARS: f64 = 7.0;

/// How the over-confident version stretches and shifts its log-odds.
const OVERCONFIDENCE: (f64, f64) = (2.2, 0.4);

/// The world of `credit_default`.
#[derive(Debug)]
pub(crate) struct CreditDefault;

/// A loan request as the model saw it, its answer, and whether the borrower defaulted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub request: Request,
    pub region: &'static str,
    pub channel: &'static str,
    pub age: i32,
    pub monthly_income: f64,
    pub amount: f64,
    pub term_months: i32,
    pub num_late_payments: i32,
    pub employment_years: Option<f64>,
    pub has_guarantor: bool,
    pub score: f64,
    pub prediction: i32,
    pub latency_ms: f64,
    pub defaulted: i32,
}

/// What the odds of a default depend on.
struct Borrower {
    age: f64,
    monthly_income: f64,
    amount: f64,
    term_months: f64,
    num_late_payments: f64,
    employment_years: f64,
    has_guarantor: bool,
}

/// Log-odds of a default: what is true of the world, and what version 2 has learnt.
fn truth(borrower: &Borrower) -> f64 {
    let guarantor = if borrower.has_guarantor { -0.60 } else { 0.0 };
    learnt_by_version_1(borrower) + 0.11 + 0.20 * (borrower.term_months - 36.0) / 12.0 + guarantor
}

/// Log-odds of a default as version 1 has learnt them, which looks neither at the term nor at guarantors. Income weighs
/// little, so that an error in its unit hardly moves the score.
fn learnt_by_version_1(borrower: &Borrower) -> f64 {
    -1.70 + 0.80 * borrower.num_late_payments.min(6.0) + 0.45 * (borrower.amount / 2_600.0).ln()
        - 0.015 * (borrower.age - 44.0)
        - 0.045 * (borrower.employment_years.min(25.0) - TYPICAL_EMPLOYMENT_YEARS)
        - 0.03 * (borrower.monthly_income / 2_800.0).ln()
}

fn probability(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

impl World for CreditDefault {
    type Row = Row;

    fn model() -> &'static Model {
        &MODEL
    }

    fn row(request: Request, chance: &mut Chance) -> Row {
        let region = chance.pick("north", &[("south", 0.25), ("east", 0.25), ("west", 0.20)]);
        let usual_channel = chance.pick("web", &[("branch", 0.30), ("partner", 0.15)]);
        let goes_mobile = chance.happens(0.15);
        let age = chance.normal(44.0, 12.0).round().clamp(18.0, 80.0);
        let monthly_income = rounded(chance.log_normal(2_800.0, 0.42), 2);
        let amount = (rounded(chance.log_normal(2_600.0, 0.85), -1)).clamp(200.0, 75_000.0);
        let term_months = chance.pick(36, &[(12, 0.20), (24, 0.25), (48, 0.15), (60, 0.10)]);
        let late_payments = chance.poisson(1.6, 8);
        let num_late_payments = if chance.happens(0.62) { 0 } else { late_payments };
        let employment_years = rounded(chance.gamma(2, 3.7).min(age - 16.0), 1);
        let missing = chance.unit();
        let has_guarantor = chance.happens(0.22);
        let latency_ms = rounded(chance.log_normal(38.0, 0.35), 2);
        let fate = chance.unit();

        let channel = if MOBILE_APP.touches(&request) && goes_mobile { "mobile_app" } else { usual_channel };
        let loses_employment = SOUTH_WITHOUT_EMPLOYMENT.touches(&request) && region == "south";
        let missing_share = if loses_employment { 0.45 } else { 0.03 };

        let mut borrower = Borrower {
            age,
            monthly_income,
            amount,
            term_months: f64::from(term_months),
            num_late_payments: f64::from(num_late_payments),
            employment_years,
            has_guarantor,
        };
        let defaulted = i32::from(fate < probability(truth(&borrower)));

        // From here on the borrower is what the model is told.
        if YEARLY_INCOME.touches(&request) {
            borrower.monthly_income = rounded(12.0 * monthly_income, 2);
        }
        let employment_years = (missing >= missing_share).then_some(employment_years);
        borrower.employment_years = employment_years.unwrap_or(TYPICAL_EMPLOYMENT_YEARS);

        let [old, _] = MODEL.versions;
        let log_odds = if request.version == old { learnt_by_version_1(&borrower) } else { truth(&borrower) };
        let log_odds = if OVERCONFIDENT.touches(&request) {
            let (stretch, shift) = OVERCONFIDENCE;
            stretch * log_odds + shift
        } else {
            log_odds
        };
        let score = rounded(probability(log_odds), 6);

        Row {
            region,
            channel,
            age: age as i32,
            monthly_income: borrower.monthly_income,
            amount,
            term_months,
            num_late_payments,
            employment_years,
            has_guarantor,
            score,
            prediction: i32::from(score > 0.5),
            latency_ms,
            defaulted,
            request,
        }
    }

    fn request(row: &Row) -> &Request {
        &row.request
    }

    fn columns(rows: &[Row]) -> Vec<Column> {
        let strings =
            |of: fn(&Row) -> &'static str| Arc::new(StringArray::from_iter_values(rows.iter().map(of)));
        let integers = |of: fn(&Row) -> i32| Arc::new(Int32Array::from_iter_values(rows.iter().map(of)));
        let doubles = |of: fn(&Row) -> f64| Arc::new(Float64Array::from_iter_values(rows.iter().map(of)));
        let employment_years: Float64Array = rows.iter().map(|row| row.employment_years).collect();
        let has_guarantor: BooleanArray = rows.iter().map(|row| Some(row.has_guarantor)).collect();
        vec![
            column(
                "region",
                "Where the borrower lives: north, south, east or west.",
                strings(|row| row.region),
            ),
            column("channel", "How the request came in: web, branch or partner.", strings(|row| row.channel)),
            column("age", "Age of the borrower in years.", integers(|row| row.age)),
            column("monthly_income", "Net income a month, in EUR.", doubles(|row| row.monthly_income)),
            column("amount", "Requested amount, in EUR.", doubles(|row| row.amount)),
            column("term_months", "Requested term in months.", integers(|row| row.term_months)),
            column(
                "num_late_payments",
                "Late payments in the last two years.",
                integers(|row| row.num_late_payments),
            ),
            column(
                "employment_years",
                "Years with the present employer; null if unknown.",
                Arc::new(employment_years),
            ),
            column("has_guarantor", "Whether somebody vouches for the loan.", Arc::new(has_guarantor)),
            column("score", "Predicted probability of a default.", doubles(|row| row.score)),
            column("prediction", "1 if the score is above 0.5, else 0.", integers(|row| row.prediction)),
            column("latency_ms", "Time to answer, in milliseconds.", doubles(|row| row.latency_ms)),
        ]
    }

    fn label(rows: &[Row]) -> Column {
        let defaulted = Int32Array::from_iter_values(rows.iter().map(|row| row.defaulted));
        column("defaulted", "1 if the borrower defaulted, else 0.", Arc::new(defaulted))
    }

    fn losses(row: &Row) -> [(&'static str, f64); 2] {
        let told = if row.defaulted == 1 { row.score } else { 1.0 - row.score };
        [
            ("log_loss", -told.max(1e-6).ln()),
            ("accuracy", f64::from(u8::from(row.prediction == row.defaulted))),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::super::world::{self, VALIDATION_ROWS, inference_batch};
    use super::*;

    /// So many rows of day `day` that shares are right to two decimals.
    fn day(day: u32) -> Vec<Row> {
        world::traffic::<CreditDefault>(7, day, 20_000, 0..20_000)
    }

    fn validation(version: &str) -> Vec<Row> {
        let rows = world::validation::<CreditDefault>(7, 0..VALIDATION_ROWS);
        rows.into_iter().filter(|row| row.request.version == version).collect()
    }

    fn mean(rows: &[Row], of: impl Fn(&Row) -> f64) -> f64 {
        rows.iter().map(of).sum::<f64>() / rows.len() as f64
    }

    fn share(rows: &[Row], of: impl Fn(&Row) -> bool) -> f64 {
        mean(rows, |row| f64::from(u8::from(of(row))))
    }

    #[track_caller]
    fn near(actual: f64, expected: f64, within: f64) {
        assert!((actual - expected).abs() < within, "got {actual}, expected {expected}");
    }

    #[test]
    fn a_day_is_the_same_each_time_and_whatever_part_of_it_is_drawn() {
        let whole = world::traffic::<CreditDefault>(7, 12, 500, 0..500);
        assert_eq!(whole, world::traffic::<CreditDefault>(7, 12, 500, 0..500));
        assert_eq!(whole[200..300], world::traffic::<CreditDefault>(7, 12, 500, 200..300));
        assert_ne!(whole, world::traffic::<CreditDefault>(8, 12, 500, 0..500));
        assert_eq!(inference_batch::<CreditDefault>(&whole).unwrap().num_columns(), 15);
    }

    #[test]
    fn requests_are_in_order_and_within_their_day() {
        let rows = day(3);
        assert!(
            rows.is_sorted_by(
                |one, two| one.request.time < two.request.time && one.request.id < two.request.id
            )
        );
        let start = super::super::calendar::start_of(3);
        assert!(
            rows.iter().all(|row| (start..start + super::super::calendar::DAY).contains(&row.request.time))
        );
    }

    #[test]
    fn a_quarter_defaults_and_both_answers_occur() {
        let rows = day(3);
        near(mean(&rows, |row| f64::from(row.defaulted)), 0.25, 0.01);
        near(mean(&rows, |row| f64::from(row.prediction)), 0.12, 0.02);
        near(share(&rows, |row| row.employment_years.is_none()), 0.03, 0.005);
    }

    #[test]
    fn both_versions_are_calibrated_when_validated() {
        for version in ["1", "2"] {
            let rows = validation(version);
            assert_eq!(rows.len() as u64, VALIDATION_ROWS / 2);
            near(mean(&rows, |row| row.score), mean(&rows, |row| f64::from(row.defaulted)), 0.012);
            let (low, high): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| row.score < 0.25);
            for part in [low, high] {
                near(mean(&part, |row| row.score), mean(&part, |row| f64::from(row.defaulted)), 0.02);
            }
        }
    }

    #[test]
    fn version_2_rolls_out_in_steps() {
        for (on, expected) in
            [(24, 0.0), (25, 0.10), (27, 0.10), (28, 0.50), (31, 0.50), (32, 1.0), (59, 1.0)]
        {
            near(share(&day(on), |row| row.request.version == "2"), expected, 0.015);
        }
    }

    #[test]
    fn income_is_yearly_from_day_38_and_hardly_moves_the_score() {
        let (before, after) = (day(37), day(38));
        near(mean(&before, |row| row.monthly_income), mean(&day(0), |row| row.monthly_income), 40.0);
        near(mean(&after, |row| row.monthly_income) / mean(&before, |row| row.monthly_income), 12.0, 0.2);
        near(mean(&after, |row| row.score), mean(&before, |row| row.score), 0.02);
        near(mean(&after, |row| f64::from(row.defaulted)), 0.25, 0.01);
    }

    #[test]
    fn mobile_app_takes_its_share_from_day_30() {
        assert_eq!(share(&day(29), |row| row.channel == "mobile_app"), 0.0);
        near(share(&day(30), |row| row.channel == "mobile_app"), 0.15, 0.01);
        near(share(&day(59), |row| row.channel == "mobile_app"), 0.15, 0.01);
    }

    #[test]
    fn only_the_south_loses_employment_years_and_only_for_four_days() {
        for (on, in_south) in [(43, 0.03), (44, 0.45), (47, 0.45), (48, 0.03)] {
            let (south, rest): (Vec<Row>, Vec<Row>) =
                day(on).into_iter().partition(|row| row.region == "south");
            near(share(&south, |row| row.employment_years.is_none()), in_south, 0.02);
            near(share(&rest, |row| row.employment_years.is_none()), 0.03, 0.01);
        }
    }

    #[test]
    fn version_2_is_over_confident_in_service_and_ranks_as_in_validation() {
        let loss = |rows: &[Row]| mean(rows, |row| CreditDefault::losses(row)[0].1);
        let accuracy = |rows: &[Row]| mean(rows, |row| CreditDefault::losses(row)[1].1);
        let (offline, live) = (validation("2"), day(33));
        assert!(loss(&live) > loss(&offline) + 0.07, "{} to {}", loss(&offline), loss(&live));
        near(accuracy(&live), accuracy(&offline), 0.02);
        // Half of all pairs of one default and one other are ranked by chance; both do clearly and equally better.
        let auc = |rows: &[Row]| {
            let of = |defaulted| {
                rows.iter().filter(move |row| row.defaulted == defaulted).map(|row| row.score).take(900)
            };
            let pairs = of(1).flat_map(|bad| of(0).map(move |good| f64::from(u8::from(bad > good))));
            pairs.sum::<f64>() / (900.0 * 900.0)
        };
        near(auc(&live), auc(&offline), 0.03);
        assert!(auc(&live) > 0.7);
    }
}
