//! Plans an upgrade.

use jiff::Timestamp;
use sluice_contract::api::{UpgradeRequest, UpgradeView};
use sluice_contract::problem::{Code, Problem};
use sluice_core::forecast::History;
use sluice_core::ids::{TenantId, UpgradeId};
use sluice_core::plan::{Plan, Positions};
use sluice_core::proposal::Proposal;
use sluice_core::upgrade::Upgrade;

use crate::caller::{Caller, Scope};
use crate::flow::Loaded;
use crate::keys;
use crate::ports::{Blobs, Fleets, Holder, Places, Policies, PortErrorKind, Registry, Upgrades};
use crate::{places, refusal};

use super::propose::{Proposed, proposed};
use super::view;

/// Plans an upgrade and takes the component's lock.
///
/// The identity is the caller's to choose, so that a repeated request finds what the first one made.
///
/// # Errors
/// A problem; nothing that the caller could see is stored then.
pub async fn create<T, B>(
    table: &T,
    blobs: &B,
    caller: &Caller,
    tenant: &TenantId,
    id: UpgradeId,
    request: &UpgradeRequest,
    now: Timestamp,
) -> Result<UpgradeView, Problem>
where
    T: Upgrades + Fleets + Registry + Policies + Places,
    B: Blobs,
{
    caller.require(Scope::UpgradePlan)?;
    caller.require_tenant(tenant)?;
    if let Some(existing) = table.upgrade(id).await.map_err(refusal::port)? {
        return view::view(table, existing).await;
    }
    let Proposed {
        proposal: Proposal { plan, .. },
        positions,
        limits,
    } = proposed(table, tenant, request, &History::default(), now).await?;
    let holder = Holder {
        tenant_id: tenant.clone(),
        upgrade_id: id,
    };
    places::take(table, &holder, &limits, now).await?;
    publish(blobs, &plan, positions).await?;
    let change = Upgrade::create(id, &plan, request.initiated_by.clone(), &caller.actor(), now);
    match table.create(&change, &plan).await {
        Ok(()) => {
            view::build(
                table,
                &Loaded {
                    upgrade: change.upgrade,
                    plan,
                },
            )
            .await
        }
        Err(error) if error.kind == PortErrorKind::Conflict => {
            // Unless another try with the same identity has made it meanwhile.
            if table.upgrade(id).await.map_err(refusal::port)?.is_none() {
                places::give_back(table, &holder).await.map_err(refusal::port)?;
            }
            Err(occupied(table, tenant, request).await)
        }
        Err(error) => Err(refusal::port(error)),
    }
}

pub(super) async fn publish(blobs: &impl Blobs, plan: &Plan, positions: Positions) -> Result<(), Problem> {
    let bytes = serde_json::to_vec(&plan.publish(positions))
        .map_err(|e| Problem::new(Code::Unavailable, format!("the positions cannot be written: {e}")))?;
    blobs
        .put(&keys::positions(&plan.hash()), bytes, "application/json")
        .await
        .map_err(refusal::port)
}

async fn occupied<T: Upgrades>(table: &T, tenant: &TenantId, request: &UpgradeRequest) -> Problem {
    match table.active(tenant, request.component_id).await {
        Ok(Some(active)) => Problem::new(
            Code::UpgradeActive,
            format!("upgrade {active} of component {} is active", request.component_id),
        ),
        Ok(None) => Problem::new(
            Code::Conflict,
            "another upgrade of the component just ended; try again",
        ),
        Err(error) => refusal::port(error),
    }
}
