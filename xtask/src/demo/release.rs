//! The releases of the demo's service: signed archives, registered and uploaded.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::EncodePublicKey as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sluice_contract::api::{ReleaseRegistration, ReleaseView, SigningKey as TrustedKey};
use sluice_core::ids::{KeyId, VersionId};
use sluice_core::release::{LifecycleState, Manifest, Release};
use uuid::Uuid;

use super::api::Api;
use crate::paths;

/// What each release's service does: its share of failed requests, and whether it waits for a sign to fail.
const RELEASES: [(&str, f64, bool); 5] = [
    ("1.0.0", 0.0, false),
    ("1.1.0", 0.0, false),
    ("1.2.0", 0.05, false),
    ("1.3.0", 0.0, false),
    ("1.4.0", 0.2, true),
];

/// The name of the key that signs.
pub const KEY_ID: &str = "demo";

/// Signs and publishes.
pub struct Publisher {
    key: SigningKey,
    /// The key that instances trust.
    pub public_key_pem: String,
    folder: PathBuf,
}

impl Publisher {
    /// A publisher with a key of its own, which keeps archives in a folder.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn new(folder: &Path) -> Result<Self> {
        paths::make_private(folder)?;
        // All but one in 2^32 texts of 32 bytes are a key.
        let key = SigningKey::from_slice(&rand::random::<[u8; 32]>()).context("cannot make a key")?;
        let pem = key.verifying_key().to_public_key_pem(p256::pkcs8::LineEnding::LF);
        Ok(Self {
            key,
            public_key_pem: pem.context("cannot write the public key")?,
            folder: folder.to_owned(),
        })
    }

    /// The file that turns a release bad once it is there.
    pub fn sign(&self) -> PathBuf {
        self.folder.join("turn-bad")
    }

    /// The archive of a release.
    pub fn archive(&self, release: &Release) -> PathBuf {
        self.folder.join(format!("demo-{}.tar.gz", release.version))
    }

    /// Trusts the key, registers the releases and uploads their archives.
    ///
    /// # Errors
    /// When the API or the storage refuses.
    pub async fn publish(&self, api: &Api) -> Result<Vec<Release>> {
        let trusted = TrustedKey {
            public_key_pem: self.public_key_pem.clone(),
        };
        let path = format!("/tenants/{}/signing-keys/{KEY_ID}", api.tenant);
        let _: Value = api.put(&path, &trusted).await?;
        let mut releases = Vec::new();
        for (version, error_rate, by_sign) in RELEASES {
            let behaviour = behaviour(error_rate, by_sign.then(|| self.sign()).as_deref());
            releases.push(self.publish_one(api, version, &behaviour).await?);
        }
        Ok(releases)
    }

    async fn publish_one(&self, api: &Api, version: &str, behaviour: &str) -> Result<Release> {
        let archive = archive(version, behaviour)?;
        let manifest = Manifest {
            component: api.component,
            version: version.parse().context("a release's version")?,
            digest: format!("sha256:{}", hex::encode(Sha256::digest(&archive))),
            size: archive.len() as u64,
        };
        let signature: Signature = self.key.sign(&manifest.canonical());
        let registration = ReleaseRegistration {
            version: version.to_owned(),
            digest: manifest.digest,
            size: manifest.size,
            signature: STANDARD.encode(signature.to_der()),
            key_id: KeyId::new(KEY_ID).context("the key's name")?,
            lifecycle_state: LifecycleState::Live,
            dependencies: Default::default(),
        };
        let path = api.below_component(&format!("/releases/{}", VersionId(Uuid::new_v4())));
        let view: ReleaseView = api.put(&path, &registration).await?;
        let file = self.archive(&view.release);
        fs::write(&file, &archive).with_context(|| format!("cannot write {}", file.display()))?;
        if let Some(url) = &view.upload_url {
            api.upload(url, archive).await?;
        }
        Ok(view.release)
    }
}

/// What a release's file says about errors.
fn behaviour(error_rate: f64, sign: Option<&Path>) -> String {
    let once = sign
        .map(|file| format!("errors_once = {file:?}\n"))
        .unwrap_or_default();
    format!("error_rate = {error_rate:?}\n{once}")
}

/// A gzip-compressed tar archive with what the service reads.
fn archive(version: &str, behaviour: &str) -> Result<Vec<u8>> {
    let text = format!("version = \"{version}\"\nlatency_ms = 1\n{behaviour}");
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    builder
        .append_data(&mut header, "release.toml", text.as_bytes())
        .context("cannot pack a release")?;
    let packed = builder.into_inner().and_then(GzEncoder::finish);
    packed.context("cannot pack a release")
}
