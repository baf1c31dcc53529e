//! Quality as it came true, beside what is estimated of it before labels come.

use super::ProfileRow;

/// How the positive class is called unless it is named.
const POSITIVE: [&str; 2] = ["1", "true"];

impl ProfileRow {
    /// The realised measure that the one called `estimate` estimates: of the positive class alone or, where every class has a
    /// probability, the mean over classes.
    pub fn realised(&self, estimate: &str, positive_class: Option<&str>) -> Option<f64> {
        let of_class = |one_vs_all: &dyn Fn(&str) -> Option<f64>, mean: Option<f64>| {
            if self.top_k_accuracy_score.is_some() {
                return mean;
            }
            match positive_class {
                Some(class) => one_vs_all(class),
                None => POSITIVE.iter().find_map(|class| one_vs_all(class)),
            }
        };
        let of_scores = |scores: &Option<super::ClassScores>| {
            let scores = scores.as_ref()?;
            of_class(&|class| scores.one_vs_all.get(class).copied(), Some(scores.macro_mean))
        };
        match estimate {
            "estimated_accuracy_score" => self.accuracy_score,
            "estimated_precision" => of_scores(&self.precision),
            "estimated_recall" => of_scores(&self.recall),
            "estimated_specificity" => of_class(&|class| self.specificity(class), self.mean_specificity()),
            "estimated_f1_score" => of_scores(&self.f1_score),
            "estimated_roc_auc_score" => self.roc_auc_score.as_ref().map(|area| area.macro_mean),
            "estimated_average_precision_score" => self.average_precision_score,
            "estimated_mean_average_error" => self.mean_average_error,
            "estimated_root_mean_squared_error" => self.root_mean_squared_error,
            _ => None,
        }
    }

    /// Of the rows that are not of `class`, the share that are not predicted so; 0 if there are none.
    fn specificity(&self, class: &str) -> Option<f64> {
        let (mut others, mut rests) = (0, 0);
        for cell in self.confusion_matrix.as_ref()?.iter().filter(|cell| cell.label != class) {
            others += cell.count;
            rests += if cell.prediction == class { 0 } else { cell.count };
        }
        Some(if others == 0 { 0.0 } else { rests as f64 / others as f64 })
    }

    fn mean_specificity(&self) -> Option<f64> {
        let classes = &self.recall.as_ref()?.one_vs_all;
        let each: Vec<f64> = classes.keys().map(|class| self.specificity(class)).collect::<Option<_>>()?;
        (!each.is_empty()).then(|| each.iter().sum::<f64>() / each.len() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::super::ClassScores;
    use super::*;
    use crate::profile::classification::{Cell, TopK};

    fn row() -> ProfileRow {
        let cell = |prediction: &str, label: &str, count| Cell {
            prediction: prediction.to_owned(),
            label: label.to_owned(),
            count,
        };
        let scores = |one: f64, other: f64| ClassScores {
            one_vs_all: [("0".to_owned(), one), ("1".to_owned(), other)].into(),
            macro_mean: (one + other) / 2.0,
            weighted: one,
        };
        ProfileRow {
            accuracy_score: Some(0.75),
            precision: Some(scores(0.8, 0.5)),
            recall: Some(scores(0.8, 0.5)),
            confusion_matrix: Some(vec![
                cell("0", "0", 8),
                cell("1", "0", 2),
                cell("0", "1", 1),
                cell("1", "1", 1),
            ]),
            roc_auc_score: Some(scores(0.9, 0.9)),
            ..ProfileRow::default()
        }
    }

    #[test]
    fn it_is_of_the_positive_class() {
        let of = |estimate, class| row().realised(estimate, class);
        assert_eq!(of("estimated_accuracy_score", None), Some(0.75));
        assert_eq!(of("estimated_precision", None), Some(0.5));
        assert_eq!(of("estimated_recall", Some("0")), Some(0.8));
        assert_eq!(of("estimated_specificity", None), Some(0.8));
        assert_eq!(of("estimated_specificity", Some("0")), Some(0.5));
        assert_eq!(of("estimated_roc_auc_score", None), Some(0.9));
        assert_eq!(of("estimated_recall", Some("other")), None);
        assert_eq!(of("accuracy_score", None), None);
    }

    #[test]
    fn where_every_class_has_a_probability_it_is_the_mean() {
        let top = Some(TopK::default());
        let row = ProfileRow { top_k_accuracy_score: top, ..row() };
        assert_eq!(row.realised("estimated_precision", None), Some(0.65));
        assert_eq!(row.realised("estimated_specificity", None), Some(0.65));
    }
}
