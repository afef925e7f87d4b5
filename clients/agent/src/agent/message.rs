//! What the instance says, and whether it has something new to say.

use sluice_contract::check_in::CheckInRequest;
use sluice_core::fleet::{InstanceError, InstanceStatus, Running, Switch, Switches};
use sluice_core::ids::{ComponentId, FleetId, InstanceId, TenantId};
use sluice_core::units::{Incarnation, Ordinal};

use crate::store::Store;

/// Who the instance is.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The fleet's tenant.
    pub tenant_id: TenantId,
    /// What runs on it.
    pub component_id: ComponentId,
    /// Which fleet.
    pub fleet_id: FleetId,
    /// Its name.
    pub instance_id: InstanceId,
    /// Its stable number.
    pub ordinal: Ordinal,
    /// Zone or rack.
    pub failure_domain: Option<String>,
}

/// The part of a message that the server should not have to wait for.
#[derive(Debug, Clone, PartialEq)]
pub struct News {
    status: Option<(InstanceStatus, Option<InstanceError>)>,
    running: Option<Running>,
}

impl News {
    /// The news of this moment. That a command was seen and nothing begun is no news: a fleet would otherwise check in
    /// twice for each command.
    #[must_use]
    pub fn now(store: &Store) -> Self {
        let report = store.report().filter(|r| r.status != InstanceStatus::Pending);
        Self {
            status: report.map(|r| (r.status, r.error)),
            running: store.running(),
        }
    }

    /// Whether this should be said at once, given what was said last.
    #[must_use]
    pub fn is_urgent_after(&self, said: &Self) -> bool {
        (self.status.is_some() && self.status != said.status) || self.running != said.running
    }
}

/// The message of this moment; which incarnation it comes from is known to who sends it.
#[must_use]
pub fn message(identity: &Identity, store: &Store, overlaps: bool, fresh: bool) -> CheckInRequest {
    let switch = if overlaps {
        Switch::Overlap
    } else {
        Switch::InPlace
    };
    let who = identity.clone();
    CheckInRequest {
        contract: sluice_contract::VERSION,
        tenant_id: who.tenant_id,
        component_id: who.component_id,
        fleet_id: who.fleet_id,
        instance_id: who.instance_id,
        ordinal: who.ordinal,
        incarnation: Incarnation::default(),
        failure_domain: who.failure_domain,
        fresh,
        switches: Switches::of(switch),
        running: store.running(),
        report: store.report(),
        counters: Vec::new(),
    }
}
