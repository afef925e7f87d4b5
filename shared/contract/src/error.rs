//! The names of errors: what functions put into their `Diagnostic` and the state machines retry or catch.

use serde::{Deserialize, Serialize};

/// A step's failure by name. The state machines retry what may pass by itself and catch the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ErrorName {
    /// The input does not parse or does not fit: the same input will never do.
    #[serde(rename = "Sluice.BadInput")]
    BadInput,
    /// Something that the input names does not exist.
    #[serde(rename = "Sluice.NotFound")]
    NotFound,
    /// Somebody else wrote first, again and again: the next look reads what they wrote.
    #[serde(rename = "Sluice.Conflict")]
    Conflict,
    /// A service asks for less: worth another try, later.
    #[serde(rename = "Sluice.Throttled")]
    Throttled,
    /// A service does not answer, or not as it should: worth another try.
    #[serde(rename = "Sluice.Unavailable")]
    Unavailable,
}

impl ErrorName {
    /// All names.
    pub const ALL: [Self; 5] = [
        Self::BadInput,
        Self::NotFound,
        Self::Conflict,
        Self::Throttled,
        Self::Unavailable,
    ];

    /// The name as the state machines write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadInput => "Sluice.BadInput",
            Self::NotFound => "Sluice.NotFound",
            Self::Conflict => "Sluice.Conflict",
            Self::Throttled => "Sluice.Throttled",
            Self::Unavailable => "Sluice.Unavailable",
        }
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Conflict | Self::Throttled | Self::Unavailable)
    }
}
