//! The model registry of the story: an MLflow file store (`mlruns/`), laid out as MLflow 3.17 writes it.
//!
//! Registered models with versions, aliases and tags, and the runs that trained them, with parameters, metrics and the
//! table version that they were validated on. It knows the files of the store, and nothing of Delta.

use std::path::Path;

use serde_json::json;
use uuid::Uuid;

use super::calendar::{HOUR, start_of};
use super::tables::NAMESPACE;
use super::{SimulateError, io_error};

/// Where the story's models are said to be stored; nothing is there.
const ARTIFACTS: &str = "s3://ml-artifacts";

/// The baseline rows that a version was validated on, and what came out.
#[derive(Debug)]
pub(crate) struct Validation {
    /// Registered model, e.g. `credit_default`.
    pub model: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Path of the table below the lake.
    pub table: String,
    /// Version of the table.
    pub table_version: u64,
    /// Rows that this version scored.
    pub rows: u64,
    /// Names of metrics and their means over these rows.
    pub metrics: Vec<(&'static str, f64)>,
}

/// A registered model.
struct Registered {
    name: &'static str,
    description: &'static str,
    experiment: &'static str,
    flavor: &'static str,
    tags: &'static [(&'static str, &'static str)],
    aliases: &'static [(&'static str, &'static str)],
    versions: &'static [Version],
}

/// A version of a registered model, and the run that trained it. Days are days of the story.
struct Version {
    version: &'static str,
    trained_day: i64,
    updated_day: i64,
    stage: &'static str,
    description: &'static str,
    tags: &'static [(&'static str, &'static str)],
    params: &'static [(&'static str, &'static str)],
    /// Metrics of versions that were validated before there was a baseline table.
    metrics: &'static [(&'static str, f64)],
}

static CREDIT_DEFAULT: Registered = Registered {
    name: "credit_default",
    description: "Probability that a loan defaults.",
    experiment: "risk/credit-default",
    flavor: "sklearn",
    tags: &[("owner", "risk-ml@example.com"), ("team", "risk"), ("tier", "1")],
    aliases: &[("challenger", "1"), ("champion", "2"), ("production", "2")],
    versions: &[
        Version {
            version: "1",
            trained_day: -7,
            updated_day: 32,
            stage: "Archived",
            description: "Logistic regression without loan term and guarantors.",
            tags: &[("validation", "approved")],
            params: &[("C", "1.0"), ("calibration", "none"), ("solver", "lbfgs")],
            metrics: &[],
        },
        Version {
            version: "2",
            trained_day: -5,
            updated_day: 32,
            stage: "Production",
            description: "Gradient boosting with loan term and guarantors, calibrated by isotonic regression.",
            tags: &[("validation", "approved")],
            params: &[("calibration", "isotonic"), ("learning_rate", "0.05"), ("max_depth", "6")],
            metrics: &[],
        },
    ],
};

static DELIVERY_TIME: Registered = Registered {
    name: "delivery_time",
    description: "Minutes from order to door.",
    experiment: "dispatch/delivery-time",
    flavor: "sklearn",
    tags: &[("owner", "dispatch-ml@example.com"), ("team", "dispatch"), ("tier", "2")],
    aliases: &[("challenger", "3"), ("champion", "4"), ("production", "4")],
    versions: &[
        Version {
            version: "1",
            trained_day: -264,
            updated_day: -133,
            stage: "Archived",
            description: "Mean speed by vehicle.",
            tags: &[],
            params: &[("model", "linear")],
            metrics: &[("mean_absolute_error", 5.31), ("mean_squared_error", 49.7)],
        },
        Version {
            version: "2",
            trained_day: -133,
            updated_day: -7,
            stage: "Archived",
            description: "Linear model with preparation time.",
            tags: &[],
            params: &[("alpha", "0.1"), ("model", "ridge")],
            metrics: &[("mean_absolute_error", 3.92), ("mean_squared_error", 27.4)],
        },
        Version {
            version: "3",
            trained_day: -7,
            updated_day: 24,
            stage: "Archived",
            description: "Gradient boosting without city, weather and holidays.",
            tags: &[("validation", "approved")],
            params: &[("learning_rate", "0.1"), ("max_depth", "5")],
            metrics: &[],
        },
        Version {
            version: "4",
            trained_day: -5,
            updated_day: 24,
            stage: "Production",
            description: "Gradient boosting with city, weather and holidays.",
            tags: &[("validation", "approved")],
            params: &[("learning_rate", "0.05"), ("max_depth", "7")],
            metrics: &[],
        },
    ],
};

