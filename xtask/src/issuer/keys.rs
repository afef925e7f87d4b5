//! The key of one issuer: made at its start, never stored.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::rand_core::OsRng;
use rsa::traits::PublicKeyParts;
use rsa::{RsaPrivateKey, RsaPublicKey};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{AUDIENCE, TokenRequest};

/// What RS256 asks for at least (RFC 7518, section 3.3).
const BITS: usize = 2048;

/// An RSA key with a name.
pub struct SigningKey {
    id: String,
    private: EncodingKey,
    public: RsaPublicKey,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    tenant: &'a str,
    scope: &'a str,
    iat: u64,
    exp: u64,
    jti: Uuid,
}

impl SigningKey {
    /// A new random key.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn generate() -> Result<Self> {
        let key = RsaPrivateKey::new(&mut OsRng, BITS).context("cannot make a key")?;
        let der = key.to_pkcs1_der().context("cannot encode the key")?;
        let private = EncodingKey::from_rsa_der(der.as_bytes());
        Ok(Self {
            id: Uuid::new_v4().to_string(),
            private,
            public: key.to_public_key(),
        })
    }

    /// The public half as a JSON Web Key.
    pub fn public(&self) -> Value {
        let encode = |number: &rsa::BigUint| URL_SAFE_NO_PAD.encode(number.to_bytes_be());
        json!({
            "kty": "RSA",
            "alg": "RS256",
            "use": "sig",
            "kid": self.id,
            "n": encode(self.public.n()),
            "e": encode(self.public.e()),
        })
    }

    /// A token as asked, from now on.
    ///
    /// # Errors
    /// When the clock is before 1970 or the key does not sign.
    pub fn sign(&self, issuer: &str, request: &TokenRequest) -> Result<String> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .context("the clock is before 1970")?
            .as_secs();
        let claims = Claims {
            iss: issuer,
            aud: AUDIENCE,
            sub: &request.sub,
            tenant: &request.tenant,
            scope: &request.scope,
            iat: now,
            exp: now + request.ttl_seconds,
            jti: Uuid::new_v4(),
        };
        let header = Header {
            kid: Some(self.id.clone()),
            ..Header::new(Algorithm::RS256)
        };
        jsonwebtoken::encode(&header, &claims, &self.private).context("cannot sign the token")
    }
}
