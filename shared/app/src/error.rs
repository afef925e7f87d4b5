//! How a step fails, by the name that the state machines catch.

use sluice_contract::error::ErrorName;
use sluice_core::upgrade::Refusal;

use crate::ports::{PortError, PortErrorKind};

/// A step's failure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StepError {
    /// The stable name.
    pub name: ErrorName,
    /// What happened.
    pub message: String,
}

impl StepError {
    /// Puts one together.
    #[must_use]
    pub fn new(name: ErrorName, message: impl Into<String>) -> Self {
        Self {
            name,
            message: message.into(),
        }
    }

    /// Something that the input names does not exist.
    #[must_use]
    pub fn not_found(what: impl std::fmt::Display) -> Self {
        Self::new(ErrorName::NotFound, format!("there is no {what}"))
    }
}

impl From<PortError> for StepError {
    fn from(error: PortError) -> Self {
        let name = match error.kind {
            PortErrorKind::Conflict => ErrorName::Conflict,
            PortErrorKind::NotFound => ErrorName::NotFound,
            PortErrorKind::Throttled => ErrorName::Throttled,
            PortErrorKind::Unavailable => ErrorName::Unavailable,
        };
        Self::new(name, error.to_string())
    }
}

/// A decision that the record refuses was made on a record that has changed since: the next look reads it anew.
impl From<Refusal> for StepError {
    fn from(refusal: Refusal) -> Self {
        Self::new(ErrorName::Conflict, refusal.to_string())
    }
}
