//! The six incidents: what goes wrong in the simulated lake, from which day on, and by whose change.
//!
//! Each is a constant here, so the story can be read in one place. The models of the world ask [`Incident::touches`]
//! and do the damage themselves; the tables sign the incident's first commit with its [`Release`].

use super::world::Request;

/// One thing that goes wrong.
#[derive(Debug)]
pub(crate) struct Incident {
    /// Name for people and tests, in kebab case.
    pub name: &'static str,
    /// What sort of thing it is, in kebab case.
    pub kind: &'static str,
    /// A sentence that a person understands.
    pub description: &'static str,
    /// Folder of the table that holds `column`: `inference` or `labels`.
    pub folder: &'static str,
    /// The column that goes wrong.
    pub column: &'static str,
    /// The model version concerned; `None` for all.
    pub model_version: Option<&'static str>,
    /// Column and value of the only rows concerned; `None` for all.
    pub slice: Option<(&'static str, &'static str)>,
    /// First day concerned, counted from the first day of the story.
    pub first_day: u32,
    /// Last day concerned; `None` when it lasts until the end.
    pub last_day: Option<u32>,
    /// The change that caused it; `None` when the world changed and nobody's code did.
    pub release: Option<Release>,
    /// Columns of the metric tables in which it shows.
    pub shows_in: &'static [&'static str],
    /// Other columns of the inference table that it moves.
    pub also_moves: &'static [&'static str],
}

/// A change to a component that a model depends on.
#[derive(Debug)]
pub(crate) struct Release {
    /// Who made it.
    pub user: &'static str,
    /// The component.
    pub component: &'static str,
    /// Its version until the incident.
    pub before: &'static str,
    /// Its version during the incident.
    pub during: &'static str,
    /// Its version afterwards; the same as during when nobody has repaired it.
    pub after: &'static str,
}

/// Incident 1: a unit changes upstream.
pub(crate) const YEARLY_INCOME: Incident = Incident {
    name: "income-in-yearly-units",
    kind: "unit-change",
    description: "Since ingest-crm 4.2.0, monthly_income arrives as income per year: every value is twelve times too large.",
    folder: "inference",
    column: "monthly_income",
    model_version: None,
    slice: None,
    first_day: 38,
    last_day: None,
    release: Some(Release {
        user: "svc-crm",
        component: "ingest-crm",
        before: "4.1.3",
        during: "4.2.0",
        after: "4.2.0",
    }),
    shows_in: &["population_stability_index", "ks_test", "wasserstein_distance", "avg_delta"],
    also_moves: &["score", "prediction"],
};

/// Incident 2: a category that the model has never seen.
pub(crate) const MOBILE_APP: Incident = Incident {
    name: "new-channel-mobile-app",
    kind: "new-category",
    description: "onboarding-api 7.0.0 opens a new channel, mobile_app, which 15 % of the requests use at once; no model was trained on it.",
    folder: "inference",
    column: "channel",
    model_version: None,
    slice: None,
    first_day: 30,
    last_day: None,
    release: Some(Release {
        user: "svc-onboarding",
        component: "onboarding-api",
        before: "6.3.1",
        during: "7.0.0",
        after: "7.0.0",
    }),
    shows_in: &["js_distance", "chi_squared_test", "tv_distance", "l_infinity_distance"],
    also_moves: &[],
};

/// Incident 3: values go missing, in one region only.
pub(crate) const SOUTH_WITHOUT_EMPLOYMENT: Incident = Incident {
    name: "employment-years-missing-in-south",
    kind: "null-spike",
    description: "bureau-sync 2.3.1 loses employment_years for 45 % of the requests from region south; 2.3.2 repairs it four days later.",
    folder: "inference",
    column: "employment_years",
    model_version: None,
    slice: Some(("region", "south")),
    first_day: 44,
    last_day: Some(47),
    release: Some(Release {
        user: "svc-bureau",
        component: "bureau-sync",
        before: "2.3.0",
        during: "2.3.1",
        after: "2.3.2",
    }),
    shows_in: &["percent_null", "num_nulls", "percent_null_delta"],
    also_moves: &["score"],
};

/// Incident 4: the world changes, and only the labels know.
pub(crate) const ROADWORKS: Incident = Incident {
    name: "roadworks-slow-deliveries",
    kind: "concept-drift",
    description: "Roadworks make every delivery take 1.35 times as long. Features and predictions look as before; only the labels, a week or two later, tell.",
    folder: "labels",
    column: "actual_minutes",
    model_version: None,
    slice: None,
    first_day: 35,
    last_day: None,
    release: None,
    shows_in: &[
        "mean_average_error",
        "mean_squared_error",
        "root_mean_squared_error",
        "mean_absolute_percentage_error",
        "r2_score",
    ],
    also_moves: &[],
};

/// Incident 5: a model version goes live without its calibration step.
pub(crate) const OVERCONFIDENT: Incident = Incident {
    name: "version-2-overconfident",
    kind: "miscalibration",
    description: "Version 2 was deployed without the calibration step that it was validated with: it ranks as well, but its scores are far too sure of themselves.",
    folder: "inference",
    column: "score",
    model_version: Some("2"),
    slice: None,
    first_day: 25,
    last_day: None,
    release: Some(Release {
        user: "svc-release",
        component: "deploy-credit-default",
        before: "1",
        during: "2",
        after: "2",
    }),
    shows_in: &["population_stability_index", "ks_test", "wasserstein_distance", "avg_delta", "log_loss"],
    also_moves: &["prediction"],
};

/// Incident 6: a model version becomes slow.
pub(crate) const SLOW_SERVER: Incident = Incident {
    name: "version-4-slow-responses",
    kind: "latency-regression",
    description: "Since model-server 2.11.0, version 4 needs 1.9 times as long to answer; its predictions are the same.",
    folder: "inference",
    column: "latency_ms",
    model_version: Some("4"),
    slice: None,
    first_day: 40,
    last_day: None,
    release: Some(Release {
        user: "svc-release",
        component: "model-server",
        before: "2.10.4",
        during: "2.11.0",
        after: "2.11.0",
    }),
    shows_in: &["population_stability_index", "ks_test", "wasserstein_distance", "avg_delta"],
    also_moves: &[],
};

impl Incident {
    /// True on the days of the incident.
    pub(crate) fn on(&self, day: u32) -> bool {
        day >= self.first_day && self.last_day.is_none_or(|last| day <= last)
    }

    /// True when `request` falls into the days and the model version of the incident. Validation rows never do.
    pub(crate) fn touches(&self, request: &Request) -> bool {
        request.day.is_some_and(|day| self.on(day))
            && self.model_version.is_none_or(|version| version == request.version)
    }
}

impl Release {
    /// The job that rolled the change out, e.g. `ingest-crm 4.2.0`.
    pub(crate) fn job(&self) -> String {
        format!("{} {}", self.component, self.during)
    }
}
