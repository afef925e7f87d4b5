//! What operators do to an upgrade: start, pause, resume, roll back.

use jiff::Timestamp;
use sluice_contract::api::UpgradeView;
use sluice_contract::problem::{Code, Problem};
use sluice_core::hold::Cause;
use sluice_core::ids::UpgradeId;
use sluice_core::upgrade::{Command, Upgrade};

use crate::caller::{Caller, Scope};
use crate::flow::{self, ChangeError, Loaded};
use crate::ports::{Fleets, PortErrorKind, Upgrades};
use crate::refusal;

use super::view;

/// Writes of one request against the looks of the workflow, which change the record at the same time.
const MAX_TRIES: u32 = 5;

/// Starts a planned upgrade: it is `VALIDATING` when this returns.
///
/// # Errors
/// [`Code::NotPossibleNow`] unless it is `PENDING`.
pub async fn start<T: Upgrades + Fleets>(
    table: &T,
    caller: &Caller,
    id: UpgradeId,
    now: Timestamp,
) -> Result<UpgradeView, Problem> {
    caller.require(Scope::UpgradeExecute)?;
    apply(table, caller, id, now, &Command::Start).await
}

/// Stops an upgrade where it is: who has begun finishes, who has not stays, and the gate goes on judging.
///
/// # Errors
/// [`Code::NotPossibleNow`] unless it moves its fleet.
pub async fn pause<T: Upgrades + Fleets>(
    table: &T,
    caller: &Caller,
    id: UpgradeId,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<UpgradeView, Problem> {
    caller.require(Scope::UpgradeControl)?;
    let reason = text(reason)?;
    let cause = Cause::Paused {
        by: caller.actor(),
        reason,
    };
    apply(table, caller, id, now, &Command::Pause { cause }).await
}

/// Goes on where a pause stopped.
///
/// # Errors
/// [`Code::NotPossibleNow`] unless it is `PAUSED`.
pub async fn resume<T: Upgrades + Fleets>(
    table: &T,
    caller: &Caller,
    id: UpgradeId,
    now: Timestamp,
) -> Result<UpgradeView, Problem> {
    caller.require(Scope::UpgradeControl)?;
    apply(table, caller, id, now, &Command::Resume).await
}

/// Gives an upgrade up where it is: instances stay on what they run, and may still be brought back.
///
/// # Errors
/// [`Code::NotPossibleNow`] once it has ended, and while its fleet goes back.
pub async fn cancel<T: Upgrades + Fleets>(
    table: &T,
    caller: &Caller,
    id: UpgradeId,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<UpgradeView, Problem> {
    caller.require(Scope::UpgradeControl)?;
    let reason = text(reason)?;
    apply(table, caller, id, now, &Command::Cancel { reason }).await
}

/// Sends the fleet back: one transaction, then the way back is watched.
///
/// # Errors
/// [`Code::NotPossibleNow`] unless something was moved and the channel is still this upgrade's.
pub async fn roll_back<T: Upgrades + Fleets>(
    table: &T,
    caller: &Caller,
    id: UpgradeId,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<UpgradeView, Problem> {
    caller.require(Scope::UpgradeControl)?;
    let given = text(reason)?;
    let reason = if given.is_empty() {
        "Manual rollback".to_owned()
    } else {
        given
    };
    apply(
        table,
        caller,
        id,
        now,
        &Command::RollBack {
            reason,
            automatic: false,
            verdict: None,
        },
    )
    .await
}

/// The longest reason, in characters: enough for a person, small enough for every event that carries it.
const MAX_REASON: usize = 500;

fn text(reason: Option<&str>) -> Result<String, Problem> {
    let reason = reason.unwrap_or_default().trim();
    if reason.chars().count() > MAX_REASON {
        let error = sluice_core::settings::FieldError::new(
            "reason",
            format!("has {} characters", reason.chars().count()),
            format!("0 to {MAX_REASON} characters"),
        );
        return Err(Problem::fields(vec![error]));
    }
    Ok(reason.to_owned())
}

/// Applies a command to the newest record, again when a look of the workflow wrote first.
async fn apply<T: Upgrades + Fleets>(
    table: &T,
    caller: &Caller,
    id: UpgradeId,
    now: Timestamp,
    command: &Command,
) -> Result<UpgradeView, Problem> {
    for _ in 0..MAX_TRIES {
        let loaded = flow::load(table, &caller.tenant_id, id)
            .await
            .map_err(refusal::step)?;
        match flow::change(table, &loaded, command.clone(), &caller.actor(), now).await {
            Ok(upgrade) => return view::build(table, &Loaded { upgrade, ..loaded }).await,
            Err(ChangeError::Port(error)) if error.kind == PortErrorKind::Conflict => {
                other_upgrade(table, &loaded.upgrade).await?;
            }
            Err(error) => return Err(refusal::change(error)),
        }
    }
    Err(Problem::new(
        Code::Conflict,
        "the upgrade changes too quickly at the moment; try again",
    ))
}

/// An upgrade that has ended needs the component's lock again, and another one may have it by now.
async fn other_upgrade<T: Upgrades>(table: &T, upgrade: &Upgrade) -> Result<(), Problem> {
    let fleet = &upgrade.fleet;
    let active = table
        .active(&fleet.tenant_id, fleet.component_id)
        .await
        .map_err(refusal::port)?;
    match active.filter(|id| *id != upgrade.upgrade_id && upgrade.status.is_terminal()) {
        Some(id) => Err(Problem::new(
            Code::UpgradeActive,
            format!("upgrade {id} of the component is active"),
        )),
        None => Ok(()),
    }
}
