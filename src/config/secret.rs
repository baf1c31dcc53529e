//! Secrets: named in settings, read when needed, shown nowhere.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::problem::key_of_pointer;
use super::spec::SecretSpec;
use super::yaml::{Document, Place};

/// Where a secret is read from.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// An environment variable.
    Env(String),
    /// A file.
    File(PathBuf),
}

/// Whether what stands under the key that ends `path` is meant to be secret.
pub(super) fn looks_secret(path: &str) -> bool {
    let key = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    ["secret", "access_key_id", "token", "password", "account_key", "sas_key"]
        .iter()
        .any(|word| key.contains(word))
}

/// A secret that cannot be read. Says where it was looked for, never what was found.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set.
    #[error("environment variable `{0}` is not set")]
    Env(String),
    /// The file cannot be read.
    #[error("cannot read the secret file `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is nothing in it.
    #[error("{0} is empty")]
    Empty(Secret),
    /// It cannot be what it is needed as.
    #[error("{place} holds no key: {why}")]
    NoKey {
        /// Where it was read from.
        place: Secret,
        /// Why it is none.
        why: &'static str,
    },
}

/// Where the secrets of a file are named in it.
#[derive(Debug, Clone, Default)]
pub struct SecretPlaces {
    file: PathBuf,
    places: BTreeMap<String, Place>,
}

impl SecretPlaces {
    pub(super) fn of(file: &Path, document: &Document) -> Self {
        let places = document.places(|pointer| pointer.contains("/secrets/") || looks_secret(pointer));
        let places = places.map(|(pointer, place)| (key_of_pointer(pointer), place));
        Self { file: file.to_owned(), places: places.collect() }
    }

    /// The file, with line and column of `key`: `monitors/churn.yaml:12:26`.
    pub fn shown(&self, key: &str) -> String {
        let file = self.file.display();
        match self.places.get(key) {
            Some(Place { line, column }) => format!("{file}:{line}:{column}"),
            None => file.to_string(),
        }
    }
}

impl Secret {
    pub(super) fn new(spec: &SecretSpec, folder: &Path) -> Self {
        match spec {
            SecretSpec::Env(name) => Self::Env(name.clone()),
            SecretSpec::File(path) => Self::File(folder.join(path)),
        }
    }

    /// Reads it now.
    ///
    /// # Errors
    /// If there is none.
    pub fn read(&self) -> Result<SecretString, SecretError> {
        let secret = match self {
            Self::Env(name) => {
                std::env::var(name).map(SecretString::from).map_err(|_| SecretError::Env(name.clone()))?
            }
            Self::File(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|source| SecretError::File { path: path.clone(), source })?;
                let text = text.strip_suffix('\n').unwrap_or(&text);
                SecretString::from(text.strip_suffix('\r').unwrap_or(text))
            }
        };
        if secret.expose_secret().is_empty() {
            return Err(SecretError::Empty(self.clone()));
        }
        Ok(secret)
    }
}

/// The place, in the words of an error.
impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "environment variable `{name}`"),
            Self::File(path) => write!(f, "secret file `{}`", path.display()),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use insta::assert_snapshot;

    use super::*;
    use crate::config::given::{problems_of_settings, problems_with};

    #[test]
    fn one_line_break_is_no_part_of_a_secret_and_nothing_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let read = |text: &str| {
            std::fs::write(&file, text).unwrap();
            Secret::File(file.clone()).read().map(|secret| secret.expose_secret().to_owned())
        };
        for (text, expected) in [("key", "key"), ("key\n", "key"), ("key\r\n", "key"), ("key\n\n", "key\n")] {
            assert_eq!(read(text).unwrap(), expected, "{text:?}");
        }
        for text in ["", "\n", "\r\n"] {
            let error = read(text).unwrap_err().to_string();
            assert_eq!(error, format!("secret file `{}` is empty", file.display()), "{text:?}");
        }
    }

    #[test]
    fn secrets_stand_elsewhere_and_are_not_repeated() {
        let secrets = [
            problems_of_settings(
                "smtp: { host: mail.example.com, from: a@example.com, username: u, password: hunter2 }\n",
            ),
            problems_of_settings(
                "smtp:\n  host: mail.example.com\n  from: a@example.com\n  username: u\n  password: { value: hunter2 }\n",
            ),
            problems_of_settings(
                "storage:\n  - prefix: s3://lake/\n    secrets: { aws_secret_access_key: hunter2 }\n",
            ),
            problems_of_settings(
                "storage:\n  - prefix: s3://lake/\n    options: { aws_region: eu, aws_secret_access_key: hunter2 }\n",
            ),
            problems_of_settings(
                "storage:\n  - prefix: s3://lake/\n    options: { aws_session_token: 4242424242 }\n",
            ),
            problems_with("notify:\n  - webhook: { url: https://hooks.example.com/, secret: hunter2 }\n"),
            problems_with("notify:\n  - webhook: { url: hooks.example.com/hunter2 }\n"),
        ];
        assert!(secrets.iter().all(|told| !told.contains("hunter2") && !told.contains("4242424242")));
        assert_snapshot!(secrets.join("\n"), @r"
        secchi.yaml:1:77: `smtp.password` must say where the secret is read from, and only that
          hint: `{ env: NAME }` for an environment variable, or `{ file: PATH }`
        secchi.yaml:5:13: `smtp.password` must say where the secret is read from, and only that
          hint: `{ env: NAME }` for an environment variable, or `{ file: PATH }`
        secchi.yaml:3:39: `storage[0].secrets.aws_secret_access_key` must say where the secret is read from, and only that
          hint: `{ env: NAME }` for an environment variable, or `{ file: PATH }`
        secchi.yaml:3:55: `storage[0].options.aws_secret_access_key` is a secret
          hint: put it under `secrets`, as `aws_secret_access_key: { env: NAME }`
        secchi.yaml:3:35: `storage[0].options.aws_session_token` is given, but must be a text
          hint: secrets stand under `secrets`, as `{ env: NAME }` or `{ file: PATH }`
        churn.yaml:6:57: `notify[0].webhook.secret` must say where the secret is read from, and only that
          hint: `{ env: NAME }` for an environment variable, or `{ file: PATH }`
        churn.yaml:6:21: `notify[0].webhook.url` is not a web address
          hint: such as `https://hooks.example.com/secchi`
        ");
    }
}
