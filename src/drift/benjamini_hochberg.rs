//! P-values adjusted for how many there are.
//!
//! Of a hundred columns that have not moved one has a p-value below 0.01. Adjusted, a p-value is the share of false alarms
//! that is to be expected if all columns are called moved whose p-value is no larger.
//!
//! **Formula** `min over k ≥ i of p₍ₖ₎ · m / k`, of the m p-values in order, at most 1.
//! **Convention** as `scipy.stats.false_discovery_control`.
//! **Source** Benjamini & Hochberg, *Journal of the Royal Statistical Society B* 57(1), 289–300 (1995).

/// `pvalues`, adjusted, in the order in which they were given. None may be NaN.
pub fn adjusted(pvalues: &[f64]) -> Vec<f64> {
    let mut ranked: Vec<(usize, f64)> = pvalues.iter().copied().enumerate().collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut adjusted = vec![1.0; pvalues.len()];
    let mut least = 1.0f64;
    for (above, (place, pvalue)) in ranked.into_iter().enumerate() {
        let rank = pvalues.len() - above;
        least = least.min(pvalue * (pvalues.len() as f64 / rank as f64));
        if let Some(adjusted) = adjusted.get_mut(place) {
            *adjusted = least;
        }
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The table of their article (section 3.2): of 15 the first four are significant at 0.05.
    #[test]
    fn the_article_is_followed() {
        let pvalues = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
            0.6528, 0.7590, 1.0000,
        ];
        let adjusted = adjusted(&pvalues);
        assert_eq!(adjusted.iter().filter(|pvalue| **pvalue <= 0.05).count(), 4);
        assert!((adjusted[3] - 0.0095 * 15.0 / 4.0).abs() < 1e-15);
    }

    #[test]
    fn one_alone_stays_and_none_is_none() {
        assert_eq!(adjusted(&[0.03]), [0.03]);
        assert!(adjusted(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn no_order_is_changed(pvalues in prop::collection::vec(0.0..=1.0f64, 1..40)) {
            let adjusted = adjusted(&pvalues);
            for (i, a) in pvalues.iter().enumerate() {
                prop_assert!(adjusted[i] >= *a && adjusted[i] <= 1.0);
                for (j, b) in pvalues.iter().enumerate() {
                    prop_assert!(a > b || adjusted[i] <= adjusted[j]);
                }
            }
        }
    }
}
