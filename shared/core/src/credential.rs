//! Secrets that Sluice hands out, and what it keeps of them: a hash, never the secret.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// What a secret is for. Its text begins with it, so that people and scanners recognise one that leaked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Enrols instances of one fleet.
    Enrolment,
    /// Speaks for one instance.
    Instance,
    /// Uses an approval, once.
    Approval,
}

impl Use {
    /// What the secret's text begins with.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Enrolment => "sluice-enrolment-",
            Self::Instance => "sluice-instance-",
            Self::Approval => "sluice-approval-",
        }
    }
}

/// A bearer secret. It is shown only where it is handed over.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Makes one of 256 random bits: too many to guess, so that a plain hash is enough to keep.
    #[must_use]
    pub fn new(purpose: Use, random: [u8; 32]) -> Self {
        Self(format!("{}{}", purpose.prefix(), URL_SAFE_NO_PAD.encode(random)))
    }

    /// Takes a text that a caller showed; it matches a hash or it does not.
    #[must_use]
    pub fn given(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, to be handed over.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        SecretHash(format!("sha256:{}", hex::encode(Sha256::digest(&self.0))))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// `sha256:` and 64 hexadecimal digits over a secret's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretHash(String);

impl SecretHash {
    /// Whether this is the secret's hash; takes as long whatever differs.
    #[must_use]
    pub fn is_of(&self, secret: &Secret) -> bool {
        self.0.as_bytes().ct_eq(secret.hash().0.as_bytes()).into()
    }
}

/// What an instance's item keeps of the credentials of its ordinal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    current: SecretHash,
    /// The one that the last enrolment revoked: its holder is told so, instead of being taken for a stranger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revoked: Option<SecretHash>,
}

/// What a shown credential is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is the ordinal's.
    Valid,
    /// It was the ordinal's until another machine enrolled.
    Revoked,
    /// It is none.
    Unknown,
}

impl Credentials {
    /// After an enrolment: the new one holds, the one before is revoked.
    #[must_use]
    pub fn renewed(before: Option<&Self>, new: SecretHash) -> Self {
        Self {
            current: new,
            revoked: before.map(|b| b.current.clone()),
        }
    }

    /// Judges a shown credential.
    #[must_use]
    pub fn standing(&self, shown: &Secret) -> Standing {
        if self.current.is_of(shown) {
            Standing::Valid
        } else if self.revoked.as_ref().is_some_and(|r| r.is_of(shown)) {
            Standing::Revoked
        } else {
            Standing::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_credential_holds() {
        let secrets = [1, 2, 3].map(|n| Secret::new(Use::Instance, [n; 32]));
        let mut kept = None;
        for secret in &secrets {
            kept = Some(Credentials::renewed(kept.as_ref(), secret.hash()));
        }
        let kept = kept.unwrap();
        let standings = secrets.clone().map(|s| kept.standing(&s));
        assert_eq!(standings, [Standing::Unknown, Standing::Revoked, Standing::Valid]);
        assert_eq!(kept.standing(&Secret::given("")), Standing::Unknown);
        let text = serde_json::to_string(&kept).unwrap();
        assert!(secrets.iter().all(|s| !text.contains(s.reveal())), "{text}");
    }

    #[test]
    fn secrets_say_what_they_are_for_and_nothing_in_logs() {
        for purpose in [Use::Enrolment, Use::Instance] {
            let secret = Secret::new(purpose, [255; 32]);
            assert!(secret.reveal().starts_with(purpose.prefix()));
            assert_eq!(secret.reveal().len(), purpose.prefix().len() + 43);
            assert_eq!(format!("{secret:?}"), "Secret(..)");
        }
    }
}
