//! Families: the columns of one comparison, which are judged together.
//!
//! A window that is compared has a p-value for each column, and of many some are small by chance. What can be said of them
//! together is known once the last column has been compared, and rows come column by column: so this keeps three numbers of each
//! row, and says at the end what they come to. It must not keep rows.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use serde::Serialize;

use super::DriftRow;
use super::benjamini_hochberg::adjusted;
use crate::config::default_rules::{NOTABLE_EFFECT, SIGNIFICANCE};
use crate::contract::TABLE;

/// What a row of the drift table says that all columns of its comparison decide. Field names are the column names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[allow(missing_docs)] // The contract documents every column once.
pub struct Together {
    pub drift_pvalue_adjusted: Option<f64>,
    pub null_pvalue_adjusted: Option<f64>,
    pub columns_compared: Option<u64>,
    pub columns_drifted: Option<u64>,
    pub drift_share: Option<f64>,
}

impl Together {
    /// The names of its columns.
    pub const COLUMNS: [&'static str; 5] = [
        "drift_pvalue_adjusted",
        "null_pvalue_adjusted",
        "columns_compared",
        "columns_drifted",
        "drift_share",
    ];

    /// The number in the column called `name`; `None` of any other column.
    pub fn metric(&self, name: &str) -> Option<f64> {
        match name {
            "drift_pvalue_adjusted" => self.drift_pvalue_adjusted,
            "null_pvalue_adjusted" => self.null_pvalue_adjusted,
            "columns_compared" => self.columns_compared.map(|columns| columns as f64),
            "columns_drifted" => self.columns_drifted.map(|columns| columns as f64),
            "drift_share" => self.drift_share,
            _ => None,
        }
    }
}

/// The column that says how likely the metric called `name` is without drift, adjusted: that of NULLs for what is said of
/// NULLs, that of values for the rest.
pub fn pvalue_column(name: &str) -> &'static str {
    match name {
        "percent_null_delta" | "null_test.statistic" | "null_test.pvalue" => "null_pvalue_adjusted",
        _ => "drift_pvalue_adjusted",
    }
}

/// The comparisons of a run, as far as their columns have been compared.
#[derive(Debug)]
pub struct Families<'a> {
    /// The label. It arrives late, and must not restate what is said of other columns: it is compared by itself.
    label: Option<&'a str>,
    /// How much columns weigh in the drift share, where that is not 1.
    importance: &'a BTreeMap<String, f64>,
    places: HashMap<Key, u32>,
    last: Option<(Key, u32)>,
    members: Vec<Member>,
    sums: Vec<Sums>,
}

/// Which comparison a row is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    granularity: String,
    window_start: i64,
    model_version: String,
    slice: Option<(String, String)>,
    drift_type: &'static str,
}

impl Key {
    fn of(row: &DriftRow) -> Self {
        Self {
            granularity: row.granularity.clone(),
            window_start: row.window_start,
            model_version: row.model_version.clone(),
            slice: row.slice_key.clone().zip(row.slice_value.clone()),
            drift_type: row.drift_type,
        }
    }

    fn is_of(&self, row: &DriftRow) -> bool {
        let slice = self.slice.as_ref().map(|(key, value)| (key.as_str(), value.as_str()));
        self.window_start == row.window_start
            && self.drift_type == row.drift_type
            && slice == row.slice_key.as_deref().zip(row.slice_value.as_deref())
            && self.model_version == row.model_version
            && self.granularity == row.granularity
    }
}

/// A row. What it does not have is NaN: there are many rows.
#[derive(Clone, Copy, Debug)]
struct Member {
    family: u32,
    role: Role,
    /// At first as it is, in the end adjusted.
    drift_pvalue: f64,
    null_pvalue: f64,
    effect: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    Table,
    Label,
    /// A column, and what it weighs.
    Column(f64),
}

/// What the columns of a family come to.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    compared: u64,
    drifted: u64,
    weight: f64,
    weight_drifted: f64,
}

impl<'a> Families<'a> {
    /// None yet, of a monitor with this label and with columns of this importance.
    pub fn new(label: Option<&'a str>, importance: &'a BTreeMap<String, f64>) -> Self {
        let (places, members, sums) = (HashMap::new(), Vec::new(), Vec::new());
        Self { label, importance, places, last: None, members, sums }
    }

    /// Notes `rows`. Gives the place of the first; the others follow it.
    pub fn note(&mut self, rows: &[DriftRow]) -> usize {
        let first = self.members.len();
        for row in rows {
            let family = self.family(row);
            let role = match row.column_name.as_str() {
                TABLE => Role::Table,
                name if Some(name) == self.label => Role::Label,
                name => Role::Column(self.importance.get(name).copied().unwrap_or(1.0)),
            };
            self.members.push(Member {
                family,
                role,
                drift_pvalue: row.drift_pvalue.unwrap_or(f64::NAN),
                null_pvalue: row.null_test.map_or(f64::NAN, |test| test.pvalue),
                effect: row.effect_size.unwrap_or(f64::NAN),
            });
        }
        first
    }

