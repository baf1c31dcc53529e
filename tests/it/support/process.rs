//! The `secchi` binary while it runs: a test waits for what it says, and sends it signals.
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

/// How long a test waits for a line, or for the end, before it fails. Nothing passes by it.
const DEADLINE: Duration = Duration::from_secs(120);

/// A running `secchi`; it is killed when it is dropped.
pub struct Process {
    child: Child,
    lines: UnboundedReceiver<String>,
    said: Vec<String>,
}

impl Process {
    /// Starts `secchi` with `args` in `folder`. Of the environment it has only what `env` gives it.
    pub fn start(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_secchi"))
            .args(args)
            .current_dir(folder)
            .env_clear()
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the binary is built with the tests");
        let (sender, lines) = unbounded_channel();
        collect(child.stdout.take().expect("a pipe"), sender.clone());
        collect(child.stderr.take().expect("a pipe"), sender);
        Self { child, lines, said: Vec::new() }
    }

    /// Returns the next line that contains `part`, on stdout or stderr.
    pub async fn says(&mut self, part: &str) -> String {
        loop {
            match timeout(DEADLINE, self.lines.recv()).await {
                Ok(Some(line)) => {
                    self.said.push(line);
                    if let Some(line) = self.said.last().filter(|line| line.contains(part)) {
                        return line.clone();
                    }
                }
                Ok(None) => panic!("it ended without saying {part:?}; it said:\n{}", self.said.join("\n")),
                Err(_) => panic!("it does not say {part:?}; it said:\n{}", self.said.join("\n")),
            }
        }
    }

    /// The lines so far that contain `part`.
    pub fn said(&self, part: &str) -> Vec<&str> {
        self.said.iter().map(String::as_str).filter(|line| line.contains(part)).collect()
    }

    /// Sends it `signal`, such as `TERM`.
    pub async fn signal(&self, signal: &str) {
        let pid = self.child.id().expect("it has not ended");
        let kill = format!("kill -{signal} {pid}");
        let sent = Command::new("/bin/sh").args(["-c", &kill]).status().await.expect("a shell");
        assert!(sent.success(), "{kill}");
    }

    /// Waits for its end; returns its exit code and all that it said.
    pub async fn ended(mut self) -> (i32, String) {
        let status = match timeout(DEADLINE, self.child.wait()).await {
            Ok(status) => status.expect("it can be waited for"),
            Err(_) => panic!("it does not end; it said:\n{}", self.said.join("\n")),
        };
        while let Some(line) = self.lines.recv().await {
            self.said.push(line);
        }
        (status.code().unwrap_or(-1), self.said.join("\n"))
    }
}

fn collect(pipe: impl AsyncRead + Send + Unpin + 'static, lines: UnboundedSender<String>) {
    tokio::spawn(async move {
        let mut pipe = BufReader::new(pipe).lines();
        while let Ok(Some(line)) = pipe.next_line().await {
            // A test that has gone away wants no more lines.
            let _ = lines.send(line);
        }
    });
}
