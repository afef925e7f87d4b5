//! Approvals as the API shows them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluice_core::action::Action;
use sluice_core::approval::{Approval, State};
use sluice_core::credential::Secret;
use sluice_core::ids::UpgradeId;
use sluice_core::settings::Changes;

/// What has become of an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalState {
    /// Nobody has decided.
    Asked,
    /// It is granted, and not used.
    Granted,
    /// It is refused.
    Denied,
    /// What it was for has been done.
    Used,
    /// Nobody decided or used it in time.
    Expired,
}

/// Something that somebody else has to agree to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalView {
    /// Of which upgrade.
    pub execution_id: UpgradeId,
    /// Its number within the upgrade.
    pub number: u64,
    /// What is to be done.
    pub action: Action,
    /// Whether it was done before it was agreed to.
    pub afterwards: bool,
    /// What has become of it.
    pub state: ApprovalState,
    /// Who decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// Why it was denied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
    /// The plan that it is about.
    pub plan_hash: String,
    /// What is to be changed of it, where that is what is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Changes>,
    /// Who asked.
    pub requested_by: String,
    /// When.
    pub requested_at: Timestamp,
    /// Until when it may be decided; once granted, used.
    pub expires_at: Timestamp,
}

impl ApprovalView {
    /// An upgrade's approval as callers see it: without the hash of its token.
    #[must_use]
    pub fn of(execution_id: UpgradeId, approval: &Approval) -> Self {
        let (state, decided_by, remark) = match &approval.state {
            State::Asked => (ApprovalState::Asked, None, None),
            State::Granted { by, .. } => (ApprovalState::Granted, Some(by), None),
            State::Denied { by, remark } => (ApprovalState::Denied, Some(by), Some(remark)),
            State::Used { by } => (ApprovalState::Used, Some(by), None),
            State::Expired => (ApprovalState::Expired, None, None),
        };
        Self {
            execution_id,
            number: approval.number,
            action: approval.action,
            afterwards: approval.afterwards,
            state,
            decided_by: decided_by.cloned(),
            remark: remark.cloned(),
            plan_hash: approval.plan_hash.clone(),
            changes: approval.changes.clone(),
            requested_by: approval.requested_by.clone(),
            requested_at: approval.requested_at,
            expires_at: approval.expires_at,
        }
    }
}

/// `GET /tenants/{tenantId}/approvals`: a page, those of the newest upgrades first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalList {
    /// The approvals.
    pub approvals: Vec<ApprovalView>,
    /// To be given as `cursor` for the next page; none after the last.
    pub next_cursor: Option<String>,
}

/// `POST .../approvals/{number}/approve`: the approval and the token that uses it, which is shown once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GrantedApproval {
    /// The approval.
    pub approval: ApprovalView,
    /// To be shown in the header `Sluice-Approval`.
    pub token: Secret,
}
