//! From what was typed to what is proven: the one place where a monitor's meaning is checked.
//!
//! Nothing stops at the first problem; each is noted with its key, and the monitor comes into being
//! only if there were none.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, SpanRelativeTo};
use sha2::{Digest, Sha256};
use url::{Host, Url};

use super::monitor::{
    Baseline, Change, Channel, ChannelKind, Columns, Condition, Inference, Label, LabelTable, Metric,
    Monitor, Prediction, Registry, RegistryPlace, Rule,
};
use super::problem::{Problem, key_of_pointer, nearest, suggest};
use super::secret::looks_secret;
use super::settings::{Defaults, Settings, Smtp, Storage};
use super::settings_spec::{SettingsSpec, SmtpSpec, SmtpTls};
use super::spec::{
    Amount, ChangeSpec, ChannelSpec, Comparison, InferenceSpec, MonitorSpec, ProblemType, RegistrySpec,
    RuleSpec, SecretSpec, Severity,
};
use super::yaml::Document;
use super::{Secret, default_rules};
use crate::contract::{drift_metrics, profile_metrics};
use crate::window::{Calendar, Granularity};

/// Takes notes while a file is proven.
pub(super) struct Notes<'a> {
    document: &'a Document,
    folder: &'a Path,
    problems: Vec<Problem>,
}

impl<'a> Notes<'a> {
    pub(super) fn new(document: &'a Document, folder: &'a Path) -> Self {
        Self { document, folder, problems: Vec::new() }
    }

    pub(super) fn problems(self) -> Vec<Problem> {
        self.problems
    }

    fn problem(&mut self, pointer: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.problems.push(Problem {
            place: self.document.place(pointer),
            key: key_of_pointer(pointer),
            message: message.into(),
            hint: Some(hint.into()),
        });
    }

    /// A URL, or a path relative to the file, as a URL.
    pub(super) fn url(&mut self, pointer: &str, text: &str) -> Option<Url> {
        if !text.contains("://") {
            let path = self.folder.join(text);
            let path = normalized(&std::path::absolute(&path).unwrap_or(path));
            let url = Url::from_directory_path(&path).ok();
            if url.is_none() {
                self.problem(
                    pointer,
                    format!("is `{text}`, which is not a path"),
                    "a URL, or a path relative to this file",
                );
            }
            return url;
        }
        match Url::parse(text) {
            Ok(mut url) => {
                let schemes = ["s3", "s3a", "file", "memory"];
                if !schemes.contains(&url.scheme()) {
                    self.problem(
                        pointer,
                        format!("has the scheme `{}`, which this build cannot read", url.scheme()),
                        "s3://bucket/folder, file:///folder, or a path relative to this file",
                    );
                    return None;
                }
                if url.scheme().starts_with("s3") && url.host_str().is_none_or(str::is_empty) {
                    self.problem(
                        pointer,
                        format!("is `{text}`, which names no bucket"),
                        "s3://bucket/folder",
                    );
                    return None;
                }
                if !url.path().ends_with('/') {
                    url.set_path(&format!("{}/", url.path()));
                }
                Some(url)
            }
            Err(error) => {
                self.problem(
                    pointer,
                    format!("is `{text}`, which is not a URL: {error}"),
                    "s3://bucket/folder, or a path relative to this file",
                );
                None
            }
        }
    }

    fn duration(&mut self, pointer: &str, text: &str) -> Option<SignedDuration> {
        let parsed = text
            .parse::<Span>()
            .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
            .ok()
            .filter(|duration| !duration.is_negative());
        if parsed.is_none() {
            self.problem(
                pointer,
                format!("is `{text}`, which is not a length of time"),
                "such as `2 days`, `6 hours`, `90 seconds`",
            );
        }
        parsed
    }

    fn timeout(&mut self, pointer: &str, text: Option<&str>) -> Duration {
        let default = Duration::from_secs(10);
        text.map_or(Some(default), |text| self.duration(pointer, text)?.try_into().ok()).unwrap_or(default)
    }

