//! Opening things in the lake: Delta tables and folders, at any URL, with the settings' credentials.
//!
//! The one place that hands credentials to object stores. It must not decide what is read.

use std::collections::HashMap;

use deltalake::logstore::{LogStoreRef, StorageConfig, logstore_for};
use deltalake::{DeltaTable, DeltaTableBuilder};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use url::Url;

use super::commits::{self, AtTime};
use super::{At, SourceError, damage, local, shown};
use crate::config::Settings;

/// How long a request that fails is sent again, unless `storage` says otherwise; the library's 3 minutes are
/// long for a person who waits for the answer. It is more than one request may take (30 seconds), so that one
/// that got no answer is sent a second time.
const RETRY_TIMEOUT: (&str, &str) = ("retry_timeout", "40s");

/// The world's tables and folders.
#[derive(Debug, Clone, Copy)]
pub struct Lake<'a> {
    settings: &'a Settings,
    /// Whether nothing will be written.
    is_looked_at: bool,
}

impl<'a> Lake<'a> {
    /// The lake, with the storage options of `settings`.
    pub fn new(settings: &'a Settings) -> Self {
        Self { settings, is_looked_at: false }
    }

    /// The same to who only looks, and may not be allowed to write.
    pub fn looked_at(settings: &'a Settings) -> Self {
        Self { settings, is_looked_at: true }
    }

    /// The storage options for `url`: those of the settings, over our defaults.
    ///
    /// # Errors
    /// If a secret cannot be read.
    fn options(&self, key: &'static str, url: &Url) -> Result<HashMap<String, String>, SourceError> {
        let options = self.settings.storage_options(url).map_err(|source| SourceError::Secret {
            key,
            table: shown(url),
            source,
        })?;
        let (name, default) = RETRY_TIMEOUT;
        let default = (name.to_owned(), default.to_owned());
        let typed = options.into_iter().map(|(key, value)| (key, value.expose_secret().to_owned()));
        // Of two values for one key a map keeps the later.
        Ok(std::iter::once(default).chain(typed).collect())
    }

