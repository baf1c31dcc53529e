//! Small whole numbers, counted by value: counts, flags, categories, days.
//!
//! Of very many rows few are different, so all that is remembered of a number is worked out once for each different one.

/// Numbers from −2¹¹ up to but not with 2¹¹ are small.
const CELLS: usize = 1 << 12;

/// The cell of 0.
const HALF: f64 = (CELLS / 2) as f64;

/// What is added to a small whole number so that the last bits of the double are its cell: from 2⁵² on doubles are whole.
const TO_CELL: f64 = (1u64 << 52) as f64 + HALF;

/// So many are looked at before all are counted.
const GLANCE: usize = 64;

/// Most numbers that are counted at once: the sum of so many squares is a double.
const MOST: usize = 1 << 31;

/// Room to count in.
#[derive(Debug)]
pub(super) struct Integers {
    /// How often each occurs, all 0 between two calls.
    cells: Vec<u32>,
    counted: Vec<(f64, u64)>,
}

impl Default for Integers {
    fn default() -> Self {
        Self { cells: vec![0; CELLS], counted: Vec::new() }
    }
}

impl Integers {
    /// The different ones of `values`, in order, and how often each occurs; `None` if they are not all small whole
    /// numbers.
    pub(super) fn count(&mut self, values: &[f64]) -> Option<&[(f64, u64)]> {
        let Self { cells, counted } = self;
        let is_small = |value: &f64| cell(*value).is_some();
        if values.is_empty() || values.len() > MOST || !values.iter().take(GLANCE).all(is_small) {
            return None;
        }
        // An array of known length is looked into without a check.
        let cells = cells.first_chunk_mut::<CELLS>()?;
        let (mut least, mut greatest) = (CELLS - 1, 0);
        let rows = values.iter().map_while(|value| cell(*value)).map(|cell| {
            cells[cell] += 1;
            (least, greatest) = (least.min(cell), greatest.max(cell));
        });
        let rows = rows.count();
        counted.clear();
        for (cell, count) in cells.iter_mut().enumerate().take(greatest + 1).skip(least) {
            if *count > 0 {
                counted.push((cell as f64 - HALF, u64::from(std::mem::take(count))));
            }
        }
        (rows == values.len()).then_some(counted)
    }
}

/// Where `value` is counted, if it is a small whole number.
fn cell(value: f64) -> Option<usize> {
    let cell = (value + TO_CELL).to_bits() as usize % CELLS;
    (cell as f64 - HALF == value).then_some(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[f64], expected: Option<&[(f64, u64)]>) {
        let mut integers = Integers::default();
        assert_eq!(integers.count(values), expected);
        assert!(integers.cells.iter().all(|count| *count == 0));
    }

    #[test]
    fn small_whole_numbers_are_counted() {
        check(
            &[3.0, -2048.0, 2047.0, 3.0, -0.0, 0.0],
            Some(&[(-2048.0, 1), (0.0, 2), (3.0, 2), (2047.0, 1)]),
        );
        check(&[], None);
    }

    #[test]
    fn others_are_not() {
        let others = [
            0.5,
            2048.0,
            -2049.0,
            1e300,
            -1e300,
            4503599627370496.0,
            5e-324,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ];
        for other in others {
            check(&[other], None);
            let mut late = vec![7.0; 1000];
            late.push(other);
            check(&late, None);
        }
    }
}
