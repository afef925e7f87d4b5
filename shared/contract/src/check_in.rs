//! An instance's check-in: `POST /api/v1/fleet/check-in` with the credential of its enrolment, which speaks for one
//! ordinal, instance and incarnation: an instance reports only for itself. The answer is a
//! command with a lease: a switch that has not begun within `lease_ms` of receipt, on the agent's monotonic clock, is
//! never begun, and a command whose `(epoch, attempt)` is not the newest that the agent has seen is ignored.

use serde::{Deserialize, Serialize};
use sluice_core::checks::Checks;
use sluice_core::fleet::{InstanceReport, MinuteCounts, Running, Switches};
use sluice_core::ids::{ComponentId, FleetId, InstanceId, TenantId, UpgradeId};
use sluice_core::release::Release;
use sluice_core::units::{Attempt, Epoch, Incarnation, Ordinal};

/// What an instance says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckInRequest {
    /// Version of this contract: 1.
    pub contract: u32,
    /// The fleet's tenant.
    pub tenant_id: TenantId,
    /// What the fleet runs.
    pub component_id: ComponentId,
    /// Which fleet.
    #[serde(default)]
    pub fleet_id: FleetId,
    /// Who speaks; must be the token's `sub`.
    pub instance_id: InstanceId,
    /// Its stable number in the fleet.
    pub ordinal: Ordinal,
    /// Which machine has that number; a lower one than the registry's is refused.
    #[serde(default)]
    pub incarnation: Incarnation,
    /// Zone or rack, for spreading batches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_domain: Option<String>,
    /// Set when the agent has no state on disk: it gets a strongly consistent answer.
    #[serde(default)]
    pub fresh: bool,
    /// The ways of switching that it can. Default `["in-place"]`.
    #[serde(default, skip_serializing_if = "Switches::is_usual")]
    pub switches: Switches,
    /// What it runs; absent before its first release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<Running>,
    /// Its last word about the newest command that it has seen; absent before the first command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<InstanceReport>,
    /// What its service counted in the newest whole minutes, where its agent knows; at most 32. What contradicts itself
    /// is left out, and a minute that was told before is not changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counters: Vec<MinuteCounts>,
}

/// What an instance is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckInAnswer {
    /// Version of this contract: 1.
    pub contract: u32,
    /// The upgrade that holds the fleet's channel; absent when none ever did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade_id: Option<UpgradeId>,
    /// Epoch of this answer.
    pub epoch: Epoch,
    /// Attempt of this answer.
    pub attempt: Attempt,
    /// What is asked.
    pub desired: DesiredState,
    /// How long after receipt the move may begin, in milliseconds.
    pub lease_ms: u64,
    /// The next version's artifact, which may be fetched and verified ahead of its release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefetch: Option<Artifact>,
    /// When to ask again, in milliseconds from receipt; the server has added the jitter.
    pub next_check_in_ms: u64,
}

/// What is asked of an instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
#[expect(
    clippy::large_enum_variant,
    reason = "an answer holds one of them, for as long as it takes to send it"
)]
pub enum DesiredState {
    /// Stay on what it runs; acknowledge the epoch with the next check-in.
    Stay,
    /// Run this release.
    Move {
        /// What to run.
        artifact: Artifact,
        /// Earliest beginning, in milliseconds from receipt.
        not_before_ms: u64,
        /// True for the way back: the move ends in `ROLLED_BACK` instead of `COMPLETED`.
        revert: bool,
        /// What is asked for beside the agent's own checks; never on the way back.
        #[serde(default, skip_serializing_if = "Checks::is_empty")]
        checks: Checks,
    },
}

/// A release and where to get it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Artifact {
    /// Identity, digest, size and signature; the agent checks them against its own roots.
    pub release: Release,
    /// Presigned URL of a gzip-compressed tar archive; short-lived.
    pub url: String,
}
