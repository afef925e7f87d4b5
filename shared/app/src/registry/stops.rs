//! Stops: set, listed and lifted. What runs under one is paused at once; the looks of the workflows see to whatever was
//! missed, so that a stop holds even where this dies half-way.

use jiff::Timestamp;
use sluice_contract::problem::{Code, Problem};
use sluice_contract::stop::{StopList, StopView};
use sluice_core::hold::Cause;
use sluice_core::ids::{TenantId, UpgradeId};
use sluice_core::stop::{Covers, Stop, in_force};
use sluice_core::upgrade::{Command, Upgrade};

use super::control::text;
use crate::caller::{Caller, Scope};
use crate::flow::{self, ChangeError};
use crate::ports::{PortErrorKind, Upgrades};
use crate::refusal;

/// Writes for one upgrade against the looks of its workflow.
const MAX_TRIES: u32 = 5;

/// Sets a stop: nothing that it covers is released or started any more, and what runs is paused.
///
/// # Errors
/// [`Code::AlreadyRegistered`] when there is one already, with who set it and when.
pub async fn put_stop<T: Upgrades>(
    table: &T,
    caller: &Caller,
    covers: Covers,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<StopView, Problem> {
    may(caller, &covers)?;
    let stop = Stop {
        covers,
        by: caller.actor(),
        reason: text(reason)?,
        since: now,
    };
    match table.put_stop(&stop).await {
        Ok(()) => {}
        Err(error) if error.kind == PortErrorKind::Conflict => {
            return Err(set_already(table, &stop.covers).await);
        }
        Err(error) => return Err(refusal::port(error)),
    }
    let changed = sweep(table, caller, &stop.covers, now).await?;
    Ok(StopView { stop, changed })
}

async fn set_already(table: &impl Upgrades, covers: &Covers) -> Problem {
    match table.stops().await {
        Err(error) => refusal::port(error),
        Ok(stops) => {
            let detail = match stops.iter().find(|s| s.covers == *covers) {
                Some(stop) => format!("{covers} is stopped already, by {} since {}", stop.by, stop.since),
                None => format!("a stop of {covers} was set and lifted at the same time"),
            };
            Problem::new(Code::AlreadyRegistered, detail)
        }
    }
}

/// Lifts a stop: what it alone had paused goes on.
///
/// # Errors
/// [`Code::NotFound`] when there is none.
pub async fn lift_stop<T: Upgrades>(
    table: &T,
    caller: &Caller,
    covers: Covers,
    now: Timestamp,
) -> Result<StopView, Problem> {
    may(caller, &covers)?;
    let stops = table.stops().await.map_err(refusal::port)?;
    let Some(stop) = stops.into_iter().find(|s| s.covers == covers) else {
        return Err(Problem::new(Code::NotFound, format!("{covers} is not stopped")));
    };
    table.remove_stop(&covers).await.map_err(refusal::port)?;
    let changed = sweep(table, caller, &covers, now).await?;
    Ok(StopView { stop, changed })
}

/// The stops in force that concern a tenant.
///
/// # Errors
/// [`Code::NotFound`] for another tenant.
pub async fn stops<T: Upgrades>(table: &T, caller: &Caller, tenant: &TenantId) -> Result<StopList, Problem> {
    caller.require(Scope::UpgradeRead)?;
    caller.require_tenant(tenant)?;
    let mut stops = table.stops().await.map_err(refusal::port)?;
    stops.retain(|s| s.covers.concerns(tenant));
    Ok(StopList { stops })
}

fn may(caller: &Caller, covers: &Covers) -> Result<(), Problem> {
    match covers {
        Covers::Everything => caller.require(Scope::AdminSystem),
        Covers::Tenant { tenant_id } | Covers::Component { tenant_id, .. } => {
            caller.require(Scope::UpgradeControl)?;
            caller.require_tenant(tenant_id)
        }
    }
}

/// Refuses to begin or go on with what is stopped.
pub(super) async fn check(table: &impl Upgrades, upgrade: &Upgrade) -> Result<(), Problem> {
    let stops = table.stops().await.map_err(refusal::port)?;
    match in_force(&stops, &upgrade.fleet) {
        None => Ok(()),
        Some(stop) => {
            let (covers, by, since) = (&stop.covers, &stop.by, stop.since);
            let detail = format!("{covers} is stopped by {by} since {since}: {}", stop.reason);
            Err(Problem::new(Code::Stopped, detail))
        }
    }
}

/// Brings what a stop covers to where it belongs. One that cannot be brought there now is at its next look.
async fn sweep(
    table: &impl Upgrades,
    caller: &Caller,
    covers: &Covers,
    now: Timestamp,
) -> Result<Vec<UpgradeId>, Problem> {
    let mut changed = Vec::new();
    for id in table.open().await.map_err(refusal::port)? {
        match one(table, caller, covers, id, now).await {
            Ok(true) => changed.push(id),
            Ok(false) => {}
            Err(problem) => {
                tracing::warn!(upgrade_id = %id, detail = %problem, "a stop does not reach an upgrade yet");
            }
        }
    }
    Ok(changed)
}

async fn one(
    table: &impl Upgrades,
    caller: &Caller,
    covers: &Covers,
    id: UpgradeId,
    now: Timestamp,
) -> Result<bool, Problem> {
    for _ in 0..MAX_TRIES {
        let found = table.upgrade(id).await.map_err(refusal::port)?;
        let Some(upgrade) = found.filter(|u| covers.fleet(&u.fleet)) else {
            return Ok(false);
        };
        let stops = table.stops().await.map_err(refusal::port)?;
        let Some(command) = due(&upgrade, in_force(&stops, &upgrade.fleet)) else {
            return Ok(false);
        };
        let tenant = upgrade.fleet.tenant_id.clone();
        let loaded = flow::load(table, &tenant, id).await.map_err(refusal::step)?;
        match flow::change(table, &loaded, command, &caller.actor(), now).await {
            Ok(_) => return Ok(true),
            Err(ChangeError::Port(error)) if error.kind == PortErrorKind::Conflict => {}
            Err(ChangeError::Refused(_)) => return Ok(false),
            Err(error) => return Err(refusal::change(error)),
        }
    }
    Err(Problem::new(
        Code::Conflict,
        "the upgrade changes too quickly at the moment",
    ))
}

fn due(upgrade: &Upgrade, stop: Option<&Stop>) -> Option<Command> {
    match stop {
        Some(stop) if upgrade.status.is_moving() => Some(Command::Pause {
            cause: Cause::stopped(stop),
        }),
        None if upgrade.is_stopped() => Some(Command::Resume),
        _ => None,
    }
}
