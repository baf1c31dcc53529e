//! Literal arguments: what a call is told besides its rows.
//!
//! They come with every batch, and are read once.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_datafusion_err};

use super::names::cast;
use crate::profile::distribution::Edges;

/// The edges that a call was given.
#[derive(Debug, Default)]
pub(super) struct GivenEdges {
    text: String,
    edges: Edges,
}

impl GivenEdges {
    /// The edges in `argument`, a text that is the same in every row; none if it is not there.
    ///
    /// # Errors
    /// If the text is no list of numbers.
    pub(super) fn read(&mut self, argument: Option<&ArrayRef>) -> Result<&Edges> {
        let Some(first) = argument.filter(|argument| !argument.is_empty()) else { return Ok(&self.edges) };
        let text = cast(&first.slice(0, 1), &DataType::Utf8)?;
        let text = text.as_string::<i32>().value(0);
        if text != self.text {
            self.edges = text.parse().map_err(|error| exec_datafusion_err!("edges `{text}`: {error}"))?;
            text.clone_into(&mut self.text);
        }
        Ok(&self.edges)
    }
}
