//! The world of `delivery_time`: food deliveries, and how many minutes they take.
//!
//! **Truth** preparation plus the way, slower in bad weather and in some cities, with some luck.
//! **Model** version 3 ignores city, weather and holidays; version 4 knows them.
//! **Incidents** roadworks that only the labels show, and a version 4 that answers slowly.
//!
//! Everything that no incident touches has the same distribution on every day and in the baseline. So weather and
//! holidays are drawn for each request, as if it came from one of very many districts.

use std::sync::Arc;

use arrow::array::{BooleanArray, Float64Array, Int32Array, StringArray};

use super::calendar::Rhythm;
use super::chance::{Chance, rounded};
use super::incident::{ROADWORKS, SLOW_SERVER};
use super::world::{Column, Job, Model, Request, World, column};

/// The facts about the model.
static MODEL: Model = Model {
    name: "delivery_time",
    monitor: "delivery-time",
    number: 2,
    request_prefix: "dt",
    description: "Requests to the delivery time model, with features and predictions as served.",
    rhythm: Rhythm {
        weekdays: [92, 92, 94, 98, 107, 110, 107],
        hours: [6, 3, 2, 1, 1, 2, 4, 8, 12, 15, 22, 42, 60, 52, 28, 20, 22, 34, 58, 70, 60, 40, 24, 12],
    },
    versions: ["3", "4"],
    rollout: &[(18, 0.20), (24, 1.0)],
    label_days: 7..15,
    never_labelled: 0.02,
    scoring: Job { user: "svc-dispatch", name: "dispatch-eta", id: 2013 },
    labelling: Job { user: "svc-courier-app", name: "courier-outcomes", id: 2027 },
    validation: Job { user: "svc-eta-ml", name: "eta-validation", id: 2032 },
    incidents: &[&ROADWORKS, &SLOW_SERVER],
};

/// By how much roadworks lengthen a delivery.
const ROADWORKS_FACTOR: f64 = 1.35;

/// By how much the slow server lengthens an answer.
const SLOW_SERVER_FACTOR: f64 = 1.9;

/// The world of `delivery_time`.
#[derive(Debug)]
pub(crate) struct DeliveryTime;

/// A delivery as the model saw it, its answer, and how long it took.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub request: Request,
    pub city: &'static str,
    pub vehicle: &'static str,
    pub weather: &'static str,
    pub distance_km: f64,
    pub num_items: i32,
    pub prep_minutes: f64,
    pub courier_rating: Option<f64>,
    pub is_holiday: bool,
    pub prediction: f64,
    pub latency_ms: f64,
    pub actual_minutes: f64,
}

/// Minutes that the way takes on a clear working day, in an average city.
fn way_minutes(vehicle: &str, distance_km: f64) -> f64 {
    let km_per_minute = match vehicle {
        "bike" => 0.25,
        "scooter" => 0.37,
        _ => 0.33,
    };
    distance_km / km_per_minute
}

/// By how much weather, city and holidays lengthen the way.
fn slowness(weather: &str, city: &str, is_holiday: bool) -> f64 {
    let weather = match weather {
        "rain" => 1.15,
        "snow" => 1.40,
        _ => 1.0,
    };
    let city = match city {
        "turin" => 1.06,
        "bologna" => 0.97,
        "verona" => 1.03,
        "genoa" => 0.95,
        _ => 1.0,
    };
    let holiday = if is_holiday { 0.93 } else { 1.0 };
    weather * city * holiday
}

impl World for DeliveryTime {
    type Row = Row;

