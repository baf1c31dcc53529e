//! The jobs of the story: who commits to which table, when, and with which components behind the rows.
//!
//! Pure: a [`Story`] is a value, fixed by model, seed and day.

use super::calendar::{HOUR, SECOND, start_of};
use super::chance::{Chance, Purpose};
use super::tables::Story;
use super::world::{Job, Model};

/// The nightly commit of day `day`'s traffic. Where an incident begins, the release that caused it signs.
pub(crate) fn scoring(model: &Model, seed: u64, day: u32) -> Story {
    let releases =
        || model.incidents.iter().filter_map(|incident| Some((incident, incident.release.as_ref()?)));
    let components = releases().map(|(incident, release)| {
        let version = match () {
            () if day < incident.first_day => release.before,
            () if incident.on(day) => release.during,
            () => release.after,
        };
        format!("{} {version}", release.component)
    });
    let planned = start_of(i64::from(day) + 1) + HOUR / 3;
    let usual = Story {
        components: components.collect(),
        ..story(&model.scoring, day + 1, planned + delay(model, seed, day, 0))
    };
    match releases().find(|(incident, _)| incident.first_day == day) {
        None => usual,
        Some((incident, release)) => Story {
            user: release.user.to_owned(),
            job: release.job(),
            job_id: 9_000 + incident.first_day,
            job_run: 1,
            ..usual
        },
    }
}

/// The nightly commit of the labels that became known on day `day`.
pub(crate) fn labelling(model: &Model, seed: u64, day: u32) -> Story {
    let planned = start_of(i64::from(day) + 1) + HOUR;
    story(&model.labelling, day + 1, planned + delay(model, seed, day, 1))
}

/// The commit of the baseline table, three in the afternoon four days before the story.
pub(crate) fn validation(model: &Model, seed: u64) -> Story {
    story(&model.validation, 1, start_of(-4) + 15 * HOUR + delay(model, seed, 0, 2))
}

/// The commit of an empty table, nine in the morning three days before the story.
pub(crate) fn creation(model: &Model, job: &Job, seed: u64) -> Story {
    story(job, 0, start_of(-3) + 9 * HOUR + delay(model, seed, 0, 3))
}

fn story(job: &Job, job_run: u32, time: i64) -> Story {
    Story {
        user: job.user.to_owned(),
        job: job.name.to_owned(),
        job_id: job.id,
        job_run,
        time,
        components: Vec::new(),
    }
}

/// How much later than planned a job is done: up to ten minutes, in whole milliseconds, as microseconds.
fn delay(model: &Model, seed: u64, day: u32, job: u64) -> i64 {
    let mut chance = Chance::new(seed, model.number, Purpose::Jitter, u64::from(day));
    chance.turn_to_row(job);
    (chance.unit() * 600_000.0) as i64 * (SECOND / 1_000)
}
