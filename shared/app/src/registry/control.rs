//! What operators do to an upgrade.

use jiff::Timestamp;
use sluice_contract::api::UpgradeView;
use sluice_contract::problem::{Code, Problem};
use sluice_core::action::Action;
use sluice_core::hold::Cause;
use sluice_core::ids::UpgradeId;
use sluice_core::settings::FieldError;
use sluice_core::upgrade::{Command, Refusal, Upgrade};

use crate::caller::{Caller, Scope};
use crate::flow::{self, ChangeError, Loaded};
use crate::ports::{Fleets, PortErrorKind, Upgrades};
use crate::refusal;

use super::approval::{self, Shown};
use super::input::flag;
use super::{stops, view};

/// Writes of one request against the looks of the workflow, which change the record at the same time.
pub(super) const MAX_TRIES: u32 = 5;

/// Starts a planned upgrade: it is `VALIDATING` when this returns.
///
/// # Errors
/// [`Code::NotPossibleNow`] unless it is `PENDING`, [`Code::ApprovalRequired`] until its plan is agreed to.
pub async fn start<T: Upgrades + Fleets>(
    table: &T,
    caller: &Caller,
    id: UpgradeId,
    shown: Shown<'_>,
    now: Timestamp,
) -> Result<UpgradeView, Problem> {
    caller.require(Scope::UpgradeExecute)?;
    let agreed = |loaded: &Loaded| approval::check(loaded, Action::Start, shown, now);
    apply(table, caller, id, now, &Command::Start, agreed).await
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
    apply(table, caller, id, now, &Command::Pause { cause }, free).await
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
    apply(table, caller, id, now, &Command::Resume, free).await
}

/// Says that the canary need not be watched any longer than the evidence takes; where the plan asks for an operator's
/// word before the rest follows, this is it.
///
/// # Errors
/// [`Code::NotPossibleNow`] unless a canary is watched, or when it was promoted before.
pub async fn promote_canary<T: Upgrades + Fleets>(
    table: &T,
    caller: &Caller,
    id: UpgradeId,
    now: Timestamp,
) -> Result<UpgradeView, Problem> {
    caller.require(Scope::UpgradeControl)?;
    apply(table, caller, id, now, &Command::Promote, free).await
}

/// What an operator says after the breaker has tripped.
///
/// # Errors
/// [`Code::InvalidRequest`] for an unknown decision, [`Code::NotPossibleNow`] unless one is asked for.
pub async fn decide<T: Upgrades + Fleets>(
    table: &T,
    caller: &Caller,
    id: UpgradeId,
    (decision, reason): (Option<&str>, Option<&str>),
    shown: Shown<'_>,
    now: Timestamp,
) -> Result<UpgradeView, Problem> {
    caller.require(Scope::UpgradeControl)?;
    let reason = text(reason)?;
    let or = |default: &str| {
        if reason.is_empty() {
            default.to_owned()
        } else {
            reason.clone()
        }
    };
    let command = match decision {
        Some("continue_anyway") => Command::ContinueAnyway,
        Some("rollback_completed_batches") => Command::RollBack {
            reason: or("decided after the breaker had tripped"),
            automatic: false,
            verdict: None,
        },
        Some("abort") => Command::Cancel {
            reason: or("aborted after the breaker had tripped"),
        },
        other => {
            let problem = other.map_or("is missing".to_owned(), |o| format!("is {o:?}"));
            let accepted = "continue_anyway, rollback_completed_batches or abort";
            return Err(Problem::fields(vec![FieldError::new(
                "decision", problem, accepted,
            )]));
        }
    };
    let asked = flow::load(table, &caller.tenant_id, id)
        .await
        .map_err(refusal::step)?;
    asked
        .upgrade
        .may(Action::ContinueAnyway)
        .map_err(|e| refusal::change(Refusal::from(e).into()))?;
    let agreed = |loaded: &Loaded| match command {
        Command::ContinueAnyway => approval::check(loaded, Action::ContinueAnyway, shown, now),
        _ => Ok(()),
    };
    apply(table, caller, id, now, &command, agreed).await
}

