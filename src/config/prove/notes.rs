//! Notes that are taken while a file is proven: its problems, each with its place.

use std::path::Path;

use crate::config::problem::{Problem, key_of_pointer};
use crate::config::yaml::Document;

/// Takes notes while a file is proven.
pub struct Notes<'a> {
    /// The file, as read.
    pub document: &'a Document,
    /// The folder that it is in; relative paths begin there.
    pub folder: &'a Path,
    problems: Vec<Problem>,
}

impl<'a> Notes<'a> {
    /// No notes yet on `document`, a file of `folder`.
    pub fn new(document: &'a Document, folder: &'a Path) -> Self {
        Self { document, folder, problems: Vec::new() }
    }

    /// What was noted.
    pub fn problems(self) -> Vec<Problem> {
        self.problems
    }

    /// Notes that what stands at `pointer` is wrong.
    pub fn problem(&mut self, pointer: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.problems.push(Problem {
            place: self.document.place(pointer),
            key: key_of_pointer(pointer),
            message: message.into(),
            hint: Some(hint.into()),
        });
    }
}
