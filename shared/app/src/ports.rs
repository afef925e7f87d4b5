//! What the use cases need of the world, in the domain's language.
//!
//! Every write names its condition; a port never overwrites silently. A repeated call with the same arguments has the
//! effect of one, or answers [`PortErrorKind::Conflict`] and changes nothing.

mod fleets;
mod outside;
mod places;
mod policies;
mod state;

pub use fleets::{Counted, Fleets, InstanceWrite, StoredInstance, StoredSecret, TroubledList};
pub use outside::{
    Alert, Alerts, Blobs, Bus, Fence, Machine, Metrics, Quantile, Reading, Routes, Weights, Window, Workflows,
};
pub use places::{Holder, Places, Taken, Whose};
pub use policies::Policies;
pub use state::{Begun, Group, Idempotency, Look, Outbox, Page, Registry, StoredResponse, Upgrades};

/// How a port failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PortErrorKind {
    /// The condition of a write did not hold: somebody else wrote first.
    Conflict,
    /// What is written or read about does not exist.
    NotFound,
    /// The service asks for less.
    Throttled,
    /// The service does not answer, or not as it should.
    Unavailable,
}

/// A port's failure: what was attempted and how it failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{doing}: {kind:?}: {detail}")]
pub struct PortError {
    /// How.
    pub kind: PortErrorKind,
    /// What was attempted.
    pub doing: &'static str,
    /// What the service said; no secret, no payload.
    pub detail: String,
}

impl PortError {
    /// Puts one together.
    #[must_use]
    pub fn new(kind: PortErrorKind, doing: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind,
            doing,
            detail: detail.into(),
        }
    }

    /// A condition that did not hold.
    #[must_use]
    pub fn conflict(doing: &'static str) -> Self {
        Self::new(PortErrorKind::Conflict, doing, "somebody else wrote first")
    }
}

/// A port's answer.
pub type PortResult<T> = Result<T, PortError>;
