//! Whether classes are so many that they are numbers: a regression that was taken for a classification.

use std::collections::BTreeSet;

use super::Profiles;

/// More classes than this are hardly meant, and a confusion matrix of them is read by nobody.
const HARDLY_MEANT: usize = 200;

/// What is to be said if labels of one window are of very many classes.
pub fn finding(profiles: &Profiles) -> Option<String> {
    let windows = profiles.whole_classifications();
    let classes = windows.map(|state| state.labels().collect::<BTreeSet<_>>().len());
    let most = classes.max().filter(|classes| *classes > HARDLY_MEANT)?;
    Some(format!(
        "labels of one window are of {most} classes; if they are numbers, write `problem_type: regression`"
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use jiff::tz::TimeZone;

    use super::*;
    use crate::contract::ALL_VERSIONS;
    use crate::profile::classification::ClassificationState;
    use crate::profile::{Group, QualityState, Segment, Series};
    use crate::window::{Calendar, Granularity};

    fn of(classes: usize) -> Option<String> {
        let mut state = ClassificationState::default();
        (0..classes).for_each(|class| state.add("0", &class.to_string(), false, 1));
        let quality = Some(QualityState::Classification(state));
        let group = Group::new(classes as u64, Vec::new(), quality);
        let segment = Segment { model_version: ALL_VERSIONS.to_owned(), slice: None };
        let series = Series { granularity: Granularity::Day, segment };
        let day =
            Calendar::new(TimeZone::UTC).window_of(Granularity::Day, "2026-05-01T00:00:00Z".parse().unwrap());
        let windows = BTreeMap::from([(series, BTreeMap::from([(day.unwrap(), Arc::new(group))]))]);
        finding(&Profiles { windows, ..Profiles::of(Vec::new()) })
    }

    #[test]
    fn many_classes_are_told() {
        assert_eq!(of(HARDLY_MEANT), None);
        assert!(of(HARDLY_MEANT + 1).unwrap().contains("201 classes"));
    }
}
