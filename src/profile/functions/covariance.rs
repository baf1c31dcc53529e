//! Rows to second moments: all columns of one call at once.

use arrow::array::ArrayRef;
use datafusion::common::{DataFusionError, Result, exec_datafusion_err};

use super::aggregate::{Fold, Rows, State};
use super::given::GivenReference;
use super::measured::MeasuredColumns;
use super::split::Which;
use crate::profile::covariance::{self, CovarianceState};

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
    batch: MeasuredColumns,
    /// Of one group of it, column after column.
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
        let CovarianceRoom { reference, batch, group, room } = room;
        let Some((said, columns)) = arguments.split_first() else {
            return Err(exec_datafusion_err!("argument 1 is missing"));
        };
        let Some(reference) = reference.read(said)? else { return Ok(()) };
        let batch = batch.measure(columns, reference)?;
        group.resize_with(columns.len(), Vec::new);
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use arrow::array::{Array, Int64Array, StringArray};

    use super::*;
    use crate::profile::covariance::{Bounds, Reference, Scale};
    use crate::profile::name_codes::NameCodes;

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
