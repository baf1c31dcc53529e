//! Names of our own columns, which no column of the tables has.

use super::template::Name;

/// A beginning that no column of the tables has, and the names that begin with it.
#[derive(Debug, Clone)]
pub(super) struct OwnNames {
    prefix: String,
}

impl OwnNames {
    /// Names apart from those of `columns`.
    pub(super) fn apart_from<'a>(columns: &(impl Iterator<Item = &'a str> + Clone)) -> Self {
        let mut prefix = "__".to_owned();
        while columns.clone().any(|column| column.starts_with(&prefix)) {
            prefix.push('_');
        }
        Self { prefix }
    }

    /// Whether `name` is one of ours.
    pub(super) fn is_own(&self, name: &str) -> bool {
        name.starts_with(&self.prefix)
    }

    /// Start of the base window of a row.
    pub(super) fn window_start(&self) -> Name {
        Name::column(&self.window_start_name())
    }

    /// Model version of a row.
    pub(super) fn model_version(&self) -> Name {
        Name::column(&self.model_version_name())
    }

    /// The same, as plain text.
    pub(super) fn window_start_name(&self) -> String {
        format!("{}window_start", self.prefix)
    }

    /// When the label of a row came.
    pub(super) fn labelled_at(&self) -> Name {
        Name::column(&format!("{}labelled_at", self.prefix))
    }

    /// Model version of a row, as plain text.
    pub(super) fn model_version_name(&self) -> String {
        format!("{}model_version", self.prefix)
    }

    /// Start of the window of a row, of the `index`-th granularity, as plain text.
    pub(super) fn window(&self, index: usize) -> String {
        format!("{}window_{index}", self.prefix)
    }

    /// The `call`-th call of an aggregate function in the `index`-th custom metric, as plain text.
    pub(super) fn call(&self, index: usize, call: usize) -> String {
        format!("{}call_{index}_{call}", self.prefix)
    }

    /// Value of the `index`-th slicing expression, as plain text.
    pub(super) fn slice(&self, index: usize) -> String {
        format!("{}slice_{index}", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_may_have_any_names() {
        let own = OwnNames::apart_from(&["a", "__slice_0", "___window_start"].into_iter());
        assert_eq!(own.slice(0), "____slice_0");
        assert!(own.is_own("____slice_0") && !own.is_own("__slice_0"));
        assert_eq!(OwnNames::apart_from(&std::iter::empty()).slice(2), "__slice_2");
    }
}
