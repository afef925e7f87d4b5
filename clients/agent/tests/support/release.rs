//! Signed releases of a small program.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::EncodePublicKey;
use sha2::{Digest, Sha256};
use sluice_core::ids::{ComponentId, KeyId, VersionId};
use sluice_core::release::{LifecycleState, Release};
use uuid::Uuid;

pub const COMPONENT: ComponentId = ComponentId(Uuid::from_u128(0xc0));

/// A program that writes its version where the check looks for it.
pub const GOOD: &str = "#!/bin/sh\necho \"$SLUICE_VERSION\" > \"$SLUICE_AGENT_HOME/serving\"\n\
    echo $$ >> \"$SLUICE_AGENT_HOME/starts\"\nwhile :; do sleep 0.02; done\n";
/// Runs and never gets healthy.
pub const SICK: &str =
    "#!/bin/sh\necho sick > \"$SLUICE_AGENT_HOME/serving\"\nwhile :; do sleep 0.02; done\n";
/// Ends at once.
pub const DEAD: &str = "#!/bin/sh\necho no room to live >&2\nexit 3\n";
/// Takes no notice of SIGTERM.
pub const STUBBORN: &str = "#!/bin/sh\ntrap '' TERM\necho \"$SLUICE_VERSION\" > \"$SLUICE_AGENT_HOME/serving\"\n\
    while :; do sleep 0.02; done\n";

/// Takes its time to start and to stop, and leaves a file at each of these moments.
pub const SLOW: &str = "#!/bin/sh\n\
    trap 'touch \"$SLUICE_AGENT_HOME/stopping-$SLUICE_VERSION\"; sleep 0.3; exit 0' TERM\n\
    touch \"$SLUICE_AGENT_HOME/started-$SLUICE_VERSION\"\nsleep 0.3\n\
    echo \"$SLUICE_VERSION\" > \"$SLUICE_AGENT_HOME/serving\"\n\
    echo $$ >> \"$SLUICE_AGENT_HOME/starts\"\nwhile :; do sleep 0.1; done\n";

pub fn signing_key() -> SigningKey {
    SigningKey::from_slice(&[7; 32]).unwrap()
}

pub fn trusted_keys() -> BTreeMap<KeyId, String> {
    let pem = signing_key()
        .verifying_key()
        .to_public_key_pem(Default::default())
        .unwrap();
    BTreeMap::from([(KeyId::new("root").unwrap(), pem)])
}

/// An archive of one program, `serve`.
pub fn archive(program: &str) -> Vec<u8> {
    archive_of(program, 0, 0)
}

/// The same with so many more files of so many bytes, which do not get smaller.
pub fn archive_of(program: &str, files: usize, bytes: usize) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut seed = 1_u64;
    for number in 0..files {
        let content: Vec<u8> = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            seed.to_be_bytes()[0]
        })
        .take(bytes)
        .collect();
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, format!("data/{number}"), &content[..])
            .unwrap();
    }
    let mut header = tar::Header::new_gnu();
    header.set_size(program.len() as u64);
    header.set_mode(0o755);
    tar.append_data(&mut header, "serve", program.as_bytes()).unwrap();
    tar.into_inner().unwrap().finish().unwrap()
}

/// A signed release of `bytes`. Its identity follows from its version.
pub fn release(version: &str, bytes: &[u8]) -> Release {
    let number = version.bytes().fold(0, |sum, b| sum * 256 + u128::from(b));
    let mut release = Release {
        component_id: COMPONENT,
        version_id: VersionId(Uuid::from_u128(number)),
        version: version.parse().unwrap(),
        digest: format!("sha256:{}", hex::encode(Sha256::digest(bytes))),
        size: bytes.len() as u64,
        signature: String::new(),
        key_id: KeyId::new("root").unwrap(),
        lifecycle_state: LifecycleState::Live,
        dependencies: Default::default(),
    };
    sign(&mut release);
    release
}

pub fn sign(release: &mut Release) {
    let signature: DerSignature = signing_key().sign(&release.manifest().canonical());
    release.signature = STANDARD.encode(signature.as_bytes());
}
