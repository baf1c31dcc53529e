//! How many different values there are, beyond what can be counted one by one.
//!
//! A HyperLogLog sketch of 2¹⁴ registers (standard error 0.8 %) over a stable hash of the values, so
//! the same values give the same estimate in any order and on any machine. The columns' own states
//! count exactly up to their limit and turn to this only above it.

use std::sync::OnceLock;

use datasketches::hll::HllSketch;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use xxhash_rust::xxh3::xxh3_64;

const LG_REGISTERS: u8 = 14;

const REGISTERS: usize = 1 << LG_REGISTERS;

/// Bits of a hash that do not choose the register.
const RANK_BITS: u32 = u64::BITS - LG_REGISTERS as u32;

/// The last of them.
const LAST_RANK_BIT: u64 = 1 << (u64::BITS - RANK_BITS);

/// A sketch of the set of values seen. Empty until the first value.
#[derive(Clone, Default)]
pub struct Distinct {
    /// The greatest rank seen in each register; none before the first value.
    registers: Vec<u8>,
    /// What was estimated of them: several metrics ask for it.
    estimate: OnceLock<u64>,
}

impl Distinct {
    fn of(registers: &[u8]) -> Self {
        Self { registers: registers.to_vec(), estimate: OnceLock::new() }
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.registers.is_empty()
    }

    /// Adds numbers; both zeros are one.
    pub fn add_numbers(&mut self, values: impl Iterator<Item = f64>) {
        self.add_hashes(values.map(|value| mixed((value + 0.0).to_bits())));
    }

    /// Adds a text.
    pub fn add_text(&mut self, value: &str) {
        self.add_hashes(std::iter::once(xxh3_64(value.as_bytes())));
    }

    fn add_hashes(&mut self, hashes: impl Iterator<Item = u64>) {
        self.estimate.take();
        if self.registers.is_empty() {
            self.registers.resize(REGISTERS, 0);
        }
        // An array of known length is looked into without a check.
        let Some(registers) = self.registers.first_chunk_mut::<REGISTERS>() else { return };
        for hash in hashes {
            // With a bit that is always there, no hash is of zeros alone.
            let rank = ((hash | LAST_RANK_BIT).leading_zeros() + 1) as u8;
            let register = &mut registers[hash as usize % REGISTERS];
            *register = (*register).max(rank);
        }
    }

    /// Adds all values of another sketch.
    pub fn merge(&mut self, other: &Self) {
        self.estimate.take();
        if self.registers.is_empty() {
            self.registers.clone_from(&other.registers);
        }
        for (ours, theirs) in self.registers.iter_mut().zip(&other.registers) {
            *ours = (*ours).max(*theirs);
        }
    }

    /// Estimated number of different values. The estimator that looks at the registers alone: others
    /// are finer, but depend on the order of rows.
    pub fn estimate(&self) -> u64 {
        let estimate = || {
            let sketch = HllSketch::deserialize(&self.image()).ok()?;
            Some(sketch.composite_estimate().round().max(0.0) as u64)
        };
        if self.is_empty() { 0 } else { *self.estimate.get_or_init(|| estimate().unwrap_or_default()) }
    }

    /// Bytes held in memory.
    pub fn size(&self) -> usize {
        self.registers.capacity()
    }

    /// Takes the sketch out, as [`Self::from_image`] reads it; `None` if it is empty.
    pub fn take(&mut self) -> Option<Vec<u8>> {
        let sketch = std::mem::take(self);
        (!sketch.is_empty()).then(|| sketch.image())
    }

    /// The sketch that `image` is: dense, eight bits a register.
    ///
    /// # Errors
    /// If it is another, with why.
    pub fn from_image(image: &[u8]) -> Result<Self, &'static str> {
        match image.get(PREAMBLE..) {
            Some(registers) if registers.len() == REGISTERS => Ok(Self::of(registers)),
            _ => Err(UNKNOWN),
        }
    }

    /// The sketch as Apache DataSketches writes a dense one with eight bits a register: 40 bytes, and the
    /// registers.
    fn image(&self) -> Vec<u8> {
        let mut ranks = [0u32; 1 << u8::BITS];
        self.registers.iter().for_each(|rank| ranks[usize::from(*rank)] += 1);
        // A rank is at most 51, so each term is a whole multiple of 2⁻⁵¹ and the sums are exact.
        let share = |ranks: &[u32], least: i32| -> f64 {
            (least..).zip(ranks).map(|(rank, registers)| f64::from(*registers) * 2f64.powi(-rank)).sum()
        };
        let unused = ranks[0];
        // Preamble of ten words, layout 1, family 7; out of order, so that no reader trusts the sum that
        // would depend on the order; mode dense, eight bits.
        let mut image = vec![10, 1, 7, LG_REGISTERS, 0, 0b1_0000, 0, 0b1010];
        for number in [0.0, share(&ranks[..32], 0), share(&ranks[32..64], 32)] {
            image.extend_from_slice(&number.to_le_bytes());
        }
        image.extend_from_slice(&unused.to_le_bytes());
        image.extend_from_slice(&[0; 4]);
        image.extend_from_slice(&self.registers);
        image
    }
}

/// A hash of eight bytes, stable like that of texts and faster: the last steps of MurmurHash3 (Appleby, public
/// domain), after which each bit depends on all.
fn mixed(bits: u64) -> u64 {
    let bits = (bits ^ bits >> 33).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    let bits = (bits ^ bits >> 33).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    bits ^ bits >> 33
}

impl PartialEq for Distinct {
    fn eq(&self, other: &Self) -> bool {
        self.estimate() == other.estimate()
    }
}

impl std::fmt::Debug for Distinct {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Distinct(~{})", self.estimate())
    }
}

/// Why bytes are not taken for a sketch.
const UNKNOWN: &str = "not a sketch of 2^14 registers";

/// Bytes of an image before its registers.
const PREAMBLE: usize = 40;

/// Between two parts of a run the registers say it all.
impl Serialize for Distinct {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.registers)
    }
}

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let registers: &[u8] = Deserialize::deserialize(deserializer)?;
        match registers.len() {
            0 | REGISTERS => Ok(Self::of(registers)),
            _ => Err(D::Error::custom(UNKNOWN)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: std::ops::Range<u64>) -> Distinct {
        let mut distinct = Distinct::default();
        distinct.add_numbers(range.map(|i| i as f64 * 1.7));
        distinct
    }

    #[test]
    fn estimates_are_within_two_percent() {
        for n in [5_000, 50_000, 1_000_000] {
            let error = (of(0..n).estimate() as f64 / n as f64 - 1.0).abs();
            assert!(error < 0.02, "{n}: {error}");
        }
    }

    #[test]
    fn order_and_grouping_do_not_matter() {
        let whole = of(0..30_000);
        let mut merged = of(20_000..30_000);
        merged.merge(&of(0..25_000));
        assert_eq!(merged.estimate(), whole.estimate());
        let bytes = postcard::to_stdvec(&whole).unwrap_or_default();
        let back: Distinct = postcard::from_bytes(&bytes).unwrap_or_default();
        assert_eq!(back.estimate(), whole.estimate());
        assert_eq!(bytes, postcard::to_stdvec(&merged).unwrap_or_default());
        assert_eq!(bytes, postcard::to_stdvec(&back).unwrap_or_default());
    }
}
