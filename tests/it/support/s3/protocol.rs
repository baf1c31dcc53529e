//! The S3 operations that Delta tables and registries use, over the [`Store`].
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use s3s::dto::*;
use s3s::{Body, S3, S3Request, S3Response, S3Result, s3_error};

use super::conditions::Conditions;
use super::store::{Listing, Store};

/// The operations of one server.
pub struct Protocol {
    /// The buckets.
    pub store: Arc<Store>,
    /// Most entries of one page of a listing; AWS has 1000.
    pub page_size: usize,
    /// Whether writes are refused.
    pub read_only: bool,
}

type Answer<T> = S3Result<S3Response<T>>;

fn ok<T>(output: T) -> Answer<T> {
    Ok(S3Response::new(output))
}

/// Takes in a body whole. This is also where `s3s` compares it with the hash that was signed.
async fn read(body: Option<StreamingBlob>) -> S3Result<Bytes> {
    let mut bytes = BytesMut::new();
    if let Some(mut body) = body {
        while let Some(chunk) = body
            .try_next()
            .await
            .map_err(|error| s3_error!(InvalidRequest, "the body does not match its headers: {error}"))?
        {
            bytes.extend_from_slice(&chunk);
        }
    }
    Ok(bytes.freeze())
}

fn source_of(copy: &CopySource) -> S3Result<(&str, &str)> {
    match copy {
        CopySource::Bucket { bucket, key, .. } => Ok((bucket, key)),
        _ => Err(s3_error!(NotImplemented)),
    }
}

/// Whether a header that `s3s` does not know for this operation is `*`.
fn is_star<T>(request: &S3Request<T>, name: &str) -> bool {
    request.headers.get(name).is_some_and(|value| value == "*")
}

#[async_trait::async_trait]
impl S3 for Protocol {
    async fn put_object(&self, req: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        let input = req.input;
        if self.read_only {
            return Err(s3_error!(AccessDenied));
        }
        let only =
            Conditions { if_match: input.if_match, if_none_match: input.if_none_match, ..Default::default() };
        let bytes = read(input.body).await?;
        let e_tag = self.store.put(&input.bucket, &input.key, bytes, &only)?;
        ok(PutObjectOutput { e_tag: Some(e_tag), ..Default::default() })
    }

