//! `secchi schema`: the JSON Schema of monitor files, for editors.

use clap::Args;

use super::{Exit, say};
use crate::config::settings_spec::SettingsSpec;
use crate::config::spec::MonitorSpec;
use crate::config::structure::schema_of;

#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Of secchi.yaml instead.
    #[arg(long)]
    settings: bool,
}

pub fn schema(args: &SchemaArgs) -> Exit {
    let schema = if args.settings { schema_of::<SettingsSpec>() } else { schema_of::<MonitorSpec>() };
    match serde_json::to_string_pretty(&schema) {
        Ok(text) => {
            say::result(&text);
            Exit::Done
        }
        Err(error) => say::failure(&error, "this is a fault of secchi's own; please report it"),
    }
}
