//! The simulated calendar: which days there are, how many rows arrive on each, and when.
//!
//! Everything here is arithmetic on a fixed calendar. It must not read a clock, and it holds no randomness.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

/// First simulated day, in UTC: Monday, 2 March 2026.
pub const FIRST_DAY: Date = Date::constant(2026, 3, 2);

/// Number of simulated days; the last one is 30 April 2026.
pub const DAYS: u32 = 60;

/// The moment at which the simulated story is told, `2026-05-02T00:00:00Z`: every commit of the lake lies before it.
pub const AS_OF: Timestamp = Timestamp::constant(1_777_680_000, 0);

/// `2026-03-02T00:00:00Z` in microseconds since the epoch.
const FIRST_DAY_MICROS: i64 = 1_772_409_600 * 1_000_000;

/// One second, in microseconds.
pub(crate) const SECOND: i64 = 1_000_000;
/// One hour, in microseconds.
pub(crate) const HOUR: i64 = 3_600 * SECOND;
/// One day, in microseconds.
pub(crate) const DAY: i64 = 24 * HOUR;

/// Start of day `day` in UTC, in microseconds since the epoch. Negative days lie before the story.
pub(crate) fn start_of(day: i64) -> i64 {
    FIRST_DAY_MICROS + day * DAY
}

/// The date of day `day`.
pub(crate) fn date_of(day: u32) -> Date {
    FIRST_DAY.saturating_add(SignedDuration::from_hours(24 * i64::from(day)))
}

/// How a model's requests spread over the week and over the day. Weights are relative to each other.
#[derive(Debug)]
pub(crate) struct Rhythm {
    /// One weight per weekday, Monday first.
    pub weekdays: [u32; 7],
    /// One weight per hour of the day, midnight first.
    pub hours: [u32; 24],
}

impl Rhythm {
    /// How many of `total` rows arrive on day `day`. The days add up to `total` exactly.
    pub(crate) fn rows_on(&self, day: u32, total: u64) -> u64 {
        let until = |days: u32| {
            u128::from(total) * u128::from(self.weight_until(days)) / u128::from(self.weight_until(DAYS))
        };
        // The difference of two shares of a u64 is a u64.
        u64::try_from(until(day + 1) - until(day)).unwrap_or(u64::MAX)
    }

    /// Sum of the weekday weights of the first `days` days.
    fn weight_until(&self, days: u32) -> u64 {
        (0..days).zip(self.weekdays.iter().cycle()).map(|(_, weight)| u64::from(*weight)).sum()
    }

    /// The time of day, in microseconds since midnight, before which the share `at` of the day's rows has arrived.
    pub(crate) fn time_of_day(&self, at: f64) -> i64 {
        let total: u32 = self.hours.iter().sum();
        let mut left = at.clamp(0.0, 1.0) * f64::from(total);
        let mut start = 0;
        for hour in self.hours.map(f64::from) {
            if left < hour {
                return start + (left / hour * HOUR as f64) as i64;
            }
            left -= hour;
            start += HOUR;
        }
        DAY - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RHYTHM: Rhythm = Rhythm {
        weekdays: [11, 10, 10, 10, 10, 9, 8],
        hours: [1, 1, 1, 1, 1, 2, 4, 6, 8, 9, 9, 9, 8, 8, 8, 8, 8, 7, 6, 5, 4, 3, 2, 1],
    };

    #[test]
    fn the_story_has_sixty_days_from_a_monday() {
        assert_eq!(FIRST_DAY.weekday(), jiff::civil::Weekday::Monday);
        assert_eq!(date_of(0).to_string(), "2026-03-02");
        assert_eq!(date_of(DAYS - 1).to_string(), "2026-04-30");
        assert_eq!(AS_OF.to_string(), "2026-05-02T00:00:00Z");
        assert_eq!(Timestamp::from_microsecond(start_of(0)).unwrap().to_string(), "2026-03-02T00:00:00Z");
    }

    #[test]
    fn the_days_add_up_to_the_total() {
        for total in [600, 36_000, 100_000_000, u64::MAX] {
            let rows: u128 = (0..DAYS).map(|day| u128::from(RHYTHM.rows_on(day, total))).sum();
            assert_eq!(rows, u128::from(total));
        }
        assert!(RHYTHM.rows_on(0, 36_000) > RHYTHM.rows_on(6, 36_000), "Mondays are busier than Sundays");
    }

    #[test]
    fn times_of_day_rise_and_stay_inside_the_day() {
        let times: Vec<i64> = (0..=1000).map(|i| RHYTHM.time_of_day(f64::from(i) / 1000.0)).collect();
        assert!(times.is_sorted());
        assert_eq!(times.first(), Some(&0));
        assert_eq!(times.last(), Some(&(DAY - 1)));
    }
}
