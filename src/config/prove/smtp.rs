//! The SMTP server.

use url::Host;

use super::address::{is_this_machine, mailbox};
use super::{Notes, timeout};
use crate::config::Secret;
use crate::config::settings::Smtp;
use crate::config::settings_spec::{SmtpSpec, SmtpTls};

/// The server that `spec` describes.
pub fn smtp(spec: &SmtpSpec, notes: &mut Notes<'_>) -> Smtp {
    let tls = spec.tls.unwrap_or(SmtpTls::Starttls);
    let host = Host::parse(&spec.host).ok();
    let here = host.as_ref().is_some_and(is_this_machine);
    if host.is_none() {
        notes.problem(
            "/smtp/host",
            format!("is `{}`, which is not a host name", spec.host),
            "such as `smtp.example.com`",
        );
    }
    if tls == SmtpTls::None && !here {
        notes.problem(
            "/smtp/tls",
            "is `none`, which sends in the clear",
            "`starttls` or `implicit`; `none` is for this machine only",
        );
    }
    mailbox(&spec.from, "/smtp/from", "Secchi <secchi@example.com>", notes);
    Smtp {
        host: spec.host.clone(),
        port: spec.port.unwrap_or(usual_port(tls)),
        tls,
        from: spec.from.clone(),
        login: login(spec, notes),
        ca_file: spec.ca_file.as_ref().map(|path| notes.folder.join(path)),
        timeout: timeout(spec.timeout.as_deref(), "/smtp/timeout", notes),
    }
}

fn usual_port(tls: SmtpTls) -> u16 {
    match tls {
        SmtpTls::Starttls => 587,
        SmtpTls::Implicit => 465,
        SmtpTls::None => 25,
    }
}

fn login(spec: &SmtpSpec, notes: &mut Notes<'_>) -> Option<(String, Secret)> {
    match (&spec.username, &spec.password) {
        (Some(username), Some(password)) => Some((username.clone(), Secret::new(password, notes.folder))),
        (None, None) => None,
        _ => {
            notes.lacks(
                "/smtp",
                &["/smtp/username", "/smtp/password"],
                "needs both `username` and `password`, or neither",
                "password: { env: NAME }",
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::given::loaded;
    use crate::config::load_settings;

    #[test]
    fn what_is_left_out_is_as_the_manual_says() {
        let text = "smtp: { host: mail.example.com, from: Secchi <secchi@example.com> }\n";
        let smtp = loaded("secchi.yaml", text, load_settings).unwrap().smtp.unwrap();
        assert_eq!((smtp.port, smtp.tls, smtp.timeout.as_secs()), (587, SmtpTls::Starttls, 10));
        assert!(smtp.login.is_none() && smtp.ca_file.is_none());
    }
}
