//! What the columns of a covariance are measured against: where each lies in the baseline, and how far it spreads.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::{CLIP, MAX_COLUMNS, UNITS};
use crate::profile::ColumnState;
use crate::profile::name_codes::NameCodes;

/// How the values of one column become numbers around 0, in two ways.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    column: String,
    /// Of a column of names.
    codes: Option<NameCodes>,
    mean: f64,
    /// 0 if the column is constant in the baseline.
    stddev: f64,
    bounds: Bounds,
}

/// Between which values of the baseline a column is looked at, so that no absurd value decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    low: f64,
    /// The mean between them, nearly.
    middle: f64,
    high: f64,
}

impl Bounds {
    /// The bounds by a baseline's percentiles, which are in order: the first to the ninety-ninth. Where these two are
    /// one, as in a column that is nearly always 0, by its extremes.
    pub fn of(percentiles: &[f64], (min, max): (f64, f64)) -> Self {
        let middle = percentiles.iter().map(|value| value / percentiles.len() as f64).sum();
        match (percentiles.first(), percentiles.last()) {
            (Some(low), Some(high)) if low < high => Self { low: *low, middle, high: *high },
            _ => Self { low: min, middle, high: max },
        }
    }

    /// The bounds, unless they are none.
    fn usable(self) -> Option<Self> {
        // Rounding may leave a trifle beyond.
        let middle = self.middle.max(self.low).min(self.high) + 0.0;
        let is_usable = self.low < self.high && (self.high - self.low).is_finite() && middle.is_finite();
        is_usable.then_some(Self { low: self.low + 0.0, middle, high: self.high + 0.0 })
    }
}

/// How far spreads and bounds may be apart for scales to be near, as a share.
const NEAR: f64 = 0.2;

/// How far shares of names may be.
const NEAR_SHARE: f64 = 0.05;

impl Scale {
    /// A column of numbers with this mean and standard deviation in the baseline. Where a part is no number there is
    /// nothing to measure by: the column takes no part, as one that is constant.
    pub fn of_numbers(column: &str, mean: f64, stddev: f64, bounds: Bounds) -> Self {
        Self::new(column, None, (mean, stddev), bounds)
    }

    /// A column of names.
    pub fn of_names(column: &str, codes: NameCodes) -> Self {
        let (mean, stddev) = codes.mean_and_stddev();
        // Codes are never absurd.
        let bounds = Bounds { low: 0.0, middle: mean, high: codes.code(None) };
        Self::new(column, Some(codes), (mean, stddev), bounds)
    }

    fn new(column: &str, codes: Option<NameCodes>, (mean, stddev): (f64, f64), bounds: Bounds) -> Self {
        let is_usable = mean.is_finite() && stddev.is_finite() && stddev > 0.0;
        let bounds = bounds.usable().filter(|_| is_usable);
        // −0 becomes 0: both are one reference.
        let (mean, stddev) = if bounds.is_some() { (mean + 0.0, stddev) } else { (0.0, 0.0) };
        Self { column: column.to_owned(), codes, mean, stddev, bounds: bounds.unwrap_or_default() }
    }

    /// The scale of a column by what a baseline has of it; none if its values do not vary, or are neither numbers nor names.
    pub fn of(column: &str, state: &ColumnState) -> Option<Self> {
        let scale = match state {
            ColumnState::Numeric(numbers) => {
                let ranks = numbers.ranks()?;
                let percentiles: Vec<f64> =
                    (1..100).filter_map(|percent| ranks.quantile(f64::from(percent) / 100.0)).collect();
                let bounds = Bounds::of(&percentiles, numbers.extremes()?);
                Self::of_numbers(column, numbers.avg()?, numbers.stddev().ok()?, bounds)
            }
            ColumnState::Text(names) => {
                Self::of_names(column, NameCodes::of(names.items.iter(), names.count))
            }
            ColumnState::Time(_) | ColumnState::Opaque(_) => return None,
        };
        (scale.stddev > 0.0).then_some(scale)
    }

