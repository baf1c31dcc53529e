//! Literal arguments: what a call is told besides its rows.
//!
//! They come with every batch, and are read once.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_datafusion_err};
use jiff::tz::TimeZone;

use super::names::cast;
use crate::profile::covariance::Reference;
use crate::profile::distribution::Edges;
#[cfg(feature = "dle")]
use crate::profile::loss_estimator::LossEstimator;

/// What a text that a call was given says.
#[derive(Debug)]
pub(super) struct Given<T> {
    text: String,
    said: T,
}

/// The edges that a call was given; by default none.
pub(super) type GivenEdges = Given<Edges>;

/// The zone that a call was given; by default UTC.
pub(super) type GivenZone = Given<TimeZone>;

impl Default for GivenEdges {
    fn default() -> Self {
        Self { text: String::new(), said: Edges::default() }
    }
}

impl Default for GivenZone {
    fn default() -> Self {
        Self { text: String::new(), said: TimeZone::UTC }
    }
}

/// The scales that a call was given; by default none.
pub(super) type GivenReference = Given<Option<Reference>>;

impl Default for GivenReference {
    fn default() -> Self {
        Self { text: String::new(), said: None }
    }
}

impl GivenReference {
    /// The scales in `argument`, a text that is the same in every row.
    ///
    /// # Errors
    /// If the text is no list of scales.
    pub(super) fn read(&mut self, argument: &ArrayRef) -> Result<Option<&Reference>> {
        let said = self.parsed(Some(argument), |text| {
            serde_json::from_str(text).map(Some).map_err(|error| exec_datafusion_err!("scales: {error}"))
        });
        said.map(Option::as_ref)
    }
}

/// What a call was given to tell losses by; by default nothing.
#[cfg(feature = "dle")]
pub(super) type GivenEstimator = Given<Option<LossEstimator>>;

#[cfg(feature = "dle")]
impl Default for GivenEstimator {
    fn default() -> Self {
        Self { text: String::new(), said: None }
    }
}

#[cfg(feature = "dle")]
impl GivenEstimator {
    /// The estimator in `argument`, a text that is the same in every row.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn read(&mut self, argument: &ArrayRef) -> Result<Option<&LossEstimator>> {
        let said = self.parsed(Some(argument), |text| {
            let said = LossEstimator::of_text(text);
            said.map(Some).ok_or_else(|| exec_datafusion_err!("an estimator of losses that is none"))
        });
        said.map(Option::as_ref)
    }
}

impl GivenEdges {
    /// The edges in `argument`, a text that is the same in every row; none if it is not there.
    ///
    /// # Errors
    /// If the text is no list of numbers.
    pub(super) fn read(&mut self, argument: Option<&ArrayRef>) -> Result<&Edges> {
        self.parsed(argument, |text| {
            text.parse().map_err(|error| exec_datafusion_err!("edges `{text}`: {error}"))
        })
    }
}

impl GivenZone {
    /// The zone that `argument` names, a text that is the same in every row.
    ///
    /// # Errors
    /// If there is no such zone.
    pub(super) fn read(&mut self, argument: &ArrayRef) -> Result<&TimeZone> {
        self.parsed(Some(argument), |text| {
            TimeZone::get(text).map_err(|error| exec_datafusion_err!("zone `{text}`: {error}"))
        })
    }
}

impl<T> Given<T> {
    fn parsed(&mut self, argument: Option<&ArrayRef>, parse: impl FnOnce(&str) -> Result<T>) -> Result<&T> {
        let Some(first) = argument.filter(|argument| !argument.is_empty()) else { return Ok(&self.said) };
        let text = cast(&first.slice(0, 1), &DataType::Utf8)?;
        let text = text.as_string::<i32>().value(0);
        if text != self.text {
            self.said = parse(text)?;
            text.clone_into(&mut self.text);
        }
        Ok(&self.said)
    }
}
