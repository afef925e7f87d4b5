//! The keys that releases may be signed by, and the check of a signature.

use std::collections::BTreeMap;
use std::path::PathBuf;

use sluice_core::ids::{ComponentId, KeyId};
use sluice_core::release::Release;
use sluice_core::signature::{self, SignatureError, VerifyingKey};

use crate::failure::{Code, Failure};

/// Why a trusted key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Its file cannot be read.
    #[error("trusted key {key_id}: {} cannot be read: {source}", path.display())]
    Unreadable {
        /// Which key.
        key_id: KeyId,
        /// Its file.
        path: PathBuf,
        /// What the disk says.
        source: std::io::Error,
    },
    /// It is not a P-256 public key.
    #[error("trusted key {key_id} is not a P-256 public key in PEM (BEGIN PUBLIC KEY)")]
    NotAKey {
        /// Which key.
        key_id: KeyId,
        /// What is wrong with it.
        source: SignatureError,
    },
}

/// This instance's own roots of trust for one component.
#[derive(Debug, Clone)]
pub struct TrustedKeys {
    component_id: ComponentId,
    keys: BTreeMap<KeyId, VerifyingKey>,
}

impl TrustedKeys {
    /// Reads the keys: each text is PEM, or the path of a PEM file.
    ///
    /// # Errors
    /// [`KeyError`] for the first key that cannot be used.
    pub fn new(component_id: ComponentId, texts: &BTreeMap<KeyId, String>) -> Result<Self, KeyError> {
        let mut keys = BTreeMap::new();
        for (key_id, text) in texts {
            let pem = if text.contains("-----BEGIN") {
                text.clone()
            } else {
                let path = PathBuf::from(text);
                std::fs::read_to_string(&path).map_err(|source| KeyError::Unreadable {
                    key_id: key_id.clone(),
                    path,
                    source,
                })?
            };
            let key = signature::public_key(&pem).map_err(|source| KeyError::NotAKey {
                key_id: key_id.clone(),
                source,
            })?;
            keys.insert(key_id.clone(), key);
        }
        Ok(Self { component_id, keys })
    }

    /// Checks that the release is of this component and signed by a trusted key.
    ///
    /// # Errors
    /// [`Failure`] with `component-mismatch`, `unknown-key` or `signature-invalid`.
    pub fn verify(&self, release: &Release) -> Result<(), Failure> {
        if release.component_id != self.component_id {
            let message = format!("the release is of component {}", release.component_id);
            return Err(Failure::new(Code::ComponentMismatch, message));
        }
        let key = self.keys.get(&release.key_id).ok_or_else(|| {
            Failure::new(
                Code::UnknownKey,
                format!("the key {} is not trusted here", release.key_id),
            )
        })?;
        signature::verify(&release.manifest(), &release.signature, key).map_err(|error| {
            let message = format!("the release {} by {}: {error}", release.version, release.key_id);
            Failure::new(Code::SignatureInvalid, message)
        })
    }
}
