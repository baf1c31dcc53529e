//! Probabilities that are none: how many rows of a run have such numbers, as each row of the profile table says only of itself.

use super::Profiles;
use super::classification::SureOf;
use super::classification::every_class::{MOST_LEFT_OUT, left_out};

/// What is to be said of rows whose numbers are no probabilities.
pub fn finding(profiles: &Profiles) -> Option<String> {
    // Windows of one length hold each row once.
    let (_, windows) = profiles.windows.iter().find(|(series, _)| series.segment.is_whole())?;
    let (mut not, mut all, mut is_of_one) = (0, 0, false);
    for state in windows.values().filter_map(|group| group.classification()) {
        let (with, without) = (state.probabilities.all(), state.probabilities.all_without());
        not += without;
        all += with + without;
        is_of_one |= matches!(state.probabilities.sure_of(), SureOf::Positive(_)) && with + without > 0;
    }
    let are = if not == 1 { "is" } else { "are" };
    match (not, is_of_one) {
        (0, _) => None,
        (not, true) => Some(format!(
            "{not} of {all} scores {are} not within 0 and 1: windows with any of them have no measure of probabilities"
        )),
        (not, false) => Some(format!(
            "{}: windows with more than one in {MOST_LEFT_OUT} of them have no measure of probabilities",
            left_out(not, all)
        )),
    }
}
