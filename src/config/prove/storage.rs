//! Options of object stores.
//!
//! They go to the store's client as they are, which knows many more than we do; but those that the manual
//! names are proven here, since what the client says of a wrong one names neither the file nor the key.

use super::{Notes, duration};
use crate::config::Secret;
use crate::config::secret::looks_secret;
use crate::config::settings::Storage;
use crate::config::settings_spec::StorageSpec;
use crate::config::yaml::escape;

/// The options that `spec`, which stands at `pointer`, describes.
pub fn storage(spec: &StorageSpec, pointer: &str, notes: &mut Notes<'_>) -> Storage {
    let options = spec.options.iter().map(|(key, typed)| {
        let pointer = format!("{pointer}/options/{}", escape(key));
        if looks_secret(key) {
            let hint = format!("put it under `secrets`, as `{key}: {{ env: NAME }}`");
            notes.problem(&pointer, "is a secret", hint);
        }
        (key.clone(), option(key, typed, &pointer, notes))
    });
    let options = options.collect();
    let secrets = spec.secrets.iter().map(|(key, spec)| (key.clone(), Secret::new(spec, notes.folder)));
    Storage { prefix: spec.prefix.clone(), options, secrets: secrets.collect() }
}

/// The value of `key` as the client reads it.
fn option(key: &str, typed: &str, pointer: &str, notes: &mut Notes<'_>) -> String {
    match key {
        "connect_timeout" | "retry_timeout" | "timeout" => {
            let duration = duration(typed, pointer, notes).unwrap_or_default();
            format!("{}ms", duration.as_millis())
        }
        "max_retries" => {
            if typed.parse::<u32>().is_err() {
                notes.problem(
                    pointer,
                    format!("is `{typed}`, which is not a whole number"),
                    "such as \"10\"",
                );
            }
            typed.to_owned()
        }
        _ => typed.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use insta::assert_snapshot;

    use crate::config::given::{loaded, problems_of_settings};
    use crate::config::load_settings;

    #[test]
    fn bounds_of_requests_are_lengths_of_time_and_a_number() {
        let text = "storage:\n  - prefix: s3://\n    options: { timeout: 1 minute, retry_timeout: 5s, max_retries: '3', aws_region: eu }\n";
        let settings = loaded("secchi.yaml", text, load_settings).unwrap();
        let options = settings.storage[0].options.iter().map(|(key, value)| format!("{key}={value}"));
        let expected = ["aws_region=eu", "max_retries=3", "retry_timeout=5000ms", "timeout=60000ms"];
        assert_eq!(options.collect::<Vec<_>>(), expected);
        assert_snapshot!(
            problems_of_settings(
                "storage:\n  - prefix: s3://\n    options:\n      timeout: '30'\n      retry_timeout: soon\n      max_retries: many\n      connect_timeout: 5\n"
            ),
            @r#"
            secchi.yaml:4:16: `storage[0].options.timeout` is `30`, which is not a length of time
              hint: such as `2 days`, `6 hours`, `90 seconds`
            secchi.yaml:5:22: `storage[0].options.retry_timeout` is `soon`, which is not a length of time
              hint: such as `2 days`, `6 hours`, `90 seconds`
            secchi.yaml:6:20: `storage[0].options.max_retries` is `many`, which is not a whole number
              hint: such as "10"
            secchi.yaml:7:24: `storage[0].options.connect_timeout` is `5`, but must be a text
              hint: if it is a text, put it in quotes: "5"
            "#
        );
    }
}
