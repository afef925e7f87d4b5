//! How simulated instances come to their credentials: by the real enrolment.

use jiff::Timestamp;
use sluice_app::enrolment;
use sluice_app::fakes::World;
use sluice_contract::enrol::{EnrolAnswer, EnrolRequest};
use sluice_core::credential::{Secret, Use};
use sluice_core::units::Ordinal;

use super::fleet::SimInstance;
use super::fleet_key;

/// What the fleet's instances enrol with.
pub(super) fn secret() -> Secret {
    Secret::new(Use::Enrolment, [7; 32])
}

impl SimInstance {
    /// What this machine speaks with; it enrols when it has never done so. None when the server fails.
    pub(super) async fn credential(&mut self, world: &World, now: Timestamp) -> Option<EnrolAnswer> {
        if self.enrolled.is_none() {
            let key = fleet_key();
            let request = EnrolRequest {
                contract: sluice_contract::VERSION,
                tenant_id: key.tenant_id,
                component_id: key.component_id,
                fleet_id: key.fleet_id,
                instance_id: self.id(),
                ordinal: Ordinal(self.ordinal),
                failure_domain: self.failure_domain(),
            };
            let mut random = [self.machine; 32];
            random[..4].copy_from_slice(&self.ordinal.to_le_bytes());
            self.enrolled = enrolment::enrol(world, &secret(), &request, random, now)
                .await
                .ok();
        }
        self.enrolled.clone()
    }
}
