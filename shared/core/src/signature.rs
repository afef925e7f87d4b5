//! Signatures of releases: ECDSA P-256 over SHA-256, DER, base64. What `openssl dgst -sha256 -sign` writes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::Signature;
pub use p256::ecdsa::VerifyingKey;
use p256::ecdsa::signature::Verifier as _;
use p256::pkcs8::DecodePublicKey as _;

use crate::release::Manifest;

/// Why a signature does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The key is not one.
    #[error("the key is not a P-256 public key in PEM")]
    Key,
    /// The signature is not one.
    #[error("the signature is not base64 of a DER-encoded ECDSA signature")]
    Encoding,
    /// It was made by another key or over something else.
    #[error("the signature does not fit the manifest and the key")]
    Mismatch,
}

/// Reads a public key.
///
/// # Errors
/// [`SignatureError::Key`].
pub fn public_key(pem: &str) -> Result<VerifyingKey, SignatureError> {
    VerifyingKey::from_public_key_pem(pem.trim()).map_err(|_| SignatureError::Key)
}

/// Checks a manifest's signature.
///
/// # Errors
/// [`SignatureError::Encoding`] or [`SignatureError::Mismatch`].
pub fn verify(manifest: &Manifest, signature: &str, key: &VerifyingKey) -> Result<(), SignatureError> {
    let der = STANDARD
        .decode(signature.trim())
        .map_err(|_| SignatureError::Encoding)?;
    let signature = Signature::from_der(&der).map_err(|_| SignatureError::Encoding)?;
    key.verify(&manifest.canonical(), &signature)
        .map_err(|_| SignatureError::Mismatch)
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::SigningKey;
    use p256::ecdsa::signature::Signer as _;
    use p256::pkcs8::EncodePublicKey as _;

    use super::*;

    #[test]
    fn only_the_right_key_over_the_right_text_holds() {
        let pair = |byte| SigningKey::from_slice(&[byte; 32]).unwrap();
        let pem = |key: &SigningKey| key.verifying_key().to_public_key_pem(Default::default()).unwrap();
        let manifest = |size| Manifest {
            component: crate::ids::ComponentId(uuid::Uuid::nil()),
            version: semver::Version::new(1, 0, 0),
            digest: "sha256:00".to_owned(),
            size,
        };
        let made: Signature = pair(7).sign(&manifest(1).canonical());
        let text = STANDARD.encode(made.to_der());
        let key = public_key(&pem(&pair(7))).unwrap();
        assert_eq!(verify(&manifest(1), &text, &key), Ok(()));
        assert_eq!(verify(&manifest(2), &text, &key), Err(SignatureError::Mismatch));
        let other = public_key(&pem(&pair(8))).unwrap();
        assert_eq!(verify(&manifest(1), &text, &other), Err(SignatureError::Mismatch));
        assert_eq!(
            verify(&manifest(1), "no base64", &key),
            Err(SignatureError::Encoding)
        );
        assert_eq!(public_key("no key"), Err(SignatureError::Key));
    }
}
