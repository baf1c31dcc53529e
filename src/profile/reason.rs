//! Why measures are NULL: what the column `reason` of both metric tables says.
//!
//! A measure is a value or an [`Absence`], and [`Reasons`] is where a row is made of them: what has no value
//! leaves its reason there. The text names the measures, then says why: `stddev: there is only one value`.
//! Measures that are absent for the same reason share it, several reasons are divided by `; `, and a reason
//! that holds for all others that are NULL in the row comes first and names none: `every value is NULL`. A measure of
//! several classes that lacks some of them is named, too.

use std::borrow::Cow;
use std::fmt;

/// Why a measure has no value: a clause in plain words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absence(Cow<'static, str>);

impl Absence {
    /// The same words each time.
    pub const fn new(why: &'static str) -> Self {
        Self(Cow::Borrowed(why))
    }

    /// The words of somebody else, in one clause.
    pub fn quoted(why: &str) -> Self {
        Self(Cow::Owned(why.replace("; ", ", ")))
    }
}

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for Absence {
    fn from(why: String) -> Self {
        Self(Cow::Owned(why))
    }
}

/// The value is none that a table can hold.
pub const BEYOND_A_DOUBLE: Absence = Absence::new("it is beyond the range of a double");

/// `value`, unless it is infinite or NaN.
pub fn finite(value: f64) -> Result<f64, Absence> {
    if value.is_finite() { Ok(value) } else { Err(BEYOND_A_DOUBLE) }
}

/// The reasons of one row.
#[derive(Debug, Default)]
pub struct Reasons {
    of_row: Option<Absence>,
    of_measures: Vec<(Absence, Vec<Cow<'static, str>>)>,
}

impl Reasons {
    /// Every measure of the row that is noted as NULL after this is so because of `why`.
    pub fn of_row(&mut self, why: Absence) {
        self.of_row = Some(why);
    }

    /// The value of `measure`; without one, its reason is noted.
    pub fn noted<T>(
        &mut self,
        measure: impl Into<Cow<'static, str>>,
        value: Result<T, Absence>,
    ) -> Option<T> {
        match self.of_row {
            None => self.noted_apart(measure, value),
            Some(_) => value.ok(),
        }
    }

    /// As [`Self::noted`], of a measure that the reason of the row has nothing to do with.
    pub fn noted_apart<T>(
        &mut self,
        measure: impl Into<Cow<'static, str>>,
        value: Result<T, Absence>,
    ) -> Option<T> {
        value.map_err(|why| self.lacks(measure, why)).ok()
    }

    /// Notes why `measure` lacks its value, or a part of it.
    pub fn lacks(&mut self, measure: impl Into<Cow<'static, str>>, why: Absence) {
        match self.of_measures.iter_mut().find(|(known, _)| *known == why) {
            Some((_, measures)) => measures.push(measure.into()),
            None => self.of_measures.push((why, vec![measure.into()])),
        }
    }

    /// What the row's `reason` says.
    pub fn into_text(self) -> Option<String> {
        let of_row = self.of_row.map(|Absence(why)| why.into_owned());
        let of_measures = self.of_measures.into_iter();
        let of_measures =
            of_measures.map(|(Absence(why), measures)| format!("{}: {why}", measures.join(", ")));
        let clauses: Vec<String> = of_row.into_iter().chain(of_measures).collect();
        (!clauses.is_empty()).then(|| clauses.join("; "))
    }
}

/// What a row's `reason` says that said `text` before, and has `more` of metrics that came later.
pub fn joined(text: Option<String>, more: Reasons) -> Option<String> {
    match (text, more.into_text()) {
        (Some(text), Some(more)) => Some(format!("{text}; {more}")),
        (text, more) => text.or(more),
    }
}

/// Holds a row to what the module promises: each of the `measures` that is NULL is named in its reason, or the
/// first reason is of the row; and none is named that has a value. A NaN would be NULL in the table, and nobody's.
#[cfg(test)]
#[track_caller]
pub(crate) fn is_explained(row: &impl serde::Serialize, measures: &[&str]) {
    use std::collections::BTreeSet;

    use serde_json::Value;

    fn has_null(value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Array(items) => items.iter().any(has_null),
            Value::Object(fields) => fields.values().any(has_null),
            _ => false,
        }
    }

    let document = serde_json::to_value(row).unwrap_or_default();
    let missing: BTreeSet<&str> = measures.iter().copied().filter(|name| has_null(&document[name])).collect();
    let reason = document["reason"].as_str();
    let clauses: Vec<&str> = reason.into_iter().flat_map(|reason| reason.split("; ")).collect();
    let named = clauses.iter().filter_map(|clause| Some(clause.split_once(": ")?.0.split(", ")));
    let named: BTreeSet<&str> = named.flatten().filter(|name| measures.contains(name)).collect();
    let is_of_row = clauses.first().is_some_and(|clause| !clause.contains(": "));
    let fits = if is_of_row { named.is_subset(&missing) && !missing.is_empty() } else { missing == named };
    assert!(fits, "{missing:?} are NULL: {reason:?}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_name_their_measures_in_the_order_of_the_row() {
        let mut reasons = Reasons::default();
        let few = || Absence::new("there are too few rows");
        assert_eq!(reasons.noted("avg", Ok(1.5)), Some(1.5));
        assert_eq!(reasons.noted::<f64>("stddev", Err(few())), None);
        assert_eq!(reasons.noted("max", finite(f64::INFINITY)), None);
        assert_eq!(reasons.noted::<f64>("r2_score", Err(few())), None);
        let text = "stddev, r2_score: there are too few rows; max: it is beyond the range of a double";
        assert_eq!(reasons.into_text().as_deref(), Some(text));
    }

    #[test]
    fn a_reason_of_the_row_stands_for_all() {
        let mut reasons = Reasons::default();
        reasons.of_row(Absence::new("every value is NULL"));
        assert_eq!(reasons.noted("avg", finite(f64::NAN)), None);
        assert_eq!(reasons.into_text().as_deref(), Some("every value is NULL"));
    }

    #[test]
    fn a_row_that_has_all_needs_no_reason() {
        assert_eq!(Reasons::default().into_text(), None);
    }
}
