//! How somebody decides, and why an approval is none.

use jiff::Timestamp;

use crate::action::Action;
use crate::credential::SecretHash;

/// Why an approval is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is none that was granted and holds.
    #[error("{} needs an approval: {why}", action.name())]
    Needed {
        /// What was to be done.
        action: Action,
        /// What is missing.
        why: String,
    },
    /// The token is not that of the approval.
    #[error("the approval token does not hold: {why}")]
    Token {
        /// Why not.
        why: String,
    },
    /// There is no such approval.
    #[error("there is no approval {0}")]
    Unknown(u64),
    /// It has been decided, or has expired.
    #[error("approval {number} cannot be decided: {why}")]
    Settled {
        /// Which.
        number: u64,
        /// Why not.
        why: String,
    },
    /// Four eyes: the one who asks does not agree.
    #[error("approval {number} cannot be decided by {by}, who {why}: somebody else has to")]
    NotIndependent {
        /// Which.
        number: u64,
        /// Who tried.
        by: String,
        /// What makes one a party.
        why: &'static str,
    },
}

/// How somebody decides an approval.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decision<'a> {
    /// Who.
    pub by: &'a str,
    /// When.
    pub now: Timestamp,
    /// What.
    pub verdict: Word<'a>,
}

/// What somebody decides.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Word<'a> {
    /// It may be done, by whoever shows this token.
    Grant(&'a SecretHash),
    /// It may not.
    Deny(&'a str),
}
