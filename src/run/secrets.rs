//! The secrets of a run, tried before it reads or writes anything.
//!
//! A run tells what it has committed, and tells it once: a channel whose secret is found missing only then has
//! lost its message. So all that will be needed is read here first, and thrown away again.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;

use super::RunError;
use crate::config::{ChannelKind, Monitor, Secret, SecretError, SecretPlaces, Settings};
use crate::notify::signing_key;

/// A secret that a run needs and cannot use. Says where it is named and where it was looked for, never what was
/// found.
#[derive(Debug, thiserror::Error)]
#[error("{place}: cannot use the secret that `{key}` names")]
pub struct UnusableSecret {
    /// The key, in the words of the file.
    key: String,
    /// The file that it stands in, with line and column.
    place: String,
    /// Whether messages need it, and not tables.
    is_for_messages: bool,
    /// What is wrong with it.
    source: SecretError,
}

impl UnusableSecret {
    /// Whether tables can be opened without it.
    pub fn is_for_messages(&self) -> bool {
        self.is_for_messages
    }

    /// The sentence after the error.
    pub fn hint(&self) -> String {
        let remedy = match &self.source {
            SecretError::Env(_) | SecretError::Empty(Secret::Env(_)) => "set it where the job runs",
            SecretError::File { .. } | SecretError::Empty(Secret::File(_)) => "write it, or correct its path",
            SecretError::NoKey { .. } => "copy it from the receiver anew, whole",
        };
        let without = if self.is_for_messages { "; `run --no-notify` does without it" } else { "" };
        format!("{remedy}{without}")
    }
}

/// Tries the secrets that a run of `monitor` needs.
///
/// # Errors
/// The first that cannot be used.
pub(super) fn check(monitor: &Monitor, settings: &Settings, notify: bool) -> Result<(), RunError> {
    unusable(monitor, settings, notify).into_iter().next().map_or(Ok(()), |secret| Err(secret.into()))
}

/// The secrets that a run of `monitor` needs and cannot use: those of the stores that it opens and, if it is to
/// `notify`, those of its channels.
pub fn unusable(monitor: &Monitor, settings: &Settings, notify: bool) -> Vec<UnusableSecret> {
    let channels = if notify { of_channels(monitor, settings) } else { Vec::new() };
    let needed = of_storage(monitor, settings).into_iter().chain(channels);
    needed.filter_map(Needed::problem).collect()
}

/// A secret, and what it is needed for.
struct Needed<'a> {
    key: String,
    places: &'a SecretPlaces,
    secret: &'a Secret,
    need: Need,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Storage,
    Password,
    SigningKey,
}

impl Needed<'_> {
    fn problem(self) -> Option<UnusableSecret> {
        let no_key = |why| SecretError::NoKey { place: self.secret.clone(), why };
        let tried = self.secret.read().and_then(|secret| match self.need {
            Need::Storage | Need::Password => Ok(()),
            Need::SigningKey => signing_key(secret.expose_secret()).map(drop).map_err(no_key),
        });
        let source = tried.err()?;
        let (place, is_for_messages) = (self.places.shown(&self.key), self.need != Need::Storage);
        Some(UnusableSecret { key: self.key, place, is_for_messages, source })
    }
}

fn of_storage<'a>(monitor: &'a Monitor, settings: &'a Settings) -> Vec<Needed<'a>> {
    // Several tables share a store, whose secrets are tried once.
    let stores: BTreeMap<usize, _> =
        monitor.places().into_iter().filter_map(|url| settings.storage_of(url)).collect();
    let secrets = stores.into_iter().flat_map(|(index, storage)| {
        storage.secrets.iter().map(move |(name, secret)| Needed {
            key: format!("storage[{index}].secrets.{name}"),
            places: &settings.secret_places,
            secret,
            need: Need::Storage,
        })
    });
    secrets.collect()
}

