//! What can be read about upgrades.

use sluice_contract::api::{EventList, UpgradeList, UpgradeView};
use sluice_contract::problem::{Code, Problem};
use sluice_core::ids::{ComponentId, TenantId, UpgradeId};
use sluice_core::settings::FieldError;
use sluice_core::units::Seq;
use sluice_core::upgrade::Upgrade;

use crate::caller::{Caller, Scope};
use crate::keys;
use crate::ports::{Blobs, Fleets, Outbox, Upgrades};
use crate::refusal;

use super::view;

/// Most upgrades on one page.
const MAX_PAGE: i64 = 100;

/// Most events in one answer.
const MAX_EVENTS: u32 = 1_000;

/// One upgrade.
///
/// # Errors
/// [`Code::NotFound`] for an upgrade that does not exist or is another tenant's.
pub async fn get<T: Upgrades + Fleets>(
    table: &T,
    caller: &Caller,
    id: UpgradeId,
) -> Result<UpgradeView, Problem> {
    let upgrade = own(table, caller, id).await?;
    view::view(table, upgrade).await
}

async fn own<T: Upgrades>(table: &T, caller: &Caller, id: UpgradeId) -> Result<Upgrade, Problem> {
    caller.require(Scope::UpgradeRead)?;
    let found = table.upgrade(id).await.map_err(refusal::port)?;
    let own = found.filter(|u| u.fleet.tenant_id == caller.tenant_id);
    own.ok_or_else(|| Problem::new(Code::NotFound, format!("there is no upgrade {id}")))
}

/// A tenant's upgrades, newest first.
///
/// # Errors
/// [`Code::InvalidRequest`] for a limit outside 1 to 100.
pub async fn list<T: Upgrades>(
    table: &T,
    caller: &Caller,
    tenant: &TenantId,
    limit: Option<&str>,
    cursor: Option<&str>,
) -> Result<UpgradeList, Problem> {
    caller.require(Scope::UpgradeRead)?;
    caller.require_tenant(tenant)?;
    let limit = limit_of(limit)?;
    let page = table
        .upgrades(tenant, limit, cursor)
        .await
        .map_err(refusal::port)?;
    Ok(UpgradeList {
        upgrades: page.items.iter().map(view::summary).collect(),
        next_cursor: page.next,
    })
}

pub(super) fn limit_of(given: Option<&str>) -> Result<u32, Problem> {
    let Some(given) = given else { return Ok(20) };
    let limit = given.parse::<i64>().ok().filter(|n| (1..=MAX_PAGE).contains(n));
    limit.and_then(|n| u32::try_from(n).ok()).ok_or_else(|| {
        Problem::fields(vec![FieldError::new(
            "limit",
            format!("is {given:?}"),
            format!("1 to {MAX_PAGE}"),
        )])
    })
}

/// The upgrade that has a component's lock.
///
/// # Errors
/// [`Code::NotFound`] when none has.
pub async fn active<T: Upgrades + Fleets>(
    table: &T,
    caller: &Caller,
    tenant: &TenantId,
    component: ComponentId,
) -> Result<UpgradeView, Problem> {
    caller.require(Scope::UpgradeRead)?;
    caller.require_tenant(tenant)?;
    match table.active(tenant, component).await.map_err(refusal::port)? {
        Some(id) => get(table, caller, id).await,
        None => Err(Problem::new(
            Code::NotFound,
            format!("component {component} has no active upgrade"),
        )),
    }
}

/// An upgrade's events after a number, oldest first.
///
/// # Errors
/// [`Code::NotFound`].
pub async fn events<T: Upgrades + Outbox>(
    table: &T,
    caller: &Caller,
    id: UpgradeId,
    after: Option<&str>,
) -> Result<EventList, Problem> {
    let upgrade = own(table, caller, id).await?;
    let after = match after.map(str::parse::<u64>) {
        None => Seq(0),
        Some(Ok(number)) => Seq(number),
        Some(Err(_)) => {
            return Err(Problem::fields(vec![FieldError::new(
                "after",
                "is not a number",
                "0 or more",
            )]));
        }
    };
    let events = table
        .events(upgrade.upgrade_id, after, MAX_EVENTS)
        .await
        .map_err(refusal::port)?;
    Ok(EventList { events })
}

/// An upgrade's report; the extension is `json` or `md`.
///
/// # Errors
/// [`Code::NotFound`] until it is written.
pub async fn report(
    table: &impl Upgrades,
    blobs: &impl Blobs,
    caller: &Caller,
    id: UpgradeId,
    extension: &str,
) -> Result<Vec<u8>, Problem> {
    let upgrade = own(table, caller, id).await?;
    let bytes = blobs
        .get(&keys::report(upgrade.upgrade_id, extension))
        .await
        .map_err(refusal::port)?;
    bytes.ok_or_else(|| Problem::new(Code::NotFound, format!("upgrade {id} has no report yet")))
}
