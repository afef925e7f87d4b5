//! The record: canonical text and the chain of hashes over an upgrade's events.

use serde::Serialize;
use sha2::{Digest, Sha256};

/// RFC 8785 canonical JSON of a value of ours.
///
/// Values of this crate have text keys and finite numbers, for which the encoding cannot fail; should one ever do so,
/// the result is empty and no signature or hash matches it.
#[must_use]
pub fn canonical(value: &impl Serialize) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value).unwrap_or_default()
}

/// `sha256:` and 64 hexadecimal digits over the canonical text of a value.
#[must_use]
pub fn digest(value: &impl Serialize) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(canonical(value))))
}

/// As [`digest`], for whole numbers and lists of them, whose canonical text is their plain JSON: ten times as fast, which
/// counts for the positions of a million instances.
#[must_use]
pub fn digest_numbers(value: &impl Serialize) -> String {
    format!(
        "sha256:{}",
        hex::encode(Sha256::digest(serde_json::to_vec(value).unwrap_or_default()))
    )
}

/// The head of an empty chain.
#[must_use]
pub fn genesis() -> String {
    "sha256:".to_owned() + &"0".repeat(64)
}

/// The hash of an event: over the hash before it and the event's own content.
#[must_use]
pub fn link(previous: &str, content: &impl Serialize) -> String {
    #[derive(Serialize)]
    struct Link<'a, T> {
        previous: &'a str,
        content: &'a T,
    }
    digest(&Link { previous, content })
}
