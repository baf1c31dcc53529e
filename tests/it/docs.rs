//! Documents that are made from the code agree with it.
//!
//! `SECCHI_BLESS=1 cargo test` writes them anew.

use std::fmt::Write;
use std::path::Path;

use jiff::tz::TimeZone;
use secchi::cli::document as json;
use secchi::config::Problems;
use secchi::contract::{Column, Table, Type, alerts, drift_metrics, profile_metrics, profile_states, runs};
use secchi::lineage::Pin;
use secchi::notify::{Notification, Outcome as Delivery, Receipt, payload};
use secchi::run::{Incident, Outcome, RunError};
use secchi::sink::maintain::{Sizes, Upkeep};
use secchi::sink::{SinkError, Written};
use serde_json::Value;

use crate::notify::given;

fn type_of(ty: Type) -> String {
    match ty {
        Type::Text => "string".to_owned(),
        Type::Int => "int".to_owned(),
        Type::Long => "bigint".to_owned(),
        Type::Double => "double".to_owned(),
        Type::Bool => "boolean".to_owned(),
        Type::Binary => "binary".to_owned(),
        Type::Timestamp => "timestamp".to_owned(),
        Type::Date => "date".to_owned(),
        Type::Struct(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|field| format!("{}: {}", field.name, type_of(field.ty))).collect();
            format!("struct<{}>", fields.join(", "))
        }
        Type::List(item) => format!("array<{}>", type_of(*item)),
        Type::TextToDouble => "map<string, double>".to_owned(),
        Type::TextToText => "map<string, string>".to_owned(),
        Type::TextToStruct(fields) => format!("map<string, {}>", type_of(Type::Struct(fields))),
    }
}

fn section(text: &mut String, title: &str, table: &Table) {
    let _ = write!(text, "\n## {title}\n\n{}\n\n| column | type | meaning |\n|---|---|---|\n", table.doc);
    let cell = |text: &str| text.replace('|', "\\|");
    for Column { name, ty, doc, .. } in table.columns() {
        let _ = writeln!(text, "| `{name}` | {} | {} |", cell(&type_of(*ty)), cell(doc));
    }
}

/// The fields of an object of a JSON Schema as a table.
fn fields(text: &mut String, schema: &Value) {
    text.push_str("\n| field | type | meaning |\n|---|---|---|\n");
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let meaning = field["description"].as_str().unwrap_or_default().replace('\n', " ");
        let _ = writeln!(text, "| `{name}` | {} | {meaning} |", type_in_json(field));
    }
}