fn of_channels<'a>(monitor: &'a Monitor, settings: &'a Settings) -> Vec<Needed<'a>> {
    let (places, list) = if monitor.has_own_channels {
        (&monitor.secret_places, "notify")
    } else {
        (&settings.secret_places, "defaults.notify")
    };
    let held = settings.hold_webhooks && settings.outbox.is_some();
    let mut needed = Vec::new();
    let mut has_email = false;
    for (index, channel) in monitor.channels.iter().enumerate() {
        match &channel.kind {
            ChannelKind::Email(_) => has_email = true,
            ChannelKind::Webhook { secret: Some(secret), .. } if !held => needed.push(Needed {
                key: format!("{list}[{index}].webhook.secret"),
                places,
                secret,
                need: Need::SigningKey,
            }),
            ChannelKind::Webhook { .. } => {}
        }
    }
    let login = settings.smtp.as_ref().filter(|_| has_email).and_then(|smtp| smtp.login.as_ref());
    needed.extend(login.map(|(_, secret)| Needed {
        key: "smtp.password".to_owned(),
        places: &settings.secret_places,
        secret,
        need: Need::Password,
    }));
    needed
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::cause::chain;
    use crate::config::{load, load_settings};

    const SETTINGS: &str = "
smtp: { host: localhost, tls: none, from: a@example.com, username: u, password: { file: smtp } }
storage:
  - { prefix: 's3://lake/', secrets: { aws_access_key_id: { file: id }, aws_secret_access_key: { file: key } } }
  - { prefix: 's3://other/', secrets: { aws_secret_access_key: { file: other } } }
";
    const MONITOR: &str = "
monitor: churn
inference: { table: s3://lake/requests, timestamp_col: at }
output: { uri: s3://lake/metrics }
notify:
";
    const EMAIL: &str = "  - email: { to: [a@example.com] }\n";
    const HOOK: &str = "  - webhook: { url: 'https://hooks.example.com/', secret: { file: hook } }\n";

    /// What is said where these files have these texts.
    fn said(settings: &str, channels: &str, files: &[(&str, &str)], notify: bool) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("secchi.yaml"), settings).unwrap();
        std::fs::write(path("churn.yaml"), format!("{MONITOR}{channels}")).unwrap();
        for (name, text) in files {
            std::fs::write(path(name), text).unwrap();
        }
        let settings = load_settings(&path("secchi.yaml")).unwrap();
        let monitor = load(&path("churn.yaml"), &settings).unwrap();
        let said = unusable(&monitor, &settings, notify);
        let folder = format!("{}/", folder.path().display());
        said.iter().map(|error| format!("{}; {}", chain(error), error.hint()).replace(&folder, "")).collect()
    }

    const STORAGE: [(&str, &str); 2] = [("id", "hunter2"), ("key", "hunter2")];

    #[test]
    fn what_is_needed_is_tried_and_named() {
        let both = format!("{HOOK}{EMAIL}");
        let hook = |text| said(SETTINGS, HOOK, &[&STORAGE[..], &[("hook", text)]].concat(), true);
        assert_eq!(hook("hunter2"), [""; 0]);
        assert_eq!(hook("whsec_aHVudGVyMg=="), [""; 0]);
        let named = "churn.yaml:6:59: cannot use the secret that `notify[0].webhook.secret` names";
        let remedy = "copy it from the receiver anew, whole; `run --no-notify` does without it";
        assert_eq!(
            hook("whsec_hunter2!"),
            [format!(
                "{named}: secret file `hook` holds no key: what follows `whsec_` is not base64; {remedy}"
            )]
        );
        assert_eq!(
            hook("whsec_"),
            [format!("{named}: secret file `hook` holds no key: it is empty; {remedy}")]
        );
        let remedy = "write it, or correct its path; `run --no-notify` does without it";
        assert_eq!(hook("\n"), [format!("{named}: secret file `hook` is empty; {remedy}")]);

        let all = said(SETTINGS, &both, &[], true);
        let keys: Vec<&str> = all.iter().filter_map(|text| text.split('`').nth(1)).collect();
        let expected = [
            "storage[0].secrets.aws_access_key_id",
            "storage[0].secrets.aws_secret_access_key",
            "notify[0].webhook.secret",
            "smtp.password",
        ];
        assert_eq!(keys, expected, "and not of the store that is not opened");
    }

    #[test]
    fn what_is_not_needed_is_not_tried() {
        let both = format!("{HOOK}{EMAIL}");
        assert_eq!(said(SETTINGS, &both, &STORAGE, false), [""; 0], "--no-notify");
        assert_eq!(said(SETTINGS, "  []\n", &STORAGE, true), [""; 0], "no channels");
        assert_eq!(said("outbox: out\n", EMAIL, &[], true), [""; 0], "no mail server");
        assert_eq!(said("outbox: out\nhold_webhooks: true\n", &both, &[], true), [""; 0]);
        assert_eq!(said("outbox: out\n", &both, &[], true).len(), 1, "the webhook is sent");
    }

    #[test]
    fn channels_of_the_settings_are_named_there() {
        let settings = format!("defaults:\n  notify:\n{}", HOOK.replace("  - ", "    - "));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secchi.yaml");
        std::fs::write(&file, settings).unwrap();
        let settings = load_settings(&file).unwrap();
        let monitor = folder.path().join("churn.yaml");
        std::fs::write(&monitor, MONITOR.replace("notify:\n", "")).unwrap();
        let said = unusable(&load(&monitor, &settings).unwrap(), &settings, true);
        let said: Vec<String> = said.iter().map(ToString::to_string).collect();
        let named = "cannot use the secret that `defaults.notify[0].webhook.secret` names";
        assert_eq!(said, [format!("{}:3:61: {named}", file.display())]);
    }
}
