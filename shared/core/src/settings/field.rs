//! What is wrong with a field.

use serde::{Deserialize, Serialize};

/// A field whose value cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{field}: {problem}; accepted: {accepted}")]
pub struct FieldError {
    /// The field, as the caller wrote it.
    pub field: String,
    /// What is wrong with its value.
    pub problem: String,
    /// What would be accepted.
    pub accepted: String,
}

impl FieldError {
    /// Puts one together.
    #[must_use]
    pub fn new(field: &str, problem: impl Into<String>, accepted: impl Into<String>) -> Self {
        Self {
            field: field.to_owned(),
            problem: problem.into(),
            accepted: accepted.into(),
        }
    }
}
