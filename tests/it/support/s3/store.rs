//! The buckets themselves: ordered maps behind one lock, so that a condition and the write which
//! depends on it are a single step.
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard};
use std::time::SystemTime;

use bytes::Bytes;
use s3s::dto::ETag;
use s3s::{S3Result, s3_error};
use xxhash_rust::xxh3::xxh3_128;

use super::conditions::Conditions;

/// Where the store takes the time of a write from.
pub type Clock = Box<dyn Fn() -> SystemTime + Send + Sync>;

/// Smallest size of a part that is not the last one, as at AWS.
const PART_FLOOR: usize = 5 * 1024 * 1024;

/// One stored object.
#[derive(Clone, Debug)]
pub struct Object {
    /// Contents.
    pub bytes: Bytes,
    /// Tag of the contents: equal for equal contents.
    pub e_tag: ETag,
    /// Time of the write.
    pub last_modified: SystemTime,
}

/// What to list.
pub struct Listing<'a> {
    /// Only keys that begin with this.
    pub prefix: &'a str,
    /// Keys that go on beyond this after the prefix are shown once, cut there.
    pub delimiter: Option<&'a str>,
    /// Only keys greater than this.
    pub start_after: Option<&'a str>,
    /// Goes on after the entry that an earlier page ended with.
    pub token: Option<&'a str>,
    /// Most entries of one page.
    pub limit: usize,
}

/// One page of a listing; the names of both fields ascend.
#[derive(Default)]
pub struct Page {
    /// Objects by key.
    pub objects: Vec<(String, Object)>,
    /// Common prefixes.
    pub prefixes: Vec<String>,
    /// Token of the next page, if there is one.
    pub next: Option<String>,
}

/// A multipart upload that has not been completed.
struct Upload {
    place: (String, String),
    parts: BTreeMap<i32, Object>,
}

#[derive(Default)]
struct Contents {
    buckets: BTreeMap<String, BTreeMap<String, Object>>,
    uploads: HashMap<String, Upload>,
    uploads_begun: u64,
}

impl Contents {
    fn bucket(&mut self, name: &str) -> S3Result<&mut BTreeMap<String, Object>> {
        self.buckets.get_mut(name).ok_or_else(|| s3_error!(NoSuchBucket))
    }

    fn upload(&mut self, id: &str, bucket: &str, key: &str) -> S3Result<&mut Upload> {
        self.uploads
            .get_mut(id)
            .filter(|upload| upload.place.0 == bucket && upload.place.1 == key)
            .ok_or_else(|| s3_error!(NoSuchUpload))
    }
}

/// Every bucket of a server.
pub struct Store {
    clock: Clock,
    contents: Mutex<Contents>,
}

impl Store {
    /// Empty buckets with these names.
    pub fn new(buckets: &[String], clock: Clock) -> Self {
        let buckets = buckets.iter().map(|name| (name.clone(), BTreeMap::new()));
        Self { clock, contents: Mutex::new(Contents { buckets: buckets.collect(), ..Contents::default() }) }
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().expect("no holder of the lock panics")
    }

    fn object(&self, bytes: Bytes) -> Object {
        Object {
            e_tag: ETag::Strong(format!("{:032x}", xxh3_128(&bytes))),
            last_modified: (self.clock)(),
            bytes,
        }
    }

    /// Writes an object if the conditions allow it.
    pub fn put(&self, bucket: &str, key: &str, bytes: Bytes, only: &Conditions) -> S3Result<ETag> {
        let object = self.object(bytes);
        let mut contents = self.lock();
        let objects = contents.bucket(bucket)?;
        only.allow_write(objects.get(key))?;
        let e_tag = object.e_tag.clone();
        objects.insert(key.to_owned(), object);
        Ok(e_tag)
    }

    /// Reads an object.
    pub fn get(&self, bucket: &str, key: &str) -> S3Result<Object> {
        let mut contents = self.lock();
        let object = contents.bucket(bucket)?.get(key).cloned();
        object.ok_or_else(|| s3_error!(NoSuchKey))
    }

