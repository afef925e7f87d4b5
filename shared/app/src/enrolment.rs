//! An instance's enrolment: the fleet's secret is exchanged for a credential of the instance's own.

use jiff::Timestamp;
use sluice_contract::enrol::{EnrolAnswer, EnrolRequest};
use sluice_contract::problem::{Code, Problem};
use sluice_core::credential::{Credentials, Secret, Use};
use sluice_core::fleet::Instance;
use sluice_core::ids::FleetKey;
use sluice_core::units::Ordinal;

use crate::heartbeat::{check_contract, invalid};
use crate::ports::{Fleets, InstanceWrite, PortErrorKind, StoredInstance};
use crate::refusal;

/// Tries of one enrolment to write against check-ins and enrolments of the same ordinal.
const MAX_TRIES: u32 = 5;

/// The largest ordinal: the table's keys have seven digits.
const MAX_ORDINAL: Ordinal = Ordinal(9_999_999);

/// Enrols a machine as the next incarnation of its ordinal; the credential before it is void with this.
///
/// # Errors
/// [`Code::InvalidCredential`] unless the secret is the fleet's newest; [`Code::InvalidRequest`].
pub async fn enrol<T: Fleets>(
    table: &T,
    shown: &Secret,
    request: &EnrolRequest,
    random: [u8; 32],
    now: Timestamp,
) -> Result<EnrolAnswer, Problem> {
    check_contract(request.contract)?;
    let key = FleetKey {
        tenant_id: request.tenant_id.clone(),
        component_id: request.component_id,
        fleet_id: request.fleet_id.clone(),
    };
    let kept = table.enrolment_secret(&key).await.map_err(refusal::port)?;
    if !kept.is_some_and(|k| k.hash.is_of(shown)) {
        return Err(invalid());
    }
    check_ordinal(request.ordinal)?;
    let credential = Secret::new(Use::Instance, random);
    for _ in 0..MAX_TRIES {
        let stored = table
            .instance(&key, request.ordinal)
            .await
            .map_err(refusal::port)?;
        let write = write(stored.as_ref(), request, &credential, now);
        let incarnation = write.instance.incarnation;
        match table.put_instance(&key, &write).await {
            Ok(()) => {
                return Ok(EnrolAnswer {
                    contract: sluice_contract::VERSION,
                    incarnation,
                    credential,
                });
            }
            Err(error) if error.kind == PortErrorKind::Conflict => {}
            Err(error) => return Err(refusal::port(error)),
        }
    }
    let detail = "others write about this ordinal at the same time; try again";
    Err(Problem::new(Code::Conflict, detail))
}

fn check_ordinal(ordinal: Ordinal) -> Result<(), Problem> {
    if ordinal <= MAX_ORDINAL {
        return Ok(());
    }
    let error = sluice_core::settings::FieldError::new(
        "ordinal",
        format!("is {ordinal}"),
        format!("0 to {MAX_ORDINAL}"),
    );
    Err(Problem::fields(vec![error]))
}

/// The machine as it begins: nothing that the one before it said holds for it, but what was counted stays counted.
fn write(
    before: Option<&StoredInstance>,
    request: &EnrolRequest,
    credential: &Secret,
    now: Timestamp,
) -> InstanceWrite {
    let instance = Instance {
        instance_id: request.instance_id.clone(),
        ordinal: request.ordinal,
        incarnation: before.map(|s| s.instance.incarnation).unwrap_or_default().next(),
        failure_domain: request.failure_domain.clone(),
        switches: Default::default(),
        running: None,
        report: None,
        left: None,
        settled_in: before.and_then(|s| s.instance.settled_in),
        counters: Default::default(),
        seen_at: now,
    };
    let kept = before.and_then(|s| s.credentials.as_ref());
    InstanceWrite {
        instance,
        replaces: before.map(|s| s.rev),
        count: None,
        credentials: Some(Credentials::renewed(kept, credential.hash())),
        trouble: None,
    }
}

#[cfg(test)]
mod tests;
