//! What the two models have in common: how requests arrive, which version answers, and when labels become known.
//!
//! A [`World`] says what one row looks like; this module decides which rows there are. It hands out rows in chunks, so
//! that memory does not grow with the table, and does no I/O.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;

use super::calendar::{self, DAY, DAYS, Rhythm};
use super::chance::{Chance, Purpose};
use super::incident::Incident;

/// Rows that are in memory at a time.
pub(crate) const CHUNK_ROWS: u64 = 8_192;

/// Rows of each baseline table, half for each of the two versions.
pub(crate) const VALIDATION_ROWS: u64 = 20_000;

/// First day and number of days of the validation rows, which end a week before the story begins.
const VALIDATION_DAYS: (i64, i64) = (-28, 21);

/// The facts about one model.
#[derive(Debug)]
pub(crate) struct Model {
    /// Registered name, and the name of its tables.
    pub name: &'static str,
    /// Name of its monitor.
    pub monitor: &'static str,
    /// Its number in random streams.
    pub number: u64,
    /// First letters of its request ids.
    pub request_prefix: &'static str,
    /// What its inference table holds, in a sentence.
    pub description: &'static str,
    /// When its requests arrive.
    pub rhythm: Rhythm,
    /// The two versions of the story, old and new.
    pub versions: [&'static str; 2],
    /// From which day on the new version answers which share of the requests.
    pub rollout: &'static [(u32, f64)],
    /// Labels become known after this many days, evenly spread; the upper end is excluded.
    pub label_days: Range<u32>,
    /// Share of the requests whose label never becomes known.
    pub never_labelled: f64,
    /// Who writes the inference table.
    pub scoring: Job,
    /// Who writes the label table.
    pub labelling: Job,
    /// Who wrote the baseline table.
    pub validation: Job,
    /// What goes wrong with it.
    pub incidents: &'static [&'static Incident],
}

/// A scheduled job that commits to tables.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job {
    /// The account that it runs under.
    pub user: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its number in the scheduler.
    pub id: u32,
}

impl Model {
    /// Rows of live traffic on day `day`, of `total` in all.
    pub(crate) fn rows_on(&self, day: u32, total: u64) -> u64 {
        self.rhythm.rows_on(day, total)
    }

    /// Share of the requests that the new version answers on day `day`.
    pub(crate) fn new_version_share(&self, day: u32) -> f64 {
        self.rollout.iter().rev().find(|(first_day, _)| *first_day <= day).map_or(0.0, |(_, share)| *share)
    }
}

/// A request to a model: what every row has, whatever the model.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Request {
    /// Unique in the lake.
    pub id: String,
    /// When it arrived, in microseconds since the epoch.
    pub time: i64,
    /// The model version that answered.
    pub version: &'static str,
    /// Day of the story; `None` for a validation row.
    pub day: Option<u32>,
}

/// One column of a table: its name and description, and its values.
pub(crate) type Column = (Field, ArrayRef);

/// A model of the world that one machine-learning model works in.
pub(crate) trait World {
    /// A request with its features, its prediction and the truth, which only the label table tells.
    type Row;

    /// The facts about the model.
    fn model() -> &'static Model;

    /// Draws the row of `request`. Every row takes the same draws in the same order, whether an incident is on or not.
    fn row(request: Request, chance: &mut Chance) -> Self::Row;

    /// The request of `row`.
    fn request(row: &Self::Row) -> &Request;

    /// The columns of the inference table, except the two that every model has.
    fn columns(rows: &[Self::Row]) -> Vec<Column>;

    /// The label column.
    fn label(rows: &[Self::Row]) -> Column;

