//! Policies, as the API shows them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluice_core::policy::kept::{Owner, RestsOn, Revision};
use sluice_core::policy::{Origin, Policy};
use sluice_core::units::Rev;

/// `GET .../policy`: a revision with its text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyView {
    /// Whose it is, since when, and by whom.
    #[serde(flatten)]
    pub summary: PolicySummary,
    /// The policy, as it was written.
    pub text: String,
}

/// A revision without its text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicySummary {
    /// Whose it is.
    #[serde(flatten)]
    pub owner: Owner,
    /// From 1; what the next `PUT` names as replaced.
    pub revision: Rev,
    /// Who set it.
    pub set_by: String,
    /// When.
    pub set_at: Timestamp,
    /// Over the revision and the hash of the one before.
    pub hash: String,
}

impl From<Revision> for PolicyView {
    fn from(revision: Revision) -> Self {
        Self {
            text: revision.text.clone(),
            summary: revision.into(),
        }
    }
}

impl From<Revision> for PolicySummary {
    fn from(revision: Revision) -> Self {
        let Revision {
            owner,
            revision,
            set_by,
            set_at,
            hash,
            ..
        } = revision;
        Self {
            owner,
            revision,
            set_by,
            set_at,
            hash,
        }
    }
}

/// `GET .../policy/versions`: a page of a policy's revisions, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyVersionList {
    /// The versions.
    pub versions: Vec<PolicySummary>,
    /// To be given as `before` for the next page; none after the first revision.
    pub next_before: Option<Rev>,
}

/// `GET .../policy/effective`: what holds, and whose word each value is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EffectivePolicy {
    /// The revisions that it is put together from, from the weakest.
    pub policies: Vec<RestsOn>,
    /// All values put together.
    pub policy: Policy,
    /// Each value with where it is from, by key.
    pub values: Vec<Origin>,
}
