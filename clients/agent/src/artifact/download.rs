//! Fetching an artifact to a file, with its digest and size checked on the way.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use reqwest::header::{CONTENT_RANGE, RANGE};
use reqwest::{Response, StatusCode};
use sha2::{Digest, Sha256};
use sluice_contract::check_in::Artifact;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tracing::warn;

use crate::failure::{Code, Failure};

/// How often a download is tried before the move fails.
const TRIES: u32 = 3;

/// Pause after the first failed try; twice as long after the second.
const PAUSE_MS: u64 = 500;

/// A connection that brings nothing for this long is given up.
const STALL: Duration = Duration::from_secs(30);

/// Fetches artifacts.
#[derive(Debug, Clone)]
pub struct Downloader {
    client: reqwest::Client,
    timeout: Duration,
}

/// What is there of an artifact.
struct Part {
    file: File,
    hash: Sha256,
    length: u64,
}

/// Whether another try can help.
enum Problem {
    Passing(String),
    Lasting(Failure),
}

impl Downloader {
    /// One try may take `timeout_ms` milliseconds.
    ///
    /// # Errors
    /// What the HTTP client's construction says.
    pub fn new(timeout_ms: u64) -> reqwest::Result<Self> {
        let timeout = Duration::from_millis(timeout_ms);
        let client = reqwest::Client::builder()
            .connect_timeout(STALL)
            .read_timeout(STALL)
            .build()?;
        Ok(Self { client, timeout })
    }

    /// Writes the artifact's bytes to `path`, replacing what is there. Nothing is read beyond the release's size. A
    /// try that broke off is gone on with where the server knows ranges.
    ///
    /// # Errors
    /// [`Failure`] with `download-failed`, `size-mismatch`, `digest-mismatch` or `storage-failed`.
    pub async fn fetch(&self, artifact: &Artifact, path: &Path) -> Result<(), Failure> {
        let (mut last, mut part) = (String::new(), None);
        for attempt in 0..TRIES {
            if attempt > 0 {
                tokio::time::sleep(Duration::from_millis(PAUSE_MS << (attempt - 1))).await;
            }
            let outcome = tokio::time::timeout(self.timeout, self.try_fetch(artifact, path, &mut part)).await;
            match outcome {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(Problem::Lasting(failure))) => return Err(failure),
                Ok(Err(Problem::Passing(problem))) => last = problem,
                Err(_) => {
                    // How much of the last chunk was written is not known.
                    part = None;
                    last = format!("not complete after {} ms", self.timeout.as_millis());
                }
            }
            warn!(version = %artifact.release.version, attempt = attempt + 1, problem = last, "A download failed");
        }
        Err(Failure::new(
            Code::DownloadFailed,
            format!("{last} ({TRIES} tries)"),
        ))
    }

    async fn try_fetch(
        &self,
        artifact: &Artifact,
        path: &Path,
        part: &mut Option<Part>,
    ) -> Result<(), Problem> {
        let begun = part.as_ref().map_or(0, |p| p.length);
        let mut request = self.client.get(&artifact.url);
        if begun > 0 {
            request = request.header(RANGE, format!("bytes={begun}-"));
        }
        let mut response = request.send().await.map_err(passing)?;
        check_status(response.status())?;
        let goes_on = begun > 0 && continues_at(&response, begun);
        let part = match part.take() {
            Some(old) if goes_on => part.insert(old),
            _ => part.insert(Part {
                file: File::create(path).await.map_err(|e| storage(path, &e))?,
                hash: Sha256::new(),
                length: 0,
            }),
        };
        let size = artifact.release.size;
        if let Some(rest) = response.content_length().filter(|l| part.length + *l != size) {
            return Err(wrong_size(size, part.length + rest));
        }
        while let Some(chunk) = response.chunk().await.map_err(passing)? {
            if part.length + chunk.len() as u64 > size {
                return Err(wrong_size(size, part.length + chunk.len() as u64));
            }
            part.file.write_all(&chunk).await.map_err(|e| storage(path, &e))?;
            part.hash.update(&chunk);
            part.length += chunk.len() as u64;
        }
        part.file.flush().await.map_err(|e| storage(path, &e))?;
        if part.length != size {
            let text = format!("it ended after {} of {size} bytes", part.length);
            return Err(Problem::Passing(text));
        }
        check_digest(&artifact.release.digest, part.hash.clone()).map_err(Problem::Lasting)
    }
}

fn check_status(status: StatusCode) -> Result<(), Problem> {
    if status.is_success() {
        return Ok(());
    }
    let text = format!("the artifact's server answered {status}");
    // A presigned address that is refused stays refused; the next answer brings another.
    let lasting = status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS;
    Err(match lasting {
        true => Problem::Lasting(Failure::new(Code::DownloadFailed, text)),
        false => Problem::Passing(text),
    })
}

/// Whether the answer is the rest from byte `begun` on; a server without ranges sends everything again.
fn continues_at(response: &Response, begun: u64) -> bool {
    let range = response
        .headers()
        .get(CONTENT_RANGE)
        .and_then(|v| v.to_str().ok());
    response.status() == StatusCode::PARTIAL_CONTENT
        && range.is_some_and(|r| r.starts_with(&format!("bytes {begun}-")))
}

/// Without the address: a presigned one is a credential.
fn passing(error: reqwest::Error) -> Problem {
    let error = error.without_url();
    let cause = std::error::Error::source(&error)
        .map(|s| format!(": {s}"))
        .unwrap_or_default();
    Problem::Passing(format!("{error}{cause}"))
}

fn storage(path: &Path, error: &std::io::Error) -> Problem {
    Problem::Lasting(Failure::new(
        Code::StorageFailed,
        format!("{}: {error}", path.display()),
    ))
}

fn wrong_size(expected: u64, found: u64) -> Problem {
    let message = format!("the artifact has {found} bytes or more, the release says {expected}");
    Problem::Lasting(Failure::new(Code::SizeMismatch, message))
}

fn check_digest(expected: &str, hash: Sha256) -> Result<(), Failure> {
    let found = format!("sha256:{}", hex::encode(hash.finalize()));
    if found == expected {
        return Ok(());
    }
    Err(Failure::new(
        Code::DigestMismatch,
        format!("the artifact's digest is {found}, the release says {expected}"),
    ))
}

/// Checks size and digest of an archive that is on disk.
///
/// # Errors
/// [`Failure`] with `storage-failed`, `size-mismatch` or `digest-mismatch`.
pub fn digest_of_file(path: &Path, size: u64, digest: &str) -> Result<(), Failure> {
    let failed = |e: std::io::Error| Failure::new(Code::StorageFailed, format!("{}: {e}", path.display()));
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let (mut hash, mut length, mut buffer) = (Sha256::new(), 0, vec![0; 64 << 10]);
    loop {
        let count = file.read(&mut buffer).map_err(failed)?;
        if count == 0 {
            break;
        }
        length += count as u64;
        hash.update(&buffer[..count]);
    }
    if length != size {
        let message = format!("the artifact has {length} bytes, the release says {size}");
        return Err(Failure::new(Code::SizeMismatch, message));
    }
    check_digest(digest, hash)
}
