//! Whether probabilities are of the classes that labels are: names that never meet measure nothing.
//!
//! Told of a whole run, as each row's reason says only what it lacks.

use std::collections::BTreeSet;

use super::Profiles;
use super::classification::SureOf;

/// Most classes that are named of each.
const MAX_NAMED: usize = 5;

/// What is to be said if the labels of the inference table are all of other classes than those that have probabilities.
pub fn finding(profiles: &Profiles) -> Option<String> {
    let (mut labels, mut classes) = (BTreeSet::new(), BTreeSet::new());
    for state in profiles.whole_classifications() {
        let SureOf::Every(every) = state.probabilities.sure_of() else { continue };
        if every.labelled() == 0 {
            continue;
        }
        if every.has_labels() {
            return None;
        }
        labels.extend(state.labels());
        classes.extend(every.classes().unwrap_or_default());
    }
    let foreign = classes.difference(&labels).copied().collect();
    (!labels.is_empty()).then(|| {
        format!(
            "labels are {}, and probabilities are of {}: call the classes of both alike, or nothing is measured of probabilities",
            named(&labels),
            named(&foreign)
        )
    })
}

fn named(names: &BTreeSet<&str>) -> String {
    let named: Vec<String> = names.iter().take(MAX_NAMED).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(MAX_NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}
