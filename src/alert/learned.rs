//! Bounds that are learned from the baseline: how far a rule's metric strays there by itself, window by window.
//!
//! The mean of the metric over the windows of the baseline, three standard deviations (over all of them) to either side, as NannyML
//! has it. So it knows what sampling alone would not: that Mondays are no Sundays. A pure function of rows that stand in no
//! table.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::observe::{SeriesKey, Watch};
use crate::config::{Condition, Monitor, Rule, Tail};
use crate::contract::ALL_VERSIONS;
use crate::drift::DriftRow;
use crate::drift::row::drift_type;
use crate::profile::row::ProfileRow;

/// Standard deviations on either side.
const DEVIATIONS: f64 = 3.0;

/// Windows that it takes to tell how far they stray.
pub const MIN_WINDOWS: usize = 7;

/// What is said where no window of the baseline has a value.
const NOTHING: &str = "no window of the baseline has a value to learn from";

/// Bounds are told to so many digits, and mean what they tell.
const DIGITS: i32 = 6;

/// What was learned for one series of a rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Learned {
    /// The rule's name.
    pub rule: String,
    /// The model version, or `*`.
    pub model_version: String,
    /// Key and value of the slice; `None` for all rows.
    pub slice: Option<(String, String)>,
    /// The column, or `:table`.
    pub column_name: String,
    /// What the baseline says.
    #[serde(flatten)]
    pub lesson: Lesson,
}

/// What the windows of the baseline say of one series.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Lesson {
    /// How many of them have a value.
    pub windows: u64,
    /// Less than the one and more than the other is beyond; `None` of too few windows.
    pub bounds: Option<(f64, f64)>,
}

impl Lesson {
    fn of(values: &[f64]) -> Self {
        Self { windows: values.len() as u64, bounds: bounds(values) }
    }

    /// Why there are no bounds.
    fn lack(self) -> Cow<'static, str> {
        match self.windows {
            0 => NOTHING.into(),
            1 => {
                format!("1 window of the baseline has a value, and {MIN_WINDOWS} are needed to learn").into()
            }
            few if few < MIN_WINDOWS as u64 => {
                format!("{few} windows of the baseline have a value, and {MIN_WINDOWS} are needed to learn")
                    .into()
            }
            _ => "values in the baseline are too large to learn from".into(),
        }
    }
}

/// What was learned, by rule and series.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LearnedBounds(BTreeMap<(String, SeriesKey), Lesson>);

/// A rule as it is for one series.
pub(super) struct Resolved {
    pub(super) rule: Rule,
    /// Windows that its bound was learned from; `None` if the bound is its own.
    pub(super) learned_windows: Option<u64>,
}

impl LearnedBounds {
    /// What an earlier run has learned.
    pub fn of(monitor: &Monitor, learned: &[Learned]) -> Self {
        let rule = |name: &str| monitor.rules.iter().find(|rule| rule.name == name);
        let entry = |learned: &Learned| {
            let Learned { rule: name, model_version, slice, column_name, lesson } = learned.clone();
            let drift_type = rule(&name)?.comparison.map(drift_type);
            let key = SeriesKey { model_version, slice, column_name, drift_type };
            Some(((name, key), lesson))
        };
        Self(learned.iter().filter_map(entry).collect())
    }

    /// Learns from rows of windows of the baseline.
    pub(super) fn learn(&mut self, watch: &Watch<'_>, profile: &[ProfileRow], drift: &[DriftRow]) {
        // Whatever versions the baseline has, and all together: which of them a series is held to is asked later.
        let versions = profile.iter().map(|row| &row.model_version);
        let versions: BTreeSet<&String> =
            versions.chain(drift.iter().map(|row| &row.model_version)).collect();
        let versions = versions.into_iter().cloned().collect();
        // No row of a baseline is still to come.
        let of_all = Rule { model_versions: Some(versions), provisional: true, ..watch.rule.clone() };
        for (key, observations) in (Watch { rule: &of_all, ..*watch }).observed(profile, drift, 0) {
            let counted = observations.iter().filter(|observation| observation.count >= watch.rule.min_count);
            let values: Vec<f64> = counted.filter_map(|observation| observation.value).collect();
            if !values.is_empty() {
                self.0.insert((watch.rule.name.clone(), key), Lesson::of(&values));
            }
        }
    }

