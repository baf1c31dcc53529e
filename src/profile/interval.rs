//! Confidence intervals: how far a measure of a window could be from that of very many such rows.
//!
//! At 95 %, two-sided. Rows are taken to be independent; where they are not, an interval is too narrow.

use serde::Serialize;
use statrs::function::erf::erfc;

/// The 0.975-quantile of the standard normal distribution.
pub const Z: f64 = 1.959_963_984_540_054;

/// From where to where.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// `value ± z · standard_error`.
    pub fn normal(value: f64, standard_error: f64) -> Self {
        Self { low: value - Z * standard_error, high: value + Z * standard_error }
    }

    /// Cut to the range of the measure.
    #[must_use]
    pub fn within(self, least: f64, greatest: f64) -> Self {
        Self { low: self.low.clamp(least, greatest), high: self.high.clamp(least, greatest) }
    }

    /// The interval of the root of what this is of.
    #[must_use]
    pub fn root(self) -> Self {
        Self { low: self.low.max(0.0).sqrt(), high: self.high.max(0.0).sqrt() }
    }

    /// The chance of as large a difference between two measures, each with its interval, had both sides one truth. Two-sided; 1
    /// where they are equal. The ends that point to each other are taken to be 1.96 standard errors off (square and add), so that
    /// intervals need not be symmetric.
    ///
    /// Newcombe (1998), Statistics in Medicine 17(8), 873–890.
    pub fn difference_pvalue(one: (f64, Self), other: (f64, Self)) -> f64 {
        let ((lower, below), (upper, above)) = if one.0 <= other.0 { (one, other) } else { (other, one) };
        let difference = upper - lower;
        if difference == 0.0 {
            return 1.0;
        }
        let reach = (below.high - lower).hypot(upper - above.low) / Z;
        erfc(difference / reach / std::f64::consts::SQRT_2)
    }

    /// Wilson's interval of a proportion, `part` of `whole`; `None` of nothing.
    ///
    /// Wilson (1927), J. Am. Stat. Assoc. 22(158), 209–212.
    pub fn wilson(part: u64, whole: u64) -> Option<Self> {
        if whole == 0 {
            return None;
        }
        let rows = whole as f64;
        let share = part as f64 / rows;
        let middle = share + Z * Z / (2.0 * rows);
        let reach = Z * (share * (1.0 - share) / rows + Z * Z / (4.0 * rows * rows)).sqrt();
        let scale = 1.0 + Z * Z / rows;
        // At the ends it is the end exactly, whatever rounding leaves.
        let low = if part == 0 { 0.0 } else { (middle - reach) / scale };
        let high = if part == whole { 1.0 } else { (middle + reach) / scale };
        Some(Self { low, high })
    }

    /// The logit interval of an average precision over so many `positives`; `None` at 0 and 1, which have no logit.
    ///
    /// Boyd, Eng & Page (2013), Machine Learning and Knowledge Discovery in Databases, LNCS 8190, 451–466.
    pub fn logit(precision: f64, positives: u64) -> Option<Self> {
        let spread = positives as f64 * precision * (1.0 - precision);
        if spread <= 0.0 {
            return None;
        }
        let logit = (precision / (1.0 - precision)).ln();
        let reach = Z / spread.sqrt();
        let share = |logit: f64| 1.0 / (1.0 + (-logit).exp());
        Some(Self { low: share(logit - reach), high: share(logit + reach) })
    }

    /// Places in order, from 0, of the two values between which the median of `rows` rows lies; `None` of so few that there
    /// are none.
    ///
    /// Campbell & Gardner (1988), Br. Med. J. 296(6634), 1454–1456.
    pub fn places_around_median(rows: u64) -> Option<(u64, u64)> {
        let (middle, reach) = (rows as f64 / 2.0, Z * (rows as f64).sqrt() / 2.0);
        let (first, last) = ((middle - reach).round(), (1.0 + middle + reach).round());
        (first >= 1.0 && last <= rows as f64).then(|| (first as u64 - 1, last as u64 - 1))
    }

    /// Whether both ends are numbers that a table can hold.
    pub fn is_finite(self) -> bool {
        self.low.is_finite() && self.high.is_finite()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The library's error function is right to about 1e-11.
    fn close(ours: f64, theirs: f64) {
        assert!((ours - theirs).abs() < 1e-10, "{ours}, not {theirs}");
    }

    #[test]
    fn the_chance_of_a_difference_is_that_of_its_standard_errors() {
        // SciPy: 2 * stats.norm.sf(0.03 / np.hypot(0.01, 0.02)).
        let (one, other) = ((0.80, Interval::normal(0.80, 0.01)), (0.83, Interval::normal(0.83, 0.02)));
        close(Interval::difference_pvalue(one, other), 0.179_712_494_878_999_7);
        close(Interval::difference_pvalue(other, one), 0.179_712_494_878_999_7);
        // Only the ends that point to each other matter.
        let wide = Interval { low: 0.0, ..one.1 };
        close(Interval::difference_pvalue((0.80, wide), other), 0.179_712_494_878_999_7);
        assert_eq!(Interval::difference_pvalue(one, one), 1.0);
        let sure = |value| (value, Interval { low: value, high: value });
        assert_eq!(Interval::difference_pvalue(sure(0.1), sure(0.2)), 0.0);
    }
}
