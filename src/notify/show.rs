//! How numbers, windows and foreign text are shown to people.
//!
//! Pure functions. Foreign text (names of columns, values of slices, answers of servers) passes through
//! [`one_line`] before it enters a message, so that it can neither begin a new line nor a new header.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

/// Most characters that are shown of a foreign text.
const TEXT_LENGTH_MAX: usize = 120;

/// Significant digits of a number, if they tell enough.
const DIGITS: usize = 3;

/// As many digits as tell one `f64` from the next.
const DIGITS_MAX: usize = 17;

/// `value` to three significant digits; whole numbers keep all of theirs.
pub fn number(value: f64) -> String {
    rounded(value, DIGITS)
}

/// `value` with as many digits as it takes to be on its own side of `threshold`: 0.25004 is not above 0.25
/// when both are shown as 0.25. A threshold is `BOUND`, `BOUND to BOUND`, or a percentage, which is no
/// bound on the value.
pub fn number_beside(value: f64, threshold: &str) -> String {
    let bounds: Vec<f64> = threshold.split(" to ").filter_map(|bound| bound.trim().parse().ok()).collect();
    let is_beside = |shown: f64| bounds.iter().all(|bound| shown.total_cmp(bound) == value.total_cmp(bound));
    (DIGITS..DIGITS_MAX)
        .map(|digits| rounded(value, digits))
        .find(|text| text.parse().is_ok_and(is_beside))
        .unwrap_or_else(|| value.to_string())
}

