//! An aggregate function whose state is one of the profile's states.
//!
//! Two-phase: partitions fold rows into states, and states travel as bytes and are merged. What to do
//! with a row is the [`Fold`]'s; everything that DataFusion wants to know stands here once.

use std::fmt::Debug;
use std::hash::Hash;
use std::marker::PhantomData;
use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, LargeBinaryArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, TypeSignature, Volatility,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::split::{self, Which};

/// First byte of a state: the version of its layout. States of another cannot be read.
pub const LAYOUT: u8 = 9;

/// Something that rows are folded into, and that adds.
pub trait State: Clone + Debug + Send + Sync + Serialize + DeserializeOwned + 'static {
    /// Adds the rows of another state.
    fn merge(&mut self, other: &Self);

    /// Whether no row is in it.
    fn is_empty(&self) -> bool;

    /// Bytes held in memory, about.
    fn size(&self) -> usize;

    /// Brings the state into its one form, so that equal states have equal bytes.
    fn settle(&mut self);

    /// The state as bytes.
    ///
    /// # Errors
    /// If it cannot be encoded.
    fn into_bytes(mut self) -> Result<Vec<u8>> {
        self.settle();
        postcard::to_extend(&self, vec![LAYOUT])
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

    /// Room to work in, kept from batch to batch.
    type Room: Debug + Default + Send + Sync;

    /// The state of no rows.
    fn empty() -> Self::State;

    /// Folds the rows of `arguments` into the states that they go to.
    ///
    /// # Errors
    /// If the arguments are not of the types that the fold takes.
    fn fold(arguments: &[ArrayRef], rows: &mut dyn Rows<Self::State>, room: &mut Self::Room) -> Result<()>;
}

/// Where the rows of a batch go.
pub trait Rows<S> {
    /// Calls `fold` with each state that gets rows, and which these are.
    fn for_each(&mut self, fold: &mut dyn FnMut(&mut S, Which<'_>));
}

/// The function.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StateFunction<F: Fold> {
    name: &'static str,
    signature: Signature,
    fold: PhantomData<F>,
}

impl<F: Fold> StateFunction<F> {
    /// The function called `name`, of so many `arguments`.
    pub fn new(name: &'static str, arguments: RangeInclusive<usize>) -> Self {
        let signature = Signature::one_of(arguments.map(TypeSignature::Any).collect(), Volatility::Immutable);
        Self { name, signature, fold: PhantomData }
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
        Ok(Box::new(One::<F> { state: F::empty(), room: F::Room::default() }))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Groups::<F>::default()))
    }
}

/// One state, for a query without groups.
#[derive(Debug)]
struct One<F: Fold> {
    state: F::State,
    room: F::Room,
}

struct OneState<'a, S>(&'a mut S);

impl<S> Rows<S> for OneState<'_, S> {
    fn for_each(&mut self, fold: &mut dyn FnMut(&mut S, Which<'_>)) {
        fold(self.0, Which::All);
    }
}

impl<F: Fold> Accumulator for One<F> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        F::fold(values, &mut OneState(&mut self.state), &mut self.room)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::LargeBinary(Some(self.state.clone().into_bytes()?)))
    }

    fn size(&self) -> usize {
        self.state.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for bytes in binary(states)?.iter().flatten() {
            self.state.merge(&F::State::from_bytes(bytes)?);
        }
        Ok(())
    }
}

/// One state for each group.
#[derive(Debug)]
struct Groups<F: Fold> {
    states: Vec<GroupState<F::State>>,
    room: F::Room,
}

/// The state of a group.
#[derive(Debug)]
enum GroupState<S> {
    /// As one partition has sent it. Most groups come from one partition, and their bytes are only passed on.
    Sent(Vec<u8>),
    /// As rows and other states are added to it.
    Open(S),
}

