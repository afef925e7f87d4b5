//! RFC 9457 problem details: the body of every refusal of the API.

use serde::{Deserialize, Serialize};
use sluice_core::settings::FieldError;

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// The stable names of the API's refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The body is not JSON, or a field is missing, unknown, of the wrong type or out of range.
    InvalidRequest,
    /// The body is larger than 1 MiB.
    BodyTooLarge,
    /// The token lacks the scope.
    MissingScope,
    /// The token names no tenant or no subject.
    InvalidToken,
    /// The bearer secret is none, or not one of this fleet or instance.
    InvalidCredential,
    /// No such thing, or not the caller's.
    NotFound,
    /// Path and method do not go together.
    MethodNotAllowed,
    /// Another upgrade of the component is active.
    UpgradeActive,
    /// There are as many upgrades as a policy allows.
    LimitReached,
    /// The upgrade's status does not allow it.
    NotPossibleNow,
    /// An upgrade can make an exception for so many instances and no more.
    TooManyExceptions,
    /// It is stopped.
    Stopped,
    /// Somebody else has to agree, and has not.
    ApprovalRequired,
    /// The approval's token does not hold.
    ApprovalInvalid,
    /// Who asks does not agree as well.
    NotIndependent,
    /// The version exists, and is no target, or no way back, in its lifecycle state.
    VersionNotUsable,
    /// The version cannot be reached from the other one, or needs what is not installed.
    Incompatible,
    /// The version belongs to another component.
    WrongComponent,
    /// The fleet has no instances.
    EmptyFleet,
    /// The fleet has another number of instances than the request says.
    InstanceCountDiffers,
    /// The plan would have too many batches.
    TooManyBatches,
    /// The plan fits into no maintenance window.
    NoWindow,
    /// The policies that hold do not fit together, or are not understood.
    PolicyNotUsable,
    /// A policy is replaced without saying which revision.
    RevisionMissing,
    /// The policy has another revision than the one that is to be replaced.
    RevisionDiffers,
    /// What is registered already differs.
    AlreadyRegistered,
    /// The Idempotency-Key was used with another request.
    IdempotencyKeyReused,
    /// The first request with this Idempotency-Key is still at work.
    IdempotencyKeyInUse,
    /// An instance spoke for another one.
    NotThisInstance,
    /// A machine spoke for an ordinal that another machine has by now.
    StaleIncarnation,
    /// Others write the same thing at the same time: try again.
    Conflict,
    /// A service behind the API does not answer: try again.
    Unavailable,
}

impl Code {
    /// HTTP status and title.
    #[must_use]
    pub fn describe(self) -> (u16, &'static str) {
        match self {
            Self::InvalidRequest => (400, "The request is not valid"),
            Self::BodyTooLarge => (413, "The body is too large"),
            Self::MissingScope => (403, "The token lacks a scope"),
            Self::InvalidToken => (401, "The token is not complete"),
            Self::InvalidCredential => (401, "The bearer secret does not hold"),
            Self::NotFound => (404, "There is no such thing"),
            Self::MethodNotAllowed => (405, "The method is not possible here"),
            Self::UpgradeActive => (409, "Another upgrade of the component is active"),
            Self::LimitReached => (409, "There are as many upgrades as may be"),
            Self::NotPossibleNow => (409, "Not possible in this status"),
            Self::TooManyExceptions => (409, "There are as many exceptions as may be"),
            Self::Stopped => (409, "Stopped"),
            Self::ApprovalRequired => (403, "Somebody else has to agree"),
            Self::ApprovalInvalid => (403, "The approval does not hold"),
            Self::NotIndependent => (403, "Somebody else has to decide"),
            Self::VersionNotUsable => (422, "The version cannot be used"),
            Self::Incompatible => (422, "The versions do not go together"),
            Self::WrongComponent => (422, "The version belongs to another component"),
            Self::EmptyFleet => (422, "The fleet has no instances"),
            Self::InstanceCountDiffers => (422, "The fleet has another number of instances"),
            Self::TooManyBatches => (422, "The plan would have too many batches"),
            Self::NoWindow => (422, "The plan fits into no maintenance window"),
            Self::PolicyNotUsable => (422, "The policies cannot be followed"),
            Self::RevisionMissing => (428, "The replaced revision is not named"),
            Self::RevisionDiffers => (412, "The policy has another revision"),
            Self::AlreadyRegistered => (409, "Something else is registered under this name"),
            Self::IdempotencyKeyReused => (422, "The Idempotency-Key was used with another request"),
            Self::IdempotencyKeyInUse => (
                409,
                "The first request with this Idempotency-Key is still at work",
            ),
            Self::NotThisInstance => (403, "An instance reports only for itself"),
            Self::StaleIncarnation => (409, "Another machine has this ordinal"),
            Self::Conflict => (409, "Others write the same thing"),
            Self::Unavailable => (503, "A service does not answer"),
        }
    }
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A name of the kind of problem, as a URI.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong this time.
    pub detail: String,
    /// Stable machine-readable name.
    pub code: Code,
    /// Each field that is wrong, where fields are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// What could be done instead, where the upgrade's status does not allow what was asked.
    #[serde(default, skip_serializing_if = "nothing")]
    pub possible: Box<[String]>,
}

#[expect(clippy::borrowed_box, reason = "made for serde")]
fn nothing(possible: &Box<[String]>) -> bool {
    possible.is_empty()
}

impl Problem {
    /// Puts one together.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let (status, title) = code.describe();
        let name = serde_json::to_value(code)
            .ok()
            .and_then(|v| v.as_str().map(str::to_owned))
            .unwrap_or_default();
        Self {
            kind: format!("urn:sluice:problem:{name}"),
            title: title.to_owned(),
            status,
            detail: detail.into(),
            code,
            errors: Vec::new(),
            possible: Box::default(),
        }
    }

    /// A refusal that names fields.
    #[must_use]
    pub fn fields(errors: Vec<FieldError>) -> Self {
        let detail = errors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; ");
        Self {
            errors,
            ..Self::new(Code::InvalidRequest, detail)
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.title, self.detail)
    }
}

impl std::error::Error for Problem {}