    /// The Delta table at `url`, which the monitor file names under `key`.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub async fn table(&self, key: &'static str, url: &Url, at: At) -> Result<DeltaTable, SourceError> {
        let failed = |error| SourceError::open(key, url, error);
        let missing = |why| SourceError::Missing { key, table: shown(url), why, meant: local::meant(url) };
        // The library takes a local folder that is not there for an error of its own.
        if let Some(why) = local::gap(url) {
            return Err(missing(why));
        }
        let builder = DeltaTableBuilder::from_url(url.clone()).map_err(failed)?;
        let mut table = builder.with_storage_options(self.options(key, url)?).build().map_err(failed)?;
        if !table.verify_deltatable_existence().await.map_err(failed)? {
            return Err(missing("has no commits in `_delta_log`"));
        }
        let loaded = match at {
            At::Latest => table.load().await,
            At::Version(version) => match table.load_version(version).await {
                Ok(()) => Ok(()),
                Err(error) => match table.load().await {
                    Ok(()) => return Err(no_version(key, &table, version)),
                    Err(_) => Err(error),
                },
            },
            At::Time(time) => match table.load().await {
                Ok(()) => {
                    let version = version_at(key, &table, time).await?;
                    table.load_version(version).await
                }
                failed => failed,
            },
        };
        if let Err(error) = loaded {
            return Err(match failed(error) {
                error @ SourceError::Read { .. } => damage::of_log(key, &table, at).await.unwrap_or(error),
                error => error,
            });
        }
        Ok(table)
    }

    /// The table at `url`, which will be written to unless somebody only looks, or `None` if there is none yet.
    ///
    /// # Errors
    /// If there is one that cannot be read, or if nothing can be written there.
    pub async fn output_table(
        &self,
        key: &'static str,
        url: &Url,
    ) -> Result<Option<DeltaTable>, SourceError> {
        if !self.is_looked_at {
            local::can_be_written(key, url)?;
        }
        match self.table(key, url, At::Latest).await {
            Ok(table) => Ok(Some(table)),
            Err(SourceError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Why nothing can be written at `url`, if that is known without trying a store.
    pub fn refusal(&self, key: &'static str, url: &Url) -> Option<SourceError> {
        local::can_be_written(key, url).err()
    }

    /// The folder at `url`, as a log store: its object store is rooted there.
    ///
    /// # Errors
    /// If the URL's store is not known or its options are wrong.
    pub fn folder(&self, key: &'static str, url: &Url) -> Result<LogStoreRef, SourceError> {
        let failed = |error| SourceError::open(key, url, error);
        let config = StorageConfig::parse_options(self.options(key, url)?).map_err(failed)?;
        logstore_for(url, config).map_err(failed)
    }
}

/// Why there is no such version of `table`, which is loaded at its newest.
fn no_version(key: &'static str, table: &DeltaTable, version: u64) -> SourceError {
    let newest = table.version().unwrap_or_default();
    let why = if version > newest {
        format!("its newest is {newest}")
    } else {
        format!("its log no longer goes back that far; its newest is {newest}")
    };
    SourceError::NoVersion { key, table: shown(table.table_url()), at: At::Version(version), why }
}

/// The newest version of `table`, which is loaded at its newest, that was committed by `time`.
async fn version_at(key: &'static str, table: &DeltaTable, time: Timestamp) -> Result<u64, SourceError> {
    let found = commits::version_at(table, time).await;
    let oldest = match found.map_err(|error| SourceError::open(key, table.table_url(), error))? {
        AtTime::Version(version) => return Ok(version),
        AtTime::Later(oldest) => oldest,
    };
    Err(SourceError::NoVersion {
        key,
        table: shown(table.table_url()),
        at: At::Time(time),
        why: oldest.map_or_else(
            || "its commits carry no times".to_owned(),
            |oldest| format!("its first commit is of {oldest}"),
        ),
    })
}

#[cfg(all(test, feature = "s3"))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;
    use std::error::Error;
    use std::net::TcpListener;
    use std::time::Duration;

    use super::*;
    use crate::config::Storage;

    /// Settings with these options for all of S3.
    fn settings(options: &[(&str, &str)]) -> Settings {
        let options = options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let storage = Storage { prefix: "s3://".to_owned(), options, secrets: BTreeMap::new() };
        Settings { storage: vec![storage], ..Settings::default() }
    }

    fn table() -> Url {
        Url::parse("s3://lake/requests/").unwrap()
    }

    #[test]
    fn a_request_is_sent_again_for_less_than_a_minute_or_as_the_settings_say() {
        for (typed, seconds, retries) in [
            (&[][..], 40, 10),
            (&[("aws_region", "eu-central-1")], 40, 10),
            (&[("retry_timeout", "5m"), ("max_retries", "30")], 300, 30),
            (&[("max_retries", "0")], 40, 0),
        ] {
            let settings = settings(typed);
            let options = Lake::new(&settings).options("inference.table", &table()).unwrap();
            let retry = StorageConfig::parse_options(options).unwrap().retry;
            assert_eq!(
                (retry.retry_timeout, retry.max_retries),
                (Duration::from_secs(seconds), retries),
                "{typed:?}"
            );
        }
    }

    /// What is said of a store at a port where nobody listens.
    async fn said_of_nobody(options: &[(&str, &str)]) -> String {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let endpoint = format!("http://127.0.0.1:{port}");
        let here = [
            ("aws_endpoint", endpoint.as_str()),
            ("aws_region", "eu-central-1"),
            ("aws_allow_http", "true"),
            ("aws_skip_signature", "true"),
        ];
        let settings = settings(&[&here, options].concat());
        let error = Lake::new(&settings).table("inference.table", &table(), At::Latest).await.unwrap_err();
        assert!(matches!(error, SourceError::Unreachable { .. }), "{error}");
        let mut said = error.to_string();
        let mut next = error.source();
        while let Some(error) = next {
            said = format!("{said}\n{error}");
            next = error.source();
        }
        said
    }

    #[tokio::test]
    async fn the_client_keeps_to_the_bounds() {
        let said = said_of_nobody(&[("max_retries", "1")]).await;
        assert!(said.contains("after 1 retries, max_retries: 1, retry_timeout: 40s"), "{said}");
        let said = said_of_nobody(&[("retry_timeout", "1ms")]).await;
        // Whether the first attempt alone took that long, or the pause after it would.
        assert!(!said.contains("after 10 retries") && !said.contains("retry_timeout: 40s"), "{said}");
    }
}
