//! `secchi init`: writes a commented monitor file from a table's schema.

use std::path::PathBuf;

use clap::Args;

use super::{Exit, say};
use crate::config::{self, Settings};
use crate::draft;
use crate::source::{At, Lake};

#[derive(Debug, Args)]
pub struct InitArgs {
    /// URL or path of the inference table.
    table: String,
    /// File to write; - is stdout. Default: monitors/NAME.yaml, where NAME is the table's.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// File of settings with the table's credentials. Default: ./secchi.yaml if there is one.
    #[arg(long, value_name = "FILE", env = "SECCHI_CONFIG")]
    config: Option<PathBuf>,
}

pub async fn init(args: &InitArgs) -> Exit {
    let here = PathBuf::from(config::SETTINGS_FILE);
    let settings = match args.config.clone().or_else(|| here.is_file().then_some(here)) {
        None => Settings::default(),
        Some(file) => match config::load_settings(&file) {
            Ok(settings) => settings,
            Err(problems) => return say::problems(&problems),
        },
    };
    let url = match config::table_url(&args.table) {
        Ok(url) => url,
        Err(message) => {
            say::note(&format!("error: TABLE {message}\n  hint: s3://bucket/folder, or a path"));
            return Exit::Failed;
        }
    };
    let table = match Lake::new(&settings).table("TABLE", &url, At::Latest).await {
        Ok(table) => table,
        Err(error) => return say::failure(&error, &error.hint()),
    };
    let schema = match table.snapshot() {
        Ok(state) => state.snapshot().arrow_schema(),
        Err(error) => return say::failure(&error, "the table's log is damaged"),
    };
    let name = draft::name_of(&args.table);
    let file = args.output.clone().unwrap_or_else(|| PathBuf::from("monitors").join(format!("{name}.yaml")));
    let to_stdout = file.as_os_str() == "-";
    let shown = if to_stdout { args.table.clone() } else { draft::relative_to(&args.table, &file) };
    let text = draft::monitor(&name, &shown, &schema);
    if to_stdout {
        say::result(text.trim_end());
        return Exit::Done;
    }
    if file.exists() {
        say::note(&format!(
            "error: `{}` is there already\n  hint: name another file with --output",
            file.display()
        ));
        return Exit::Failed;
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let written = folder.map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&file, text));
    match written {
        Ok(()) => {
            say::result(&format!(
                "wrote {}: look at the lines marked `?`, then `secchi validate --connect {0}`",
                file.display()
            ));
            Exit::Done
        }
        Err(error) => say::failure(&error, &format!("`{}` must be writable", file.display())),
    }
}
