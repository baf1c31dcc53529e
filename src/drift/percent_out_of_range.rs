//! Share of numbers out of range.
//!
//! **Measures** how much of a window lies below the least or above the greatest number of the comparison.
//! **Formula** `100 · (window values < min + window values > max) / finite values of the window`, with the comparison's extremes.
//! **Range** `[0, 100]` percent; 0 when equal; not symmetric.
//! **Convention** where values share buckets, those in one bucket with an extreme are within.
use super::paired::PairedNumbers;

/// The share of the window that is out of the comparison's range, in percent.
pub fn percent_out_of_range(pair: &PairedNumbers) -> f64 {
    let (all_then, all_now) = pair.total();
    let (mut then, mut outside) = (0, 0);
    for (comparison, window) in pair.counts() {
        // Nothing of the comparison is up to here, or all of it was before.
        if (then == 0 || then == all_then) && comparison == 0 {
            outside += window;
        }
        then += comparison;
    }
    100.0 * outside as f64 / all_now as f64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::profile::distribution::Distribution;

    fn numbers(values: &[i32]) -> Distribution {
        let mut distribution = Distribution::default();
        values.iter().for_each(|value| distribution.add(f64::from(*value)));
        distribution
    }

    proptest! {
        #[test]
        fn it_is_what_lies_beyond_the_extremes(
            then in prop::collection::vec(-50i32..50, 1..40), now in prop::collection::vec(-80i32..80, 1..40),
        ) {
            let (least, most) = (*then.iter().min().unwrap(), *then.iter().max().unwrap());
            let outside = now.iter().filter(|value| **value < least || **value > most).count();
            let pair = PairedNumbers::new(&numbers(&then), &numbers(&now)).unwrap();
            prop_assert_eq!(percent_out_of_range(&pair), 100.0 * outside as f64 / now.len() as f64);
        }
    }
}
