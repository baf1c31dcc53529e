//! Documents that are made from the code agree with it.
//!
//! `SECCHI_BLESS=1 cargo test` writes them anew.

use std::fmt::Write;
use std::path::Path;

use secchi::contract::{Column, Table, Type, alerts, drift_metrics, profile_metrics, runs};
use secchi::notify::{Notification, payload};
use serde_json::Value;

use crate::notify::given;

fn type_of(ty: Type) -> String {
    match ty {
        Type::Text => "string".to_owned(),
        Type::Int => "int".to_owned(),
        Type::Long => "bigint".to_owned(),
        Type::Double => "double".to_owned(),
        Type::Bool => "boolean".to_owned(),
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
    }
}

fn section(text: &mut String, title: &str, table: &Table) {
    let _ = write!(text, "\n## {title}\n\n{}\n\n| column | type | meaning |\n|---|---|---|\n", table.doc);
    let cell = |text: &str| text.replace('|', "\\|");
    for Column { name, ty, doc } in table.columns() {
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
    fields(&mut text, &schema);
    for (name, object) in schema["$defs"].as_object().into_iter().flatten() {
        let _ = write!(text, "\n## {name}\n\n{}\n", object["description"].as_str().unwrap_or_default());
        if object["properties"].is_object() {
            fields(&mut text, object);
        } else {
            text.push('\n');
            for value in object["oneOf"].as_array().into_iter().flatten() {
                let meaning = value["description"].as_str().unwrap_or_default();
                let _ = writeln!(text, "- `{}`: {meaning}", value["const"].as_str().unwrap_or_default());
            }
        }
    }
    let _ = write!(text, "\n## An example\n\n```json\n{}\n```\n", example());
    check("docs/webhook.md", &text);
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
        Where the model id column of the inference table has a name of its own, it stands just before `model_version`.\n"
        .to_owned();
    section(&mut text, "`<monitor>_profile_metrics`", &profile_metrics::TABLE);
    section(&mut text, "`<monitor>_drift_metrics`", &drift_metrics::TABLE);
    section(&mut text, "`alerts`", &alerts::TABLE);
    section(&mut text, "`runs`", &runs::TABLE);
    check("docs/tables.md", &text);
}
