//! Approvals: asked for, listed, granted, denied; and the change of a plan before its start.

use jiff::Timestamp;
use sluice_contract::api::UpgradeView;
use sluice_contract::approval::{ApprovalList, ApprovalView, GrantedApproval};
use sluice_contract::problem::{Code, Problem};
use sluice_core::action::Action;
use sluice_core::approval::{self, Refused};
use sluice_core::credential::{Secret, Use};
use sluice_core::ids::{TenantId, UpgradeId};
use sluice_core::plan::{Plan, Request};
use sluice_core::settings::{Changes, FieldError};
use sluice_core::upgrade::{Command, Refusal, Upgrade};

use super::control::{apply, text};
use super::create::publish;
use super::propose::{slot, unplannable};
use super::query::limit_of;
use super::view;
use crate::caller::{Caller, Scope};
use crate::flow::{self, Loaded};
use crate::ports::{Blobs, Fleets, PortErrorKind, Upgrades};
use crate::refusal;

/// What a caller shows for a critical action.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shown<'a> {
    /// The approval's token.
    pub token: Option<&'a str>,
    /// Whether it cannot wait for somebody else's word.
    pub break_glass: bool,
}

/// Checks an action that somebody else has to agree to.
pub(super) fn check(
    loaded: &Loaded,
    action: Action,
    shown: Shown<'_>,
    now: Timestamp,
) -> Result<(), Problem> {
    let (upgrade, plan) = (&loaded.upgrade, &loaded.plan);
    if upgrade.may(action).is_err() || !approval::is_needed(plan, upgrade.status, action) {
        return Ok(());
    }
    let (approvals, hash) = (&upgrade.approvals, &upgrade.plan_hash);
    let checked = match shown.token {
        Some(token) => approvals.admits(action, hash, &Secret::given(token), now),
        // Its plan was agreed to, whoever starts it.
        None if action == Action::Start => approvals.holds(action, hash, now).map(|_| ()),
        None if action == Action::Rollback && shown.break_glass => Ok(()),
        None => Err(Refused::Needed {
            action,
            why: "its token is to be shown in the header Sluice-Approval".to_owned(),
        }),
    };
    checked.map_err(|refused| refusal::change(Refusal::from(refused).into()))
}

/// Asks for an approval of an action.
///
/// # Errors
/// [`Code::InvalidRequest`] for an unknown action, [`Code::ApprovalRequired`] where none can be asked for.
pub async fn ask_approval<T: Upgrades + Fleets>(
    table: &T,
    caller: &Caller,
    id: UpgradeId,
    action: Option<&str>,
    now: Timestamp,
) -> Result<UpgradeView, Problem> {
    caller.require(Scope::UpgradeExecute)?;
    let critical = [Action::Start, Action::ContinueAnyway, Action::Rollback];
    let Some(action) = critical.into_iter().find(|a| Some(a.name()) == action) else {
        let problem = action.map_or("is missing".to_owned(), |a| format!("is {a:?}"));
        let accepted = "start, continue-anyway or rollback";
        return Err(Problem::fields(vec![FieldError::new(
            "action", problem, accepted,
        )]));
    };
    apply(
        table,
        caller,
        id,
        now,
        &Command::AskApproval {
            action,
            changes: None,
        },
        |_| Ok(()),
    )
    .await
}

/// Grants an approval, and gives the token that uses it: shown once, good for one action of one plan.
///
/// # Errors
/// [`Code::NotFound`], [`Code::NotPossibleNow`] when it is decided or has expired, [`Code::NotIndependent`] for who asked.
pub async fn grant<T: Upgrades + Fleets>(
    table: &T,
    caller: &Caller,
    (id, number): (UpgradeId, u64),
    (remark, random): (Option<&str>, [u8; 32]),
    now: Timestamp,
) -> Result<GrantedApproval, Problem> {
    caller.require(Scope::UpgradeApprove)?;
    let token = Secret::new(Use::Approval, random);
    let command = Command::Grant {
        number,
        token: token.hash(),
        remark: text(remark)?,
    };
    let view = apply(table, caller, id, now, &command, |_| Ok(())).await?;
    let approval = view.approvals.into_iter().find(|a| a.number == number);
    let approval = approval.ok_or_else(|| unknown(number))?;
    Ok(GrantedApproval { approval, token })
}

