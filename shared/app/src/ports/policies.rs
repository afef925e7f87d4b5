//! What is prescribed, seen as a store.

use sluice_core::policy::kept::{Owner, Revision};
use sluice_core::units::Rev;

use super::PortResult;

/// Policies, revision by revision.
pub trait Policies: Send + Sync {
    /// The newest revision, strongly consistent; none before the first.
    fn policy(&self, owner: &Owner) -> impl Future<Output = PortResult<Option<Revision>>> + Send;

    /// One revision.
    fn policy_revision(
        &self,
        owner: &Owner,
        revision: Rev,
    ) -> impl Future<Output = PortResult<Option<Revision>>> + Send;

    /// Revisions before one (none: from the newest on), newest first, at most `limit`.
    fn policy_revisions(
        &self,
        owner: &Owner,
        before: Option<Rev>,
        limit: u32,
    ) -> impl Future<Output = PortResult<Vec<Revision>>> + Send;

    /// Keeps a revision on condition that there is none of its number. The same revision again is a success.
    fn put_policy(&self, revision: &Revision) -> impl Future<Output = PortResult<()>> + Send;
}
