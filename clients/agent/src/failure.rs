//! Why a move failed, with the stable codes that reach the server.

use std::fmt;

use serde::{Deserialize, Serialize};
use sluice_core::fleet::InstanceError;

/// The longest message that is reported, in characters: it is stored with the instance and shown in a report.
const MAX_MESSAGE: usize = 500;

/// Stable names of failures. Once released a name is never given another meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The artifact could not be fetched.
    DownloadFailed,
    /// The artifact's bytes are not the ones that were released.
    DigestMismatch,
    /// The artifact is longer or shorter than released.
    SizeMismatch,
    /// The signature does not cover this manifest.
    SignatureInvalid,
    /// The release was signed by a key that this instance does not trust.
    UnknownKey,
    /// The release is of another component than the instance runs.
    ComponentMismatch,
    /// The archive holds something that must not be unpacked, or is too large.
    UnpackRefused,
    /// Another artifact of the same version is in use.
    VersionConflict,
    /// The disk refused a write.
    StorageFailed,
    /// What the upgrade prescribes is not allowed by this instance's configuration.
    CheckNotAllowed,
    /// What the upgrade prescribes to be checked before the move did not pass.
    PreCheckFailed,
    /// The drain command failed or took too long.
    DrainFailed,
    /// The failover command failed or took too long.
    FailoverFailed,
    /// The command that leads requests to the new release failed or took too long.
    TakeOverFailed,
    /// The service did not end.
    StopFailed,
    /// The service could not be started, or ended while it was verified.
    StartFailed,
    /// The service did not become healthy in time.
    VerifyFailed,
}

impl Code {
    /// The name as it is reported.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DownloadFailed => "download-failed",
            Self::DigestMismatch => "digest-mismatch",
            Self::SizeMismatch => "size-mismatch",
            Self::SignatureInvalid => "signature-invalid",
            Self::UnknownKey => "unknown-key",
            Self::ComponentMismatch => "component-mismatch",
            Self::UnpackRefused => "unpack-refused",
            Self::VersionConflict => "version-conflict",
            Self::StorageFailed => "storage-failed",
            Self::CheckNotAllowed => "check-not-allowed",
            Self::PreCheckFailed => "pre-check-failed",
            Self::DrainFailed => "drain-failed",
            Self::FailoverFailed => "failover-failed",
            Self::TakeOverFailed => "take-over-failed",
            Self::StopFailed => "stop-failed",
            Self::StartFailed => "start-failed",
            Self::VerifyFailed => "verify-failed",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failure: a stable code and one sentence for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Failure {
    /// What kind.
    pub code: Code,
    /// What exactly, with names and numbers.
    pub message: String,
}

impl Failure {
    /// Joins a code and a message; the message is cut at 500 characters.
    pub fn new(code: Code, message: impl fmt::Display) -> Self {
        Self {
            code,
            message: message.to_string().chars().take(MAX_MESSAGE).collect(),
        }
    }

    /// What the server is told.
    #[must_use]
    pub fn to_report(&self) -> InstanceError {
        InstanceError {
            code: self.code.as_str().to_owned(),
            message: self.message.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reported_name_is_the_stored_one() {
        for code in [
            Code::DigestMismatch,
            Code::UnknownKey,
            Code::StorageFailed,
            Code::CheckNotAllowed,
            Code::PreCheckFailed,
            Code::VerifyFailed,
        ] {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }

    #[test]
    fn long_messages_are_cut() {
        assert_eq!(
            Failure::new(Code::StartFailed, "é".repeat(900))
                .message
                .chars()
                .count(),
            500
        );
    }
}
