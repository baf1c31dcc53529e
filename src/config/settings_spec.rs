//! `secchi.yaml` as typed: what all monitors of a folder share.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::spec::{ChannelSpec, OutputSpec, SecretSpec};

/// Servers, credentials and defaults; one file beside `monitors/`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Secchi settings")]
pub struct SettingsSpec {
    /// Server for e-mail. Default: none, and e-mails go to `outbox`.
    pub smtp: Option<SmtpSpec>,
    /// Folder for messages that have no server, as `.eml` and `.json` files. Default: none.
    pub outbox: Option<String>,
    /// Whether webhooks, too, are written to `outbox` instead of being posted. Default: `false`.
    #[serde(default)]
    pub hold_webhooks: bool,
    /// Storage options by URL prefix; the longest prefix wins. Default: the environment's
    /// (`AWS_ACCESS_KEY_ID` and so on).
    #[serde(default)]
    pub storage: Vec<StorageSpec>,
    /// Memory for the states of columns, in MiB: where they would take more, tables are read several times, some columns
    /// each time. A run takes about as much again for rows and files. Default: 384.
    pub state_memory_mib: Option<u64>,
    /// When `secchi serve` maintains the tables that it writes.
    #[serde(default)]
    pub maintenance: MaintenanceSpec,
    /// What monitors leave out.
    #[serde(default)]
    pub defaults: DefaultsSpec,
}

/// When `secchi serve` maintains the tables that it writes.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MaintenanceSpec {
    /// Five fields (minute, hour, day of month, month, day of week), in the time zone under `defaults`; or `off`. Default:
    /// `17 3 * * *`, once a night.
    pub cron: Option<String>,
}

/// The SMTP server.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SmtpSpec {
    /// Host name.
    pub host: String,
    /// Port. Default: 587 with `starttls`, 465 with `implicit`, 25 with `none`.
    pub port: Option<u16>,
    /// `starttls`, `implicit`, or `none` (this machine only). Default: `starttls`.
    pub tls: Option<SmtpTls>,
    /// Sender, such as `Secchi <secchi@example.com>`.
    pub from: String,
    /// User name. Default: no authentication.
    pub username: Option<String>,
    /// Password of `username`.
    pub password: Option<SecretSpec>,
    /// Path of a PEM file with a private certificate authority. Default: those of the system.
    pub ca_file: Option<String>,
    /// How long one step of the conversation may take. Default: `10 seconds`.
    pub timeout: Option<String>,
}

/// How the connection to the SMTP server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SmtpTls {
    /// Begins in the clear and must switch to TLS before anything is said.
    Starttls,
    /// TLS from the first byte.
    Implicit,
    /// No encryption: only to this machine.
    None,
}

/// Options for the object stores under one URL prefix.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StorageSpec {
    /// Such as `s3://lake/`. Whole names count: `s3://lake` does not fit `s3://lakehouse/`.
    pub prefix: String,
    /// Options that are not secret, such as `aws_region` and `aws_endpoint`, all as texts. A request that
    /// fails is sent again at most `max_retries` times (default: `"10"`) and not after `retry_timeout`
    /// (`40 seconds`); each may take `timeout` (`30 seconds`), its connection `connect_timeout` (`5 seconds`).
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// Options that are, such as `aws_access_key_id` and `aws_secret_access_key`.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretSpec>,
}

/// What monitors leave out.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DefaultsSpec {
    /// Default of a monitor's `output`.
    pub output: Option<OutputSpec>,
    /// Default of a monitor's `notify`.
    pub notify: Option<Vec<ChannelSpec>>,
    /// Default of a monitor's `timezone`.
    pub timezone: Option<String>,
    /// Default of a monitor's `lateness`.
    pub lateness: Option<String>,
}