/// Denies an approval, with a remark.
///
/// # Errors
/// As [`grant`], and [`Code::InvalidRequest`] without a remark.
pub async fn deny<T: Upgrades + Fleets>(
    table: &T,
    caller: &Caller,
    (id, number): (UpgradeId, u64),
    remark: Option<&str>,
    now: Timestamp,
) -> Result<UpgradeView, Problem> {
    caller.require(Scope::UpgradeApprove)?;
    let remark = text(remark)?;
    if remark.is_empty() {
        let error = FieldError::new("remark", "is missing", "1 to 500 characters");
        return Err(Problem::fields(vec![error]));
    }
    apply(table, caller, id, now, &Command::Deny { number, remark }, |_| {
        Ok(())
    })
    .await
}

fn unknown(number: u64) -> Problem {
    Problem::new(Code::NotFound, format!("there is no approval {number}"))
}

/// A tenant's approvals, those of the newest upgrades first; a page may be empty and not the last.
///
/// # Errors
/// [`Code::InvalidRequest`] for a limit outside 1 to 100.
pub async fn approvals<T: Upgrades>(
    table: &T,
    caller: &Caller,
    tenant: &TenantId,
    (limit, cursor): (Option<&str>, Option<&str>),
) -> Result<ApprovalList, Problem> {
    caller.require(Scope::UpgradeRead)?;
    caller.require_tenant(tenant)?;
    let page = table
        .upgrades(tenant, limit_of(limit)?, cursor)
        .await
        .map_err(refusal::port)?;
    Ok(ApprovalList {
        approvals: page.items.iter().flat_map(views).collect(),
        next_cursor: page.next,
    })
}

/// An upgrade's approvals as callers see them.
pub(super) fn views(upgrade: &Upgrade) -> Vec<ApprovalView> {
    let view = |a: &approval::Approval| ApprovalView::of(upgrade.upgrade_id, a);
    upgrade.approvals.all().iter().map(view).collect()
}

/// Changes a plan before its start: another plan with another hash, to be agreed to anew.
///
/// # Errors
/// [`Code::InvalidRequest`] for values out of range, [`Code::NotPossibleNow`] once it has been started.
pub async fn edit<T, B>(
    table: &T,
    blobs: &B,
    caller: &Caller,
    id: UpgradeId,
    changes: &Changes,
    now: Timestamp,
) -> Result<UpgradeView, Problem>
where
    T: Upgrades + Fleets,
    B: Blobs,
{
    caller.require(Scope::UpgradeApprove)?;
    let loaded = flow::load(table, &caller.tenant_id, id)
        .await
        .map_err(refusal::step)?;
    loaded
        .upgrade
        .may(Action::Start)
        .map_err(|e| refusal::change(Refusal::from(e).into()))?;
    let settings = loaded.plan.settings.changed(changes).map_err(Problem::fields)?;
    let fleet = loaded.upgrade.fleet.clone();
    let Some(declared) = table.fleet(&fleet).await.map_err(refusal::port)? else {
        return Err(Problem::new(Code::NotFound, format!("there is no fleet {fleet}")));
    };
    let instances = table.instances(&fleet).await.map_err(refusal::port)?;
    let planned = Plan::make(Request {
        fleet,
        from: loaded.upgrade.from.clone(),
        to: loaded.upgrade.to.clone(),
        settings,
        slots: instances.into_iter().map(slot).collect(),
        check_in: declared.check_in,
    });
    let (plan, positions) = planned.map_err(|e| unplannable(&e))?;
    publish(blobs, &plan, positions).await?;
    let command = Command::Edit {
        plan_hash: plan.hash(),
        changes: changes.clone(),
    };
    let replaced = Loaded {
        upgrade: loaded.upgrade,
        plan,
    };
    match flow::replan(table, &replaced, command, &caller.actor(), now).await {
        Ok(upgrade) => view::build(table, &Loaded { upgrade, ..replaced }).await,
        Err(flow::ChangeError::Port(error)) if error.kind == PortErrorKind::Conflict => Err(Problem::new(
            Code::Conflict,
            "somebody else changed the upgrade at the same time; read again and try again",
        )),
        Err(error) => Err(refusal::change(error)),
    }
}
