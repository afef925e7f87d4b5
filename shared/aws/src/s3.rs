//! Artifacts, positions and reports, in an S3 bucket.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, RequestChecksumCalculation};
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::operation::head_object::HeadObjectError;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_types::SdkConfig;
use sluice_app::ports::{Blobs, PortResult};

use crate::error::{port_error, unavailable};

const READING: &str = "reading an object";
const SIGNING: &str = "signing a URL";

/// Most bytes that are read into memory: the positions of a million instances have 8 MB. Artifacts are larger, and
/// are never read here.
const MAX_READ_BYTES: i64 = 64 * 1024 * 1024;

/// A bucket.
#[derive(Debug, Clone)]
pub struct Bucket {
    client: Client,
    name: String,
}

impl Bucket {
    /// The bucket of this name. With `path_style` the name stands in the path and not in the host: what a stand-in
    /// for S3 under one address needs.
    #[must_use]
    pub fn new(config: &SdkConfig, name: impl Into<String>, path_style: bool) -> Self {
        let config = Builder::from(config)
            .force_path_style(path_style)
            // Otherwise a signed URL for writing would ask its user for the checksum of an empty body.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .build();
        Self {
            client: Client::from_conf(config),
            name: name.into(),
        }
    }
}

impl Blobs for Bucket {
    async fn put(&self, key: &str, bytes: Vec<u8>, media_type: &str) -> PortResult<()> {
        let body = ByteStream::from(bytes);
        let call = self
            .client
            .put_object()
            .bucket(&self.name)
            .key(key)
            .content_type(media_type)
            .body(body);
        call.send()
            .await
            .map(|_| ())
            .map_err(|e| port_error("writing an object", &e))
    }

    async fn get(&self, key: &str) -> PortResult<Option<Vec<u8>>> {
        let object = match self.client.get_object().bucket(&self.name).key(key).send().await {
            Ok(object) => object,
            Err(e) if e.as_service_error().is_some_and(GetObjectError::is_no_such_key) => return Ok(None),
            Err(e) => return Err(port_error(READING, &e)),
        };
        match object.content_length {
            Some(length) if length <= MAX_READ_BYTES => {}
            length => return Err(unavailable(READING, format!("its length is {length:?} bytes"))),
        }
        let body = object
            .body
            .collect()
            .await
            .map_err(|_| unavailable(READING, "the answer broke off"))?;
        Ok(Some(body.to_vec()))
    }

    async fn size(&self, key: &str) -> PortResult<Option<u64>> {
        const DOING: &str = "reading an object's length";
        match self.client.head_object().bucket(&self.name).key(key).send().await {
            Ok(head) => {
                let length = head.content_length.and_then(|l| u64::try_from(l).ok());
                length
                    .map(Some)
                    .ok_or_else(|| unavailable(DOING, "the answer names no length"))
            }
            Err(e) if e.as_service_error().is_some_and(HeadObjectError::is_not_found) => Ok(None),
            Err(e) => Err(port_error(DOING, &e)),
        }
    }

    async fn download_url(&self, key: &str, valid: Duration) -> PortResult<String> {
        let call = self.client.get_object().bucket(&self.name).key(key);
        let signed = call
            .presigned(presigning(valid)?)
            .await
            .map_err(|e| port_error(SIGNING, &e))?;
        Ok(signed.uri().to_owned())
    }

    async fn upload_url(&self, key: &str, valid: Duration) -> PortResult<String> {
        let call = self.client.put_object().bucket(&self.name).key(key);
        let signed = call
            .presigned(presigning(valid)?)
            .await
            .map_err(|e| port_error(SIGNING, &e))?;
        Ok(signed.uri().to_owned())
    }
}

fn presigning(valid: Duration) -> PortResult<PresigningConfig> {
    PresigningConfig::expires_in(valid).map_err(|_| {
        unavailable(
            SIGNING,
            format!("{} s is not a possible validity", valid.as_secs()),
        )
    })
}