    fn granularity(&mut self, pointer: &str, text: &str) -> Option<Granularity> {
        let known = Granularity::from_str(text);
        if let Err(error) = &known {
            let error = error.to_string();
            let hint = error.split_once("; ").map_or("for example `1 day`", |(_, hint)| hint);
            self.problem(pointer, format!("is `{text}`, which is not a granularity"), hint);
        }
        known.ok()
    }

    fn zone(&mut self, pointer: &str, name: &str) -> TimeZone {
        TimeZone::get(name).unwrap_or_else(|_| {
            let known: Vec<String> = jiff::tz::db().available().map(|zone| zone.to_string()).collect();
            let city = known
                .iter()
                .find(|zone| zone.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(name)));
            let near = city.map(String::as_str).or_else(|| nearest(name, known.iter().map(String::as_str)));
            let hint = near.map_or("such as `UTC` or `Europe/Berlin`".to_owned(), |near| {
                format!("did you mean `{near}`?")
            });
            self.problem(pointer, format!("is `{name}`, which is not a time zone"), hint);
            TimeZone::UTC
        })
    }
}

/// `a/../b` is `b`: tables are named by where they are, however the way there was written.
fn normalized(path: &Path) -> std::path::PathBuf {
    use std::path::Component;
    path.components().fold(std::path::PathBuf::new(), |mut path, component| {
        match component {
            Component::ParentDir => {
                path.pop();
            }
            Component::CurDir => {}
            other => path.push(other),
        }
        path
    })
}

/// The monitor that `spec` describes; what is wrong with it is in `notes`.
pub(super) fn monitor(
    spec: &MonitorSpec,
    file: &Path,
    settings: &Settings,
    notes: &mut Notes<'_>,
) -> Option<Monitor> {
    if !is_name(&spec.monitor) {
        notes.problem(
            "/monitor",
            format!("is `{}`, which cannot name tables", spec.monitor),
            "letters, digits, `-` and `_`, beginning with a letter",
        );
    }
    let inference = inference(&spec.inference, notes);
    let baseline = spec.baseline.as_ref().and_then(|baseline| {
        Some(Baseline { table: notes.url("/baseline/table", &baseline.table)?, version: baseline.version })
    });
    let registry = spec.registry.as_ref().and_then(|registry| self::registry(registry, notes));

    let mut granularities: Vec<Granularity> = match &spec.granularities {
        None => vec![Granularity::Day],
        Some(texts) => {
            if texts.is_empty() {
                notes.problem("/granularities", "is empty", "leave it out for `1 day`");
            }
            texts
                .iter()
                .enumerate()
                .filter_map(|(index, text)| notes.granularity(&format!("/granularities/{index}"), text))
                .collect()
        }
    };
    granularities.sort_unstable();
    granularities.dedup();
    let finest = granularities.first().copied().unwrap_or(Granularity::Day);

    let timezone = spec
        .timezone
        .clone()
        .or_else(|| settings.defaults.timezone.clone())
        .unwrap_or_else(|| "UTC".to_owned());
    let calendar = Calendar::new(notes.zone("/timezone", &timezone));
    let lateness = spec
        .lateness
        .as_ref()
        .or(settings.defaults.lateness.as_ref())
        .map_or(Some(SignedDuration::ZERO), |text| notes.duration("/lateness", text))
        .unwrap_or_default();

    for (index, expr) in spec.slicing_exprs.iter().enumerate() {
        if expr.trim().is_empty() || spec.slicing_exprs[..index].contains(expr) {
            notes.problem(
                &format!("/slicing_exprs/{index}"),
                "is empty or stands twice",
                "each expression once",
            );
        }
    }

    let rules = match &spec.alerts {
        None => default_rules::rules(spec, finest),
        Some(specs) => {
            let context = RuleContext { spec, granularities: &granularities, finest };
            specs
                .iter()
                .enumerate()
                .filter_map(|(index, rule)| self::rule(rule, index, &context, notes))
                .collect()
        }
    };
    let channels = match (&spec.notify, &settings.defaults.notify) {
        (Some(channels), _) | (None, Some(channels)) => channels
            .iter()
            .enumerate()
            .filter_map(|(index, channel)| {
                self::channel(channel, &format!("/notify/{index}"), settings, notes)
            })
            .collect(),
        (None, None) => Vec::new(),
    };
    let schedule = spec.schedule.as_ref().and_then(|schedule| cron(&schedule.cron, notes));
    let output = match &spec.output {
        Some(output) => notes.url("/output/uri", &output.uri),
        None => {
            if settings.defaults.output.is_none() {
                notes.problem(
                    "/output",
                    "is missing",
                    "`output: { uri: … }` here, or under `defaults` in secchi.yaml",
                );
            }
            settings.defaults.output.clone()
        }
    };
    if spec.quantiles.is_some_and(|points| points < 2) {
        notes.problem("/quantiles", "must be at least 2", "leave it out for 100");
    }

    let config_json = config_json(notes.document, &timezone, lateness);
    let config_hash = hex16(&config_json);
    Some(Monitor {
        name: spec.monitor.clone(),
        file: file.to_owned(),
        owner: spec.owner.clone(),
        runbook: spec.runbook.clone(),
        labels: spec.labels.clone(),
        inference: inference?,
        baseline,
        registry,
        granularities,
        calendar,
        timezone,
        lateness,
        slicing_exprs: spec.slicing_exprs.clone(),
        quantiles: spec.quantiles.unwrap_or(100) as usize,
        rules,
        channels,
        schedule,
        output: output?,
        config_json,
        config_hash,
    })
}

