//! Fairness: whether a classifier does the same for two groups of rows.
//!
//! The groups are the two sides of a slicing expression that is a predicate: the *protected* group is that for which it
//! is true, the *unprotected* one that for which it is false; rows for which it is NULL are of neither. Each measure is
//! a rate of one class in the protected group minus the same rate in the unprotected group, so that it lies between −1
//! and 1, is 0 where both fare alike, and negative where the protected group has less of it. A class whose rate is 0/0
//! in one of the groups has no difference.
//!
//! **Source** Verma & Rubin (2018), *Fairness definitions explained*, FairWare 2018. Names are those of Databricks.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::classification::{ClassCounts, ClassificationState};
use super::gap::Gap;
use super::reason::Absence;
use super::{ColumnInfo, ColumnState, Group, Profiles, QualityState, Segment, Slice};
use crate::window::{Granularity, Window};

/// Most classes that a reason names.
const MAX_NAMED: usize = 5;

/// Value of the slice that is the protected group.
const PROTECTED: &str = "true";
/// Value of the slice that is the unprotected group.
const UNPROTECTED: &str = "false";

/// What is compared: it is there where a model predicts classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fairness {
    /// Slicing expressions whose type is boolean.
    pub predicates: BTreeSet<String>,
    /// The column that predictions are in; it may be one that is not profiled.
    pub prediction_col: String,
}

impl Fairness {
    /// The unprotected group beside `segment`, if that is a protected one.
    fn unprotected(&self, segment: &Segment) -> Option<Segment> {
        let slice = segment.slice.as_ref()?;
        let is_protected = slice.value == PROTECTED && self.predicates.contains(&slice.key);
        let slice = Some(Slice { value: UNPROTECTED.to_owned(), ..slice.clone() });
        is_protected.then(|| Segment { slice, ..segment.clone() })
    }
}

/// Differences of a rate, protected minus unprotected.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ClassDifferences {
    /// By class.
    pub one_vs_all: BTreeMap<String, f64>,
}

/// What a measure gives: differences, and why some classes have none.
#[derive(Clone, Debug, PartialEq)]
pub struct Parity {
    /// Of the classes that have one.
    pub differences: ClassDifferences,
    /// Which classes have none, and why.
    pub left_out: Option<Absence>,
}

/// Two groups of rows of one window and version. One that has no rows is not there.
#[derive(Clone, Copy, Debug)]
pub struct TwoGroups<'a> {
    protected: &'a Group,
    unprotected: Option<&'a Group>,
    prediction: Option<(usize, &'a ColumnInfo)>,
    gap: Option<&'a Gap>,
}

impl<'a> TwoGroups<'a> {
    /// `group` and the unprotected group beside it, if `group` is a protected one. It is that of `segment` at a place.
    pub fn of(
        profiles: &'a Profiles,
        at: Option<(Granularity, Window)>,
        segment: &Segment,
        group: &'a Group,
    ) -> Option<Self> {
        let fairness = profiles.fairness.as_ref()?;
        let unprotected = profiles.group(at, &fairness.unprotected(segment)?);
        let mut columns = profiles.columns.iter().enumerate();
        let prediction = columns.find(|(_, column)| column.name == fairness.prediction_col);
        let gap = profiles.gaps.get(&fairness.prediction_col).filter(|_| at.is_none());
        Some(Self { protected: group, unprotected, prediction, gap })
    }

    /// Whether labels are known at all, so that there are measures of them.
    pub fn have_labels(&self) -> bool {
        self.protected.table.quality.is_some()
    }

    /// Difference in precision: of the rows predicted as a class, the share that are.
    pub fn predictive_parity(&self) -> Result<Parity, Absence> {
        of_labels(self.labelled()?, "predicted as", |class, _| (class.hits, class.predicted))
    }

    /// Difference in the false positive rate: of the rows that are not of a class, the share predicted as it.
    pub fn predictive_equality(&self) -> Result<Parity, Absence> {
        of_labels(self.labelled()?, "that is not of", |class, all| {
            (class.predicted - class.hits, all - class.labelled)
        })
    }

    /// Difference in recall: of the rows that are of a class, the share predicted as it.
    pub fn equal_opportunity(&self) -> Result<Parity, Absence> {
        of_labels(self.labelled()?, "of", |class, _| (class.hits, class.labelled))
    }

