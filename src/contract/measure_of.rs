//! What a measure is of: the one place that says so for rules, messages and findings.

/// The rows that a measure stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MeasureOf {
    /// Those of any column and of whole tables.
    Everything,
    /// Those of any column.
    Columns,
    /// Those of columns of numbers, times and names.
    Values,
    /// Those of columns of numbers and times.
    Ordered,
    /// Those of columns of numbers and names.
    Bins,
    /// Those of columns of numbers.
    Numbers,
    /// Those of columns of names.
    Names,
    /// Those of columns whose values have a length.
    Lengths,
    /// Those of whole tables.
    Table,
    /// Those of whole tables: of requests as such, of which a baseline is no log.
    Requests,
    /// Those of whole tables: of how good predictions are.
    Quality(Quality),
}

/// What a measure of quality looks at, beside labels of these rows or of the baseline's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quality {
    /// Predicted classes.
    Classes,
    /// Probabilities, of one class or of every class.
    Probabilities,
    /// Probabilities of every class.
    ClassProbabilities,
    /// Predicted numbers.
    Numbers,
    /// Only whether labels are there.
    Labels,
    /// Only when labels came, of which a baseline is no log.
    Arrivals,
    /// Probabilities of a class, and what they were worth in the baseline: of the rows themselves no labels.
    Estimates,
    /// Predicted numbers, and how wrong they were in the baseline: of the rows themselves no labels.
    EstimatedErrors,
}

/// What is counted to know how sure a measure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behind {
    /// Values that are there.
    Values,
    /// All rows.
    Rows,
    /// Rows with a label.
    Labels,
}

impl MeasureOf {
    /// Whether rows of columns have such measures.
    pub fn is_of_columns(self) -> bool {
        !matches!(self, Self::Table | Self::Requests | Self::Quality(_))
    }

    /// Whether rows of whole tables have such measures.
    pub fn is_of_tables(self) -> bool {
        self == Self::Everything || !self.is_of_columns()
    }

    /// Whether it is of requests or labels as they came, of which a baseline is no log.
    pub fn is_of_a_log(self) -> bool {
        matches!(self, Self::Requests | Self::Quality(Quality::Arrivals))
    }

    /// What is looked at, of a measure of quality.
    pub fn quality(self) -> Option<Quality> {
        match self {
            Self::Quality(of) => Some(of),
            _ => None,
        }
    }
}

impl Quality {
    /// Whether labels of the baseline are looked at, and none of the rows themselves.
    pub fn is_estimated(self) -> bool {
        matches!(self, Self::Estimates | Self::EstimatedErrors)
    }

    /// Whether it is a measure of labels alone.
    pub fn is_of_labels_alone(self) -> bool {
        matches!(self, Self::Labels | Self::Arrivals)
    }
}
