//! Keys in PEM and the signature of a release.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::SecretKey;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::elliptic_curve::Generate as _;
use p256::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use sluice_core::release::Manifest;

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is no private key.
    #[error("is no P-256 private key in PEM (PKCS#8 or SEC1, not encrypted)")]
    NotAKey,
    /// The system gave no random bytes, or the key could not be written as PEM.
    #[error("no key could be made")]
    NotMade,
}

/// A new pair of keys in PEM.
pub struct Pair {
    /// PKCS#8. A secret.
    pub private: p256::elliptic_curve::zeroize::Zeroizing<String>,
    /// `SubjectPublicKeyInfo`.
    pub public: String,
}

/// Makes a pair of keys.
///
/// # Errors
/// [`KeyError::NotMade`].
pub fn generate() -> Result<Pair, KeyError> {
    let key = SecretKey::try_generate().map_err(|_| KeyError::NotMade)?;
    Ok(Pair {
        private: key.to_pkcs8_pem(LineEnding::LF).map_err(|_| KeyError::NotMade)?,
        public: key
            .public_key()
            .to_public_key_pem(LineEnding::LF)
            .map_err(|_| KeyError::NotMade)?,
    })
}

/// Reads a private key: PKCS#8 (`openssl genpkey`) or SEC1 (`openssl ecparam -genkey -noout`).
///
/// # Errors
/// [`KeyError::NotAKey`].
pub fn private_key(pem: &str) -> Result<SigningKey, KeyError> {
    SecretKey::from_pkcs8_pem(pem.trim())
        .or_else(|_| SecretKey::from_sec1_pem(pem.trim()).map_err(|_| KeyError::NotAKey))
        .map(SigningKey::from)
        .map_err(|_| KeyError::NotAKey)
}

/// Signs a manifest's canonical text; DER, base64. The same key and manifest always give the same signature.
#[must_use]
pub fn sign(manifest: &Manifest, key: &SigningKey) -> String {
    let signature: DerSignature = key.sign(&manifest.canonical());
    STANDARD.encode(signature.as_bytes())
}