/// Writes the whole registry to the folder `root`.
pub(crate) fn write(root: &Path, validations: &[Validation]) -> Result<(), SimulateError> {
    write_experiment(root, "0", "Default", -264)?;
    write_model(root, &CREDIT_DEFAULT, validations)?;
    write_model(root, &DELIVERY_TIME, validations)
}

fn write_model(root: &Path, model: &Registered, validations: &[Validation]) -> Result<(), SimulateError> {
    let experiment = experiment_id(model.experiment);
    let created = model.versions.iter().map(|version| version.trained_day).min().unwrap_or_default();
    let updated = model.versions.iter().map(|version| version.updated_day).max().unwrap_or_default();
    write_experiment(root, &experiment, model.experiment, created)?;

    let folder = root.join("models").join(model.name);
    let aliases = model.aliases.iter().map(|(alias, version)| ((*alias).to_owned(), text(version))).collect();
    put_yaml(
        &folder.join("meta.yaml"),
        &[
            ("aliases", Yaml::Map(aliases)),
            ("creation_timestamp", millis(created, 10)),
            ("deployment_job_id", Yaml::Null),
            ("deployment_job_state", Yaml::Null),
            ("description", text(model.description)),
            ("last_updated_timestamp", millis(updated, 10)),
            ("name", text(model.name)),
            ("workspace", text("default")),
        ],
    )?;
    put_each(&folder.join("tags"), model.tags)?;
    put_each(&folder.join("aliases"), model.aliases)?;

    for version in model.versions {
        let validation =
            validations.iter().find(|found| found.model == model.name && found.version == version.version);
        let run = Run { model, version, experiment: &experiment };
        write_version(&folder, &run)?;
        write_run(root, &run, validation)?;
        write_logged_model(root, &run)?;
    }
    Ok(())
}

/// A version and the run that trained it, with the identifiers that a real store would draw at random.
struct Run<'a> {
    model: &'a Registered,
    version: &'a Version,
    experiment: &'a str,
}

impl Run<'_> {
    fn run_id(&self) -> String {
        identifier(&format!("run/{}/{}", self.model.name, self.version.version))
    }

    fn model_id(&self) -> String {
        format!("m-{}", identifier(&format!("model/{}/{}", self.model.name, self.version.version)))
    }

    fn name(&self) -> String {
        format!("{}-v{}", self.model.name.replace('_', "-"), self.version.version)
    }

    fn artifacts(&self) -> String {
        format!("{ARTIFACTS}/{}/models/{}/artifacts", self.experiment, self.model_id())
    }
}

fn write_version(model_folder: &Path, run: &Run<'_>) -> Result<(), SimulateError> {
    let Run { model, version, .. } = run;
    let folder = model_folder.join(format!("version-{}", version.version));
    put_yaml(
        &folder.join("meta.yaml"),
        &[
            ("creation_timestamp", millis(version.trained_day, 11)),
            ("current_stage", text(version.stage)),
            ("deployment_job_state", Yaml::Null),
            ("description", text(version.description)),
            ("last_updated_timestamp", millis(version.updated_day, 9)),
            ("model_id", text(&run.model_id())),
            ("name", text(model.name)),
            ("run_id", text(&run.run_id())),
            ("run_link", Yaml::Null),
            ("source", text(&format!("models:/{}", run.model_id()))),
            ("status", text("READY")),
            ("status_message", Yaml::Null),
            ("storage_location", text(&run.artifacts())),
            ("user_id", text(&user(model))),
            ("version", Yaml::Plain(version.version.to_owned())),
            ("workspace", text("default")),
        ],
    )?;
    put_each(&folder.join("tags"), version.tags)
}

