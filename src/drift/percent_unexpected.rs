//! Share of unexpected names.
//!
//! **Measures** how much of a window is called what nothing of the comparison is.
//! **Formula** `100 · Σ window counts of names that the comparison does not have / values of the window`.
//! **Range** `[0, 100]` percent; 0 when equal; not symmetric.
//! **Convention** absent where the comparison has too many different names for all of them to be known, or the window has.
use crate::profile::frequent_items::FrequentItems;
use crate::profile::percent;
use crate::profile::reason::Absence;

/// The share of `window` that `comparison` lacks, in percent.
///
/// # Errors
/// If not all names of both sides are known, or the window has none.
pub fn percent_unexpected(comparison: &FrequentItems, window: &FrequentItems) -> Result<f64, Absence> {
    if !comparison.is_exact() || !window.is_exact() {
        return Err(Absence::new("there are too many different values to know them all"));
    }
    let unexpected = comparison.beside(window).into_iter().filter(|(then, _)| *then == 0);
    let unexpected = unexpected.map(|(_, now)| now).sum();
    percent(unexpected, window.total()).ok_or(Absence::new("the window has no value"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(counts: &[(&str, u64)]) -> FrequentItems {
        let mut items = FrequentItems::default();
        counts.iter().for_each(|(name, count)| items.add(name, *count, |_| {}));
        items
    }

    #[test]
    fn what_was_never_there_is_unexpected() {
        let web_and_app = names(&[("web", 900), ("app", 100)]);
        let share = |window: &[(&str, u64)]| percent_unexpected(&web_and_app, &names(window)).ok();
        assert_eq!(share(&[("web", 3)]), Some(0.0));
        assert_eq!(share(&[("web", 6), ("kiosk", 1), ("App", 1)]), Some(25.0));
        assert_eq!(share(&[("kiosk", 7)]), Some(100.0));
    }

    #[test]
    fn of_too_many_names_nobody_knows() {
        let many: Vec<String> = (0..9_000).map(|name| name.to_string()).collect();
        let many: Vec<(&str, u64)> = many.iter().map(|name| (name.as_str(), 1)).collect();
        assert!(percent_unexpected(&names(&many), &names(&[("1", 1)])).is_err());
        assert!(percent_unexpected(&names(&[("1", 1)]), &names(&many)).is_err());
    }
}
