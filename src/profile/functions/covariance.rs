//! Rows to second moments: all columns of one call at once.

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{DataFusionError, Result, exec_datafusion_err};

use super::aggregate::{Fold, Rows, State};
use super::dictionary::Dictionary;
use super::given::GivenReference;
use super::names::cast;
use super::split::Which;
use crate::profile::covariance::{self, CovarianceState, Scale};
use crate::profile::name_codes::NameCodes;

impl State for CovarianceState {
    fn merge(&mut self, other: &Self) {
        self.merge(other);
    }

    fn is_empty(&self) -> bool {
        self.rows() == 0
    }

    fn size(&self) -> usize {
        self.size()
    }

    fn settle(&mut self) {
        self.settle();
    }
}

/// Scales (literal), and a column for each of them, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Covariance;

/// Room for the numbers of one group.
#[derive(Debug, Default)]
pub struct CovarianceRoom {
    reference: GivenReference,
    dictionaries: Vec<Dictionary>,
    /// Of the batch, column after column.
    batch: Vec<Vec<f64>>,
    /// Of one group of it.
    group: Vec<Vec<f64>>,
    room: covariance::Room,
}

impl Fold for Covariance {
    type State = CovarianceState;
    type Room = CovarianceRoom;

    fn empty() -> CovarianceState {
        CovarianceState::default()
    }

    fn fold(
        arguments: &[ArrayRef],
        rows: &mut dyn Rows<CovarianceState>,
        room: &mut CovarianceRoom,
    ) -> Result<()> {
        let CovarianceRoom { reference, dictionaries, batch, group, room } = room;
        let Some((said, columns)) = arguments.split_first() else {
            return Err(exec_datafusion_err!("argument 1 is missing"));
        };
        let Some(reference) = reference.read(said)? else { return Ok(()) };
        let scales = reference.scales();
        if columns.len() != scales.len() {
            return Err(exec_datafusion_err!("{} columns for {} scales", columns.len(), scales.len()));
        }
        dictionaries.resize_with(columns.len(), Dictionary::default);
        batch.resize_with(columns.len(), Vec::new);
        group.resize_with(columns.len(), Vec::new);
        for (((column, scale), dictionary), numbers) in
            columns.iter().zip(scales).zip(dictionaries.iter_mut()).zip(batch.iter_mut())
        {
            numbers.clear();
            measure(column, scale, dictionary, numbers)?;
        }
        let mut result = Ok(());
        rows.for_each(&mut |state, which| {
            let numbers: &[Vec<f64>] = match which {
                Which::All => batch,
                Which::These(these) => {
                    for (numbers, all) in group.iter_mut().zip(batch.iter()) {
                        numbers.clear();
                        numbers.extend(these.iter().map(|row| all[*row as usize]));
                    }
                    group
                }
            };
            let numbers: Vec<&[f64]> = numbers.iter().map(Vec::as_slice).collect();
            if let Err(error) = state.add_all(reference, &numbers, room) {
                result = Err(DataFusionError::External(error.into()));
            }
        });
        result
    }
}

/// The numbers of a column, NaN where there is none; those of names are their codes.
fn measure(
    column: &ArrayRef,
    scale: &Scale,
    dictionary: &mut Dictionary,
    numbers: &mut Vec<f64>,
) -> Result<()> {
    let Some(codes) = scale.codes() else {
        let doubles = cast(column, &DataType::Float64)?;
        let doubles = doubles.as_primitive::<Float64Type>();
        numbers.extend(doubles.iter().map(|value| value.unwrap_or(f64::NAN)));
        return Ok(());
    };
    dictionary.code(column)?;
    let of_names: Vec<f64> =
        (0..=dictionary.len() as u32).map(|code| code_of(dictionary, code, codes)).collect();
    numbers.extend(dictionary.codes().iter().map(|code| of_names[*code as usize]));
    Ok(())
}

/// NULL is no name.
fn code_of(dictionary: &Dictionary, code: u32, codes: &NameCodes) -> f64 {
    dictionary.names.get(code).map_or(f64::NAN, |name| codes.code(Some(name.item())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use arrow::array::{Array, Int64Array, StringArray};

    use super::*;
    use crate::profile::covariance::{Bounds, Reference};

    struct Halves<S>([S; 2]);

    impl<S> Rows<S> for Halves<S> {
        fn for_each(&mut self, fold: &mut dyn FnMut(&mut S, Which<'_>)) {
            fold(&mut self.0[0], Which::These(&[0, 2]));
            fold(&mut self.0[1], Which::These(&[1, 3]));
        }
    }

    #[test]
    fn names_and_numbers_of_a_group_stand_beside_each_other() {
        let bounds = Bounds::of(&[0.0, 1.0, 2.0], (0.0, 2.0));
        let numbers = Scale::of_numbers("n", 1.0, 1.0, bounds);
        let names = Scale::of_names("t", NameCodes::of([("a", 3), ("b", 1)], 4));
        let ids = [numbers.id(), names.id()];
        let reference = Reference::new(vec![numbers, names]).unwrap();
        let said: ArrayRef = Arc::new(StringArray::from(vec![serde_json::to_string(&reference).unwrap(); 4]));
        let n: ArrayRef = Arc::new(Int64Array::from(vec![Some(2), None, Some(0), Some(1)]));
        let t: ArrayRef = Arc::new(StringArray::from(vec![Some("b"), Some("a"), None, Some("z")]));
        let mut columns = vec![Arc::clone(&n), Arc::clone(&t)];
        if reference.scales()[0].column() == "t" {
            columns.reverse();
        }
        let arguments: Vec<ArrayRef> = [said].into_iter().chain(columns).collect();
        let mut halves = Halves([Covariance::empty(), Covariance::empty()]);
        Covariance::fold(&arguments, &mut halves, &mut CovarianceRoom::default()).unwrap();
        let mut scales = ids;
        scales.sort_unstable();
        let of = |state: &CovarianceState, id: u64| state.standardized(&[id]).means()[0];
        let [even, odd] = &halves.0;
        // Means of 1 and −1; and of 0, where NULL is the mean, and 0.
        assert_eq!((of(even, ids[0]), of(odd, ids[0])), (0.0, 0.0));
        // `b` has the code 1/4, `a` 3/4, and an unknown name 0; of all codes the mean is 5/8, and the deviation √3/8.
        let z = |code: f64| (code - 0.625) / (3f64.sqrt() / 8.0);
        assert!((of(even, ids[1]) - z(0.25) / 2.0).abs() < 1e-4);
        assert!((of(odd, ids[1]) - (z(0.75) + z(0.0)) / 2.0).abs() < 1e-4);
        assert_eq!(
            (n.null_count(), even.rows(), odd.measured().collect::<Vec<_>>()),
            (1, 2, scales.to_vec())
        );
    }
}
