//! The p-value of drift.
//!
//! **Measures** how likely it is that two samples of one distribution are at least this far apart.
//! **Formula** of numbers, the p-value of the Kolmogorov-Smirnov test. Of names, that of the chi-squared test, where the names
//! of which fewer than five are expected on a side are one; if that leaves two, or there are only two, Fisher's exact test.
//! **Range** `[0, 1]`; 1 when equal; symmetric.
//! **Convention** unlike `chi_squared_test`, which stays as SciPy has it: on many rare names that is small far too often.
//! **Source** Cochran, *Biometrics* 10(4), 417–451 (1954), for the five.
use super::chi_squared_test::chi_squared_test;
use super::fishers_exact_test::fishers_exact_test;
use super::paired::Paired;
use crate::profile::reason::Absence;

/// Rows that have to be expected in a cell for the chi-squared distribution to hold.
const EXPECTED_MIN: f64 = 5.0;

const ONE_CATEGORY: Absence = Absence::new("there is only one category");

/// Whether fewer rows are expected in a cell of `pair` with these counts than the chi-squared distribution needs.
pub fn is_sparse(pair: &Paired, counts: (u64, u64)) -> bool {
    let (comparison, window) = (pair.total().0 as f64, pair.total().1 as f64);
    let share = (counts.0 + counts.1) as f64 / (comparison + window);
    share * comparison.min(window) < EXPECTED_MIN
}

/// The p-value of names side by side.
///
/// # Errors
/// If there is only one, or there are too few rows to tell.
pub fn of_names(pair: &Paired) -> Result<f64, Absence> {
    let used: Vec<(u64, u64)> = pair.counts().iter().copied().filter(|counts| *counts != (0, 0)).collect();
    if used.len() < 2 {
        return Err(ONE_CATEGORY);
    }
    if let [first, second] = used.as_slice()
        && used.iter().any(|counts| is_sparse(pair, *counts))
    {
        return Ok(fishers_exact_test(*first, *second));
    }
    let (rare, mut common): (Vec<_>, Vec<_>) = used.into_iter().partition(|counts| is_sparse(pair, *counts));
    let rare = rare.iter().fold((0, 0), |sum, counts| (sum.0 + counts.0, sum.1 + counts.1));
    match (rare, common.as_slice()) {
        (_, []) => return Err(Absence::new("there are too few rows of every category")),
        ((0, 0), _) => {}
        (_, [only]) if is_sparse(pair, rare) => return Ok(fishers_exact_test(rare, *only)),
        // All that are as rare as this have been put together, so which they are does not depend on which side has them. What
        // is rare still goes to the most common, which it changes least.
        _ if is_sparse(pair, rare) => {
            if let Some(most) = common.iter_mut().max_by_key(|counts| counts.0 + counts.1) {
                *most = (most.0 + rare.0, most.1 + rare.1);
            }
        }
        _ => common.push(rare),
    }
    let (then, now): (Vec<u64>, Vec<u64>) = common.into_iter().unzip();
    let test = Paired::from_counts(&then, &now).and_then(|pair| chi_squared_test(&pair));
    test.map(|test| test.pvalue).ok_or(ONE_CATEGORY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(then: &[u64], now: &[u64], expected: Result<f64, &str>) {
        let pvalue = Paired::from_counts(then, now).map(|pair| of_names(&pair));
        let expected = expected.map_err(Absence::quoted);
        match (pvalue, expected) {
            (Some(Ok(ours)), Ok(theirs)) => assert!((ours - theirs).abs() < 1e-12, "{ours}, not {theirs}"),
            (ours, theirs) => assert_eq!(ours, Some(theirs)),
        }
    }

    fn chi(then: &[u64], now: &[u64]) -> f64 {
        let test = Paired::from_counts(then, now).and_then(|pair| chi_squared_test(&pair));
        test.map_or(f64::NAN, |test| test.pvalue)
    }

    #[test]
    fn rare_names_are_one() {
        check(&[500, 300, 200], &[240, 160, 100], Ok(chi(&[500, 300, 200], &[240, 160, 100])));
        // Eight names of one row each in the comparison are six together in the window.
        let then = [[500, 300].as_slice(), &[2; 8]].concat();
        let now = [[250, 140].as_slice(), &[1; 6], &[0; 2]].concat();
        check(&then, &now, Ok(chi(&[500, 300, 16], &[250, 140, 6])));
        // Two together are still rare, and go to the most common.
        check(&[500, 300, 2, 1], &[250, 140, 0, 1], Ok(chi(&[503, 300], &[251, 140])));
    }

    #[test]
    fn two_of_which_one_is_rare_are_counted_out() {
        check(&[997, 3], &[497, 3], Ok(fishers_exact_test((997, 497), (3, 3))));
        check(&[997, 2, 1], &[497, 1, 2], Ok(fishers_exact_test((3, 3), (997, 497))));
    }

    #[test]
    fn too_little_says_nothing() {
        check(&[10], &[10], Err("there is only one category"));
        check(&[3, 3, 3], &[2, 2, 2], Err("there are too few rows of every category"));
    }
}