fn write_run(root: &Path, run: &Run<'_>, validation: Option<&Validation>) -> Result<(), SimulateError> {
    let Run { model, version, experiment } = run;
    let run_id = run.run_id();
    let folder = root.join(experiment).join(&run_id);
    put_yaml(
        &folder.join("meta.yaml"),
        &[
            ("artifact_uri", text(&format!("{ARTIFACTS}/{experiment}/{run_id}/artifacts"))),
            ("end_time", millis(version.trained_day, 10)),
            ("entry_point_name", text("")),
            ("experiment_id", text(experiment)),
            ("lifecycle_stage", text("active")),
            ("run_id", text(&run_id)),
            ("run_name", text(&run.name())),
            ("source_name", text("")),
            ("source_type", Yaml::Plain("4".to_owned())),
            ("source_version", text("")),
            ("start_time", millis(version.trained_day, 8)),
            ("status", Yaml::Plain("3".to_owned())),
            ("tags", Yaml::Plain("[]".to_owned())),
            ("user_id", text(&user(model))),
        ],
    )?;
    put_each(&folder.join("params"), version.params)?;
    // MLflow takes a folder for a run only when all three are there.
    for part in ["artifacts", "metrics", "params"] {
        let part = folder.join(part);
        std::fs::create_dir_all(&part).map_err(io_error(&part))?;
    }
    let ended = millis_since_epoch(version.trained_day, 10);
    let metrics = validation.map_or(version.metrics, |found| &found.metrics);
    for (metric, value) in metrics {
        put(&folder.join("metrics").join(metric), &format!("{ended} {value} 0\n"))?;
    }
    let commit =
        format!("{}{:.8}", identifier(&format!("commit/{run_id}")), identifier(&format!("rest/{run_id}")));
    put_each(
        &folder.join("tags"),
        &[
            ("mlflow.runName", run.name().as_str()),
            ("mlflow.user", user(model).as_str()),
            ("mlflow.source.name", format!("train/{}.py", model.name).as_str()),
            ("mlflow.source.type", "JOB"),
            ("mlflow.source.git.commit", commit.as_str()),
        ],
    )?;
    validation.map_or(Ok(()), |found| write_dataset(root, run, found))
}

/// The table version that a run was validated on, as an input of the run.
fn write_dataset(root: &Path, run: &Run<'_>, validation: &Validation) -> Result<(), SimulateError> {
    let experiment = root.join(run.experiment);
    let table = format!("{}@{}", validation.table, validation.table_version);
    let dataset = identifier(&format!("dataset/{table}"));
    put_yaml(
        &experiment.join("datasets").join(&dataset).join("meta.yaml"),
        &[
            ("digest", text(&format!("{dataset:.8}"))),
            ("name", text(&validation.table.replace('/', "."))),
            ("profile", text(&json!({"num_rows": 2 * validation.rows}).to_string())),
            ("schema", text("{}")),
            (
                "source",
                text(
                    &json!({"path": validation.table, "delta_table_version": validation.table_version})
                        .to_string(),
                ),
            ),
            ("source_type", text("delta_table")),
        ],
    )?;
    let input = identifier(&format!("input/{}/{table}", run.run_id()));
    put_yaml(
        &experiment.join(run.run_id()).join("inputs").join(input).join("meta.yaml"),
        &[
            ("destination_id", text(&run.run_id())),
            ("destination_type", text("RUN")),
            ("source_id", text(&dataset)),
            ("source_type", text("DATASET")),
            ("tags", Yaml::Map(vec![("mlflow.data.context".to_owned(), text("evaluation"))])),
        ],
    )
}

