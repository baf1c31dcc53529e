//! `secchi.yaml` as proven.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use croner::Cron;
use secrecy::SecretString;
use url::Url;

use super::Secret;
use super::secret::{SecretError, SecretPlaces};
use super::settings_spec::SmtpTls;
use super::spec::ChannelSpec;

/// Bytes for the states of columns, if nobody says otherwise.
pub(super) const DEFAULT_STATE_MEMORY: u64 = 384 << 20;

/// When tables are maintained, if nobody says otherwise: at night, and not when runs commonly begin.
const DEFAULT_MAINTENANCE: &str = "17 3 * * *";

pub(super) fn default_maintenance() -> Option<Cron> {
    DEFAULT_MAINTENANCE.parse().ok()
}

/// What all monitors of a folder share.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Server for e-mail.
    pub smtp: Option<Smtp>,
    /// Folder for messages that have no server.
    pub outbox: Option<PathBuf>,
    /// Whether webhooks, too, go to `outbox`.
    pub hold_webhooks: bool,
    /// Options of object stores.
    pub storage: Vec<Storage>,
    /// Bytes that the states of columns may take at once.
    pub state_memory: u64,
    /// When `serve` maintains the tables that it writes, in the time zone of `defaults`; `None` if it does not.
    pub maintenance: Option<Cron>,
    /// What monitors leave out; still as typed, since a monitor proves it as its own.
    pub defaults: Defaults,
    /// Where the file names secrets.
    pub secret_places: SecretPlaces,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            smtp: None,
            outbox: None,
            hold_webhooks: false,
            storage: Vec::new(),
            state_memory: DEFAULT_STATE_MEMORY,
            maintenance: default_maintenance(),
            defaults: Defaults::default(),
            secret_places: SecretPlaces::default(),
        }
    }
}

/// What monitors leave out.
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    /// Folder of the metric tables.
    pub output: Option<Url>,
    /// Channels.
    pub notify: Option<Vec<ChannelSpec>>,
    /// Time zone.
    pub timezone: Option<String>,
    /// How long after its end a window may still receive rows.
    pub lateness: Option<String>,
}

/// The SMTP server.
#[derive(Debug, Clone)]
pub struct Smtp {
    /// Host name.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Encryption.
    pub tls: SmtpTls,
    /// Sender.
    pub from: String,
    /// User name and where the password is.
    pub login: Option<(String, Secret)>,
    /// A private certificate authority.
    pub ca_file: Option<PathBuf>,
    /// Of one step of the conversation.
    pub timeout: Duration,
}

/// Options for the object stores under one prefix.
#[derive(Debug, Clone)]
pub struct Storage {
    /// Such as `s3://lake/`.
    pub prefix: String,
    /// Options that are not secret.
    pub options: BTreeMap<String, String>,
    /// Options that are.
    pub secrets: BTreeMap<String, Secret>,
}

impl Storage {
    /// Whether `url` lies below the prefix, by whole names: `s3://lake` is not a prefix of `s3://lakehouse/`,
    /// so credentials go to no other bucket than the one that is named.
    fn is_for(&self, url: &Url) -> bool {
        let rest = url.as_str().strip_prefix(&self.prefix);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.prefix.ends_with('/'))
    }
}

impl Settings {
    /// The entry of `storage` for `url`, with its index: the longest prefix that fits.
    pub fn storage_of(&self, url: &Url) -> Option<(usize, &Storage)> {
        let fitting = self.storage.iter().enumerate().filter(|(_, storage)| storage.is_for(url));
        fitting.max_by_key(|(_, storage)| storage.prefix.len())
    }

    /// The storage options for `url`: those of the longest prefix that fits.
    ///
    /// # Errors
    /// If one of its secrets cannot be read.
    pub fn storage_options(&self, url: &Url) -> Result<BTreeMap<String, SecretString>, SecretError> {
        let Some((_, storage)) = self.storage_of(url) else { return Ok(BTreeMap::new()) };
        let plain =
            storage.options.iter().map(|(key, value)| Ok((key.clone(), SecretString::from(value.as_str()))));
        let secret = storage.secrets.iter().map(|(key, secret)| Ok((key.clone(), secret.read()?)));
        plain.chain(secret).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use secrecy::ExposeSecret;

    use super::*;
    use crate::config::{SETTINGS_FILE, load_settings};

    const TEXT: &str = "
storage:
  - prefix: s3://lake/
    options: { aws_region: eu-central-1 }
  - prefix: s3://lake/serving/
    options: { aws_region: eu-west-1 }
    secrets: { aws_secret_access_key: { file: key.txt } }
  - prefix: s3://pond
    options: { aws_region: eu-north-1 }
";

    #[test]
    fn settings_of_the_longest_prefix_win() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(SETTINGS_FILE);
        std::fs::write(&file, TEXT).unwrap();
        std::fs::write(folder.path().join("key.txt"), "hunter2\n").unwrap();
        let settings = load_settings(&file).unwrap();
        let told = |url: &str| -> Vec<String> {
            let options = settings.storage_options(&Url::parse(url).unwrap()).unwrap();
            options.iter().map(|(key, value)| format!("{key}={}", value.expose_secret())).collect()
        };
        assert_eq!(told("s3://lake/metrics/"), ["aws_region=eu-central-1"]);
        assert_eq!(told("s3://lake/serving/t/"), ["aws_region=eu-west-1", "aws_secret_access_key=hunter2"]);
        assert_eq!(told("s3://pond/t/"), ["aws_region=eu-north-1"]);
        assert_eq!(told("s3://pondside/t/"), [""; 0]);
        assert_eq!(told("s3://other/"), [""; 0]);
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