    /// What the registry says about `row` in the mean over the validation rows: names of metrics and values.
    fn losses(row: &Self::Row) -> [(&'static str, f64); 2];
}

/// Rows `range` of day `day`, on which `count` requests arrive in all.
pub(crate) fn traffic<W: World>(seed: u64, day: u32, count: u64, range: Range<u64>) -> Vec<W::Row> {
    let mut traffic = Traffic::<W>::new(seed, day, count);
    range.map(|index| traffic.row(index)).collect()
}

/// One day of traffic, of which any row can be drawn by its index.
struct Traffic<W> {
    chance: Chance,
    day: u32,
    count: u64,
    id_prefix: String,
    world: std::marker::PhantomData<W>,
}

impl<W: World> Traffic<W> {
    fn new(seed: u64, day: u32, count: u64) -> Self {
        let model = W::model();
        Self {
            chance: Chance::new(seed, model.number, Purpose::Traffic, u64::from(day)),
            day,
            count,
            id_prefix: format!("{}-{}", model.request_prefix, calendar::date_of(day).strftime("%Y%m%d")),
            world: std::marker::PhantomData,
        }
    }

    fn row(&mut self, index: u64) -> W::Row {
        let model = W::model();
        self.chance.turn_to_row(index);
        // The day is cut into as many pieces as there are rows and each row arrives somewhere in its piece,
        // so rows are in the order of time.
        let at = (index as f64 + self.chance.unit()) / self.count as f64;
        let [old, new] = model.versions;
        let version = if self.chance.happens(model.new_version_share(self.day)) { new } else { old };
        let request = Request {
            id: format!("{}-{index:07}", self.id_prefix),
            time: calendar::start_of(i64::from(self.day)) + model.rhythm.time_of_day(at),
            version,
            day: Some(self.day),
        };
        W::row(request, &mut self.chance)
    }
}

/// Validation rows `range`, of [`VALIDATION_ROWS`]: first those that the old version scored, then the new version's.
pub(crate) fn validation<W: World>(seed: u64, range: Range<u64>) -> Vec<W::Row> {
    let model = W::model();
    let [old, new] = model.versions;
    let per_version = VALIDATION_ROWS / 2;
    let (first_day, days) = VALIDATION_DAYS;
    let mut chance = Chance::new(seed, model.number, Purpose::Validation, 0);
    range
        .map(|index| {
            chance.turn_to_row(index);
            let at = ((index % per_version) as f64 + chance.unit()) / per_version as f64 * days as f64;
            let request = Request {
                id: format!("{}-validation-{index:07}", model.request_prefix),
                time: calendar::start_of(first_day + at as i64) + model.rhythm.time_of_day(at.fract()),
                version: if index < per_version { old } else { new },
                day: None,
            };
            W::row(request, &mut chance)
        })
        .collect()
}

/// A row whose label has become known, and when, in microseconds since the epoch.
pub(crate) type Labelled<R> = (R, i64);

/// The labels that become known on day `day`, one at a time, by the day of their request. `rows_per_model` rows make up
/// the whole story.
///
/// The rows are drawn again rather than remembered: what is kept is one generator.
pub(crate) fn labels_known_on<W: World>(
    seed: u64,
    day: u32,
    rows_per_model: u64,
) -> impl Iterator<Item = Labelled<W::Row>> {
    let model = W::model();
    model
        .label_days
        .clone()
        .rev()
        .filter_map(move |lag| day.checked_sub(lag).map(|origin| (lag, origin)))
        .filter(|(_, origin)| *origin < DAYS)
        .flat_map(move |(lag, origin)| {
            let count = model.rows_on(origin, rows_per_model);
            let mut traffic = Traffic::<W>::new(seed, origin, count);
            let mut delays = Chance::new(seed, model.number, Purpose::LabelDelay, u64::from(origin));
            let days = f64::from(model.label_days.end - model.label_days.start);
            (0..count).filter_map(move |index| {
                // One draw says whether the label is ever known, after how many days, and when on that day.
                let delay = (delays.unit() - model.never_labelled) / (1.0 - model.never_labelled) * days;
                if delay < 0.0 || model.label_days.start + delay as u32 != lag {
                    return None;
                }
                let row = traffic.row(index);
                let due = W::request(&row).time + i64::from(lag) * DAY;
                let end_of_day = calendar::start_of(i64::from(day) + 1);
                Some((row, due + ((end_of_day - due) as f64 * delay.fract()) as i64))
            })
        })
}

/// A batch of the inference table.
pub(crate) fn inference_batch<W: World>(rows: &[W::Row]) -> Result<RecordBatch, ArrowError> {
    batch(inference_columns::<W>(rows))
}

/// A batch of the baseline table: the inference table's columns, and the label.
pub(crate) fn baseline_batch<W: World>(rows: &[W::Row]) -> Result<RecordBatch, ArrowError> {
    let mut columns = inference_columns::<W>(rows);
    columns.push(W::label(rows));
    batch(columns)
}

/// A batch of the label table; `times` say when each label became known.
pub(crate) fn label_batch<W: World>(rows: &[W::Row], times: &[i64]) -> Result<RecordBatch, ArrowError> {
    batch(vec![
        request_id::<W>(rows),
        W::label(rows),
        column("label_time", "When the label became known.", instants(times.iter().copied())),
    ])
}

/// A named column with a description.
pub(crate) fn column(name: &str, comment: &str, values: ArrayRef) -> Column {
    let comment = HashMap::from([("comment".to_owned(), comment.to_owned())]);
    (Field::new(name, values.data_type().clone(), true).with_metadata(comment), values)
}

fn inference_columns<W: World>(rows: &[W::Row]) -> Vec<Column> {
    let requests = || rows.iter().map(W::request);
    let mut columns = vec![
        request_id::<W>(rows),
        column(
            "event_time",
            "When the request was answered.",
            instants(requests().map(|request| request.time)),
        ),
        column(
            "model_version",
            "Registered version of the model that answered.",
            Arc::new(StringArray::from_iter_values(requests().map(|request| request.version))),
        ),
    ];
    columns.extend(W::columns(rows));
    columns
}

fn request_id<W: World>(rows: &[W::Row]) -> Column {
    let ids = StringArray::from_iter_values(rows.iter().map(|row| &W::request(row).id));
    column("request_id", "Unique name of the request; joins labels to predictions.", Arc::new(ids))
}

fn instants(micros: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC"))
}

fn batch(columns: Vec<Column>) -> Result<RecordBatch, ArrowError> {
    let (fields, values): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), values)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::credit_default::CreditDefault;
    use super::super::delivery_time::DeliveryTime;
    use super::*;

