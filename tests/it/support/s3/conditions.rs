//! The headers that make a request depend on what is stored.
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use s3s::dto::{ETagCondition, Timestamp};
use s3s::{S3Result, s3_error};

use super::store::Object;

/// The conditions of one request.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    /// The object must be there, with this tag.
    pub if_match: Option<ETagCondition>,
    /// The object must not have this tag; `*` means that it must not be there.
    pub if_none_match: Option<ETagCondition>,
    /// For reads: the object must have changed after this. Counts only without a tag.
    pub if_modified_since: Option<Timestamp>,
    /// For reads: the object must not have changed after this. Counts only without a tag.
    pub if_unmodified_since: Option<Timestamp>,
}

impl Conditions {
    /// Whether a write over `current` may happen; codes as at AWS.
    pub fn allow_write(&self, current: Option<&Object>) -> S3Result<()> {
        let Some(object) = current else {
            return match self.if_match {
                Some(_) => Err(s3_error!(NoSuchKey)),
                None => Ok(()),
            };
        };
        let wrong = |tag: &ETagCondition| !holds(tag, object);
        let taken = |tag: &ETagCondition| holds(tag, object);
        if self.if_match.as_ref().is_some_and(wrong) || self.if_none_match.as_ref().is_some_and(taken) {
            return Err(s3_error!(PreconditionFailed));
        }
        Ok(())
    }

    /// Whether `object` may be read, in the order of RFC 9110, section 13.2.2.
    pub fn allow_read(&self, object: &Object) -> S3Result<()> {
        let modified = whole_seconds(object.last_modified);
        let stale = match (&self.if_match, &self.if_unmodified_since) {
            (Some(tag), _) => !holds(tag, object),
            (None, since) => since.as_ref().is_some_and(|since| modified > *since),
        };
        if stale {
            return Err(s3_error!(PreconditionFailed));
        }
        let known = match (&self.if_none_match, &self.if_modified_since) {
            (Some(tag), _) => holds(tag, object),
            (None, since) => since.as_ref().is_some_and(|since| modified <= *since),
        };
        if known {
            return Err(s3_error!(NotModified));
        }
        Ok(())
    }
}

fn holds(condition: &ETagCondition, object: &Object) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(tag) => tag.value() == object.e_tag.value(),
    }
}

/// Cuts a time to whole seconds, as HTTP headers have it.
fn whole_seconds(time: SystemTime) -> Timestamp {
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from(UNIX_EPOCH + Duration::from_secs(since_epoch.as_secs()))
}
