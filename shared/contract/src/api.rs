//! Bodies of the registry's REST API, under `/api/v1/registry`.

use std::collections::BTreeMap;

use crate::approval::ApprovalView;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluice_core::checks::{PreUpgradeCheckWishes, VerifyWishes};
use sluice_core::fleet::{CheckInTimes, Instance, MetricSource, Route, Switch};
use sluice_core::hold::Hold;
use sluice_core::ids::{ComponentId, FleetId, KeyId, TenantId, UpgradeId, VersionId};
use sluice_core::named::Named;
use sluice_core::plan::Kind;
use sluice_core::policy::kept::RestsOn;
use sluice_core::policy::{Approval, OnBreaker};
use sluice_core::release::{Dependencies, LifecycleState, Release};
use sluice_core::settings::{Promotion, Strategy, Wishes};
use sluice_core::units::{Epoch, Percent, Seq, is_zero};
use sluice_core::upgrade::{Clocks, Event};

/// `POST /tenants/{tenantId}/upgrades`: asks for an upgrade to be planned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpgradeRequest {
    /// What is to be upgraded.
    pub component_id: ComponentId,
    /// The version that the fleet runs.
    pub from_version_id: VersionId,
    /// The version that it is to run.
    pub to_version_id: VersionId,
    /// Which of the component's fleets. Default `default`.
    #[serde(default)]
    pub fleet_id: FleetId,
    /// How many instances the caller expects; refused when the fleet has another number. Default: the fleet's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_instances: Option<i64>,
    /// Who asks, in the caller's words; shown, never trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initiated_by: Option<String>,
    /// Versions of what the component depends on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub installed_components: BTreeMap<String, String>,
    /// See [`Wishes::strategy`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
    /// See [`Wishes::canary_percentage`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary_percentage: Option<i64>,
    /// See [`Wishes::canary_second_stage`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary_second_stage: Option<bool>,
    /// See [`Wishes::batch_size`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<i64>,
    /// See [`Wishes::batch_delay_seconds`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_delay_seconds: Option<i64>,
    /// See [`Wishes::health_check_interval_seconds`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check_interval_seconds: Option<i64>,
    /// See [`Wishes::health_check_timeout_seconds`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check_timeout_seconds: Option<i64>,
    /// See [`Wishes::max_unavailable_percentage`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_unavailable_percentage: Option<i64>,
    /// See [`Wishes::max_surge`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_surge: Option<i64>,
    /// See [`Wishes::auto_rollback_enabled`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_rollback_enabled: Option<bool>,
    /// See [`Wishes::failure_threshold`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_threshold: Option<i64>,
    /// See [`Wishes::max_consecutive_failures`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_consecutive_failures: Option<i64>,
    /// See [`Wishes::on_breaker`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_breaker: Option<OnBreaker>,
    /// See [`Wishes::canary_promotion`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary_promotion: Option<Promotion>,
    /// See [`Wishes::unreachable_limit`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreachable_limit: Option<i64>,
    /// See [`Wishes::rollback_max_unavailable_percentage`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_max_unavailable_percentage: Option<i64>,
    /// See [`Wishes::pre_upgrade_check`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_upgrade_check: Option<PreUpgradeCheckWishes>,
    /// See [`Wishes::post_upgrade_verify`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_upgrade_verify: Option<VerifyWishes>,
}

