//! Policies in memory.

use sluice_core::policy::kept::{Owner, Revision};
use sluice_core::units::Rev;

use super::World;
use crate::ports::{Policies, PortError, PortResult};

impl Policies for World {
    async fn policy(&self, owner: &Owner) -> PortResult<Option<Revision>> {
        Ok(self.policy_revisions(owner, None, 1).await?.pop())
    }

    async fn policy_revision(&self, owner: &Owner, revision: Rev) -> PortResult<Option<Revision>> {
        let key = (owner.clone(), revision);
        self.call("reading a revision", |s| Ok(s.policies.get(&key).cloned()))
    }

    async fn policy_revisions(
        &self,
        owner: &Owner,
        before: Option<Rev>,
        limit: u32,
    ) -> PortResult<Vec<Revision>> {
        let (first, last) = (
            (owner.clone(), Rev(0)),
            (owner.clone(), before.unwrap_or(Rev(u64::MAX))),
        );
        self.call("listing revisions", |s| {
            let newest = s.policies.range(first..last).rev().map(|(_, r)| r.clone());
            Ok(newest.take(limit as usize).collect())
        })
    }

    async fn put_policy(&self, revision: &Revision) -> PortResult<()> {
        let key = (revision.owner.clone(), revision.revision);
        self.call("keeping a policy", |s| {
            let stored = s.policies.entry(key).or_insert_with(|| revision.clone());
            if stored == revision {
                Ok(())
            } else {
                Err(PortError::conflict("keeping a policy"))
            }
        })
    }
}