    /// Whether another scale of the column, found later, is so near that this one does as well: the mean within half a standard
    /// deviation, the spread within a fifth, the bounds within a fifth of what lies between them, and names by nearly the same
    /// shares.
    pub fn is_near(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.bounds, other.bounds);
        let between = ours.high - ours.low;
        let is_close = |a: f64, b: f64| (a - b).abs() <= NEAR * between;
        let shares = match (&self.codes, &other.codes) {
            (None, None) => true,
            (Some(ours), Some(theirs)) => {
                let names = ours.names().chain(theirs.names()).map(|(name, _)| name);
                names
                    .into_iter()
                    .all(|name| (ours.code(Some(name)) - theirs.code(Some(name))).abs() <= NEAR_SHARE)
            }
            _ => false,
        };
        (self.mean - other.mean).abs() <= self.stddev / 2.0
            && (self.stddev - other.stddev).abs() <= NEAR * self.stddev
            && is_close(ours.low, theirs.low)
            && is_close(ours.high, theirs.high)
            && shares
    }

    /// Tells scales apart: by the column, and by all that it is measured by.
    pub fn id(&self) -> u64 {
        let Self { column, codes, mean, stddev, bounds: Bounds { low, middle, high } } = self;
        let mut bytes = Vec::new();
        // Each part with its length before it.
        let mut note = |part: &[u8]| {
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part);
        };
        // Values clipped elsewhere must not add up either.
        note(&CLIP.to_le_bytes());
        note(column.as_bytes());
        [mean, stddev, low, middle, high].into_iter().for_each(|part| note(&part.to_le_bytes()));
        let names = codes.as_ref().map_or(0, |codes| 1 + codes.names().count() as u64);
        note(&names.to_le_bytes());
        note(&codes.as_ref().map_or(0, NameCodes::total).to_le_bytes());
        for (name, count) in codes.iter().flat_map(NameCodes::names) {
            note(name.as_bytes());
            note(&count.to_le_bytes());
        }
        xxh3_64(&bytes)
    }

    /// The column's name.
    pub fn column(&self) -> &str {
        &self.column
    }

    /// How its names become numbers; none for a column of numbers.
    pub fn codes(&self) -> Option<&NameCodes> {
        self.codes.as_ref()
    }

    /// Standard deviations from the mean, clipped; 0 of what is not finite.
    #[inline]
    pub(super) fn standardized(&self, value: f64) -> f64 {
        let value = if value.is_finite() { value } else { self.mean };
        // A difference beyond a double is infinite, and is clipped as any that is too large.
        self.in_units(((value - self.mean) / self.stddev).clamp(-CLIP, CLIP))
    }

    /// Halves of the way between the bounds from their middle: between −2 and 2; 0 of what is not finite.
    #[inline]
    pub(super) fn bounded(&self, value: f64) -> f64 {
        let Bounds { low, middle, high } = self.bounds;
        let value = if value.is_finite() { value } else { middle };
        self.in_units((value.max(low).min(high) - middle) / ((high - low) / 2.0))
    }

    /// `z` in whole units; 0 for what is not finite, or of a column that takes no part.
    #[inline]
    fn in_units(&self, z: f64) -> f64 {
        // Adding and taking off what has no room for a fraction rounds half to even; `round_ties_even` is a call.
        let units = (z * UNITS + ROUNDER) - ROUNDER;
        if self.stddev > 0.0 { units } else { 0.0 }
    }
}

/// 1.5 · 2⁵²: the neighbours of a double so large are whole numbers.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// Scales of columns, in the order of their ids, each once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Scale>", into = "Vec<Scale>")]
pub struct Reference {
    scales: Vec<Scale>,
    ids: Vec<u64>,
}

/// A reference of no column, or of more than [`MAX_COLUMNS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a covariance is of 1 to {MAX_COLUMNS} columns, not of {0}")]
pub struct ColumnCount(pub usize);

impl Reference {
    /// A reference of `scales`, in any order.
    ///
    /// # Errors
    /// If there are none, or too many.
    pub fn new(scales: Vec<Scale>) -> Result<Self, ColumnCount> {
        if scales.is_empty() || scales.len() > MAX_COLUMNS {
            return Err(ColumnCount(scales.len()));
        }
        let mut by_id: Vec<(u64, Scale)> = scales.into_iter().map(|scale| (scale.id(), scale)).collect();
        by_id.sort_by_key(|(id, _)| *id);
        by_id.dedup_by_key(|(id, _)| *id);
        let (ids, scales) = by_id.into_iter().unzip();
        Ok(Self { scales, ids })
    }

    /// One scale a column.
    pub fn scales(&self) -> &[Scale] {
        &self.scales
    }

    /// Their ids.
    pub fn ids(&self) -> impl Iterator<Item = u64> + '_ {
        self.ids.iter().copied()
    }

    /// The column whose scale has this id.
    pub fn column(&self, id: u64) -> Option<&str> {
        let place = self.ids.binary_search(&id).ok()?;
        Some(self.scales.get(place)?.column())
    }
}

impl TryFrom<Vec<Scale>> for Reference {
    type Error = ColumnCount;

    fn try_from(scales: Vec<Scale>) -> Result<Self, ColumnCount> {
        Self::new(scales)
    }
}

impl From<Reference> for Vec<Scale> {
    fn from(reference: Reference) -> Self {
        reference.scales
    }
}
