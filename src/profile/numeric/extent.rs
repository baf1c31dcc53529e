//! How far some numbers reach, and how many of them are of a kind.

/// Numbers that are looked at at once.
const LANES: usize = 4;

/// What one look at some numbers tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Extent {
    /// Least of them.
    pub(super) min: f64,
    /// Greatest of them.
    pub(super) max: f64,
    /// How many are zero.
    pub(super) zeros: u64,
    /// How many are below zero.
    pub(super) negative: u64,
}

impl Extent {
    /// That of `values`; `None` if there are none, or one of them is NaN or infinite.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        // Each lane by itself, without a branch, so that the processor takes all lanes at once.
        let (mut min, mut max) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
        let (mut zeros, mut negative, mut finite) = ([0u64; LANES], [0u64; LANES], [0u64; LANES]);
        let mut look = |lane: usize, value: f64| {
            min[lane] = if value < min[lane] { value } else { min[lane] };
            max[lane] = if value > max[lane] { value } else { max[lane] };
            zeros[lane] += u64::from(value == 0.0);
            negative[lane] += u64::from(value < 0.0);
            finite[lane] += u64::from(value.abs() < f64::INFINITY);
        };
        let (chunks, rest) = values.as_chunks::<LANES>();
        for chunk in chunks {
            for (lane, value) in chunk.iter().enumerate() {
                look(lane, *value);
            }
        }
        rest.iter().for_each(|value| look(0, *value));
        (!values.is_empty() && finite.iter().sum::<u64>() == values.len() as u64).then(|| Self {
            min: min.into_iter().fold(f64::INFINITY, f64::min),
            max: max.into_iter().fold(f64::NEG_INFINITY, f64::max),
            zeros: zeros.iter().sum(),
            negative: negative.iter().sum(),
        })
    }
}
