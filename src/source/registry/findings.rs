//! Model versions that predict although the registry does not know them, and files of it that say nothing.
//!
//! Plain sets in, sentences out: it reads nothing, and does not decide how urgent a finding is.

use std::collections::BTreeSet;

use super::RegistryError;
use crate::cause::chain;
use crate::lineage::RegisteredModel;

/// Most findings of one kind in one run. A model id column that holds something other than versions would give one for each value.
pub const MOST_FINDINGS: usize = 20;

/// Stand where a version is expected, but are none: all versions together, and rows without one.
const NOT_A_VERSION: [&str; 2] = ["*", ":null"];

/// One sentence for each model version in `seen`, the versions of the inference table, that `model` lacks.
///
/// In the order of their numbers; at most [`MOST_FINDINGS`], of which the last then says how many were left out.
pub fn findings(model: &RegisteredModel, seen: &BTreeSet<String>) -> Vec<String> {
    let mut missing: Vec<&str> = seen
        .iter()
        .map(String::as_str)
        .filter(|version| !NOT_A_VERSION.contains(version))
        .filter(|version| !model.versions.contains_key(*version))
        .collect();
    missing.sort_by_key(|version| (version.parse::<u64>().unwrap_or(u64::MAX), *version));

    let name = &model.name;
    bounded(
        &missing,
        |version| {
            format!("model version `{version}` of `{name}` is in the inference table but not in the registry")
        },
        |left| {
            format!(
                "{left} more model versions of `{name}` are in the inference table but not in the registry"
            )
        },
    )
}

/// One sentence for each file that could not be understood, in this order; at most [`MOST_FINDINGS`].
pub(super) fn of_files(unread: &[RegistryError]) -> Vec<String> {
    bounded(
        unread,
        |error| {
            format!("{}; rows lack what it says: repair the file, or restore it from a copy", chain(error))
        },
        |left| format!("{left} more files of the registry cannot be understood; rows lack what they say"),
    )
}

/// A sentence for each of `items` or, if these are more than [`MOST_FINDINGS`], one for all that are left.
fn bounded<T>(items: &[T], each: impl Fn(&T) -> String, rest: impl Fn(usize) -> String) -> Vec<String> {
    let shown = match items.len() {
        all @ ..=MOST_FINDINGS => all,
        _ => MOST_FINDINGS - 1,
    };
    let left = items.len() - shown;
    let rest = (left > 0).then(|| rest(left));
    items.iter().take(shown).map(each).chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lineage::ModelVersion;

    fn churn() -> RegisteredModel {
        let versions = ["1", "2"].map(|version| (version.to_owned(), ModelVersion::default()));
        RegisteredModel { name: "churn".to_owned(), versions: versions.into() }
    }

    #[track_caller]
    fn check(seen: &[&str], expected: &[&str]) {
        let seen = seen.iter().map(|version| (*version).to_owned()).collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|version| {
                format!(
                    "model version `{version}` of `churn` is in the inference table but not in the registry"
                )
            })
            .collect();
        assert_eq!(findings(&churn(), &seen), expected);
    }

    #[test]
    fn registered_versions_and_those_that_are_none_are_no_finding() {
        check(&[], &[]);
        check(&["1", "2", "*", ":null"], &[]);
    }

    #[test]
    fn missing_versions_are_named_in_the_order_of_their_numbers() {
        check(&["1", "10", "7", "canary"], &["7", "10", "canary"]);
    }

    #[test]
    fn the_number_of_findings_is_bounded() {
        let seen = (100..200).map(|version| version.to_string()).collect();
        let found = findings(&churn(), &seen);
        assert_eq!(found.len(), MOST_FINDINGS);
        assert_eq!(
            found.last().map(String::as_str),
            Some("81 more model versions of `churn` are in the inference table but not in the registry")
        );
    }
}
