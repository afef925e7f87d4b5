//! An artifact on disk and its way to where the registry wants it.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reqwest::Body;
use reqwest::header::CONTENT_LENGTH;
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncReadExt as _;
use tokio_util::io::ReaderStream;

use crate::api::retry::{self, Missed};
use crate::api::{Api, asked_pause, unreachable};
use crate::failure::Failure;
use crate::output::{Output, plain};

/// How long one try of an upload may take: as long as the address is valid for.
const UPLOAD: Duration = Duration::from_secs(3_600);

/// How much is read at a time, in bytes.
const CHUNK: usize = 256 * 1024;

/// The most of a refusal that is shown, in characters.
const MAX_SHOWN: usize = 300;

/// What a manifest says of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// In bytes.
    pub size: u64,
}

/// Reads a file through.
pub fn measure(path: &Path) -> Result<Artifact, Failure> {
    let wrong = |e: std::io::Error| Failure::input(path.display().to_string(), e);
    let mut reader = BufReader::with_capacity(CHUNK, File::open(path).map_err(wrong)?);
    let (mut hash, mut size, mut chunk) = (Sha256::new(), 0, vec![0; CHUNK]);
    loop {
        let read = reader.read(&mut chunk).map_err(wrong)?;
        let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        hash.update(bytes);
        size += bytes.len() as u64;
    }
    Ok(Artifact {
        digest: format!("sha256:{}", hex::encode(hash.finalize())),
        size,
    })
}

/// Puts a file where a signed address says. The address is a credential: no message names it.
pub async fn upload(
    api: &Api,
    path: &Path,
    artifact: &Artifact,
    url: &str,
    out: Output,
) -> Result<(), Failure> {
    let target = match out.is_json() {
        true => ProgressDrawTarget::hidden(),
        false => ProgressDrawTarget::stderr(),
    };
    let bar = ProgressBar::with_draw_target(Some(artifact.size), target);
    if let Ok(style) = ProgressStyle::with_template("uploading {wide_bar} {bytes}/{total_bytes} {eta}") {
        bar.set_style(style);
    }
    let sent = retry::run(api.tries(), async || {
        bar.reset();
        put(api, path, artifact.size, url, &bar).await
    })
    .await;
    bar.finish_and_clear();
    sent
}

async fn put(api: &Api, path: &Path, size: u64, url: &str, bar: &ProgressBar) -> Result<(), Missed> {
    let file = tokio::fs::File::open(path)
        .await
        .map_err(|e| Failure::input(path.display().to_string(), e))?;
    // Signed addresses take no body in pieces of unknown number, hence the length.
    let stream = ReaderStream::with_capacity(bar.wrap_async_read(file.take(size)), CHUNK);
    let request = api
        .http()
        .put(url)
        .timeout(UPLOAD)
        .header(CONTENT_LENGTH, size)
        .body(Body::wrap_stream(stream));
    let peer = || "the store of artifacts".to_owned();
    let response = request.send().await.map_err(|e| unreachable(peer(), e))?;
    let (status, after) = (response.status(), asked_pause(&response));
    if status.is_success() {
        return Ok(());
    }
    let again = status.is_server_error() || status.as_u16() == 429;
    let text: String = match response.text().await {
        Ok(text) => plain(&text).chars().take(MAX_SHOWN).collect(),
        Err(e) => e.without_url().to_string(),
    };
    let cause = format!("it answered {status}: {text}");
    let failure = match again {
        true => Failure::Unreachable { peer: peer(), cause },
        false => Failure::unexpected("the store of artifacts refused the upload", cause),
    };
    Err(Missed {
        failure,
        again,
        after,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_and_size_are_those_of_the_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("artifact");
        std::fs::write(&path, "abc").unwrap();
        let expected = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let artifact = measure(&path).unwrap();
        assert_eq!((artifact.digest.as_str(), artifact.size), (expected, 3));
        std::fs::write(&path, vec![7; 3 * CHUNK + 1]).unwrap();
        assert_eq!(measure(&path).unwrap().size, 3 * CHUNK as u64 + 1);
        assert!(measure(folder.path()).is_err(), "a folder is no artifact");
    }
}