impl UpgradeRequest {
    /// What the request says about the upgrade's course.
    #[must_use]
    pub fn wishes(&self) -> Wishes {
        Wishes {
            strategy: self.strategy,
            canary_percentage: self.canary_percentage,
            canary_second_stage: self.canary_second_stage,
            batch_size: self.batch_size,
            batch_delay_seconds: self.batch_delay_seconds,
            health_check_interval_seconds: self.health_check_interval_seconds,
            health_check_timeout_seconds: self.health_check_timeout_seconds,
            max_unavailable_percentage: self.max_unavailable_percentage,
            max_surge: self.max_surge,
            switch: Switch::default(),
            approval: None,
            auto_rollback_enabled: self.auto_rollback_enabled,
            failure_threshold: self.failure_threshold,
            max_consecutive_failures: self.max_consecutive_failures,
            on_breaker: self.on_breaker,
            canary_promotion: self.canary_promotion,
            unreachable_limit: self.unreachable_limit,
            rollback_max_unavailable_percentage: self.rollback_max_unavailable_percentage,
            pre_upgrade_check: self.pre_upgrade_check.clone(),
            post_upgrade_verify: self.post_upgrade_verify.clone(),
        }
    }
}

/// One batch as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchView {
    /// From 0.
    pub index: u32,
    /// What kind.
    pub kind: Kind,
    /// How many instances.
    pub size: u32,
    /// How far it is.
    pub phase: BatchPhase,
    /// Instances that run the new version; known for the current batch, all but the failed ones for passed batches.
    pub completed: u32,
    /// Instances that failed; known for the current batch.
    pub failed: u32,
    /// Instances that never answered and were left behind.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unreachable: u32,
    /// Instances that an operator had dropped before the batch had moved.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropped: u32,
}

/// How far a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BatchPhase {
    /// Not released.
    Pending,
    /// Released, its instances move.
    Moving,
    /// Moved, the traffic follows.
    Shifting,
    /// Watched.
    Baking,
    /// Good.
    Passed,
    /// Going back.
    Reverting,
    /// Back on the old version.
    Reverted,
}

/// What a caller learns about a rollback.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RollbackInfo {
    /// Whether failure brings the fleet back by itself.
    pub auto_rollback_enabled: bool,
    /// Failed instances that end the upgrade.
    pub failure_threshold: u32,
    /// Failed instances so far.
    pub current_failures: u32,
    /// Why it goes or went back.
    pub rollback_reason: Option<String>,
    /// Since when.
    pub rollback_initiated_at: Option<Timestamp>,
    /// Who or what asked for it.
    pub rollback_initiated_by: Option<String>,
    /// Instances that are back, by identity; at most 1,000.
    pub rolled_back_instances: Vec<String>,
}

/// A wait with everything a person needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HoldView {
    /// The wait itself.
    #[serde(flatten)]
    pub hold: Hold,
    /// It, in one sentence.
    pub sentence: String,
    /// Who or what ends it.
    pub released_by: String,
    /// The command that ends it, or looks after it where nobody has to.
    pub command: String,
    /// When it ends by itself or is overdue, or why there is no such moment.
    pub deadline: String,
}

/// `GET /upgrades/{executionId}`: an upgrade as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpgradeView {
    /// Its identity.
    pub execution_id: UpgradeId,
    /// Whose.
    pub tenant_id: TenantId,
    /// Of what.
    pub component_id: ComponentId,
    /// Which fleet.
    pub fleet_id: FleetId,
    /// The version that it leaves.
    pub from_version_id: VersionId,
    /// Its semantic version.
    pub from_version: String,
    /// The version that it brings.
    pub to_version_id: VersionId,
    /// Its semantic version.
    pub to_version: String,
    /// How.
    pub strategy: Strategy,
    /// Where it stands.
    pub status: String,
    /// Names the plan.
    pub plan_hash: String,
    /// How many instances the plan has.
    pub total_instances: u32,
    /// The batches.
    pub batches: Vec<BatchView>,
    /// The current batch; the number of batches once all have passed.
    pub current_batch: u32,
    /// The new version's share of the traffic.
    pub traffic_percentage: Percent,
    /// The epoch that it commands with.
    pub epoch: Epoch,
    /// What it waits for; none once it has ended.
    pub hold: Option<HoldView>,
    /// What somebody else has to agree to, or had to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<ApprovalView>,
    /// The gate's last sentence.
    pub gate: Option<String>,
    /// Instances that never answered and were left behind, by ordinal: the first of them.
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub unreachable_instances: Named,
    /// Instances that an operator has dropped, by ordinal.
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub dropped_instances: Named,
    /// About going back.
    pub rollback_info: RollbackInfo,
    /// Why it failed.
    pub failure: Option<String>,
    /// What the reader of its plan should know.
    pub warnings: Vec<String>,
    /// The policies that the plan rests on, from the weakest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<RestsOn>,
    /// Upper estimate of its duration, in seconds.
    pub estimated_total_seconds: u64,
    /// In the caller's words.
    pub initiated_by: Option<String>,
    /// Who asked for it.
    pub requested_by: String,
    /// When it was planned.
    pub created_at: Timestamp,
    /// When it was started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The clocks of its way back.
    pub clocks: Clocks,
    /// Whether the report can be fetched.
    pub report_available: bool,
    /// Number of its last event.
    pub seq: Seq,
}

