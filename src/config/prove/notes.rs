//! Notes that are taken while a file is proven: its problems, each with its place.
//!
//! What of the file could not be read has been told by then. It is not told again, nor what follows from it.

use std::path::Path;

use crate::config::problem::{Problem, key_of_pointer};
use crate::config::yaml::Document;

/// Takes notes while a file is proven.
pub struct Notes<'a> {
    /// The file, as read.
    pub document: &'a Document,
    /// The folder that it is in; relative paths begin there.
    pub folder: &'a Path,
    /// Pointers of what is in the file but could not be read.
    unread: &'a [String],
    problems: Vec<Problem>,
}

impl<'a> Notes<'a> {
    /// No notes yet on `document`, a file of `folder`.
    pub fn new(document: &'a Document, folder: &'a Path) -> Self {
        Self { document, folder, unread: &[], problems: Vec::new() }
    }

    /// The same, where what stands at the pointers `unread` could not be read, and that is told.
    pub fn but(self, unread: &'a [String]) -> Self {
        Self { unread, ..self }
    }

    /// What was noted.
    pub fn problems(self) -> Vec<Problem> {
        self.problems
    }

    /// Notes that what stands at `pointer` is wrong.
    pub fn problem(&mut self, pointer: &str, message: impl Into<String>, hint: impl Into<String>) {
        let typed = self.document.typed(pointer);
        if self.unread.iter().any(|unread| is_within(&typed, unread)) {
            return;
        }
        self.problems.push(Problem {
            place: self.document.place(pointer),
            key: key_of_pointer(&typed),
            message: message.into(),
            hint: Some(hint.into()),
        });
    }

    /// Notes that what stands at `pointer` is wrong because nothing that fits it stands at `needed`; if something
    /// stands there that could not be read, it might fit.
    pub fn lacks(
        &mut self,
        pointer: &str,
        needed: &[&str],
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let might_fit = needed.iter().any(|needed| {
            let needed = self.document.typed(needed);
            self.unread.iter().any(|unread| is_within(unread, &needed) || is_within(&needed, unread))
        });
        if !might_fit {
            self.problem(pointer, message, hint);
        }
    }
}

/// Whether the node at `pointer` is the one at `other`, or within it.
fn is_within(pointer: &str, other: &str) -> bool {
    pointer.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