    /// `rule` with the bounds that were learned for a series, or for that of all versions together; as it is, if it has bounds of
    /// its own.
    ///
    /// # Errors
    /// Why nothing was learned, if it was not.
    pub(super) fn resolve(&self, rule: &Rule, key: &SeriesKey) -> Result<Resolved, Cow<'static, str>> {
        let Condition::Learned(tail) = rule.condition else {
            return Ok(Resolved { rule: rule.clone(), learned_windows: None });
        };
        let all = SeriesKey { model_version: ALL_VERSIONS.to_owned(), ..key.clone() };
        let lessons = [key, &all].map(|key| self.0.get(&(rule.name.clone(), key.clone())));
        let lessons = lessons.into_iter().flatten();
        let found = lessons.clone().find_map(|lesson| Some((lesson.bounds?, lesson.windows)));
        let Some(((low, high), windows)) = found else {
            let most = lessons.max_by_key(|lesson| lesson.windows);
            return Err(most.map_or(NOTHING.into(), |lesson| lesson.lack()));
        };
        let condition = match tail {
            Tail::Above => Condition::Above(high),
            Tail::Below => Condition::Below(low),
            Tail::Outside => Condition::Outside(low, high),
        };
        Ok(Resolved { rule: Rule { condition, ..rule.clone() }, learned_windows: Some(windows) })
    }

    /// What is kept for later runs.
    pub fn told(&self) -> Vec<Learned> {
        let told = self.0.iter().map(|((rule, key), lesson)| Learned {
            rule: rule.clone(),
            model_version: key.model_version.clone(),
            slice: key.slice.clone(),
            column_name: key.column_name.clone(),
            lesson: *lesson,
        });
        told.collect()
    }
}

/// Three deviations on either side of the mean; none of too few values.
fn bounds(values: &[f64]) -> Option<(f64, f64)> {
    if values.len() < MIN_WINDOWS {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let deviation = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt();
    let (low, high) = (mean - DEVIATIONS * deviation, mean + DEVIATIONS * deviation);
    (low.is_finite() && high.is_finite()).then(|| (rounded(low, f64::floor), rounded(high, f64::ceil)))
}

/// To so many digits, outwards: what the baseline itself does is never beyond by rounding.
fn rounded(value: f64, outwards: fn(f64) -> f64) -> f64 {
    let digits = DIGITS - 1 - value.abs().log10().floor().clamp(-300.0, 300.0) as i32;
    if value == 0.0 || !(-290..=290).contains(&digits) {
        return value;
    }
    // Written and read, so that the bound is what a reader sees.
    let (scale, places) = (10f64.powi(digits.abs()), digits.max(0) as usize);
    let whole = if digits >= 0 { outwards(value * scale) / scale } else { outwards(value / scale) * scale };
    format!("{whole:.places$}").parse().unwrap_or(whole)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn bounds_are_three_deviations_from_the_mean() {
        // NumPy: mean 4, std 2.
        assert_eq!(bounds(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]), Some((-2.0, 10.0)));
        // NumPy: mean 2.8333333333333335, std 1.034139470499238.
        let eight = [1.5, 2.5, 3.5, 2.0, 4.0, 3.0, 4.5, 5.0 / 3.0];
        let (low, high) = bounds(&eight).unwrap();
        assert!((low + 0.269_086).abs() < 1e-9 && (high - 5.935_76).abs() < 1e-9, "{low} {high}");
        assert_eq!(bounds(&[0.25; 7]), Some((0.25, 0.25)));
        assert_eq!(bounds(&[0.0; 7]), Some((0.0, 0.0)));
        assert_eq!(bounds(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), None);
        assert_eq!(bounds(&[f64::MAX, f64::MIN, 0.0, 0.0, 0.0, 0.0, 0.0]), None);
    }

    #[test]
    fn a_bound_has_few_digits_and_is_no_narrower() {
        assert_eq!(rounded(0.032_880_492_1, f64::ceil), 0.032_880_5);
        assert_eq!(rounded(-0.032_880_492_1, f64::floor), -0.032_880_5);
        assert_eq!(rounded(1_234_567.2, f64::ceil), 1_234_570.0);
        assert_eq!(rounded(123_456.0, f64::ceil), 123_456.0);
        assert_eq!(rounded(1e-12, f64::floor), 1e-12);
        let wide = rounded(2.0 / 3.0, f64::ceil);
        assert!(wide >= 2.0 / 3.0 && wide.to_string().len() <= 8, "{wide}");
    }
}
