//! The secret that a fleet's instances enrol with.

use sluice_contract::enrol::EnrolmentSecret;
use sluice_contract::problem::{Code, Problem};
use sluice_core::credential::{Secret, Use};
use sluice_core::ids::FleetKey;

use crate::caller::{Caller, Scope};
use crate::ports::Fleets;
use crate::refusal;

/// Makes a fleet's enrolment secret, or makes it anew: the one before is void. It is shown this once.
///
/// # Errors
/// [`Code::NotFound`] for a fleet that is not declared; [`Code::Conflict`] when two are made at the same time.
pub async fn renew_enrolment_secret<T: Fleets>(
    table: &T,
    caller: &Caller,
    key: &FleetKey,
    random: [u8; 32],
) -> Result<EnrolmentSecret, Problem> {
    caller.require(Scope::AdminPolicy)?;
    caller.require_tenant(&key.tenant_id)?;
    if table.fleet(key).await.map_err(refusal::port)?.is_none() {
        return Err(Problem::new(Code::NotFound, format!("there is no fleet {key}")));
    }
    let before = table.enrolment_secret(key).await.map_err(refusal::port)?;
    let enrolment_secret = Secret::new(Use::Enrolment, random);
    table
        .put_enrolment_secret(key, &enrolment_secret.hash(), before.map(|b| b.rev))
        .await
        .map_err(refusal::port)?;
    Ok(EnrolmentSecret { enrolment_secret })
}