    /// Holds the labels of the story against the rows that they belong to.
    fn check_labels<W: World>(rows_per_model: u64, first_complete: u32, last_complete: u32)
    where
        W::Row: PartialEq + std::fmt::Debug,
    {
        let model = W::model();
        let mut labelled = HashSet::new();
        for day in 0..DAYS {
            for (row, time) in labels_known_on::<W>(7, day, rows_per_model) {
                let request = W::request(&row);
                let origin = request.day.expect("a live request");
                assert!(model.label_days.contains(&(day - origin)), "{} labelled on day {day}", request.id);
                assert!(
                    (calendar::start_of(i64::from(day))..calendar::start_of(i64::from(day) + 1))
                        .contains(&time)
                );
                assert!(time > request.time);
                assert!(labelled.insert(request.id.clone()), "{} is labelled twice", request.id);
                let index: u64 = request.id.rsplit('-').next().expect("an index").parse().expect("a number");
                let count = model.rows_on(origin, rows_per_model);
                assert_eq!(traffic::<W>(7, origin, count, index..index + 1), [row]);
            }
        }
        let mut complete = 0;
        for day in first_complete..=last_complete {
            complete += model.rows_on(day, rows_per_model);
        }
        let known = labelled.iter().filter(|id| {
            let date = id.split('-').nth(1).expect("a date");
            (first_complete..=last_complete)
                .any(|day| calendar::date_of(day).strftime("%Y%m%d").to_string() == date)
        });
        let share = known.count() as f64 / complete as f64;
        assert!((share - (1.0 - model.never_labelled)).abs() < 0.02, "{share} of the labels became known");
    }

    #[test]
    fn defaults_become_known_after_two_to_four_weeks() {
        check_labels::<CreditDefault>(3_000, 0, 31);
    }

    #[test]
    fn deliveries_become_known_after_one_to_two_weeks() {
        check_labels::<DeliveryTime>(3_000, 0, 45);
    }

    #[test]
    fn batches_without_rows_have_the_columns_of_batches_with_rows() {
        let rows = validation::<CreditDefault>(7, 0..3);
        let [empty, full] =
            [&[], &rows[..]].map(|rows| baseline_batch::<CreditDefault>(rows).expect("a batch"));
        assert_eq!(empty.schema(), full.schema());
        assert!(full.schema().fields().iter().all(|field| field.metadata().contains_key("comment")));
        assert_eq!(full.schema().fields().last().expect("a column").name(), "defaulted");
    }
}