    fn model() -> &'static Model {
        &MODEL
    }

    fn row(request: Request, chance: &mut Chance) -> Row {
        let city =
            chance.pick("milan", &[("turin", 0.25), ("bologna", 0.20), ("verona", 0.15), ("genoa", 0.10)]);
        let vehicle = chance.pick("bike", &[("scooter", 0.40), ("car", 0.15)]);
        let weather = chance.pick("clear", &[("rain", 0.29), ("snow", 0.05)]);
        let reach = match vehicle {
            "bike" => 0.85,
            "scooter" => 1.0,
            _ => 1.35,
        };
        let distance_km = rounded(chance.log_normal(2.4 * reach, 0.5).clamp(0.3, 15.0), 2);
        let num_items = 1 + chance.poisson(1.7, 11);
        let prep_minutes = rounded(chance.gamma(5, 2.0) + 0.8 * f64::from(num_items), 1);
        let rating = rounded((5.0 - chance.gamma(2, 0.22)).max(1.0), 2);
        let courier_rating = (!chance.happens(0.02)).then_some(rating);
        let is_holiday = chance.happens(0.04);
        let latency_ms = chance.log_normal(22.0, 0.30);
        // The mean of a log-normal value lies above its median; this one's is 1.
        let luck = chance.log_normal(0.987, 0.16);

        let way = way_minutes(vehicle, distance_km);
        let expected = 3.0 + prep_minutes + way * slowness(weather, city, is_holiday);
        let roadworks = if ROADWORKS.touches(&request) { ROADWORKS_FACTOR } else { 1.0 };
        let slow_server = if SLOW_SERVER.touches(&request) { SLOW_SERVER_FACTOR } else { 1.0 };
        let [old, _] = MODEL.versions;
        // Version 3 has learnt the average slowness.
        let predicted = if request.version == old { 3.0 + prep_minutes + way * 1.075 } else { expected };

        Row {
            city,
            vehicle,
            weather,
            distance_km,
            num_items,
            prep_minutes,
            courier_rating,
            is_holiday,
            prediction: rounded(predicted, 1),
            latency_ms: rounded(latency_ms * slow_server, 2),
            actual_minutes: rounded(expected * luck * roadworks, 1),
            request,
        }
    }

    fn request(row: &Row) -> &Request {
        &row.request
    }

    fn columns(rows: &[Row]) -> Vec<Column> {
        let strings =
            |of: fn(&Row) -> &'static str| Arc::new(StringArray::from_iter_values(rows.iter().map(of)));
        let doubles = |of: fn(&Row) -> f64| Arc::new(Float64Array::from_iter_values(rows.iter().map(of)));
        let num_items = Int32Array::from_iter_values(rows.iter().map(|row| row.num_items));
        let courier_rating: Float64Array = rows.iter().map(|row| row.courier_rating).collect();
        let is_holiday: BooleanArray = rows.iter().map(|row| Some(row.is_holiday)).collect();
        vec![
            column("city", "City of the delivery.", strings(|row| row.city)),
            column("vehicle", "What the courier drives: bike, scooter or car.", strings(|row| row.vehicle)),
            column("weather", "Weather at the kitchen: clear, rain or snow.", strings(|row| row.weather)),
            column(
                "distance_km",
                "Way from the kitchen to the door, in kilometres.",
                doubles(|row| row.distance_km),
            ),
            column("num_items", "Items of the order.", Arc::new(num_items)),
            column("prep_minutes", "Minutes that the kitchen asks for.", doubles(|row| row.prep_minutes)),
            column(
                "courier_rating",
                "Mean rating of the courier, 1 to 5; null if new.",
                Arc::new(courier_rating),
            ),
            column("is_holiday", "Whether the district has a holiday.", Arc::new(is_holiday)),
            column("prediction", "Predicted minutes from order to door.", doubles(|row| row.prediction)),
            column("latency_ms", "Time to answer, in milliseconds.", doubles(|row| row.latency_ms)),
        ]
    }

    fn label(rows: &[Row]) -> Column {
        let actual_minutes = Float64Array::from_iter_values(rows.iter().map(|row| row.actual_minutes));
        column("actual_minutes", "Minutes that the delivery took.", Arc::new(actual_minutes))
    }

    fn losses(row: &Row) -> [(&'static str, f64); 2] {
        let error = row.prediction - row.actual_minutes;
        [("mean_absolute_error", error.abs()), ("mean_squared_error", error * error)]
    }
}

#[cfg(test)]
mod tests {
    use super::super::world::{self, VALIDATION_ROWS, inference_batch};
    use super::*;

    /// So many rows of day `day` that shares are right to two decimals.
    fn day(day: u32) -> Vec<Row> {
        world::traffic::<DeliveryTime>(7, day, 20_000, 0..20_000)
    }

    fn mean(rows: &[Row], of: impl Fn(&Row) -> f64) -> f64 {
        rows.iter().map(of).sum::<f64>() / rows.len() as f64
    }

    #[track_caller]
    fn near(actual: f64, expected: f64, within: f64) {
        assert!((actual - expected).abs() < within, "got {actual}, expected {expected}");
    }

    #[test]
    fn a_day_is_the_same_each_time() {
        let rows = world::traffic::<DeliveryTime>(7, 12, 500, 0..500);
        assert_eq!(rows, world::traffic::<DeliveryTime>(7, 12, 500, 0..500));
        assert_eq!(inference_batch::<DeliveryTime>(&rows).unwrap().num_columns(), 13);
    }

    #[test]
    fn weather_holidays_and_ratings_keep_their_shares() {
        for on in [0, 6, 33, 59] {
            let rows = day(on);
            near(mean(&rows, |row| f64::from(u8::from(row.weather == "rain"))), 0.29, 0.015);
            near(mean(&rows, |row| f64::from(u8::from(row.weather == "snow"))), 0.05, 0.01);
            near(mean(&rows, |row| f64::from(u8::from(row.is_holiday))), 0.04, 0.01);
            near(mean(&rows, |row| f64::from(u8::from(row.courier_rating.is_none()))), 0.02, 0.005);
        }
    }

    #[test]
    fn version_4_rolls_out_in_steps() {
        for (on, expected) in [(17, 0.0), (18, 0.20), (23, 0.20), (24, 1.0)] {
            near(mean(&day(on), |row| f64::from(u8::from(row.request.version == "4"))), expected, 0.015);
        }
    }

    #[test]
    fn both_versions_are_right_on_average_when_validated() {
        let rows = world::validation::<DeliveryTime>(7, 0..VALIDATION_ROWS);
        for version in ["3", "4"] {
            let rows: Vec<Row> = rows.iter().filter(|row| row.request.version == version).cloned().collect();
            near(mean(&rows, |row| row.prediction - row.actual_minutes), 0.0, 0.2);
        }
    }

    #[test]
    fn roadworks_show_in_the_labels_only() {
        let (before, after) = (day(34), day(35));
        near(mean(&after, |row| row.prediction), mean(&before, |row| row.prediction), 0.3);
        near(mean(&after, |row| row.distance_km), mean(&before, |row| row.distance_km), 0.05);
        let lengthened = mean(&after, |row| row.actual_minutes) / mean(&before, |row| row.actual_minutes);
        near(lengthened, 1.35, 0.02);
        let error = |rows: &[Row]| mean(rows, |row| DeliveryTime::losses(row)[0].1);
        assert!(error(&after) > 2.0 * error(&before));
    }

    #[test]
    fn version_4_is_slow_from_day_40() {
        let latency = |on| mean(&day(on), |row| row.latency_ms);
        near(latency(39) / latency(0), 1.0, 0.02);
        near(latency(40) / latency(39), 1.9, 0.03);
    }
}
