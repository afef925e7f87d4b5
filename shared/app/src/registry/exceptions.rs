//! What operators do about single instances of an upgrade.

use jiff::Timestamp;
use sluice_contract::api::UpgradeView;
use sluice_contract::problem::{Code, Problem};
use sluice_core::ids::UpgradeId;
use sluice_core::units::{Ordinal, Position};
use sluice_core::upgrade::{Command, Upgrade};

use super::{control, view};
use crate::caller::{Caller, Scope};
use crate::flow;
use crate::ports::{Blobs, Fleets, Upgrades};
use crate::{refusal, room};

/// Says that an instance has left its fleet for good, or never answers: nobody waits for it any longer, forward or on
/// the way back. Asked for again, nothing happens.
///
/// # Errors
/// [`Code::NotFound`] for an instance that the plan does not have; [`Code::NotPossibleNow`] unless instances are waited
/// for; [`Code::TooManyExceptions`].
pub async fn drop_instance<T: Upgrades + Fleets, B: Blobs>(
    table: &T,
    blobs: &B,
    caller: &Caller,
    (id, ordinal): (UpgradeId, Ordinal),
    now: Timestamp,
) -> Result<UpgradeView, Problem> {
    caller.require(Scope::UpgradeControl)?;
    let loaded = flow::load(table, &caller.tenant_id, id)
        .await
        .map_err(refusal::step)?;
    if loaded.upgrade.exceptions.is_dropped(ordinal) {
        return view::build(table, &loaded).await;
    }
    let position = position(blobs, &loaded.upgrade, ordinal).await?;
    let command = Command::Drop { ordinal, position };
    control::apply(table, caller, id, now, &command, control::free).await
}

async fn position(blobs: &impl Blobs, upgrade: &Upgrade, ordinal: Ordinal) -> Result<Position, Problem> {
    let positions = room::positions(blobs, &upgrade.plan_hash)
        .await
        .map_err(refusal::port)?;
    let place = (0..)
        .map(Position)
        .zip(&positions.0)
        .find(|(_, o)| **o == ordinal);
    place.map(|(position, _)| position).ok_or_else(|| {
        let detail =
            format!("ordinal: {ordinal} is not among the instances that the upgrade was planned with");
        Problem::new(Code::NotFound, detail)
    })
}
