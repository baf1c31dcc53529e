//! The outbox: messages as files, where there is no server to take them.
//!
//! A file holds the very bytes that would have been sent: `.eml` opens in a mail program, `.json` is the
//! body of the webhook. The name follows from the run and the key, so telling the same events again
//! replaces the file. A reader sees a whole file or none.

use std::io;
use std::path::{Path, PathBuf};

use super::{Cause, Notification, NotifyError};

/// Digits of the key in the name; the date and the monitor stand beside it.
const KEY_LENGTH: usize = 8;

/// Writes `bytes` to `<as_of date>-<monitor>-<key>.<extension>` in `folder`, which is made if need be.
pub async fn write(
    folder: &Path,
    notification: &Notification<'_>,
    extension: &str,
    bytes: &[u8],
) -> Result<PathBuf, NotifyError> {
    let name = file_name(notification, extension);
    let path = folder.join(&name);
    // A dot in front, so that who collects `*.eml` does not collect a half one.
    let unfinished = folder.join(format!(".{name}.{}", std::process::id()));
    match write_whole(folder, &unfinished, &path, bytes).await {
        Ok(()) => Ok(path),
        Err(error) => {
            // Nothing is lost if it is not there; if it stays, the next attempt replaces it.
            let _ = tokio::fs::remove_file(&unfinished).await;
            Err(NotifyError::Outbox { path, source: Cause::of(&error, &[]) })
        }
    }
}

async fn write_whole(folder: &Path, unfinished: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    tokio::fs::create_dir_all(folder).await?;
    tokio::fs::write(unfinished, bytes).await?;
    tokio::fs::rename(unfinished, path).await
}

fn file_name(notification: &Notification<'_>, extension: &str) -> String {
    let date = notification.facts.as_of.strftime("%Y-%m-%d");
    let is_plain = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let monitor: String =
        notification.monitor.chars().map(|c| if is_plain(c) { c } else { '_' }).take(100).collect();
    let key: String = notification.key.chars().take(KEY_LENGTH).collect();
    format!("{date}-{monitor}-{key}.{extension}")
}
