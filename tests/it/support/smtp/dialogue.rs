//! The dialogue of one connection, after RFC 5321, RFC 3207 (`STARTTLS`) and RFC 4954 (`AUTH`).
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use super::{Message, Security, Shared, Stage};
use crate::support::loopback::Wire;

/// One connection and what has been said on it.
pub(super) struct Dialogue {
    wire: BufReader<Wire>,
    shared: Arc<Shared>,
    tls: bool,
    user: Option<String>,
    from: Option<String>,
    to: Vec<String>,
}

impl Dialogue {
    /// A connection that has just been made.
    pub fn new(wire: Wire, shared: Arc<Shared>) -> Self {
        Self { wire: BufReader::new(wire), shared, tls: false, user: None, from: None, to: Vec::new() }
    }

    /// Speaks until the client quits or hangs up.
    pub async fn run(mut self) -> io::Result<()> {
        if self.shared.options.security == Security::Implicit {
            self.encrypt().await?;
        }
        self.shared.hang_at(Stage::Greeting).await;
        self.reply("220 loopback ESMTP").await?;
        while let Some(line) = self.read_line().await? {
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match verb.to_ascii_uppercase().as_str() {
                "EHLO" => self.greet().await?,
                "HELO" => self.reply("250 loopback").await?,
                "STARTTLS" => self.start_tls().await?,
                "AUTH" => self.log_in(rest).await?,
                "MAIL" => self.mail(rest).await?,
                "RCPT" => self.recipient(rest).await?,
                "DATA" => self.data().await?,
                "RSET" => {
                    self.reset();
                    self.reply("250 2.0.0 forgotten").await?;
                }
                "NOOP" => self.reply("250 2.0.0 here").await?,
                "QUIT" => {
                    self.shared.hang_at(Stage::Quit).await;
                    return self.reply("221 2.0.0 bye").await;
                }
                _ => self.reply("502 5.5.1 unknown command").await?,
            }
        }
        Ok(())
    }

    async fn greet(&mut self) -> io::Result<()> {
        let options = &self.shared.options;
        let may_encrypt = options.security == Security::StartTls && !self.tls;
        let offer = if may_encrypt {
            "250-STARTTLS\r\n".to_owned()
        } else if options.login.is_some() {
            format!("250-AUTH {}\r\n", options.mechanisms)
        } else {
            String::new()
        };
        self.reply(&format!("250-loopback\r\n{offer}250-8BITMIME\r\n250 SMTPUTF8")).await
    }

    async fn start_tls(&mut self) -> io::Result<()> {
        if self.shared.options.security != Security::StartTls || self.tls {
            return self.reply("502 5.5.1 not offered").await;
        }
        self.reply("220 2.0.0 go ahead").await?;
        self.encrypt().await
    }

    async fn encrypt(&mut self) -> io::Result<()> {
        let nothing: Wire = Box::new(tokio::io::empty());
        let plain = std::mem::replace(&mut self.wire, BufReader::new(nothing));
        // What the client said before the handshake is dropped with the buffer: anyone could have
        // put it there.
        let encrypted = self.shared.identity.accept(plain.into_inner()).await?;
        self.wire = BufReader::new(encrypted);
        self.tls = true;
        self.reset();
        Ok(())
    }

    async fn log_in(&mut self, rest: &str) -> io::Result<()> {
        let Some(login) = self.shared.options.login.clone() else {
            return self.reply("502 5.5.1 not offered").await;
        };
        if self.must_encrypt() {
            return self.reply("538 5.7.11 encryption required").await;
        }
        let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
        let mut offered = self.shared.options.mechanisms.split(' ');
        let claimed = match mechanism.to_ascii_uppercase().as_str() {
            name if !offered.any(|offer| offer == name) => None,
            "PLAIN" => {
                let answer = match initial {
                    "" => self.ask("").await?,
                    encoded => encoded.to_owned(),
                };
                let text = decode(&answer);
                let mut fields = text.split('\0').skip(1).map(str::to_owned);
                fields.next().zip(fields.next())
            }
            "LOGIN" => {
                let user = self.ask(&BASE64.encode("Username:")).await?;
                let password = self.ask(&BASE64.encode("Password:")).await?;
                Some((decode(&user), decode(&password)))
            }
            _ => None,
        };
        match claimed {
            Some(claimed) if claimed == login => {
                self.user = Some(login.0);
                self.reply("235 2.7.0 welcome").await
            }
            Some(_) => self.reply("535 5.7.8 wrong user or password").await,
            None => self.reply("504 5.5.4 unknown mechanism").await,
        }
    }

    async fn mail(&mut self, rest: &str) -> io::Result<()> {
        self.shared.hang_at(Stage::Mail).await;
        if self.must_encrypt() {
            return self.reply("530 5.7.0 STARTTLS first").await;
        }
        if self.shared.options.login.is_some() && self.user.is_none() {
            return self.reply("530 5.7.0 authentication required").await;
        }
        let left = &self.shared.put_off;
        if left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok() {
            return self.reply("451 4.3.0 try again later").await;
        }
        self.reset();
        self.from = Some(address(rest));
        self.reply("250 2.1.0 sender ok").await
    }

    async fn recipient(&mut self, rest: &str) -> io::Result<()> {
        if self.from.is_none() {
            return self.reply("503 5.5.1 MAIL first").await;
        }
        let to = address(rest);
        if self.shared.options.refused.contains(&to) {
            return self.reply("550 5.1.1 no such mailbox").await;
        }
        self.to.push(to);
        self.reply("250 2.1.5 recipient ok").await
    }

    async fn data(&mut self) -> io::Result<()> {
        if self.from.is_none() || self.to.is_empty() {
            return self.reply("503 5.5.1 MAIL and RCPT first").await;
        }
        self.reply("354 go ahead, end with a dot").await?;
        let mut data = String::new();
        loop {
            let line = self.read_line().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if line == "." {
                break;
            }
            data.push_str(line.strip_prefix('.').unwrap_or(&line));
            data.push_str("\r\n");
        }
        let message = Message {
            from: self.from.take().unwrap_or_default(),
            to: std::mem::take(&mut self.to),
            data,
            tls: self.tls,
            authenticated_as: self.user.clone(),
        };
        self.shared.messages.lock().expect("no holder of the lock panics").push(message);
        self.shared.hang_at(Stage::Message).await;
        self.reply("250 2.0.0 taken").await
    }

    fn reset(&mut self) {
        self.from = None;
        self.to.clear();
    }

    fn must_encrypt(&self) -> bool {
        self.shared.options.security == Security::StartTls && !self.tls
    }

    async fn ask(&mut self, challenge: &str) -> io::Result<String> {
        self.reply(&format!("334 {challenge}")).await?;
        let answer = self.read_line().await?;
        answer.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    async fn read_line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        self.wire.read_until(b'\n', &mut line).await?;
        let text = line.strip_suffix(b"\n").map(|rest| {
            let rest = rest.strip_suffix(b"\r").unwrap_or(rest);
            String::from_utf8_lossy(rest).into_owned()
        });
        Ok(text)
    }

    async fn reply(&mut self, line: &str) -> io::Result<()> {
        let wire = self.wire.get_mut();
        wire.write_all(format!("{line}\r\n").as_bytes()).await?;
        wire.flush().await
    }
}

/// The address in `FROM:<a@b.c> PARAMETER=x`.
fn address(rest: &str) -> String {
    let inner = rest.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map_or("", |(address, _)| address).to_owned()
}

fn decode(encoded: &str) -> String {
    let bytes = BASE64.decode(encoded).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
