//! Small files of an object store: few at a time, none of them large, and errors that name them.
//!
//! It must not know what the files mean.

use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::{StreamExt, TryStreamExt};
use object_store::path::{Path, PathPart};
use object_store::{Error, ObjectStore, ObjectStoreExt};
use tokio::sync::Semaphore;

use crate::source::registry::RegistryError;

/// Requests under way at the same time.
const CONCURRENCY: usize = 16;

/// Largest file that is read. MLflow's own limit for a value is a tenth of this.
pub(super) const MOST_BYTES: u64 = 1 << 20;

/// Most files of one model.
const MOST_FILES: usize = 500_000;

/// The files below one address.
pub(super) struct Files<'a> {
    store: &'a dyn ObjectStore,
    place: &'a str,
    permits: Semaphore,
    /// What was wrong with files that could not be understood.
    unread: Mutex<Vec<RegistryError>>,
}

impl<'a> Files<'a> {
    /// The files of `store`, the root of which messages call `place`.
    pub(super) fn new(store: &'a dyn ObjectStore, place: &'a str) -> Self {
        let permits = Semaphore::new(CONCURRENCY);
        Self { store, place, permits, unread: Mutex::default() }
    }

    /// The address of the root.
    pub(super) fn place(&self) -> &'a str {
        self.place
    }

    /// The address of `path`.
    pub(super) fn address(&self, path: &Path) -> String {
        format!("{}/{path}", self.place)
    }

    /// What a file was `read` as; nothing, if it is one that cannot be understood. That is remembered: a broken file
    /// keeps no other from being read.
    pub(super) fn or_nothing<T: Default>(&self, read: Result<T, RegistryError>) -> Result<T, RegistryError> {
        match read {
            Err(error @ (RegistryError::Content { .. } | RegistryError::TooLarge { .. })) => {
                self.unread().push(error);
                Ok(T::default())
            }
            read => read,
        }
    }

    /// What was wrong with files since this was asked last, in the order of their addresses.
    pub(super) fn take_unread(&self) -> Vec<RegistryError> {
        let mut unread = std::mem::take(&mut *self.unread());
        unread.sort_by_cached_key(ToString::to_string);
        unread
    }

    fn unread(&self) -> MutexGuard<'_, Vec<RegistryError>> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every file below `folder`.
    pub(super) async fn list(&self, folder: &Path) -> Result<Vec<Path>, RegistryError> {
        let _permit = self.permits.acquire().await;
        let found: Vec<Path> = self
            .store
            .list(Some(folder))
            .take(MOST_FILES + 1)
            .map_ok(|meta| meta.location)
            .try_collect()
            .await
            .map_err(|error| self.failed(folder, error))?;
        if found.len() > MOST_FILES {
            return Err(RegistryError::TooMany {
                limit: MOST_FILES,
                what: "files",
                place: self.address(folder),
            });
        }
        Ok(found)
    }

    /// Names of the folders that are in `folder`, or at the root; sorted.
    pub(super) async fn folders(&self, folder: Option<&Path>) -> Result<Vec<String>, RegistryError> {
        let _permit = self.permits.acquire().await;
        let found = self
            .store
            .list_with_delimiter(folder)
            .await
            .map_err(|error| self.failed(folder.unwrap_or(&Path::ROOT), error))?;
        let mut names: Vec<String> =
            found.common_prefixes.iter().filter_map(|path| path.filename().map(str::to_owned)).collect();
        names.sort();
        Ok(names)
    }

    /// Whether `path` is there.
    pub(super) async fn exists(&self, path: &Path) -> Result<bool, RegistryError> {
        let _permit = self.permits.acquire().await;
        match self.store.head(path).await {
            Ok(_) => Ok(true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.failed(path, error)),
        }
    }

    /// The content of `path`, which was there a moment ago.
    pub(super) async fn text(&self, path: &Path) -> Result<String, RegistryError> {
        self.find(path).await?.ok_or_else(|| RegistryError::Changing { file: self.address(path) })
    }

    /// The content of `path`, unless it is not there.
    pub(super) async fn find(&self, path: &Path) -> Result<Option<String>, RegistryError> {
        let _permit = self.permits.acquire().await;
        let found = match self.store.get(path).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(self.failed(path, error)),
        };
        if found.meta.size > MOST_BYTES {
            return Err(RegistryError::TooLarge {
                file: self.address(path),
                bytes: found.meta.size,
                limit: MOST_BYTES,
            });
        }
        let bytes = match found.bytes().await {
            Ok(bytes) => bytes,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(self.failed(path, error)),
        };
        let text = String::from_utf8(bytes.into());
        text.map(Some).map_err(|error| RegistryError::Content {
            file: self.address(path),
            source: error.utf8_error().into(),
        })
    }

    fn failed(&self, path: &Path, error: Error) -> RegistryError {
        let file = self.address(path);
        let place = self.place.to_owned();
        match (Refusal::of(&error), Box::new(error)) {
            // A file that is missing is no error; what is missing here is all that it could be in.
            (Some(Refusal::Missing), source) => RegistryError::NoPlace { place, source },
            (Some(Refusal::Denied), source) => RegistryError::Denied { file, source },
            (None, source) => RegistryError::Storage { file, source },
        }
    }
}

/// What will be refused again, however often it is tried.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    Missing,
    Denied,
}

impl Refusal {
    /// Whether the store, or the operating system below it, refused.
    fn of(error: &Error) -> Option<Self> {
        match error {
            Error::NotFound { .. } => return Some(Self::Missing),
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
                return Some(Self::Denied);
            }
            _ => {}
        }
        let mut cause: Option<&dyn std::error::Error> = Some(error);
        while let Some(error) = cause {
            let found = match error.downcast_ref::<std::io::Error>().map(std::io::Error::kind) {
                Some(std::io::ErrorKind::PermissionDenied) => Some(Self::Denied),
                _ => Self::of_status(&error.to_string()),
            };
            if found.is_some() {
                return found;
            }
            cause = error.source();
        }
        None
    }

    /// Failed listings keep their HTTP status in their text alone: the type that knows it is not public.
    fn of_status(text: &str) -> Option<Self> {
        let (_, status) = text.split_once("status code: ")?;
        match status.get(..3)? {
            "404" => Some(Self::Missing),
            // Besides the obvious: a token that has expired, a region that is not the bucket's.
            "400" | "401" | "403" => Some(Self::Denied),
            _ => None,
        }
    }
}

/// A path of names as they are, unless one of them cannot be the name of one file or folder.
pub(super) fn join(names: &[&str]) -> Option<Path> {
    names.iter().map(|name| (!name.is_empty()).then(|| PathPart::parse(name).ok()).flatten()).collect()
}
