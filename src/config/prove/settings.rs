//! What all monitors of a folder share.

use std::path::Path;

use croner::Cron;

use super::location::normalized;
use super::{Notes, channel, cron, duration, location, smtp, storage, zone};
use crate::config::SecretPlaces;
use crate::config::settings::{DEFAULT_STATE_MEMORY, Defaults, Settings, default_maintenance};
use crate::config::settings_spec::{DefaultsSpec, MaintenanceSpec, SettingsSpec};
use crate::config::spec::{ChannelSpec, SecretSpec};

/// Typed in the place of times for what is not done by itself.
pub const OFF: &str = "off";

/// The settings that `spec` describes; what is wrong with them is in `notes`.
pub fn settings(spec: &SettingsSpec, notes: &mut Notes<'_>) -> Settings {
    if spec.hold_webhooks && spec.outbox.is_none() {
        let hint = "name the folder that messages are written to";
        notes.lacks("/hold_webhooks", &["/outbox"], "needs `outbox`", hint);
    }
    let settings = Settings {
        smtp: spec.smtp.as_ref().map(|spec| smtp(spec, notes)),
        outbox: spec.outbox.as_ref().map(|folder| normalized(&notes.folder.join(folder))),
        hold_webhooks: spec.hold_webhooks,
        storage: spec
            .storage
            .iter()
            .enumerate()
            .map(|(index, spec)| storage(spec, &format!("/storage/{index}"), notes))
            .collect(),
        state_memory: spec.state_memory_mib.map_or(DEFAULT_STATE_MEMORY, |mib| mib.saturating_mul(1 << 20)),
        maintenance: maintenance(&spec.maintenance, notes),
        defaults: defaults(&spec.defaults, notes),
        // Known to who has read the file.
        secret_places: SecretPlaces::default(),
    };
    for (index, spec) in spec.defaults.notify.iter().flatten().enumerate() {
        channel(spec, &format!("/defaults/notify/{index}"), &settings, notes);
    }
    settings
}

/// When tables are maintained.
fn maintenance(spec: &MaintenanceSpec, notes: &mut Notes<'_>) -> Option<Cron> {
    match spec.cron.as_deref() {
        None => default_maintenance(),
        Some(OFF) => None,
        Some(typed) => cron(typed, "/maintenance/cron", notes),
    }
}

/// A monitor proves what it takes from here as its own; what is wrong with it is told here, where it stands.
fn defaults(spec: &DefaultsSpec, notes: &mut Notes<'_>) -> Defaults {
    if let Some(name) = &spec.timezone {
        zone(name, "/defaults/timezone", notes);
    }
    if let Some(typed) = &spec.lateness {
        duration(typed, "/defaults/lateness", notes);
    }
    let output = spec.output.as_ref();
    Defaults {
        output: output.and_then(|output| location(&output.uri, "/defaults/output/uri", notes)),
        notify: spec.notify.clone().map(|channels| at_home(channels, notes.folder)),
        timezone: spec.timezone.clone(),
        lateness: spec.lateness.clone(),
    }
}