    /// Removes an object. As in S3, one that is not there is no error.
    pub fn delete(&self, bucket: &str, key: &str) -> S3Result<()> {
        self.lock().bucket(bucket)?.remove(key);
        Ok(())
    }

    /// One page of a bucket's keys, in the order of their bytes.
    pub fn list(&self, bucket: &str, what: &Listing<'_>) -> S3Result<Page> {
        let mut contents = self.lock();
        let from = (Bound::Included(what.prefix), Bound::Unbounded);
        let objects = contents.bucket(bucket)?.range::<str, _>(from);
        let mut page = Page::default();
        let mut last: Option<String> = None;
        for (key, object) in objects.take_while(|(key, _)| key.starts_with(what.prefix)) {
            let cut = what.delimiter.and_then(|delimiter| {
                let rest = key[what.prefix.len()..].find(delimiter)?;
                Some(what.prefix.len() + rest + delimiter.len())
            });
            let name = cut.map_or(key.as_str(), |end| &key[..end]);
            if what.start_after.is_some_and(|after| key.as_str() <= after)
                || what.token.is_some_and(|token| name <= token)
                || last.as_deref() == Some(name)
            {
                continue;
            }
            if page.objects.len() + page.prefixes.len() >= what.limit {
                page.next = last;
                break;
            }
            match cut {
                Some(_) => page.prefixes.push(name.to_owned()),
                None => page.objects.push((key.clone(), object.clone())),
            }
            last = Some(name.to_owned());
        }
        Ok(page)
    }

    /// Begins a multipart upload and returns its id.
    pub fn begin_upload(&self, bucket: &str, key: &str) -> S3Result<String> {
        let mut contents = self.lock();
        contents.bucket(bucket)?;
        contents.uploads_begun += 1;
        let id = format!("upload-{}", contents.uploads_begun);
        let upload = Upload { place: (bucket.to_owned(), key.to_owned()), parts: BTreeMap::new() };
        contents.uploads.insert(id.clone(), upload);
        Ok(id)
    }

    /// Adds or replaces one part of an upload.
    pub fn put_part(
        &self,
        id: &str,
        (bucket, key): (&str, &str),
        number: i32,
        bytes: Bytes,
    ) -> S3Result<Object> {
        let part = self.object(bytes);
        let mut contents = self.lock();
        let upload = contents.upload(id, bucket, key)?;
        upload.parts.insert(number, part.clone());
        Ok(part)
    }

    /// Joins the parts of an upload into an object, if the conditions allow it.
    pub fn complete_upload(
        &self,
        id: &str,
        (bucket, key): (&str, &str),
        parts: &[(i32, ETag)],
        only: &Conditions,
    ) -> S3Result<ETag> {
        let mut contents = self.lock();
        only.allow_write(contents.bucket(bucket)?.get(key))?;
        let upload = contents.upload(id, bucket, key)?;
        if !parts.is_sorted_by(|(left, _), (right, _)| left < right) {
            return Err(s3_error!(InvalidPartOrder));
        }
        let mut joined = Vec::new();
        for (place, (number, e_tag)) in parts.iter().enumerate() {
            match upload.parts.get(number) {
                Some(part) if part.e_tag.value() == e_tag.value() => {
                    if part.bytes.len() < PART_FLOOR && place + 1 < parts.len() {
                        return Err(s3_error!(EntityTooSmall));
                    }
                    joined.extend_from_slice(&part.bytes);
                }
                _ => return Err(s3_error!(InvalidPart)),
            }
        }
        contents.uploads.remove(id);
        let mut object = self.object(joined.into());
        object.e_tag = ETag::Strong(format!("{}-{}", object.e_tag.value(), parts.len()));
        let e_tag = object.e_tag.clone();
        contents.bucket(bucket)?.insert(key.to_owned(), object);
        Ok(e_tag)
    }

    /// Forgets an upload and its parts.
    pub fn abort_upload(&self, id: &str, bucket: &str, key: &str) -> S3Result<()> {
        let mut contents = self.lock();
        contents.upload(id, bucket, key)?;
        contents.uploads.remove(id);
        Ok(())
    }
}