fn rounded(value: f64, digits: usize) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if !value.is_finite() {
        return "not a number".to_owned();
    }
    let magnitude = value.abs().log10().floor();
    if !(-4.0..15.0).contains(&magnitude) {
        return format!("{value:.*e}", digits - 1);
    }
    let places = (digits as f64 - 1.0 - magnitude).max(0.0) as usize;
    let text = format!("{value:.places$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// The window `[start, end)`, in microseconds, on the calendar of `zone`: days without hours where it
/// begins and ends at midnight, and then the last day is the last one that belongs to it.
pub fn window(start: i64, end: i64, zone: &TimeZone) -> String {
    let (Some(start), Some(end)) = (zoned(start, zone), zoned(end, zone)) else {
        return "unknown".to_owned();
    };
    let is_midnight = |instant: &Zoned| instant.start_of_day().is_ok_and(|midnight| midnight == *instant);
    if is_midnight(&start) && is_midnight(&end) && start < end {
        let (first, last) = (start.date(), end.date().saturating_sub(1.day()));
        return if first == last { first.to_string() } else { format!("{first} to {last}") };
    }
    let ends = if start.date() == end.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    format!("{} to {}", start.strftime("%Y-%m-%d %H:%M"), end.strftime(ends))
}

/// The start of a window, in microseconds: a day if it is midnight, else with the hour.
pub fn start(micros: i64, zone: &TimeZone) -> String {
    let Some(instant) = zoned(micros, zone) else { return "unknown".to_owned() };
    let is_midnight = instant.start_of_day().is_ok_and(|midnight| midnight == instant);
    instant.strftime(if is_midnight { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M" }).to_string()
}

/// An instant in microseconds, as RFC 3339 in UTC.
pub fn instant(micros: i64) -> String {
    Timestamp::from_microsecond(micros).map_or_else(|_| "unknown".to_owned(), |instant| instant.to_string())
}

fn zoned(micros: i64, zone: &TimeZone) -> Option<Zoned> {
    Timestamp::from_microsecond(micros).ok().map(|instant| instant.to_zoned(zone.clone()))
}

/// `text` on one line of at most 120 characters. Control characters and the invisible ones that turn the
/// direction of writing become spaces.
pub fn one_line(text: &str) -> String {
    shortened(text, TEXT_LENGTH_MAX)
}

/// [`one_line`], of at most `length_max` characters.
pub fn shortened(text: &str, length_max: usize) -> String {
    let mut rest = text.chars().map(harmless);
    let mut line: String = rest.by_ref().take(length_max).collect();
    if rest.next().is_some() {
        line.truncate(line.char_indices().nth(length_max.saturating_sub(3)).map_or(0, |(at, _)| at));
        line.push_str("...");
    }
    line.trim().to_owned()
}

/// `c`, or a space where `c` could break the line or hide what follows.
pub fn harmless(c: char) -> char {
    let is_invisible =
        matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}');
    if c.is_control() || is_invisible { ' ' } else { c }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        let table = [
            (0.0, "0"),
            (8.28, "8.28"),
            (8.281_1, "8.28"),
            (0.031_249, "0.0312"),
            (-0.5, "-0.5"),
            (9.999, "10"),
            (12.345, "12.3"),
            (123.4, "123"),
            (48_210.0, "48210"),
            (1_234_567.8, "1234568"),
            (0.000_012_345, "1.23e-5"),
            (1.5e300, "1.50e300"),
            (f64::NAN, "not a number"),
        ];
        for (value, expected) in table {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn a_number_is_shown_on_its_own_side_of_the_bound() {
        let table = [
            (8.281_1, "0.25", "8.28"),
            (0.250_04, "0.25", "0.25004"),
            (0.249_96, "0.25", "0.24996"),
            (0.25, "0.25", "0.25"),
            (0.799_9, "0.8", "0.7999"),
            (5.000_000_000_000_001, "5", "5.000000000000001"),
            (0.900_3, "0.1 to 0.9", "0.9003"),
            (0.31, "-5%", "0.31"),
            (0.0, "0.1", "0"),
        ];
        for (value, bound, expected) in table {
            assert_eq!(number_beside(value, bound), expected);
        }
    }

    #[track_caller]
    fn check_window(start: &str, end: &str, zone: &str, expected: &str) {
        let micros = |text: &str| text.parse::<Timestamp>().expect("a timestamp").as_microsecond();
        let zone = TimeZone::get(zone).expect("a zone");
        assert_eq!(window(micros(start), micros(end), &zone), expected);
    }

    #[test]
    fn windows_follow_the_zone() {
        check_window("2026-05-01T00:00Z", "2026-05-02T00:00Z", "UTC", "2026-05-01");
        check_window("2026-04-30T22:00Z", "2026-05-01T22:00Z", "Europe/Berlin", "2026-05-01");
        // The day on which summer time begins has 23 hours.
        check_window("2026-03-28T23:00Z", "2026-03-29T22:00Z", "Europe/Berlin", "2026-03-29");
        check_window("2026-04-27T00:00Z", "2026-05-04T00:00Z", "UTC", "2026-04-27 to 2026-05-03");
        check_window("2026-05-01T13:00Z", "2026-05-01T14:00Z", "UTC", "2026-05-01 13:00 to 14:00");
        check_window("2026-05-01T23:30Z", "2026-05-02T00:00Z", "UTC", "2026-05-01 23:30 to 2026-05-02 00:00");
        check_window(
            "2026-05-01T00:00Z",
            "2026-05-02T00:00Z",
            "Europe/Berlin",
            "2026-05-01 02:00 to 2026-05-02 02:00",
        );
    }

    #[test]
    fn foreign_text_stays_on_its_line() {
        let table = [
            ("monthly_income", "monthly_income"),
            ("a\r\nBcc: x@example.com", "a  Bcc: x@example.com"),
            ("\u{202E}txet\u{2028}next\0", "txet next"),
            ("  größe\t", "größe"),
        ];
        for (text, expected) in table {
            assert_eq!(one_line(text), expected);
        }
        assert_eq!(shortened("abcdef", 6), "abcdef");
        assert_eq!(shortened("äöüßéà!", 6), "äöü...");
        assert_eq!(one_line(&"x".repeat(1 << 20)).len(), 120);
    }
}