/// Gives an upgrade up where it is: instances stay on what they run, and may still be brought back. With `back`, the
/// fleet is sent back instead where anything may have moved.
///
/// # Errors
/// [`Code::NotPossibleNow`] once it has ended, and while its fleet goes back.
pub async fn cancel<T: Upgrades + Fleets>(
    table: &T,
    caller: &Caller,
    id: UpgradeId,
    (reason, back): (Option<&str>, Option<&str>),
    now: Timestamp,
) -> Result<UpgradeView, Problem> {
    caller.require(Scope::UpgradeControl)?;
    let back = flag("rollback", back)?;
    let cancelled = Command::Cancel {
        reason: text(reason)?,
    };
    if !back {
        return apply(table, caller, id, now, &cancelled, free).await;
    }
    let upgrade = flow::load(table, &caller.tenant_id, id)
        .await
        .map_err(refusal::step)?
        .upgrade;
    upgrade
        .may(Action::Cancel)
        .map_err(|e| refusal::change(Refusal::from(e).into()))?;
    if upgrade.status.is_active() {
        roll_back(table, caller, id, (reason, Shown::default()), now).await
    } else {
        apply(table, caller, id, now, &cancelled, free).await
    }
}

/// Sends the fleet back: one transaction, then the way back is watched.
///
/// # Errors
/// [`Code::NotPossibleNow`] unless something was moved and the channel is still this upgrade's;
/// [`Code::ApprovalRequired`] after completion without an approval's token and without breaking the glass.
pub async fn roll_back<T: Upgrades + Fleets>(
    table: &T,
    caller: &Caller,
    id: UpgradeId,
    (reason, shown): (Option<&str>, Shown<'_>),
    now: Timestamp,
) -> Result<UpgradeView, Problem> {
    caller.require(Scope::UpgradeControl)?;
    let given = text(reason)?;
    let reason = if given.is_empty() {
        "Manual rollback".to_owned()
    } else {
        given
    };
    let command = Command::RollBack {
        reason,
        automatic: false,
        verdict: None,
    };
    let agreed = |loaded: &Loaded| approval::check(loaded, Action::Rollback, shown, now);
    apply(table, caller, id, now, &command, agreed).await
}

/// The longest reason, in characters: enough for a person, small enough for every event that carries it.
const MAX_REASON: usize = 500;

pub(super) fn text(reason: Option<&str>) -> Result<String, Problem> {
    let reason = reason.unwrap_or_default().trim();
    if reason.chars().count() > MAX_REASON {
        let error = FieldError::new(
            "reason",
            format!("has {} characters", reason.chars().count()),
            format!("0 to {MAX_REASON} characters"),
        );
        return Err(Problem::fields(vec![error]));
    }
    Ok(reason.to_owned())
}

/// Nobody else has to agree.
pub(super) fn free(_: &Loaded) -> Result<(), Problem> {
    Ok(())
}

/// Applies a command to the newest record, again when a look of the workflow wrote first.
pub(super) async fn apply<T: Upgrades + Fleets>(
    table: &T,
    caller: &Caller,
    id: UpgradeId,
    now: Timestamp,
    command: &Command,
    agreed: impl Fn(&Loaded) -> Result<(), Problem> + Sync,
) -> Result<UpgradeView, Problem> {
    for _ in 0..MAX_TRIES {
        let loaded = flow::load(table, &caller.tenant_id, id)
            .await
            .map_err(refusal::step)?;
        agreed(&loaded)?;
        let begins = matches!(
            command.action(),
            Some(Action::Start | Action::Resume | Action::ContinueAnyway)
        );
        if begins && command.action().is_some_and(|a| loaded.upgrade.may(a).is_ok()) {
            stops::check(table, &loaded.upgrade).await?;
        }
        match flow::change(table, &loaded, command.clone(), &caller.actor(), now).await {
            Ok(upgrade) => return view::build(table, &Loaded { upgrade, ..loaded }).await,
            Err(ChangeError::Port(error)) if error.kind == PortErrorKind::Conflict => {
                other_upgrade(table, &loaded.upgrade).await?;
            }
            Err(error) => return Err(told(refusal::change(error), &loaded.upgrade)),
        }
    }
    Err(Problem::new(
        Code::Conflict,
        "the upgrade changes too quickly at the moment; try again",
    ))
}

/// Of two operators at once one comes too late, and is told who was before.
pub(super) fn told(problem: Problem, upgrade: &Upgrade) -> Problem {
    if problem.code != Code::NotPossibleNow {
        return problem;
    }
    let last = format!(
        "{} (last changed by {} at {})",
        problem.detail, upgrade.changed_by, upgrade.changed_at
    );
    Problem {
        detail: last,
        ..problem
    }
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
