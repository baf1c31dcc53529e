//! An aggregate function whose state is one of the profile's states.
//!
//! Two-phase: partitions fold rows into states, and states travel as bytes and are merged. What to do
//! with a row is the [`Fold`]'s; everything that DataFusion wants to know stands here once.

use std::fmt::Debug;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, LargeBinaryArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// First byte of a state: the version of its layout.
const LAYOUT: u8 = 3;

/// Something that rows are folded into, and that adds.
pub trait State: Clone + Debug + Send + Sync + Serialize + DeserializeOwned + 'static {
    /// Adds the rows of another state.
    fn merge(&mut self, other: &Self);

    /// Bytes held in memory, about.
    fn size(&self) -> usize;

    /// Brings the state into its one form, so that equal states have equal bytes.
    fn settle(&mut self);

    /// The state as bytes.
    ///
    /// # Errors
    /// If it cannot be encoded.
    fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut settled = self.clone();
        settled.settle();
        postcard::to_extend(&settled, vec![LAYOUT])
            .map_err(|error| exec_datafusion_err!("cannot encode a state: {error}"))
    }

    /// The state that `bytes` are.
    ///
    /// # Errors
    /// If they are none, or of a layout that is not known.
    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        match bytes.split_first() {
            Some((&LAYOUT, state)) => postcard::from_bytes(state)
                .map_err(|error| exec_datafusion_err!("cannot decode a state: {error}")),
            Some((layout, _)) => Err(exec_datafusion_err!("state of unknown layout {layout}")),
            None => Err(exec_datafusion_err!("empty state")),
        }
    }
}

/// How rows are folded into a state.
pub trait Fold: Debug + Clone + PartialEq + Eq + Hash + Send + Sync + 'static {
    /// What rows are folded into.
    type State: State;

    /// The state of no rows.
    fn empty() -> Self::State;

    /// Folds row `i` of `arguments` into `state(i)`, for each row for which that is there.
    ///
    /// # Errors
    /// If the arguments are not of the types that the fold takes.
    fn fold(arguments: &[ArrayRef], rows: &mut dyn Rows<Self::State>) -> Result<()>;
}

/// Where each row of a batch goes.
pub trait Rows<S> {
    /// The state that row `row` is folded into; `None` if the row is filtered out.
    fn state(&mut self, row: usize) -> Option<&mut S>;
}

/// The function.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StateFunction<F: Fold> {
    name: &'static str,
    signature: Signature,
    fold: PhantomData<F>,
}

impl<F: Fold> StateFunction<F> {
    /// The function called `name`, of `arguments` arguments.
    pub fn new(name: &'static str, arguments: usize) -> Self {
        Self { name, signature: Signature::any(arguments, Volatility::Immutable), fold: PhantomData }
    }
}

impl<F: Fold> AggregateUDFImpl for StateFunction<F> {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::LargeBinary)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(format_state_name(args.name, "state"), DataType::LargeBinary, true))])
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(One::<F>(F::empty())))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Groups::<F>(Vec::new())))
    }
}

/// One state, for a query without groups.
#[derive(Debug)]
struct One<F: Fold>(F::State);

struct OneState<'a, S>(&'a mut S);

impl<S> Rows<S> for OneState<'_, S> {
    fn state(&mut self, _: usize) -> Option<&mut S> {
        Some(self.0)
    }
}

impl<F: Fold> Accumulator for One<F> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        F::fold(values, &mut OneState(&mut self.0))
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::LargeBinary(Some(self.0.to_bytes()?)))
    }

    fn size(&self) -> usize {
        self.0.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for bytes in binary(states)?.iter().flatten() {
            self.0.merge(&F::State::from_bytes(bytes)?);
        }
        Ok(())
    }
}

/// One state for each group.
#[derive(Debug)]
struct Groups<F: Fold>(Vec<F::State>);

struct GroupedRows<'a, S> {
    states: &'a mut [S],
    groups: &'a [usize],
    filter: Option<&'a BooleanArray>,
}

impl<S> Rows<S> for GroupedRows<'_, S> {
    fn state(&mut self, row: usize) -> Option<&mut S> {
        if self.filter.is_some_and(|filter| !filter.is_valid(row) || !filter.value(row)) {
            return None;
        }
        self.states.get_mut(*self.groups.get(row)?)
    }
}

impl<F: Fold> Groups<F> {
    fn emit(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let states = emit_to.take_needed(&mut self.0);
        let bytes: Result<Vec<Vec<u8>>> = states.iter().map(State::to_bytes).collect();
        Ok(Arc::new(LargeBinaryArray::from_iter_values(bytes?)))
    }
}

impl<F: Fold> GroupsAccumulator for Groups<F> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.0.resize_with(total_num_groups, F::empty);
        let mut rows = GroupedRows { states: &mut self.0, groups: group_indices, filter: opt_filter };
        F::fold(values, &mut rows)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.emit(emit_to)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.emit(emit_to)?])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.0.resize_with(total_num_groups, F::empty);
        for (bytes, group) in binary(values)?.iter().zip(group_indices) {
            if let (Some(bytes), Some(state)) = (bytes, self.0.get_mut(*group)) {
                state.merge(&F::State::from_bytes(bytes)?);
            }
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, Array::len);
        let mut each = Self(Vec::new());
        let groups: Vec<usize> = (0..rows).collect();
        each.update_batch(values, &groups, opt_filter, rows)?;
        each.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        // A sample: this is asked after every batch.
        let step = self.0.len().div_ceil(64).max(1);
        self.0.iter().step_by(step).map(State::size).sum::<usize>() * step
    }
}

fn binary(states: &[ArrayRef]) -> Result<&LargeBinaryArray> {
    states
        .first()
        .and_then(|array| array.as_binary_opt::<i64>())
        .ok_or_else(|| exec_datafusion_err!("a state is not binary"))
}