impl<S: State> GroupState<S> {
    /// Adds a state that a partition has sent.
    fn add(&mut self, bytes: &[u8]) -> Result<()> {
        let mut state = match self {
            Self::Open(state) if state.is_empty() => {
                *self = Self::Sent(bytes.to_vec());
                return Ok(());
            }
            Self::Open(state) => {
                state.merge(&S::from_bytes(bytes)?);
                return Ok(());
            }
            Self::Sent(known) => S::from_bytes(known)?,
        };
        state.merge(&S::from_bytes(bytes)?);
        *self = Self::Open(state);
        Ok(())
    }

    fn into_bytes(self) -> Result<Vec<u8>> {
        match self {
            Self::Sent(bytes) => Ok(bytes),
            Self::Open(state) => state.into_bytes(),
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Sent(bytes) => bytes.capacity(),
            Self::Open(state) => state.size(),
        }
    }
}

impl<F: Fold> Default for Groups<F> {
    fn default() -> Self {
        Self { states: Vec::new(), room: F::Room::default() }
    }
}

struct GroupedRows<'a, S> {
    states: &'a mut [GroupState<S>],
    groups: &'a [usize],
    filter: Option<&'a BooleanArray>,
}

impl<S: State> Rows<S> for GroupedRows<'_, S> {
    fn for_each(&mut self, fold: &mut dyn FnMut(&mut S, Which<'_>)) {
        let Self { states, groups, filter } = self;
        let kept = filter.map(|filter| move |row: usize| filter.is_valid(row) && filter.value(row));
        let wanted = kept.as_ref().map(|kept| kept as &dyn Fn(usize) -> bool);
        split::for_each(groups, wanted, &mut |group, which| {
            // While rows are folded, no state has been sent.
            if let Some(GroupState::Open(state)) = states.get_mut(group) {
                fold(state, which);
            }
        });
    }
}

impl<F: Fold> Groups<F> {
    fn emit(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let states = emit_to.take_needed(&mut self.states);
        let bytes: Result<Vec<Vec<u8>>> = states.into_iter().map(GroupState::into_bytes).collect();
        Ok(Arc::new(LargeBinaryArray::from_iter_values(bytes?)))
    }

    /// Makes room for so many groups.
    fn reach(&mut self, groups: usize) {
        self.states.resize_with(groups, || GroupState::Open(F::empty()));
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
        self.reach(total_num_groups);
        let Self { states, room } = self;
        let mut rows = GroupedRows { states, groups: group_indices, filter: opt_filter };
        F::fold(values, &mut rows, room)
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
        self.reach(total_num_groups);
        for (bytes, group) in binary(values)?.iter().zip(group_indices) {
            if let (Some(bytes), Some(state)) = (bytes, self.states.get_mut(*group)) {
                state.add(bytes)?;
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
        let mut each = Self::default();
        let groups: Vec<usize> = (0..rows).collect();
        each.update_batch(values, &groups, opt_filter, rows)?;
        each.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        // A sample: this is asked after every batch.
        let step = self.states.len().div_ceil(64).max(1);
        self.states.iter().step_by(step).map(GroupState::size).sum::<usize>() * step
    }
}

fn binary(states: &[ArrayRef]) -> Result<&LargeBinaryArray> {
    states
        .first()
        .and_then(|array| array.as_binary_opt::<i64>())
        .ok_or_else(|| exec_datafusion_err!("a state is not binary"))
}

/// All rows in one state.
#[cfg(test)]
pub(super) struct All<S>(pub(super) S);

#[cfg(test)]
impl<S> Rows<S> for All<S> {
    fn for_each(&mut self, fold: &mut dyn FnMut(&mut S, Which<'_>)) {
        fold(&mut self.0, Which::All);
    }
}

/// One column in every representation of its type: as Parquet is read, as it was written, and as engines hand it on.
#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) fn represented(array: &ArrayRef, types: &[DataType]) -> Vec<ArrayRef> {
    let coded = |key: &DataType, value: &DataType| {
        DataType::Dictionary(Box::new(key.clone()), Box::new(value.clone()))
    };
    let dictionaries =
        types.iter().flat_map(|value| [coded(&DataType::Int32, value), coded(&DataType::UInt16, value)]);
    types.iter().cloned().chain(dictionaries).map(|to| arrow::compute::cast(array, &to).unwrap()).collect()
}
