//! What every state keeps to: however rows are ordered and grouped, the state is the same, byte for byte.
//! (Numbers have tests of their own.)
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde::de::DeserializeOwned;

use super::*;

/// How a state is made: by adding rows, by merging, and what is done before it is written.
struct Making<S, R> {
    add: fn(&mut S, &R),
    merge: fn(&mut S, &S),
    settle: fn(&mut S),
}

impl<S, R> Making<S, R>
where
    S: Default + Clone + PartialEq + std::fmt::Debug + Serialize + DeserializeOwned,
{
    fn of<'a>(&self, rows: impl IntoIterator<Item = &'a R>) -> S
    where
        R: 'a,
    {
        let mut state = S::default();
        rows.into_iter().for_each(|row| (self.add)(&mut state, row));
        state
    }

    fn plus(&self, left: &S, right: &S) -> S {
        let mut sum = left.clone();
        (self.merge)(&mut sum, right);
        sum
    }

    fn bytes(&self, state: &S) -> Vec<u8> {
        let mut settled = state.clone();
        (self.settle)(&mut settled);
        postcard::to_stdvec(&settled).unwrap()
    }

    /// Three parts of `rows` in every order and grouping, and the rows in the opposite order.
    fn check(&self, rows: &[R], cuts: (f64, f64)) -> Result<(), TestCaseError> {
        let at = |cut: f64| (rows.len() as f64 * cut) as usize;
        let (first, second) = (at(cuts.0.min(cuts.1)), at(cuts.0.max(cuts.1)));
        let whole = self.of(rows);
        let bytes = self.bytes(&whole);
        let [a, b, c] = &[self.of(&rows[..first]), self.of(&rows[first..second]), self.of(&rows[second..])];
        let mut states = vec![self.of(rows.iter().rev())];
        for [a, b, c] in [[a, b, c], [a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a]] {
            states.push(self.plus(&self.plus(a, b), c));
            states.push(self.plus(a, &self.plus(b, c)));
        }
        // A part may have been written and read again on its way.
        let read: S = postcard::from_bytes(&self.bytes(b)).unwrap();
        states.push(self.plus(&self.plus(a, &read), c));
        for state in states {
            prop_assert_eq!(&state, &whole);
            prop_assert_eq!(&self.bytes(&state), &bytes);
        }
        Ok(())
    }
}

fn cuts() -> impl Strategy<Value = (f64, f64)> {
    (0.0..1.0f64, 0.0..1.0f64)
}

fn number() -> impl Strategy<Value = f64> {
    let power = (-70i32..70).prop_map(|k| 2f64.powi(k));
    prop_oneof![
        -1e3..1e3f64,
        any::<f64>(),
        power.clone(),
        power.prop_map(|power| -power),
        Just(0.0),
        Just(-0.0)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn text(rows in prop::collection::vec(prop::option::of("[a-zäß湖]{0,2}"), 0..200), cuts in cuts()) {
        let making = Making::<TextState, Option<String>> {
            add: |state, row| match row {
                Some(value) => state.add(value, 1),
                None => state.add_nulls(1),
            },
            merge: TextState::merge,
            settle: |_| {},
        };
        making.check(&rows, cuts)?;
    }

    #[test]
    fn classification(
        rows in prop::collection::vec(("[a-c]", "[a-c]", any::<bool>(), prop::option::of(0.0..1.2f64)), 0..200),
        cuts in cuts(),
    ) {
        let making = Making::<ClassificationState, (String, String, bool, Option<f64>)> {
            add: |state, (prediction, label, positive, score)| state.add_row(prediction, label, *positive, *score),
            merge: ClassificationState::merge,
            settle: ClassificationState::settle,
        };
        making.check(&rows, cuts)?;
    }

    #[test]
    fn regression(rows in prop::collection::vec((number(), number()), 0..100), cuts in cuts()) {
        let making = Making::<RegressionState, (f64, f64)> {
            add: |state, (prediction, label)| state.add(*prediction, *label),
            merge: RegressionState::merge,
            settle: RegressionState::settle,
        };
        making.check(&rows, cuts)?;
    }
}