/// The model as the run logged it, which MLflow 3 keeps apart from its registration.
fn write_logged_model(root: &Path, run: &Run<'_>) -> Result<(), SimulateError> {
    let Run { model, version, experiment } = run;
    let folder = root.join(experiment).join("models").join(run.model_id());
    put_yaml(
        &folder.join("meta.yaml"),
        &[
            ("artifact_location", text(&run.artifacts())),
            ("creation_timestamp", millis(version.trained_day, 10)),
            ("experiment_id", text(experiment)),
            ("last_updated_timestamp", millis(version.trained_day, 10)),
            ("model_id", text(&run.model_id())),
            ("model_type", text(model.flavor)),
            ("name", text(&run.name())),
            ("source_run_id", text(&run.run_id())),
            ("status", Yaml::Plain("2".to_owned())),
            ("status_message", Yaml::Null),
        ],
    )?;
    put_each(&folder.join("params"), version.params)?;
    put_each(&folder.join("tags"), &[("registered_as", model.name)])
}

fn write_experiment(root: &Path, id: &str, name: &str, created_day: i64) -> Result<(), SimulateError> {
    put_yaml(
        &root.join(id).join("meta.yaml"),
        &[
            ("artifact_location", text(&format!("{ARTIFACTS}/{id}"))),
            ("creation_time", millis(created_day, 7)),
            ("effective_trace_archival_retention", Yaml::Null),
            ("experiment_id", text(id)),
            ("last_update_time", millis(created_day, 7)),
            ("lifecycle_stage", text("active")),
            ("name", text(name)),
            ("trace_location", Yaml::Null),
            ("workspace", text("default")),
        ],
    )
}

/// The account that trains `model`.
fn user(model: &Registered) -> String {
    format!("svc-{}", model.name.replace('_', "-"))
}

/// 32 hexadecimal digits, always the same for the same `name`.
fn identifier(name: &str) -> String {
    Uuid::new_v5(&NAMESPACE, name.as_bytes()).simple().to_string()
}

/// 18 decimal digits, always the same for the same `name`.
fn experiment_id(name: &str) -> String {
    let number = Uuid::new_v5(&NAMESPACE, name.as_bytes()).as_u128() % 900_000_000_000_000_000;
    (100_000_000_000_000_000 + number).to_string()
}

/// A value in a `meta.yaml`.
enum Yaml {
    Null,
    /// Written as it is: numbers and empty lists.
    Plain(String),
    Text(String),
    Map(Vec<(String, Yaml)>),
}

fn text(value: &str) -> Yaml {
    Yaml::Text(value.to_owned())
}

/// `hour` o'clock on day `day`, in milliseconds since the epoch.
fn millis(day: i64, hour: i64) -> Yaml {
    Yaml::Plain(millis_since_epoch(day, hour).to_string())
}

fn millis_since_epoch(day: i64, hour: i64) -> i64 {
    (start_of(day) + hour * HOUR) / 1_000
}

impl Yaml {
    /// The value as YAML, to stand after `key:`.
    fn after_key(&self) -> String {
        match self {
            Self::Null => " null".to_owned(),
            Self::Plain(value) => format!(" {value}"),
            Self::Text(value) => format!(" '{}'", value.replace('\'', "''")),
            Self::Map(entries) if entries.is_empty() => " {}".to_owned(),
            Self::Map(entries) => {
                entries.iter().map(|(key, value)| format!("\n  {key}:{}", value.after_key())).collect()
            }
        }
    }
}

fn put_yaml(path: &Path, entries: &[(&str, Yaml)]) -> Result<(), SimulateError> {
    let lines: String = entries.iter().map(|(key, value)| format!("{key}:{}\n", value.after_key())).collect();
    put(path, &lines)
}

/// One file in `folder` for each key, with the value as its content.
fn put_each(folder: &Path, entries: &[(&str, &str)]) -> Result<(), SimulateError> {
    entries.iter().try_for_each(|(key, value)| put(&folder.join(key), value))
}

fn put(path: &Path, content: &str) -> Result<(), SimulateError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(io_error(folder))?;
    }
    std::fs::write(path, content).map_err(io_error(path))
}
