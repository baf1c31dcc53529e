//! Edges: values at which rows are told apart, however coarse the buckets of a distribution are.
//!
//! They are chosen before the rows are counted, and do not move: the ends of a histogram's bins, which must be the same
//! in every window, and places among many rows that would share a bucket.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::{ordered, value_of};

/// Finite values in order, each once. A row is above an edge if it is not less.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Edges {
    at: Arc<[i64]>,
}

impl Edges {
    /// Edges at `values`; what is not finite is no edge.
    pub fn new(values: impl IntoIterator<Item = f64>) -> Self {
        Self::of_places(values.into_iter().filter(|value| value.is_finite()).map(ordered).collect())
    }

    fn of_places(mut places: Vec<i64>) -> Self {
        places.sort_unstable();
        places.dedup();
        Self { at: places.into() }
    }

    /// The places of the edges, as [`ordered`] has them.
    pub(super) fn places(&self) -> &[i64] {
        &self.at
    }

    /// The edges, in order.
    pub fn values(&self) -> impl Iterator<Item = f64> + '_ {
        self.at.iter().copied().map(value_of)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.at.is_empty()
    }

    /// These and those of `other`.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self::of_places(self.at.iter().chain(other.at.iter()).copied().collect())
    }

    /// Those of these that are `wanted`, by their places.
    #[must_use]
    pub(super) fn only(&self, wanted: impl Fn(i64) -> bool) -> Self {
        Self { at: self.at.iter().copied().filter(|place| wanted(*place)).collect() }
    }

    /// Those of these that are in `other`, too.
    #[must_use]
    pub(super) fn common(&self, other: &Self) -> Self {
        if self == other {
            return self.clone();
        }
        self.only(|place| other.at.binary_search(&place).is_ok())
    }
}

/// As JSON: `[-1.5,0.0,3.0]`. Read back they are the same to the last bit.
impl fmt::Display for Edges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values: Vec<f64> = self.values().collect();
        f.write_str(&serde_json::to_string(&values).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Edges {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::new(serde_json::from_str::<Vec<f64>>(text)?))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_number_is_no_edge_and_nothing_comes_twice() {
        let edges = Edges::new([3.0, f64::NAN, -1.5, 0.0, -0.0, f64::INFINITY, 3.0]);
        assert_eq!(edges.to_string(), "[-1.5,0.0,3.0]");
        assert_eq!(edges.and(&Edges::new([2.0])).to_string(), "[-1.5,0.0,2.0,3.0]");
        assert_eq!(edges.common(&Edges::new([3.0, 4.0])).to_string(), "[3.0]");
        assert!("[1, \"a\"]".parse::<Edges>().is_err());
    }

    proptest! {
        #[test]
        fn edges_survive_as_text(values in prop::collection::vec(any::<f64>(), 0..20)) {
            let edges = Edges::new(values);
            prop_assert_eq!(&edges.to_string().parse::<Edges>().unwrap(), &edges);
        }
    }
}
