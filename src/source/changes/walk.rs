//! The walk: from commit to commit, which files hold new rows only, and which tell where old rows changed.
//!
//! One thought carries it: where every file that a commit removed was new, every file that it added is. An append
//! removes nothing, so what it adds is new. All else that changes rows touches the times of its files. Pure; it
//! must not look anything up.

use std::collections::{BTreeMap, HashMap};

use super::commit::{Commit, File};

/// The files of the table before the first commit.
#[derive(Debug)]
pub(super) enum Before {
    /// Of the files that the commits name, those that were there, by their keys.
    Known(HashMap<String, File>),
    /// Nobody can tell any more.
    Unknown,
}

/// What the commits did together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Walked {
    /// Files that are there after the last commit and hold new rows only, by their paths.
    pub(super) fresh: Vec<File>,
    /// Files in whose times rows may have gone, come back or changed; a file may stand here more than once.
    pub(super) touched: Vec<File>,
    /// Commits that say that they changed rows.
    pub(super) commits: u64,
}

/// A file that a commit has named.
struct Seen {
    file: File,
    is_active: bool,
    /// Whether all of its rows came after the first commit.
    is_fresh: bool,
}

/// What a file was before an action.
enum Was<'a> {
    /// In the table, with this deletion vector.
    Active(Option<&'a str>),
    /// Not in the table any more, but once with new rows only: it has no others.
    Fresh,
    /// Not in the table any more, but once with rows that may be old.
    Gone,
    /// Neither in the table nor counted.
    New,
    /// Nobody can tell; new, if nothing speaks against it.
    Unknown,
}

/// Walks over `commits`, in their order.
pub(super) fn walk(commits: &[Commit], before: &Before) -> Walked {
    let mut walk = Walk { before, seen: BTreeMap::new(), walked: Walked::default() };
    for commit in commits {
        walk.step(commit);
    }
    let fresh = walk.seen.into_values().filter(|seen| seen.is_active && seen.is_fresh);
    Walked { fresh: fresh.map(|seen| seen.file).collect(), ..walk.walked }
}

struct Walk<'a> {
    before: &'a Before,
    seen: BTreeMap<String, Seen>,
    walked: Walked,
}

impl Walk<'_> {
    fn step(&mut self, commit: &Commit) {
        let mut actions = commit.added.iter().chain(&commit.removed);
        self.walked.commits += u64::from(actions.any(|action| action.changes_data));

        let takes_old_rows = !commit.removed.iter().all(|action| self.is_fresh(&action.file));
        let moves_rows = commit.added.iter().any(|action| !action.changes_data);
        for action in &commit.removed {
            let is_fresh = self.is_fresh(&action.file);
            let file = self.recalled(&action.file);
            // New rows that were moved are among old ones now. New rows that are gone need nothing.
            let touches = if is_fresh { takes_old_rows && moves_rows } else { action.changes_data };
            if touches {
                self.walked.touched.push(file.clone());
            }
            self.seen.insert(file.key(), Seen { file, is_active: false, is_fresh });
        }
        for action in &commit.added {
            let file = self.recalled(&action.file);
            let (is_fresh, touches) = match self.was(&file) {
                // A commit that was repeated, or what is said of a file: its rows are the same.
                Was::Active(vector) if vector == file.deletion_vector.as_deref() => continue,
                Was::Fresh => (true, false),
                Was::Active(_) | Was::Gone => (false, true),
                // The file may have been there already.
                Was::Unknown
                    if file.deletion_vector.is_some() || !(takes_old_rows || action.changes_data) =>
                {
                    (false, true)
                }
                Was::New | Was::Unknown => (!takes_old_rows, takes_old_rows && action.changes_data),
            };
            if touches {
                self.walked.touched.push(file.clone());
            }
            self.seen.insert(file.key(), Seen { file, is_active: true, is_fresh });
        }
    }

    fn is_fresh(&self, file: &File) -> bool {
        self.seen.get(&file.key()).is_some_and(|seen| seen.is_active && seen.is_fresh)
    }

    /// `file` with the times that were told of it before, if its action tells none.
    fn recalled(&self, file: &File) -> File {
        let key = file.key();
        let before = match self.before {
            Before::Known(files) => files.get(&key),
            Before::Unknown => None,
        };
        let told = self.seen.get(&key).map(|seen| &seen.file).into_iter().chain(before);
        let times = file.times.or_else(|| told.into_iter().find_map(|file| file.times));
        File { times, ..file.clone() }
    }

    fn was(&self, file: &File) -> Was<'_> {
        let key = file.key();
        match (self.seen.get(&key), self.before) {
            (Some(seen), _) if seen.is_active => Was::Active(seen.file.deletion_vector.as_deref()),
            (Some(seen), _) if seen.is_fresh => Was::Fresh,
            (Some(_), _) => Was::Gone,
            (None, Before::Unknown) => Was::Unknown,
            (None, Before::Known(files)) => {
                files.get(&key).map_or(Was::New, |file| Was::Active(file.deletion_vector.as_deref()))
            }
        }
    }
}

#[cfg(test)]
mod history;
#[cfg(test)]
mod tests;
