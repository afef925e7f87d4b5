//! What the API answered.

use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;
use sluice_contract::problem::{Code, MEDIA_TYPE, Problem};

/// An answer, read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What was asked for, for messages.
    pub request: String,
    /// The HTTP status.
    pub status: u16,
    /// The `content-type`, without parameters.
    pub media_type: String,
    /// The body.
    pub body: String,
}

impl Answer {
    /// Reads the body of a success.
    ///
    /// # Errors
    /// With the answer, when it has another status or its body is something else.
    pub fn expect<T: DeserializeOwned>(&self, status: u16) -> Result<T> {
        ensure!(
            self.status == status,
            "{} was answered {} instead of {status}: {}",
            self.request,
            self.status,
            self.body
        );
        serde_json::from_str(&self.body)
            .with_context(|| format!("{} was answered with something else: {}", self.request, self.body))
    }

    /// Reads a refusal, which must be a problem of this kind with the status that goes with it.
    ///
    /// # Errors
    /// With the answer, when it is anything else.
    pub fn refused(&self, code: Code) -> Result<Problem> {
        let (status, _) = code.describe();
        ensure!(
            self.media_type == MEDIA_TYPE,
            "{} was answered {} with {}: {}",
            self.request,
            self.status,
            self.media_type,
            self.body
        );
        let problem: Problem = self.expect(status)?;
        ensure!(
            problem.code == code && problem.status == status,
            "{} was refused with {problem:?}, not as {code:?}",
            self.request
        );
        Ok(problem)
    }
}
