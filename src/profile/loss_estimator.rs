//! What tells the losses of rows: a model that has learnt from the baseline, and the scales by which its columns are read.
//!
//! It is a literal argument of a query, and kept with the baseline's states.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::covariance::Reference;
use super::loss_model::LossModel;

/// A model, and how the values that it looks at become numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossEstimator {
    reference: Reference,
    model: LossModel,
}

impl LossEstimator {
    /// A model whose inputs are the columns of `reference`, in its order, and the prediction.
    pub fn new(reference: Reference, model: LossModel) -> Self {
        Self { reference, model }
    }

    /// How columns are read.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// What has learnt.
    pub fn model(&self) -> &LossModel {
        &self.model
    }

    /// As bytes.
    ///
    /// # Errors
    /// If it cannot be encoded.
    pub fn to_bytes(&self) -> Result<Vec<u8>, postcard::Error> {
        postcard::to_stdvec(self)
    }

    /// Bytes as a text, as which they stand in a query.
    pub fn text_of(bytes: &[u8]) -> String {
        STANDARD.encode(bytes)
    }

    /// What a text says that stands in a query; `None` if it is no estimator.
    pub fn of_text(text: &str) -> Option<Self> {
        postcard::from_bytes(&STANDARD.decode(text).ok()?).ok()
    }
}
