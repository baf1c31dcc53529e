//! Addresses that messages go to: of web pages, of people, and whether they are on this machine.

use url::{Host, Url};

use super::Notes;

/// The address that a webhook is posted to: encrypted, unless it is on this machine.
pub fn web_address(typed: &str, pointer: &str, notes: &mut Notes<'_>) -> Option<Url> {
    // Some addresses are as good as a password, so what was typed is not repeated.
    let Ok(url) = Url::parse(typed) else {
        notes.problem(pointer, "is not a web address", "such as `https://hooks.example.com/secchi`");
        return None;
    };
    let here = url.host().is_some_and(|host| is_this_machine(&host));
    match url.scheme() {
        "https" => Some(url),
        "http" if here => Some(url),
        "http" => {
            notes.problem(
                pointer,
                "sends in the clear",
                "use `https://`; `http://` is for this machine only",
            );
            None
        }
        other => {
            notes.problem(pointer, format!("has the scheme `{other}`"), "use `https://`");
            None
        }
    }
}

/// Checks the address of a person, with or without a name; `example` is one.
pub fn mailbox(typed: &str, pointer: &str, example: &str, notes: &mut Notes<'_>) {
    if typed.parse::<lettre::message::Mailbox>().is_err() {
        notes.problem(
            pointer,
            format!("is `{typed}`, which is not an e-mail address"),
            format!("such as `{example}`"),
        );
    }
}

/// Whether what is sent to `host` stays on this machine.
pub fn is_this_machine<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => name.as_ref() == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::given::{GOOD, good_monitor};

    #[test]
    fn http_is_for_this_machine() {
        for host in ["localhost:8080", "127.0.0.1", "[::1]:9"] {
            let hook = format!("notify:\n  - webhook: {{ url: 'http://{host}/hook' }}\n");
            assert_eq!(good_monitor(&format!("{GOOD}{hook}")).channels.len(), 1, "{host}");
        }
    }
}
