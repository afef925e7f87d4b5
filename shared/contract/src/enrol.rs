//! An instance's enrolment: `POST /api/v1/fleet/enrol`, with the fleet's enrolment secret as bearer token.
//!
//! Each enrolment of an ordinal is a new incarnation with a credential of its own, and revokes the one before at once.
//! An agent enrols when it has no credential (a new machine or a lost disk), and keeps what it gets. One whose check-in
//! is refused with `stale-incarnation` was replaced and must not enrol again by itself: two machines would take turns.

use serde::{Deserialize, Serialize};
use sluice_core::credential::Secret;
use sluice_core::ids::{ComponentId, FleetId, InstanceId, TenantId};
use sluice_core::units::{Incarnation, Ordinal};

/// Who asks for a credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolRequest {
    /// Version of this contract: 1.
    pub contract: u32,
    /// The fleet's tenant.
    pub tenant_id: TenantId,
    /// What the fleet runs.
    pub component_id: ComponentId,
    /// Which fleet.
    #[serde(default)]
    pub fleet_id: FleetId,
    /// The machine's name.
    pub instance_id: InstanceId,
    /// Its stable number in the fleet; a replacement takes over the number of what it replaces.
    pub ordinal: Ordinal,
    /// Zone or rack, for spreading batches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_domain: Option<String>,
}

/// What an instance speaks with from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolAnswer {
    /// Version of this contract: 1.
    pub contract: u32,
    /// Which machine of this ordinal it is, from 1.
    pub incarnation: Incarnation,
    /// The bearer token of its check-ins, shown this once. Opaque.
    pub credential: Secret,
}

/// `POST .../fleets/{fleetId}/enrolment-secret`: what the fleet's instances enrol with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnrolmentSecret {
    /// The bearer token of enrolments, shown this once; the one before is void. Opaque.
    pub enrolment_secret: Secret,
}