/// Channels whose secret files are found from anywhere: they are proven with a monitor, in its own folder.
fn at_home(mut channels: Vec<ChannelSpec>, folder: &Path) -> Vec<ChannelSpec> {
    for channel in &mut channels {
        if let ChannelSpec::Webhook(webhook) = channel
            && let Some(SecretSpec::File(path)) = &mut webhook.secret
        {
            let joined = folder.join(&path);
            *path = std::path::absolute(&joined).unwrap_or(joined).to_string_lossy().into_owned();
        }
    }
    channels
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::config::given::{loaded, problems_of_settings};
    use crate::config::load_settings;

    #[test]
    fn settings_are_checked() {
        assert_snapshot!(
            problems_of_settings("smtp: { host: mail example, from: nobody, tls: none, username: u, timeout: ages }\nhold_webhooks: true\n"),
            @r"
            secchi.yaml:1:7: `smtp` needs both `username` and `password`, or neither
              hint: password: { env: NAME }
            secchi.yaml:1:15: `smtp.host` is `mail example`, which is not a host name
              hint: such as `smtp.example.com`
            secchi.yaml:1:35: `smtp.from` is `nobody`, which is not an e-mail address
              hint: such as `Secchi <secchi@example.com>`
            secchi.yaml:1:48: `smtp.tls` is `none`, which sends in the clear
              hint: `starttls` or `implicit`; `none` is for this machine only
            secchi.yaml:1:76: `smtp.timeout` is `ages`, which is not a length of time
              hint: such as `2 days`, `6 hours`, `90 seconds`
            secchi.yaml:2:16: `hold_webhooks` needs `outbox`
              hint: name the folder that messages are written to
            "
        );
        assert_snapshot!(
            problems_of_settings("smtp: { host: mail.example.com, from: a@example.com, tls: ssl, port: 99999 }\ndefaults: { output: metrics, notfy: [] }\n"),
            @r"
            secchi.yaml:1:59: `smtp.tls` is `ssl`, but must be one of `starttls`, `implicit`, `none`
            secchi.yaml:1:70: `smtp.port` is `99999`, but must be at most 65535
              hint: Port. Default: 587 with `starttls`, 465 with `implicit`, 25 with `none`
            secchi.yaml:2:21: `defaults.output` is `metrics`, but must be a map
              hint: known here: uri
            secchi.yaml:2:30: `defaults.notfy` is not a known key
              hint: did you mean `notify`?
            "
        );
        assert!(loaded("secchi.yaml", "", load_settings).is_ok());
    }

    #[test]
    fn maintenance_has_its_times_or_is_off() {
        let cron = |text: &str| {
            let settings = loaded("secchi.yaml", text, load_settings).ok();
            settings.and_then(|settings| settings.maintenance).map(|cron| cron.to_string())
        };
        assert_eq!(cron("").as_deref(), Some("17 3 * * *"));
        assert_eq!(cron("maintenance: { cron: 5 4 * * 0 }\n").as_deref(), Some("5 4 * * 0"));
        assert_eq!(cron("maintenance: { cron: off }\n"), None);
        assert!(loaded("secchi.yaml", "maintenance: { cron: off }\n", load_settings).is_ok());
        assert_snapshot!(
            problems_of_settings("maintenance: { cron: nightly }\n"),
            @r"
            secchi.yaml:1:22: `maintenance.cron` is `nightly`, which is not a cron expression: it has 1 of five fields
              hint: minute, hour, day of month, month, day of week: `15 * * * *` is a quarter past every hour
            "
        );
        assert_snapshot!(
            problems_of_settings("maintenance: off\n"),
            @r"
            secchi.yaml:1:14: `maintenance` is `off`, but must be a map
              hint: known here: cron
            "
        );
    }

    #[test]
    fn what_monitors_leave_out_is_checked_where_it_stands() {
        assert_snapshot!(
            problems_of_settings(
                "defaults:\n  timezone: Berlin\n  lateness: soon\n  notify:\n    - email: { to: [nobody] }\n    - webhook: { url: http://hooks.example.com/, timeout: 0 seconds }\n"
            ),
            @r"
            secchi.yaml:2:13: `defaults.timezone` is `Berlin`, which is not a time zone
              hint: did you mean `Europe/Berlin`?
            secchi.yaml:3:13: `defaults.lateness` is `soon`, which is not a length of time
              hint: such as `2 days`, `6 hours`, `90 seconds`
            secchi.yaml:5:14: `defaults.notify[0].email` needs a mail server
              hint: add `smtp:` (or `outbox: FOLDER`) to secchi.yaml
            secchi.yaml:5:21: `defaults.notify[0].email.to[0]` is `nobody`, which is not an e-mail address
              hint: such as `ops@example.com`
            secchi.yaml:6:23: `defaults.notify[1].webhook.url` sends in the clear
              hint: use `https://`; `http://` is for this machine only
            secchi.yaml:6:59: `defaults.notify[1].webhook.timeout` is `0 seconds`, which is no time at all
              hint: leave it out for 10 seconds
            "
        );
    }
}
