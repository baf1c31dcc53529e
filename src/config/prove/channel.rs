//! A channel: whom to tell, and how.

use super::address::{mailbox, web_address};
use super::{Notes, timeout};
use crate::config::Secret;
use crate::config::monitor::{Channel, ChannelKind};
use crate::config::settings::Settings;
use crate::config::spec::{ChannelSpec, EmailSpec, Severity, WebhookSpec};

/// The channel that `spec`, which stands at `pointer`, describes.
pub fn channel(
    spec: &ChannelSpec,
    pointer: &str,
    settings: &Settings,
    notes: &mut Notes<'_>,
) -> Option<Channel> {
    match spec {
        ChannelSpec::Email(spec) => Some(email(spec, &format!("{pointer}/email"), settings, notes)),
        ChannelSpec::Webhook(spec) => webhook(spec, &format!("{pointer}/webhook"), notes),
    }
}

fn email(spec: &EmailSpec, pointer: &str, settings: &Settings, notes: &mut Notes<'_>) -> Channel {
    if settings.smtp.is_none() && settings.outbox.is_none() {
        let hint = "add `smtp:` (or `outbox: FOLDER`) to secchi.yaml";
        notes.lacks(pointer, &["/smtp", "/outbox"], "needs a mail server", hint);
    }
    if spec.to.is_empty() {
        notes.problem(&format!("{pointer}/to"), "is empty", "at least one address");
    }
    for (index, address) in spec.to.iter().enumerate() {
        mailbox(address, &format!("{pointer}/to/{index}"), "ops@example.com", notes);
    }
    Channel { kind: ChannelKind::Email(spec.to.clone()), severity: spec.severity.unwrap_or(Severity::Info) }
}

fn webhook(spec: &WebhookSpec, pointer: &str, notes: &mut Notes<'_>) -> Option<Channel> {
    let url = web_address(&spec.url, &format!("{pointer}/url"), notes);
    let timeout = timeout(spec.timeout.as_deref(), &format!("{pointer}/timeout"), notes);
    let secret = spec.secret.as_ref().map(|secret| Secret::new(secret, notes.folder));
    Some(Channel {
        kind: ChannelKind::Webhook { url: url?, secret, timeout },
        severity: spec.severity.unwrap_or(Severity::Info),
    })
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use crate::config::given::problems_with;

    #[test]
    fn channels_are_told_apart_and_checked() {
        assert_snapshot!(problems_with("notify:\n  - webhook: { url: http://hooks.example.com/x }\n"), @r"
        churn.yaml:6:21: `notify[0].webhook.url` sends in the clear
          hint: use `https://`; `http://` is for this machine only
        ");
        assert_snapshot!(problems_with("notify:\n  - webhook: { ulr: https://hooks.example.com/x }\n"), @r"
        churn.yaml:6:14: `notify[0].webhook.url` is missing
          hint: `https://` address; `http://` only to this machine
        churn.yaml:6:16: `notify[0].webhook.ulr` is not a known key
          hint: did you mean `url`?
        ");
        assert_snapshot!(problems_with("notify:\n  - slack: { channel: ops }\n"), @r"
        churn.yaml:6:5: `notify[0].slack` is not a known key
          hint: known here: email, webhook
        ");
        assert_snapshot!(problems_with("notify: [ops@example.com]\n"), @r"
        churn.yaml:5:10: `notify[0]` is `ops@example.com`, but must be a map
          hint: known here: email, webhook
        ");
        assert_snapshot!(
            problems_with("notify:\n  - email: { to: [a@example.com] }\n    webhook: { url: https://hooks.example.com/x }\n"),
            @r"
            churn.yaml:6:5: `notify[0]` needs exactly one of `email` and `webhook`
              hint: make an entry of each
            "
        );
        assert_snapshot!(problems_with("notify:\n  - email: { to: [nobody], severity: info }\n"), @r"
        churn.yaml:6:12: `notify[0].email` needs a mail server
          hint: add `smtp:` (or `outbox: FOLDER`) to secchi.yaml
        churn.yaml:6:19: `notify[0].email.to[0]` is `nobody`, which is not an e-mail address
          hint: such as `ops@example.com`
        ");
    }
}