    /// The place of the family of `row`, one that is new if need be.
    fn family(&mut self, row: &DriftRow) -> u32 {
        // Rows of one comparison come together.
        if let Some((_, place)) = self.last.as_ref().filter(|(key, _)| key.is_of(row)) {
            return *place;
        }
        let key = Key::of(row);
        let next = self.places.len() as u32;
        let place = *self.places.entry(key.clone()).or_insert(next);
        self.last = Some((key, place));
        place
    }

    /// Adjusts p-values, now that all rows have been noted.
    pub fn close(&mut self) {
        self.sums = vec![Sums::default(); self.places.len()];
        self.places.clear();
        self.last = None;
        adjust(&mut self.members, |member| &mut member.drift_pvalue);
        adjust(&mut self.members, |member| &mut member.null_pvalue);
        for member in &self.members {
            let Role::Column(weight) = member.role else { continue };
            let Some(sums) = self.sums.get_mut(member.family as usize) else { continue };
            if member.drift_pvalue.is_nan() {
                continue;
            }
            sums.compared += 1;
            sums.weight += weight;
            if member.drift_pvalue < SIGNIFICANCE && member.effect > NOTABLE_EFFECT {
                sums.drifted += 1;
                sums.weight_drifted += weight;
            }
        }
    }

    /// What the row at `place` says, once the families are closed.
    pub fn at(&self, place: usize) -> Together {
        self.members.get(place).map(|member| self.of(member)).unwrap_or_default()
    }

    /// What rows say at these places, once the families are closed.
    pub fn together(&self, places: Range<usize>) -> Vec<Together> {
        self.members.get(places).into_iter().flatten().map(|member| self.of(member)).collect()
    }

    fn of(&self, member: &Member) -> Together {
        let number = |value: f64| Some(value).filter(|value| !value.is_nan());
        let (drift_pvalue_adjusted, null_pvalue_adjusted) =
            (number(member.drift_pvalue), number(member.null_pvalue));
        let together = Together { drift_pvalue_adjusted, null_pvalue_adjusted, ..Together::default() };
        let sums = self.sums.get(member.family as usize).filter(|_| member.role == Role::Table);
        match sums {
            None => together,
            Some(sums) => Together {
                columns_compared: Some(sums.compared),
                columns_drifted: Some(sums.drifted),
                drift_share: (sums.weight > 0.0).then(|| sums.weight_drifted / sums.weight),
                ..together
            },
        }
    }
}

/// Adjusts one of the p-values of all columns, family by family.
fn adjust(members: &mut [Member], pvalue: fn(&mut Member) -> &mut f64) {
    let is_compared =
        |member: &mut &mut Member| matches!(member.role, Role::Column(_)) && !pvalue(member).is_nan();
    let mut columns: Vec<&mut Member> =
        members.iter_mut().filter_map(|mut member| is_compared(&mut member).then_some(member)).collect();
    columns.sort_by_key(|member| member.family);
    for family in columns.chunk_by_mut(|a, b| a.family == b.family) {
        let pvalues: Vec<f64> = family.iter_mut().map(|member| *pvalue(member)).collect();
        for (member, adjusted) in family.iter_mut().zip(adjusted(&pvalues)) {
            *pvalue(member) = adjusted;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drift::TestResult;

    fn row(column_name: &str, window_start: i64, pvalue: Option<f64>, effect_size: f64) -> DriftRow {
        DriftRow {
            column_name: column_name.to_owned(),
            granularity: "1 day".to_owned(),
            window_start,
            drift_type: "BASELINE",
            drift_pvalue: pvalue,
            effect_size: pvalue.map(|_| effect_size),
            null_test: Some(TestResult { statistic: 0.0, pvalue: 1.0 }),
            ..DriftRow::default()
        }
    }

    /// Two windows whose columns are compared in two goes, with a label that has moved.
    #[test]
    fn columns_are_judged_with_those_of_their_comparison() {
        let importance = BTreeMap::from([("b".to_owned(), 3.0)]);
        let mut families = Families::new(Some("label"), &importance);
        let first = [
            row("a", 1, Some(0.001), 0.2),
            row("a", 2, Some(0.6), 0.2),
            row("id", 1, None, 0.0),
            row("label", 1, Some(1e-9), 0.9),
        ];
        let second = [
            row(TABLE, 1, None, 0.0),
            row("b", 1, Some(0.004), 0.5),
            row(TABLE, 2, None, 0.0),
            row("b", 2, Some(0.004), 0.03),
            row("c", 1, Some(0.5), 0.01),
        ];
        assert_eq!((families.note(&first), families.note(&second)), (0, 4));
        families.close();
        let together = families.together(0..9);
        let pvalues: Vec<Option<f64>> = together.iter().map(|row| row.drift_pvalue_adjusted).collect();
        assert_eq!(
            pvalues,
            [Some(0.003), Some(0.6), None, Some(1e-9), None, Some(0.006), None, Some(0.008), Some(0.5)]
        );
        assert!(together.iter().all(|row| row.null_pvalue_adjusted == Some(1.0)));
        let of_tables = [&together[4], &together[6]];
        let shares = of_tables.map(|row| (row.columns_compared, row.columns_drifted, row.drift_share));
        // `b` weighs as much as three others. That it has moved by little in the second window is sure, and no drift.
        assert_eq!(shares, [(Some(3), Some(2), Some(0.8)), (Some(2), Some(0), Some(0.0))]);
        assert_eq!(together[0].drift_share, None);
    }
}
