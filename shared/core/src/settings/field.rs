//! What a field accepts, and what is wrong with it.

use serde::{Deserialize, Serialize};

use crate::units::Percent;

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
    /// The line in the text, from 1, where the field is in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The column in the line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
}

impl FieldError {
    /// Puts one together.
    #[must_use]
    pub fn new(field: &str, problem: impl Into<String>, accepted: impl Into<String>) -> Self {
        Self {
            field: field.to_owned(),
            problem: problem.into(),
            accepted: accepted.into(),
            line: None,
            column: None,
        }
    }
}

/// The longest time that a field accepts, in seconds.
pub(super) const DAY: u32 = 86_400;

/// The share that a way back takes at a time: going back may be as quick as going forward, and at least a quarter.
pub(super) fn way_back(errors: &mut Vec<FieldError>, given: Option<i64>, forward: Percent) -> Percent {
    let Some(given) = given else {
        return forward.max(Percent::new(25).unwrap_or_default());
    };
    match Percent::new(given) {
        Ok(share) if share > Percent::ZERO => share,
        _ => {
            let field = "rollbackMaxUnavailablePercentage";
            errors.push(FieldError::new(field, format!("is {given}"), "1 to 100"));
            Percent::FULL
        }
    }
}

pub(super) fn percent(
    errors: &mut Vec<FieldError>,
    field: &str,
    given: Option<i64>,
    default: i64,
) -> Percent {
    let given = given.unwrap_or(default);
    Percent::new(given).unwrap_or_else(|_| {
        errors.push(FieldError::new(field, format!("is {given}"), "0 to 100"));
        Percent::ZERO
    })
}

pub(super) fn number(
    errors: &mut Vec<FieldError>,
    field: &str,
    given: Option<i64>,
    default: u32,
    min: u32,
    max: u32,
) -> u32 {
    let Some(given) = given else { return default };
    match u32::try_from(given) {
        Ok(value) if (min..=max).contains(&value) => value,
        _ => {
            errors.push(FieldError::new(
                field,
                format!("is {given}"),
                format!("{min} to {max}"),
            ));
            default
        }
    }
}