/// Five fields; croner would also take seconds and years.
fn cron(text: &str, notes: &mut Notes<'_>) -> Option<Cron> {
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    let parsed = parser.parse(text);
    if let Err(error) = &parsed {
        let fields = text.split_whitespace().count();
        let error = error.to_string();
        // `Component error: Number out of bounds.` is a sentence of its own.
        let why = error.rsplit(": ").next().unwrap_or(&error).trim_end_matches('.').to_lowercase();
        let why = if fields == 5 { why } else { format!("it has {fields} of five fields") };
        notes.problem(
            "/schedule/cron",
            format!("is `{text}`, which is not a cron expression: {why}"),
            "minute, hour, day of month, month, day of week: `15 * * * *` is a quarter past every hour",
        );
    }
    parsed.ok()
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

/// First 16 hex digits of the SHA-256 of `text`.
pub fn hex16(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// What decides the metric tables. Channels and schedule do not, so changing them changes no hash.
fn config_json(document: &Document, timezone: &str, lateness: SignedDuration) -> String {
    let mut value = document.value.clone();
    if let Some(map) = value.as_object_mut() {
        map.retain(|key, _| key != "notify" && key != "schedule");
        map.insert("timezone".to_owned(), timezone.into());
        map.insert("lateness".to_owned(), lateness.to_string().into());
    }
    value.sort_all_objects();
    value.to_string()
}

fn inference(spec: &InferenceSpec, notes: &mut Notes<'_>) -> Option<Inference> {
    let at = |key: &str| format!("/inference/{key}");
    let table = notes.url(&at("table"), &spec.table);
    let reserved = |name: &str| {
        let contract = [profile_metrics::TABLE, drift_metrics::TABLE];
        name != "model_version" && contract.iter().any(|table| table.column(name).is_some())
    };
    if let Some(name) = spec.model_id_col.as_deref().filter(|name| reserved(name)) {
        notes.problem(
            &at("model_id_col"),
            format!("is `{name}`, the name of another column of the metric tables"),
            "rename the column in a view or in the table",
        );
    }
    let needs = [
        ("label_table", spec.label_table.is_some(), "label_col", spec.label_col.is_some()),
        ("label_table", spec.label_table.is_some(), "request_id_col", spec.request_id_col.is_some()),
        (
            "label_timestamp_col",
            spec.label_timestamp_col.is_some(),
            "label_table",
            spec.label_table.is_some(),
        ),
        ("label_col", spec.label_col.is_some(), "prediction_col", spec.prediction_col.is_some()),
        (
            "prediction_proba_col",
            spec.prediction_proba_col.is_some(),
            "prediction_col",
            spec.prediction_col.is_some(),
        ),
        (
            "positive_class",
            spec.positive_class.is_some(),
            "prediction_proba_col",
            spec.prediction_proba_col.is_some(),
        ),
    ];
    for (key, present, needed, there) in needs {
        if present && !there {
            notes.problem(&at(key), format!("needs `{needed}`"), format!("add `{needed}` under `inference`"));
        }
    }
    let problem_type =
        spec.problem_type.or(spec.prediction_proba_col.as_ref().map(|_| ProblemType::Classification));
    if spec.prediction_proba_col.is_some() && problem_type == Some(ProblemType::Regression) {
        notes.problem(&at("prediction_proba_col"), "has no meaning for regression", "leave it out");
    }
    let prediction = spec.prediction_col.as_ref().and_then(|column| {
        let Some(problem_type) = problem_type else {
            notes.problem(
                &at("prediction_col"),
                "needs `problem_type`",
                "`problem_type: classification` or `regression`",
            );
            return None;
        };
        let label = spec.label_col.as_ref().and_then(|label| {
            let arrives_in = match (&spec.label_table, &spec.request_id_col) {
                (Some(table), Some(request_id_col)) => Some(LabelTable {
                    table: notes.url(&at("label_table"), table)?,
                    request_id_col: request_id_col.clone(),
                    timestamp_col: spec.label_timestamp_col.clone(),
                }),
                _ => None,
            };
            Some(Label { column: label.clone(), arrives_in })
        });
        Some(Prediction {
            column: column.clone(),
            problem_type,
            proba_col: spec.prediction_proba_col.clone(),
            positive_class: spec.positive_class.clone(),
            label,
        })
    });
    if let Some(included) = &spec.columns.include {
        for (index, name) in included.iter().enumerate() {
            if spec.columns.exclude.contains(name) {
                notes.problem(
                    &at(&format!("columns/include/{index}")),
                    format!("is `{name}`, which is excluded, too"),
                    "take it out of one of the two lists",
                );
            }
        }
    }
    Some(Inference {
        table: table?,
        timestamp_col: spec.timestamp_col.clone(),
        model_id_col: spec.model_id_col.clone(),
        request_id_col: spec.request_id_col.clone(),
        prediction,
        columns: Columns {
            include: spec.columns.include.clone(),
            exclude: spec.columns.exclude.clone(),
            categorical: spec.columns.categorical.clone(),
        },
    })
}

fn registry(spec: &RegistrySpec, notes: &mut Notes<'_>) -> Option<Registry> {
    let place = match (&spec.mlflow, &spec.table) {
        (Some(url), None) => RegistryPlace::MlflowFiles(notes.url("/registry/mlflow", url)?),
        (None, Some(url)) => RegistryPlace::Table(notes.url("/registry/table", url)?),
        _ => {
            notes.problem(
                "/registry",
                "needs exactly one of `mlflow` and `table`",
                "say where model versions are registered",
            );
            return None;
        }
    };
    Some(Registry { place, model: spec.model.clone() })
}

/// What a rule is checked against.
struct RuleContext<'a> {
    spec: &'a MonitorSpec,
    granularities: &'a [Granularity],
    finest: Granularity,
}

fn rule(rule: &RuleSpec, index: usize, context: &RuleContext<'_>, notes: &mut Notes<'_>) -> Option<Rule> {
    let at = |key: &str| format!("/alerts/{index}/{key}");
    if context.spec.alerts.iter().flatten().take(index).any(|other| other.rule == rule.rule) {
        notes.problem(
            &at("rule"),
            format!("is `{}`, the name of another rule", rule.rule),
            "rules are told apart by name",
        );
    }
    let metric = metric(&rule.metric, &at("metric"), notes);
    let condition = condition(rule, index, notes);
    let comparison = comparison(rule, metric.as_ref(), context.spec, &at("comparison"), notes);
    if let (Some(Condition::ChangeFromBaseline(_)), Some(metric)) = (&condition, &metric) {
        if matches!(metric, Metric::Drift(_)) {
            notes.problem(
                &at("change_from_baseline"),
                "has no meaning for a drift metric, which is a change already",
                "use `above` or `below`",
            );
        } else if context.spec.baseline.is_none() {
            notes.problem(&at("change_from_baseline"), "needs a `baseline`", "name the baseline table");
        }
    }
    let granularity = rule
        .granularity
        .as_ref()
        .map_or(Some(context.finest), |text| notes.granularity(&at("granularity"), text));
    if let Some(granularity) = granularity.filter(|wanted| !context.granularities.contains(wanted)) {
        notes.problem(
            &at("granularity"),
            format!("is `{granularity}`, which is not computed"),
            "add it to `granularities`",
        );
    }
    for (position, slice) in rule.slices.iter().flatten().enumerate() {
        if !context.spec.slicing_exprs.contains(slice) {
            let known = context.spec.slicing_exprs.iter().map(String::as_str);
            let hint = if context.spec.slicing_exprs.is_empty() {
                "add it to `slicing_exprs`".to_owned()
            } else {
                suggest(slice, known)
            };
            notes.problem(
                &at(&format!("slices/{position}")),
                format!("is `{slice}`, which is not a slicing expression"),
                hint,
            );
        }
    }
    let (hold, of) = match rule.hold.as_deref().map(hold) {
        None => (1, 1),
        Some(Some(counts)) => counts,
        Some(None) => {
            notes.problem(&at("for"), "is not `N of M`", "such as `2 of 3`, with 1 ≤ N ≤ M ≤ 1000");
            (1, 1)
        }
    };
    Some(Rule {
        name: rule.rule.clone(),
        metric: metric?,
        condition: condition?,
        columns: rule.columns.clone(),
        model_versions: rule.model_versions.clone(),
        slices: rule.slices.clone(),
        granularity: granularity?,
        comparison,
        hold,
        of,
        min_count: rule.min_count.unwrap_or(1),
        severity: rule.severity.unwrap_or(Severity::Warning),
        owner: rule.owner.clone().or_else(|| context.spec.owner.clone()),
        runbook: rule.runbook.clone().or_else(|| context.spec.runbook.clone()),
        provisional: rule.provisional,
    })
}

/// `2 of 3`.
fn hold(text: &str) -> Option<(u32, u32)> {
    let (hold, of) = text.split_once(" of ")?;
    let (hold, of) = (hold.trim().parse().ok()?, of.trim().parse().ok()?);
    (1 <= hold && hold <= of && of <= 1000).then_some((hold, of))
}

fn metric(name: &str, pointer: &str, notes: &mut Notes<'_>) -> Option<Metric> {
    let drift: Vec<String> = drift_metrics::TABLE.metrics().collect();
    let profile: Vec<String> = profile_metrics::TABLE.metrics().collect();
    if drift.iter().any(|known| known == name) {
        return Some(Metric::Drift(name.to_owned()));
    }
    if profile.iter().any(|known| known == name) {
        return Some(Metric::Profile(name.to_owned()));
    }
    let known = drift.iter().chain(&profile).map(String::as_str);
    notes.problem(
        pointer,
        format!("is `{name}`, which is not a number in a metric table"),
        suggest(name, known),
    );
    None
}

fn comparison(
    rule: &RuleSpec,
    metric: Option<&Metric>,
    spec: &MonitorSpec,
    pointer: &str,
    notes: &mut Notes<'_>,
) -> Option<Comparison> {
    match (metric?, rule.comparison) {
        (Metric::Profile(_), Some(_)) => {
            notes.problem(pointer, "is for drift metrics only", "leave it out");
            None
        }
        (Metric::Profile(_), None) => None,
        (Metric::Drift(_), Some(Comparison::Baseline)) if spec.baseline.is_none() => {
            notes.problem(
                pointer,
                "needs a `baseline`",
                "name the baseline table, or compare with `CONSECUTIVE`",
            );
            None
        }
        (Metric::Drift(_), Some(comparison)) => Some(comparison),
        (Metric::Drift(_), None) if spec.baseline.is_some() => Some(Comparison::Baseline),
        (Metric::Drift(_), None) => Some(Comparison::Consecutive),
    }
}

fn condition(rule: &RuleSpec, index: usize, notes: &mut Notes<'_>) -> Option<Condition> {
    let at = |key: &str| format!("/alerts/{index}/{key}");
    let given = [
        rule.above.map(Condition::Above),
        rule.below.map(Condition::Below),
        rule.outside.map(|[low, high]| Condition::Outside(low, high)),
        rule.change_from_baseline.as_ref().and_then(|spec| change(spec, &at("change_from_baseline"), notes)),
    ];
    let named = [
        rule.above.is_some(),
        rule.below.is_some(),
        rule.outside.is_some(),
        rule.change_from_baseline.is_some(),
    ];
    if named.iter().filter(|named| **named).count() != 1 {
        notes.problem(
            &format!("/alerts/{index}"),
            format!("is rule `{}`, which needs exactly one of `above`, `below`, `outside` and `change_from_baseline`", rule.rule),
            "for example `above: 0.2`",
        );
        return None;
    }
    let condition = given.into_iter().flatten().next()?;
    if let Condition::Outside(low, high) = condition
        && low > high
    {
        notes.problem(&at("outside"), format!("is [{low}, {high}], which is empty"), "the lower bound first");
        return None;
    }
    Some(condition)
}

fn change(spec: &ChangeSpec, pointer: &str, notes: &mut Notes<'_>) -> Option<Condition> {
    let (key, rises, amount) = match (&spec.above, &spec.below) {
        (Some(amount), None) => ("above", true, amount),
        (None, Some(amount)) => ("below", false, amount),
        _ => {
            notes.problem(
                pointer,
                "needs exactly one of `above` and `below`",
                "for example `{ below: -5% }`",
            );
            return None;
        }
    };
    let (bound, relative) = match amount {
        Amount::Number(bound) => (*bound, false),
        Amount::Percent(text) => {
            let percent = text.trim().strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
            let Some(percent) = percent.filter(|percent| percent.is_finite()) else {
                notes.problem(
                    &format!("{pointer}/{key}"),
                    format!("is `{text}`, neither a number nor a percentage"),
                    "such as `-5%` or `-0.05`",
                );
                return None;
            };
            (percent / 100.0, true)
        }
    };
    Some(Condition::ChangeFromBaseline(Change { rises, bound, relative }))
}

fn channel(spec: &ChannelSpec, at: &str, settings: &Settings, notes: &mut Notes<'_>) -> Option<Channel> {
    match spec {
        ChannelSpec::Email(email) => {
            let at = format!("{at}/email");
            if settings.smtp.is_none() && settings.outbox.is_none() {
                notes.problem(&at, "needs a mail server", "add `smtp:` (or `outbox: FOLDER`) to secchi.yaml");
            }
            if email.to.is_empty() {
                notes.problem(&format!("{at}/to"), "is empty", "at least one address");
            }
            for (index, address) in email.to.iter().enumerate() {
                if address.parse::<lettre::message::Mailbox>().is_err() {
                    notes.problem(
                        &format!("{at}/to/{index}"),
                        format!("is `{address}`, which is not an e-mail address"),
                        "such as `ops@example.com`",
                    );
                }
            }
            Some(Channel {
                kind: ChannelKind::Email(email.to.clone()),
                severity: email.severity.unwrap_or(Severity::Info),
            })
        }
        ChannelSpec::Webhook(webhook) => {
            let at = format!("{at}/webhook");
            let url = web_address(&webhook.url, &format!("{at}/url"), notes);
            let timeout = notes.timeout(&format!("{at}/timeout"), webhook.timeout.as_deref());
            let secret = webhook.secret.as_ref().map(|secret| Secret::new(secret, notes.folder));
            Some(Channel {
                kind: ChannelKind::Webhook { url: url?, secret, timeout },
                severity: webhook.severity.unwrap_or(Severity::Info),
            })
        }
    }
}

fn web_address(text: &str, pointer: &str, notes: &mut Notes<'_>) -> Option<Url> {
    // Some addresses are as good as a password, so what was typed is not repeated.
    let Ok(url) = Url::parse(text) else {
        notes.problem(pointer, "is not a web address", "such as `https://hooks.example.com/secchi`");
        return None;
    };
    let here = url.host().is_some_and(|host| is_this_machine(&host));
    match url.scheme() {
        "https" => Some(url),
        "http" if here => Some(url),
        "http" => {
            notes.problem(
                pointer,
                "sends in the clear",
                "use `https://`; `http://` is for this machine only",
            );
            None
        }
        other => {
            notes.problem(pointer, format!("has the scheme `{other}`"), "use `https://`");
            None
        }
    }
}

fn is_this_machine<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => name.as_ref() == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// Channels whose secret files are found from anywhere: they are proven with a monitor, in its own folder.
fn at_home(mut channels: Vec<ChannelSpec>, folder: &Path) -> Vec<ChannelSpec> {
    for channel in &mut channels {
        if let ChannelSpec::Webhook(webhook) = channel
            && let Some(SecretSpec::File(path)) = &mut webhook.secret
        {
            let joined = folder.join(&path);
            *path = std::path::absolute(&joined).unwrap_or(joined).to_string_lossy().into_owned();
        }
    }
    channels
}

/// The settings that `spec` describes; what is wrong with them is in `notes`.
pub(super) fn settings(spec: &SettingsSpec, notes: &mut Notes<'_>) -> Settings {
    let storage = spec
        .storage
        .iter()
        .map(|storage| Storage {
            prefix: storage.prefix.clone(),
            options: storage.options.clone(),
            secrets: storage
                .secrets
                .iter()
                .map(|(key, secret)| (key.clone(), Secret::new(secret, notes.folder)))
                .collect(),
        })
        .collect();
    for (index, storage) in spec.storage.iter().enumerate() {
        for key in storage.options.keys().filter(|key| looks_secret(key)) {
            notes.problem(
                &format!("/storage/{index}/options/{key}"),
                "is a secret",
                format!("put it under `secrets`, as `{key}: {{ env: NAME }}`"),
            );
        }
    }
    if spec.hold_webhooks && spec.outbox.is_none() {
        notes.problem("/hold_webhooks", "needs `outbox`", "name the folder that messages are written to");
    }
    let output =
        spec.defaults.output.as_ref().and_then(|output| notes.url("/defaults/output/uri", &output.uri));
    Settings {
        smtp: spec.smtp.as_ref().map(|smtp| self::smtp(smtp, notes)),
        outbox: spec.outbox.as_ref().map(|folder| normalized(&notes.folder.join(folder))),
        hold_webhooks: spec.hold_webhooks,
        storage,
        defaults: Defaults {
            output,
            notify: spec.defaults.notify.clone().map(|channels| at_home(channels, notes.folder)),
            timezone: spec.defaults.timezone.clone(),
            lateness: spec.defaults.lateness.clone(),
        },
    }
}

fn smtp(spec: &SmtpSpec, notes: &mut Notes<'_>) -> Smtp {
    let tls = spec.tls.unwrap_or(SmtpTls::Starttls);
    let host = Host::parse(&spec.host).ok();
    let here = host.as_ref().is_some_and(is_this_machine);
    if host.is_none() {
        notes.problem(
            "/smtp/host",
            format!("is `{}`, which is not a host name", spec.host),
            "such as `smtp.example.com`",
        );
    }
    if tls == SmtpTls::None && !here {
        notes.problem(
            "/smtp/tls",
            "is `none`, which sends in the clear",
            "`starttls` or `implicit`; `none` is for this machine only",
        );
    }
    if spec.from.parse::<lettre::message::Mailbox>().is_err() {
        notes.problem(
            "/smtp/from",
            format!("is `{}`, which is not an e-mail address", spec.from),
            "such as `Secchi <secchi@example.com>`",
        );
    }
    let login = match (&spec.username, &spec.password) {
        (Some(username), Some(password)) => Some((username.clone(), Secret::new(password, notes.folder))),
        (None, None) => None,
        _ => {
            notes.problem(
                "/smtp",
                "needs both `username` and `password`, or neither",
                "password: { env: NAME }",
            );
            None
        }
    };
    Smtp {
        host: spec.host.clone(),
        port: spec.port.unwrap_or(match tls {
            SmtpTls::Starttls => 587,
            SmtpTls::Implicit => 465,
            SmtpTls::None => 25,
        }),
        tls,
        from: spec.from.clone(),
        login,
        ca_file: spec.ca_file.as_ref().map(|path| notes.folder.join(path)),
        timeout: notes.timeout("/smtp/timeout", spec.timeout.as_deref()),
    }
}
