//! Whether probabilities are of the classes that labels are: names that never meet measure nothing.
//!
//! Told of a whole run, as each row's reason says only what it lacks.

use std::collections::BTreeSet;

use super::Profiles;
use super::classification::SureOf;

/// Most classes that are named of each.
const MAX_NAMED: usize = 5;

/// What is to be said if labels are of classes that have no probability, while others have one and no label ever is of them.
pub fn finding(profiles: &Profiles) -> Option<String> {
    let (mut labels, mut classes, mut meet) = (BTreeSet::new(), BTreeSet::new(), false);
    for state in profiles.whole_classifications() {
        let SureOf::Every(every) = state.probabilities.sure_of() else { continue };
        if every.labelled() == 0 {
            continue;
        }
        meet |= every.has_labels();
        labels.extend(state.labels());
        classes.extend(every.likely_classes());
    }
    let unsure: BTreeSet<&str> = labels.difference(&classes).copied().collect();
    let foreign: BTreeSet<&str> = classes.difference(&labels).copied().collect();
    if unsure.is_empty() || foreign.is_empty() {
        return None;
    }
    let (unsure, foreign) = (named(&unsure), named(&foreign));
    Some(match meet {
        false => format!(
            "labels are {unsure}, and probabilities are of {foreign}: call the classes of both alike, or nothing is measured of \
             probabilities"
        ),
        true => format!(
            "labels are of {unsure}, too, of which there is no probability, and there are probabilities of {foreign}, of which no \
             label is: if these are the same, call them alike, or what is measured of probabilities is wrong"
        ),
    })
}

fn named(names: &BTreeSet<&str>) -> String {
    let named: Vec<String> = names.iter().take(MAX_NAMED).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(MAX_NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}