fn type_in_json(field: &Value) -> String {
    if let Some(name) = field["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return format!("[{name}](#{})", name.to_lowercase());
    }
    match &field["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        Value::String(name) if name == "array" => format!("list of {}", type_in_json(&field["items"])),
        Value::String(name) => field["format"]
            .as_str()
            .map_or(name.as_str(), |format| match format {
                "date-time" => "instant",
                _ => name,
            })
            .to_owned(),
        _ => String::new(),
    }
}

/// An example of the document: one alert that began to fire.
fn example() -> String {
    let monitor = given::monitor(vec![given::webhook("https://hooks.example.com/secchi")]);
    let (facts, events) = (given::facts(), [given::event()]);
    let notification = Notification::new(&monitor, &facts, &events, &monitor.channels[0]);
    let payload = notification.as_ref().map(payload::payload);
    serde_json::to_string_pretty(&payload).expect("JSON")
}

#[test]
fn the_page_of_the_webhook_is_made_from_its_schema() {
    let schema = payload::schema().to_value();
    let mut text = "# What a webhook receives\n\n\
        One `POST` a run and webhook, with this document as its body. `webhook-id` names the message: a repeat has the \
        same one, so it can be dropped. `webhook-timestamp` is when it was sent, in seconds since 1970. With a `secret` (base64 if it begins with `whsec_`, else taken as it is), \
        `webhook-signature` is `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, as \
        [Standard Webhooks](https://www.standardwebhooks.com) has it; any library for that verifies it. Any answer of 2xx \
        is a receipt; 408, 425, 429, 5xx and silence are tried again. Fields may be added under the same `version`.\n"
        .to_owned();
    document(&mut text, &schema, &schema["none"]);
    let _ = write!(text, "\n## An example\n\n```json\n{}\n```\n", example());
    check("docs/webhook.md", &text);
}

/// The fields of a document and of the objects in it, but for those that are `known`.
fn document(text: &mut String, schema: &Value, known: &Value) {
    fields(text, schema);
    let objects = schema["$defs"].as_object().into_iter().flatten();
    for (name, object) in objects.filter(|(name, _)| known[name.as_str()].is_null()) {
        let meaning = object["description"].as_str().unwrap_or_default().replace('\n', " ");
        let _ = write!(text, "\n## {name}\n\n{meaning}\n");
        if object["properties"].is_object() {
            fields(text, object);
        } else if let Some(values) = object["oneOf"].as_array() {
            text.push('\n');
            for value in values {
                let meaning = value["description"].as_str().unwrap_or_default();
                let _ = writeln!(text, "- `{}`: {meaning}", value["const"].as_str().unwrap_or_default());
            }
        }
    }
}

/// A run in which one alert began to fire, and what else the document may hold.
fn example_of_runs() -> String {
    let (facts, event) = (given::facts(), given::event());
    let incident = Incident {
        model_versions: vec![event.model_version.clone()],
        state: event.state,
        is_news: true,
        times: 1,
        first_window_start: event.first_window_start,
        last_window_end: event.window_end,
        worst: event.clone(),
    };
    let written =
        |pin: &Pin, rows| Written { table: pin.table.clone(), version: pin.version, rows, restated: 0 };
    let outcome = Outcome {
        monitor: event.monitor_name.clone(),
        rows: 48_210,
        bytes: 1_730_000,
        is_unchanged: false,
        windows: 30,
        model_versions: vec![event.model_version.clone()],
        profile: written(&facts.profile, 1_240),
        drift: written(&facts.drift, 980),
        facts,
        events: vec![event.clone()],
        firing: vec![event.clone()],
        incidents: vec![incident],
        judged: 210,
        unjudged: [(("amount drifts".to_owned(), "too few rows".into()), 6)].into(),
        findings: vec!["12 rows have no `event_time`, and so no window".to_owned()],
        receipts: vec![Receipt {
            channel: "webhook hooks.example.com".to_owned(),
            outcome: Delivery::Sent,
            attempts: 1,
        }],
        seconds: 3.5,
        zone: TimeZone::UTC,
    };
    let done = json::Run::new(&event.monitor_name, &Ok(outcome));
    let stopped = json::Run::new("delivery-time", &Err(RunError::Canceled));
    let problems =
        Problems::of_file(Path::new("monitors/churn.yaml"), "is empty", "`secchi init TABLE` writes one");
    json::json(vec![done, stopped], &[problems])
}

/// A table that was maintained, and one that could not be.
fn example_of_maintenance() -> String {
    let upkeep = Upkeep {
        table: "s3://lake/monitoring/churn_profile_metrics".to_owned(),
        version: 1003,
        before: Sizes { files: 1002, bytes: 41_000_000 },
        rewritten: Sizes { files: 1000, bytes: 40_000_000 },
        after: Sizes { files: 9, bytes: 6_200_000 },
        is_busy: false,
        checkpoint: Some(1003),
        log_entries: 288,
        deleted: Sizes { files: 12, bytes: 1_200_000 },
    };
    let foreign = SinkError::Foreign {
        table: "s3://lake/monitoring/churn_drift_metrics".to_owned(),
        owner: "other".to_owned(),
    };
    let tables = [
        json::MaintainedTable::new("s3://lake/monitoring/churn_profile_metrics", &Ok(Some(upkeep))),
        json::MaintainedTable::new("s3://lake/monitoring/churn_drift_metrics", &Err(foreign)),
    ];
    json::json_of_maintenance(false, tables.into_iter().flatten().collect(), &[])
}

/// An example of a document, which must be one by its schema.
fn example_of(text: &mut String, example: &str, schema: &Value) {
    let valid = jsonschema::draft202012::new(schema).expect("a schema");
    let problems: Vec<String> = valid
        .iter_errors(&serde_json::from_str(example).expect("JSON"))
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(problems, [""; 0], "the example is such a document");
    let _ = write!(text, "\n## An example\n\n```json\n{example}\n```\n");
}

#[test]
fn the_page_of_the_documents_is_made_from_their_schemas() {
    let (runs, maintenance) = (json::schema().to_value(), json::schema_of_maintenance().to_value());
    let mut text = "# What `secchi run --json` prints\n\n\
        One document on stdout, of all monitors that were to be run; what is told to a person goes to stderr. The exit \
        code is the same as without `--json`. Instants are RFC 3339, UTC. Fields may be added under the same `version`.\n"
        .to_owned();
    document(&mut text, &runs, &runs["none"]);
    example_of(&mut text, &example_of_runs(), &runs);
    text.push_str(
        "\n# What `secchi maintain --json` prints\n\n\
        One document, likewise, of all tables that were to be maintained and are there.\n",
    );
    document(&mut text, &maintenance, &runs["$defs"]);
    example_of(&mut text, &example_of_maintenance(), &maintenance);
    text.push_str(
        "\n# What `secchi plan --json` prints\n\nWhat runs would read and compute, in the same manner. `backfill` and \
         `rebuild` print the document of `run`, with a run for each chunk.\n",
    );
    document(&mut text, &json::plans_schema().to_value(), &runs["$defs"]);
    check("docs/json.md", &text);
}

fn check(path: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("SECCHI_BLESS").is_some() {
        std::fs::write(&path, text).expect("the document can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == text,
        "{} is not what the code says; SECCHI_BLESS=1 cargo test writes it anew",
        path.display()
    );
}

#[test]
fn the_page_of_the_tables_is_made_from_the_contract() {
    let mut text = "# The tables that Secchi writes\n\n\
        One folder, `output.uri`, holds them all. Every column carries its sentence as Delta column metadata, too. \
        Where the model id column of the inference table has a name of its own, it stands just before `model_version`.\n\n\
        Each entry of `custom_metrics` is a column more, after all others, of the type `output_data_type`: of the profile \
        table if it is `aggregate` or `derived`, of the drift table if it is `drift`. It has values in the rows of its \
        `input_columns`, and is NULL elsewhere; `reason` names it where a row could have it and has not. A metric that \
        is added becomes a column of the tables that are there already; one that is taken out leaves its column, NULL \
        from then on; and none can change its type. `revision` rises with it when it changes in its first nine digits, \
        since the engine adds doubles in any order.\n"
        .to_owned();
    section(&mut text, "`<monitor>_profile_metrics`", &profile_metrics::TABLE);
    section(&mut text, "`<monitor>_drift_metrics`", &drift_metrics::TABLE);
    section(&mut text, "`<monitor>_profile_states`", &profile_states::TABLE);
    section(&mut text, "`alerts`", &alerts::TABLE);
    section(&mut text, "`runs`", &runs::TABLE);
    check("docs/tables.md", &text);
}
