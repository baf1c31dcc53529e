//! Documents that are made from the code agree with it.
//!
//! `SECCHI_BLESS=1 cargo test` writes them anew.

use std::fmt::Write;
use std::path::Path;

use secchi::contract::{Column, Table, Type, alerts, drift_metrics, profile_metrics, runs};

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
