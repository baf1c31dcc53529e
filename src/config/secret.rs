//! Secrets: named in settings, read when needed, shown nowhere.

use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;

use super::spec::SecretSpec;

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
}

impl Secret {
    pub(super) fn new(spec: &SecretSpec, folder: &std::path::Path) -> Self {
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
        match self {
            Self::Env(name) => {
                std::env::var(name).map(SecretString::from).map_err(|_| SecretError::Env(name.clone()))
            }
            Self::File(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|source| SecretError::File { path: path.clone(), source })?;
                let text = text.strip_suffix('\n').unwrap_or(&text);
                Ok(SecretString::from(text.strip_suffix('\r').unwrap_or(text)))
            }
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
