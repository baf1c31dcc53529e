//! What can be wrong with a file of settings: every problem with its place and a hint.

use std::fmt;
use std::path::{Path, PathBuf};

use super::yaml::Place;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, if that can be told.
    pub place: Option<Place>,
    /// The key, in the words of the file: `alerts[0].above`. Empty for the whole file.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// All that is wrong with one file. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    /// The file.
    pub file: PathBuf,
    /// In the order of the file.
    pub problems: Vec<Problem>,
}

impl Problems {
    /// One problem with `file` as a whole.
    pub fn of_file(file: &Path, message: impl Into<String>, hint: impl Into<String>) -> Self {
        let problem =
            Problem { place: None, key: String::new(), message: message.into(), hint: Some(hint.into()) };
        Self { file: file.to_owned(), problems: vec![problem] }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{}", self.file.display())?;
            if let Some(Place { line, column }) = problem.place {
                write!(f, ":{line}:{column}")?;
            }
            write!(f, ": ")?;
            if !problem.key.is_empty() {
                write!(f, "`{}` ", problem.key)?;
            }
            write!(f, "{}", problem.message)?;
            if let Some(hint) = &problem.hint {
                write!(f, "\n  hint: {hint}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// The candidate that `typed` was probably meant to be: misspelt, its beginning, or its initials, as `psi`.
pub fn nearest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    let lower = |name: &str| name.to_lowercase();
    let initials = |name: &str| name.split('_').filter_map(|word| word.chars().next()).collect::<String>();
    let misspelt = candidates
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lower(typed), &lower(candidate)), *candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len() / 4).clamp(1, 4))
        .min_by_key(|(distance, _)| *distance);
    let short = || {
        let is_meant = |name: &&&str| typed.len() > 1 && (name.starts_with(typed) || initials(name) == typed);
        candidates.iter().filter(is_meant).min_by_key(|name| name.split('.').next().map(str::len))
    };
    misspelt.map(|(_, candidate)| candidate).or_else(|| short().copied())
}

/// Most names that are listed: a table may have thousands of columns.
const NAMES_MAX: usize = 20;

/// Names that are listed of more than that: the nearest.
const NAMES_OF_MANY: usize = 8;

/// `did you mean …?`, or the list if nothing is near: the fields of a struct that was typed, else all as they are
/// given or, of many, the nearest.
pub fn suggest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> String {
    if let Some(candidate) = nearest(typed, candidates.clone()) {
        return format!("did you mean `{candidate}`?");
    }
    let mut names: Vec<&str> = candidates.into_iter().collect();
    let struct_of = |name: &str| name.split_once('.').map(|(column, _)| column.to_owned());
    if let Some(column) = struct_of(typed)
        && names.iter().any(|name| struct_of(name).as_ref() == Some(&column))
    {
        names.retain(|name| struct_of(name).as_ref() == Some(&column));
    }
    let mut rest = 0;
    if names.len() > NAMES_MAX {
        names.sort_by_cached_key(|name| strsim::damerau_levenshtein(typed, name));
        rest = names.len() - NAMES_OF_MANY;
        names.truncate(NAMES_OF_MANY);
    }
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("one of `{}`{more}", names.join("`, `"))
}

/// `/alerts/0/above` as people write it: `alerts[0].above`.
pub fn key_of_pointer(pointer: &str) -> String {
    let mut key = String::new();
    for segment in pointer.split('/').skip(1) {
        if segment.parse::<usize>().is_ok() {
            key.push('[');
            key.push_str(segment);
            key.push(']');
        } else {
            if !key.is_empty() {
                key.push('.');
            }
            key.push_str(&segment.replace("~1", "/").replace("~0", "~"));
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_become_keys() {
        assert_eq!(key_of_pointer("/alerts/0/above"), "alerts[0].above");
        assert_eq!(key_of_pointer(""), "");
    }

    #[test]
    fn near_names_are_suggested_and_far_ones_listed() {
        assert_eq!(suggest("abvoe", ["above", "below"]), "did you mean `above`?");
        assert_eq!(suggest("colour", ["above", "below"]), "one of `above`, `below`");
        let fields = ["avg", "recall.macro", "test.statistic", "test.pvalue"];
        assert_eq!(suggest("test.one.two.three", fields), "one of `test.statistic`, `test.pvalue`");
        let many: Vec<String> = (10..40).map(|n| format!("column_{n}_of_many")).collect();
        let many = suggest("of_many_39_and_more", many.iter().map(String::as_str));
        assert!(many.ends_with("` and 22 more") && many.contains("`column_39_of_many`"), "{many}");
    }
}
