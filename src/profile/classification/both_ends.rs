//! Probabilities on a scale that is as fine near 1 as it is near 0.
//!
//! Buckets follow the bits of a double, which tell 1e-9 from 2e-9 but see no more of 0.999 and 0.9999 than that both are near 1:
//! there a bucket that many values share is up to 1/8 wide. A confident model has its scores just there. On this scale a
//! bucket is about as wide as its share of the distance to the nearer end, and the order is the same.
//!
//! **Scale** `p` up to ½, above `1 / (4 (1 − p))`. `1 − p` is exact there, so no two probabilities fall together, and the way back is
//! off by no more than rounding.

use crate::profile::distribution::Edges;

/// The place of `probability`, which is within 0 and 1.
pub fn spread(probability: f64) -> f64 {
    match probability {
        low if low <= 0.5 => low,
        // An infinity would not be counted.
        high => (0.25 / (1.0 - high)).min(f64::MAX),
    }
}

/// The probability at `place`.
pub fn unspread(place: f64) -> f64 {
    if place <= 0.5 { place } else { 1.0 - 0.25 / place }
}

/// The places of edges that are probabilities; where others lie does not matter, as long as it is not between.
pub fn of_edges(edges: &Edges) -> Edges {
    Edges::new(edges.values().filter(|edge| *edge <= 1.0).map(spread))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn probability() -> impl Strategy<Value = f64> {
        prop_oneof![0.0..=1.0f64, (0.0..60.0f64).prop_map(|bits| 1.0 - (-bits).exp2()), Just(0.5), Just(1.0)]
    }

    proptest! {
        #[test]
        fn the_order_is_kept_and_the_way_back_is_the_same(one in probability(), other in probability()) {
            prop_assert_eq!(one.total_cmp(&other), spread(one).total_cmp(&spread(other)));
            prop_assert!((unspread(spread(one)) - one).abs() <= f64::EPSILON);
            prop_assert!(spread(one) < spread(one.next_up()) || one.next_up() > 1.0);
        }
    }

    #[test]
    fn both_ends_are_found_again() {
        for end in [0.0, 0.5, 1.0] {
            assert_eq!(unspread(spread(end)), end);
        }
    }
}
