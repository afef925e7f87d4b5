//! Signed releases of tiny programs.

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::EncodePublicKey as _;
use semver::Version;
use sha2::{Digest as _, Sha256};
use sluice_contract::api::{ReleaseRegistration, ReleaseView, SigningKey as PublicKey};
use sluice_core::ids::{ComponentId, KeyId, TenantId, VersionId};
use sluice_core::release::{LifecycleState, Manifest, Release};
use uuid::Uuid;

use super::{Api, Stack};

/// A program that runs until it is stopped. It writes its version into `serving` in its agent's home, and its process
/// id into `starts`.
const PROGRAM: &str = "#!/bin/sh\necho \"$SLUICE_VERSION\" > \"$SLUICE_AGENT_HOME/serving\"\n\
    echo $$ >> \"$SLUICE_AGENT_HOME/starts\"\nwhile :; do sleep 0.2; done\n";

/// A key that signs one tenant's releases.
#[derive(Debug, Clone)]
pub struct Signer {
    key: SigningKey,
    /// Its name in the registry.
    pub key_id: KeyId,
}

/// A registered release with its bytes.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// As the registry holds it.
    pub release: Release,
    /// What was uploaded.
    pub bytes: Vec<u8>,
    /// Where it was uploaded.
    pub upload_url: String,
}

impl Signer {
    /// A key of its own for each test.
    ///
    /// # Errors
    /// When the random bytes are no key, which has a chance of 2^-32.
    pub fn generate() -> Result<Self> {
        let seed = [*Uuid::new_v4().as_bytes(), *Uuid::new_v4().as_bytes()].concat();
        let key = SigningKey::from_slice(&seed).context("the random bytes are no key")?;
        Ok(Self {
            key,
            key_id: KeyId::new("tests")?,
        })
    }

    /// The public key in PEM.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn public_pem(&self) -> Result<String> {
        let pem = self.key.verifying_key().to_public_key_pem(Default::default());
        pem.context("the key cannot be encoded")
    }

    /// Makes the key known to the registry.
    ///
    /// # Errors
    /// When the registry refuses it.
    pub async fn register(&self, api: &Api, tenant: &TenantId) -> Result<()> {
        let key = PublicKey {
            public_key_pem: self.public_pem()?,
        };
        let path = format!("/registry/tenants/{tenant}/signing-keys/{}", self.key_id);
        let stored: PublicKey = api.put(&path, &key).await?.expect(200)?;
        ensure!(stored == key, "the registry stored another key");
        Ok(())
    }

    /// Registers a release of a small program, `serve`, and uploads its archive.
    ///
    /// # Errors
    /// When the registry or the bucket refuses it.
    pub async fn publish(
        &self,
        stack: &Stack,
        api: &Api,
        (tenant, component): (&TenantId, ComponentId),
        version: &str,
    ) -> Result<Artifact> {
        let bytes = archive(&format!("{PROGRAM}# {version}\n"))?;
        self.publish_archive(stack, api, (tenant, component), version, bytes)
            .await
    }

    /// Registers a release and uploads its archive.
    ///
    /// # Errors
    /// When the registry or the bucket refuses it.
    pub async fn publish_archive(
        &self,
        stack: &Stack,
        api: &Api,
        (tenant, component): (&TenantId, ComponentId),
        version: &str,
        bytes: Vec<u8>,
    ) -> Result<Artifact> {
        let registration = self.registration(component, version, &bytes)?;
        let version_id = VersionId(Uuid::new_v4());
        let path = format!("/registry/tenants/{tenant}/components/{component}/releases/{version_id}");
        let made: ReleaseView = api.put(&path, &registration).await?.expect(200)?;
        let upload_url = made
            .upload_url
            .context("a new release has no place for its artifact")?;
        upload(stack, &upload_url, &bytes).await?;
        let there: ReleaseView = api.get(&path).await?.expect(200)?;
        ensure!(
            there.upload_url.is_none(),
            "the artifact was uploaded and is still asked for"
        );
        Ok(Artifact {
            release: made.release,
            bytes,
            upload_url,
        })
    }

    /// What the registry is told about an archive.
    ///
    /// # Errors
    /// When the version is none.
    pub fn registration(
        &self,
        component: ComponentId,
        version: &str,
        bytes: &[u8],
    ) -> Result<ReleaseRegistration> {
        let manifest = Manifest {
            component,
            version: Version::parse(version)?,
            digest: format!("sha256:{}", hex::encode(Sha256::digest(bytes))),
            size: bytes.len() as u64,
        };
        let signature: DerSignature = self.key.sign(&manifest.canonical());
        Ok(ReleaseRegistration {
            version: version.to_owned(),
            digest: manifest.digest,
            size: manifest.size,
            signature: STANDARD.encode(signature.as_bytes()),
            key_id: self.key_id.clone(),
            lifecycle_state: LifecycleState::Live,
            dependencies: Default::default(),
        })
    }
}

/// Puts bytes to a presigned URL.
///
/// # Errors
/// When the bucket does not take them.
pub async fn upload(stack: &Stack, url: &str, bytes: &[u8]) -> Result<()> {
    let answer = stack.http().put(url).body(bytes.to_vec()).send().await?;
    answer.error_for_status().context("the artifact was not taken")?;
    Ok(())
}

/// A gzip-compressed tar archive of one program, `serve`.
fn archive(program: &str) -> Result<Vec<u8>> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_size(program.len() as u64);
    header.set_mode(0o755);
    tar.append_data(&mut header, "serve", program.as_bytes())?;
    Ok(tar.into_inner()?.finish()?)
}