    /// Difference in what is predicted: of all rows with a prediction, labelled or not, the share predicted as a class.
    pub fn statistical_parity(&self) -> Result<ClassDifferences, Absence> {
        let groups = self.both()?;
        if let Some(gap) = self.gap {
            return Err(gap.of_statistics());
        }
        let (index, column) = self.prediction.ok_or(Absence::new("the prediction column is not profiled"))?;
        let predictions = |(group, name): (&'a Group, &str)| {
            let counts = predictions(column, group.columns.get(index))?;
            let total: u64 = counts.values().sum();
            match total {
                0 => Err(Absence::from(format!("no row of the {name} group has a prediction"))),
                total => Ok((counts, total)),
            }
        };
        let [protected, unprotected] = groups.map(predictions);
        let (protected, unprotected) = (protected?, unprotected?);
        let classes: BTreeSet<&str> = protected.0.keys().chain(unprotected.0.keys()).copied().collect();
        let share = |(counts, total): &(BTreeMap<&str, u64>, u64), class| {
            counts.get(class).copied().unwrap_or_default() as f64 / *total as f64
        };
        let one_vs_all = classes
            .into_iter()
            .map(|class| (class.to_owned(), share(&protected, class) - share(&unprotected, class)))
            .collect();
        Ok(ClassDifferences { one_vs_all })
    }

    fn both(&self) -> Result<[(&'a Group, &'static str); 2], Absence> {
        let unprotected = self.unprotected.ok_or(Absence::new("there is no row of the unprotected group"))?;
        Ok([(self.protected, "protected"), (unprotected, "unprotected")])
    }

    fn labelled(&self) -> Result<[&'a ClassificationState; 2], Absence> {
        let labelled = |(group, name): (&'a Group, &str)| match &group.table.quality {
            Some(QualityState::Classification(state)) if state.count() > 0 => Ok(state),
            _ => Err(Absence::from(format!("no row of the {name} group is labelled"))),
        };
        let [protected, unprotected] = self.both()?.map(labelled);
        Ok([protected?, unprotected?])
    }
}

/// Predictions by class. NaN is no class.
fn predictions<'a>(
    column: &ColumnInfo,
    state: Option<&'a ColumnState>,
) -> Result<BTreeMap<&'a str, u64>, Absence> {
    let Some(ColumnState::Text(state)) = state else {
        return Err(Absence::new("predictions are not counted by class"));
    };
    if !state.items.is_exact() {
        return Err(Absence::new("predictions are of too many classes to count each"));
    }
    let is_number = ["float", "double"].contains(&column.data_type.as_str());
    Ok(state.items.iter().filter(|(class, _)| !(is_number && *class == "NaN")).collect())
}

/// Differences of the rate that is `part` of `whole` of a class, told its counts and all labelled rows. A whole is of
/// rows that are `what` the class.
fn of_labels<'a>(
    groups: [&'a ClassificationState; 2],
    what: &str,
    rate: impl Fn(ClassCounts, u64) -> (u64, u64),
) -> Result<Parity, Absence> {
    let counted = |state: &'a ClassificationState| Ok::<_, Absence>((state.by_class()?, state.count()));
    let [protected, unprotected] = groups.map(counted);
    let (protected, unprotected) = (protected?, unprotected?);
    let classes: BTreeSet<&str> = protected.0.keys().chain(unprotected.0.keys()).copied().collect();
    let rate_in = |(counts, all): &(BTreeMap<&str, ClassCounts>, u64), class| {
        let (part, whole) = rate(counts.get(class).copied().unwrap_or_default(), *all);
        (whole > 0).then(|| part as f64 / whole as f64)
    };
    let mut one_vs_all = BTreeMap::new();
    let mut left_out = Vec::new();
    for class in classes {
        match rate_in(&protected, class).zip(rate_in(&unprotected, class)) {
            Some((protected, unprotected)) => {
                one_vs_all.insert(class.to_owned(), protected - unprotected);
            }
            None => left_out.push(class),
        }
    }
    let left_out = (!left_out.is_empty())
        .then(|| Absence::from(format!("a group has no labelled row {what} {}", list(&left_out))));
    match left_out {
        Some(why) if one_vs_all.is_empty() => Err(why),
        left_out => Ok(Parity { differences: ClassDifferences { one_vs_all }, left_out }),
    }
}

fn list(classes: &[&str]) -> String {
    let named: Vec<String> = classes.iter().take(MAX_NAMED).map(|class| format!("`{class}`")).collect();
    match classes.len().saturating_sub(MAX_NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

#[cfg(test)]
mod tests;