    async fn get_object(&self, req: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
        let input = req.input;
        let object = self.store.get(&input.bucket, &input.key)?;
        let only = Conditions {
            if_match: input.if_match,
            if_none_match: input.if_none_match,
            if_modified_since: input.if_modified_since,
            if_unmodified_since: input.if_unmodified_since,
        };
        only.allow_read(&object)?;
        let whole = object.bytes.len() as u64;
        let (bytes, content_range) = match input.range {
            None => (object.bytes, None),
            Some(range) => {
                let part = range.check(whole)?;
                if part.is_empty() {
                    return Err(s3_error!(InvalidRange));
                }
                let shown = format!("bytes {}-{}/{whole}", part.start, part.end - 1);
                let cut = object.bytes.slice(part.start as usize..part.end as usize);
                (cut, Some(shown))
            }
        };
        ok(GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: Some(bytes.len() as i64),
            content_range,
            body: Some(StreamingBlob::from(Body::from(bytes))),
            e_tag: Some(object.e_tag),
            last_modified: Some(object.last_modified.into()),
            ..Default::default()
        })
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
        let input = req.input;
        let object = self.store.get(&input.bucket, &input.key)?;
        let only = Conditions {
            if_match: input.if_match,
            if_none_match: input.if_none_match,
            if_modified_since: input.if_modified_since,
            if_unmodified_since: input.if_unmodified_since,
        };
        only.allow_read(&object)?;
        ok(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: Some(object.bytes.len() as i64),
            e_tag: Some(object.e_tag),
            last_modified: Some(object.last_modified.into()),
            ..Default::default()
        })
    }

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> Answer<DeleteObjectOutput> {
        self.store.delete(&req.input.bucket, &req.input.key)?;
        ok(DeleteObjectOutput::default())
    }

    async fn delete_objects(&self, req: S3Request<DeleteObjectsInput>) -> Answer<DeleteObjectsOutput> {
        let mut deleted = Vec::new();
        for object in req.input.delete.objects {
            self.store.delete(&req.input.bucket, &object.key)?;
            deleted.push(DeletedObject { key: Some(object.key), ..Default::default() });
        }
        ok(DeleteObjectsOutput { deleted: Some(deleted), ..Default::default() })
    }

    async fn list_objects_v2(&self, req: S3Request<ListObjectsV2Input>) -> Answer<ListObjectsV2Output> {
        let input = req.input;
        let asked = input.max_keys.and_then(|most| usize::try_from(most).ok());
        let limit = asked.unwrap_or(self.page_size).min(self.page_size);
        let page = self.store.list(
            &input.bucket,
            &Listing {
                prefix: input.prefix.as_deref().unwrap_or_default(),
                delimiter: input.delimiter.as_deref().filter(|text| !text.is_empty()),
                start_after: input.start_after.as_deref(),
                token: input.continuation_token.as_deref(),
                limit,
            },
        )?;
        let objects = page.objects.into_iter().map(|(key, object)| Object {
            key: Some(key),
            size: Some(object.bytes.len() as i64),
            e_tag: Some(object.e_tag),
            last_modified: Some(object.last_modified.into()),
            ..Default::default()
        });
        let contents: Vec<_> = objects.collect();
        let prefixes = page.prefixes.into_iter().map(|prefix| CommonPrefix { prefix: Some(prefix) });
        let common_prefixes: Vec<_> = prefixes.collect();
        ok(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(input.prefix.unwrap_or_default()),
            max_keys: Some(limit as i32),
            key_count: Some((contents.len() + common_prefixes.len()) as i32),
            is_truncated: Some(page.next.is_some()),
            continuation_token: input.continuation_token,
            next_continuation_token: page.next,
            contents: Some(contents),
            common_prefixes: Some(common_prefixes),
            delimiter: input.delimiter,
            start_after: input.start_after,
            ..Default::default()
        })
    }

    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> Answer<CopyObjectOutput> {
        let only = Conditions {
            if_none_match: is_star(&req, "if-none-match").then_some(ETagCondition::Any),
            ..Default::default()
        };
        let input = req.input;
        let (bucket, key) = source_of(&input.copy_source)?;
        let source = self.store.get(bucket, key)?;
        let e_tag = self.store.put(&input.bucket, &input.key, source.bytes, &only)?;
        let copied = self.store.get(&input.bucket, &input.key)?;
        ok(CopyObjectOutput {
            copy_object_result: Some(CopyObjectResult {
                e_tag: Some(e_tag),
                last_modified: Some(copied.last_modified.into()),
                ..Default::default()
            }),
            ..Default::default()
        })
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> Answer<CreateMultipartUploadOutput> {
        let input = req.input;
        let upload_id = self.store.begin_upload(&input.bucket, &input.key)?;
        ok(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(upload_id),
            ..Default::default()
        })
    }

    async fn upload_part(&self, req: S3Request<UploadPartInput>) -> Answer<UploadPartOutput> {
        let input = req.input;
        let bytes = read(input.body).await?;
        let place = (input.bucket.as_str(), input.key.as_str());
        let part = self.store.put_part(&input.upload_id, place, input.part_number, bytes)?;
        ok(UploadPartOutput { e_tag: Some(part.e_tag), ..Default::default() })
    }

    async fn upload_part_copy(&self, req: S3Request<UploadPartCopyInput>) -> Answer<UploadPartCopyOutput> {
        let input = req.input;
        let (bucket, key) = source_of(&input.copy_source)?;
        let source = self.store.get(bucket, key)?;
        let place = (input.bucket.as_str(), input.key.as_str());
        let part = self.store.put_part(&input.upload_id, place, input.part_number, source.bytes)?;
        ok(UploadPartCopyOutput {
            copy_part_result: Some(CopyPartResult {
                e_tag: Some(part.e_tag),
                last_modified: Some(part.last_modified.into()),
                ..Default::default()
            }),
            ..Default::default()
        })
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> Answer<CompleteMultipartUploadOutput> {
        let input = req.input;
        let only =
            Conditions { if_match: input.if_match, if_none_match: input.if_none_match, ..Default::default() };
        let parts = input.multipart_upload.and_then(|upload| upload.parts);
        let parts: Option<Vec<_>> = parts
            .unwrap_or_default()
            .into_iter()
            .map(|part| Some((part.part_number?, part.e_tag?)))
            .collect();
        let parts = parts.filter(|parts| !parts.is_empty()).ok_or_else(|| s3_error!(MalformedXML))?;
        let place = (input.bucket.as_str(), input.key.as_str());
        let e_tag = self.store.complete_upload(&input.upload_id, place, &parts, &only)?;
        ok(CompleteMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(e_tag),
            ..Default::default()
        })
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> Answer<AbortMultipartUploadOutput> {
        let input = req.input;
        self.store.abort_upload(&input.upload_id, &input.bucket, &input.key)?;
        ok(AbortMultipartUploadOutput::default())
    }
}