/// `GET /tenants/{tenantId}/upgrades`: one of a tenant's upgrades.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpgradeSummary {
    /// Its identity.
    pub execution_id: UpgradeId,
    /// Of what.
    pub component_id: ComponentId,
    /// Which fleet.
    pub fleet_id: FleetId,
    /// The version that it leaves.
    pub from_version: String,
    /// The version that it brings.
    pub to_version: String,
    /// Where it stands.
    pub status: String,
    /// When it was planned.
    pub created_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// A page of a list, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpgradeList {
    /// The upgrades.
    pub upgrades: Vec<UpgradeSummary>,
    /// To be given as `cursor` for the next page; none after the last.
    pub next_cursor: Option<String>,
}

/// `GET /upgrades/{executionId}/events`: the chain of an upgrade's events, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventList {
    /// The events.
    pub events: Vec<Event>,
}

/// `PUT .../fleets/{fleetId}`: declares a fleet.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FleetDeclaration {
    /// What carries its traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Route>,
    /// Where its metrics are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<MetricSource>,
    /// When its instances check in.
    #[serde(default)]
    pub check_in: CheckInTimes,
    /// How its instances switch. Default `in-place`.
    #[serde(default, skip_serializing_if = "Switch::is_usual")]
    pub switch: Switch,
    /// Who has to agree to upgrades. Default `always`.
    #[serde(default, skip_serializing_if = "Approval::is_usual")]
    pub approval: Approval,
}

/// `GET .../fleets/{fleetId}/instances`: the registry's view of a fleet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InstanceList {
    /// By ordinal.
    pub instances: Vec<Instance>,
}

/// `PUT .../releases/{versionId}`: registers a version; component and version come from the path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReleaseRegistration {
    /// Semantic version.
    pub version: String,
    /// `sha256:` and 64 hexadecimal digits, of the artifact's bytes.
    pub digest: String,
    /// The artifact's length in bytes.
    pub size: u64,
    /// ECDSA P-256 over SHA-256 of the canonical manifest; DER, base64.
    pub signature: String,
    /// The key that made it.
    pub key_id: KeyId,
    /// Default `draft`.
    #[serde(default = "draft")]
    pub lifecycle_state: LifecycleState,
    /// What it needs, and what leads to it; not signed. Default nothing.
    #[serde(default, skip_serializing_if = "Dependencies::is_empty")]
    pub dependencies: Dependencies,
}

fn draft() -> LifecycleState {
    LifecycleState::Draft
}

/// A registered release and where to put its artifact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseView {
    /// The release.
    pub release: Release,
    /// Presigned URL for `PUT` of the artifact; absent once it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_url: Option<String>,
}

/// `GET .../releases`: a component's releases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReleaseList {
    /// By semantic version, newest first.
    pub versions: Vec<Release>,
}

/// `PUT .../signing-keys/{keyId}`: trusts a key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SigningKey {
    /// PEM of a P-256 public key (SubjectPublicKeyInfo).
    pub public_key_pem: String,
}
