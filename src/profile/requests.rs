//! The state of requests as such: when the last one came, how long labels took, and which were logged twice.
//!
//! **Must not** look at what was asked or said; that is what columns are for.

use serde::{Deserialize, Serialize};

use super::duplicates::DuplicatesState;
use super::numeric::{self, NumericState};

/// Requests of some rows. Merging states gives the state of all rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RequestsState {
    /// Of the last row, in microseconds since 1970-01-01Z.
    newest: Option<i64>,
    /// Of the last row with a label.
    newest_labelled: Option<i64>,
    /// From requests to their labels, in seconds; of no value unless labels have a time.
    pub label_delay: NumericState,
    /// Ids of requests; of no row unless requests have one, nor in slices.
    pub ids: DuplicatesState,
}

impl RequestsState {
    /// Notes rows, of which the last came at `newest`, and the last with a label at `newest_labelled`.
    pub fn note(&mut self, newest: Option<i64>, newest_labelled: Option<i64>) {
        self.newest = self.newest.max(newest);
        self.newest_labelled = self.newest_labelled.max(newest_labelled);
    }

    /// Adds times from requests to their labels, in seconds.
    pub fn add_label_delays(&mut self, seconds: &[f64], room: &mut numeric::Room) {
        self.label_delay.add_all(seconds, room);
    }

    /// Adds the rows of another state.
    pub fn merge(&mut self, other: &Self) {
        self.note(other.newest, other.newest_labelled);
        self.label_delay.merge(&other.label_delay);
        self.ids.merge(&other.ids);
    }

    /// Brings the state into its one form, so that equal states have equal bytes.
    pub fn settle(&mut self) {
        self.label_delay.settle();
    }

    /// Whether no row is in it.
    pub fn is_empty(&self) -> bool {
        self.newest.is_none() && self.ids.rows() + self.ids.num_nulls() == 0
    }

    /// Bytes held in memory, about.
    pub fn size(&self) -> usize {
        self.label_delay.size() + self.ids.size()
    }

    /// Seconds from the last row until `end`, in microseconds since 1970-01-01Z.
    pub fn newest_row_age(&self, end: i64) -> Option<f64> {
        age(self.newest?, end)
    }

    /// Seconds from the last row with a label until `end`, in microseconds since 1970-01-01Z.
    pub fn newest_label_age(&self, end: i64) -> Option<f64> {
        age(self.newest_labelled?, end)
    }
}

/// Seconds between two instants in microseconds.
fn age(from: i64, until: i64) -> Option<f64> {
    Some(until.checked_sub(from)? as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_row_decides_whatever_the_order() {
        let of = |newest, newest_labelled| {
            let mut state = RequestsState::default();
            state.note(newest, newest_labelled);
            state
        };
        let (early, late) = (of(Some(1_000_000), Some(1_000_000)), of(Some(3_500_000), None));
        let (mut one, mut other) = (early.clone(), late.clone());
        one.merge(&late);
        other.merge(&early);
        assert_eq!(one, other);
        assert_eq!(
            (one.newest_row_age(10_000_000), one.newest_label_age(10_000_000)),
            (Some(6.5), Some(9.0))
        );
        assert_eq!(late.newest_label_age(10_000_000), None);
        assert!(RequestsState::default().is_empty() && !one.is_empty());
    }
}
