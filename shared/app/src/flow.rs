//! What the steps share: loading the record, writing a change, and the word for what follows.

use futures::future::try_join_all;
use jiff::Timestamp;
use sluice_contract::error::ErrorName;
use sluice_contract::step::{MAX_BATCHES_RUN, MAX_TICKS, Next, Step};
use sluice_core::ids::{TenantId, UpgradeId};
use sluice_core::plan::Plan;
use sluice_core::policy::kept::{Owner, Revision};
use sluice_core::policy::read::Wrong;
use sluice_core::probe::{Counts, Decision, Look, recovered};
use sluice_core::timetable::{self, Timetable};
use sluice_core::upgrade::{Change, Command, Context, Refusal, Upgrade};

use crate::error::StepError;
use crate::ports::{Policies, PortError, Upgrades};

/// An upgrade with its plan.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The record.
    pub upgrade: Upgrade,
    /// Its plan.
    pub plan: Plan,
}

/// Reads an upgrade and its plan. An upgrade of another tenant does not exist.
///
/// # Errors
/// `NotFound`, or what the table says.
pub async fn load(store: &impl Upgrades, tenant: &TenantId, id: UpgradeId) -> Result<Loaded, StepError> {
    let upgrade = store.upgrade(id).await?.filter(|u| u.fleet.tenant_id == *tenant);
    let upgrade = upgrade.ok_or_else(|| StepError::not_found(format!("upgrade {id}")))?;
    let plan = store
        .plan(id)
        .await?
        .ok_or_else(|| StepError::not_found(format!("plan of upgrade {id}")))?;
    Ok(Loaded { upgrade, plan })
}

/// Why a change was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The record does not allow it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The table did not take it.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl From<ChangeError> for StepError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Refused(refusal) => refusal.into(),
            ChangeError::Port(port) => port.into(),
        }
    }
}

/// Applies a command to the record as it was read and writes the change in one transaction.
///
/// # Errors
/// [`ChangeError`]; nothing is written then.
pub async fn change(
    store: &impl Upgrades,
    loaded: &Loaded,
    command: Command,
    actor: &str,
    now: Timestamp,
) -> Result<Upgrade, ChangeError> {
    let change = made(store, loaded, command, actor, now).await?;
    store.commit(&change).await?;
    tell(&change, actor);
    Ok(change.upgrade)
}

/// The same for a command that brings another plan, which is written with it.
///
/// # Errors
/// [`ChangeError`]; nothing is written then.
pub async fn replan(
    store: &impl Upgrades,
    loaded: &Loaded,
    command: Command,
    actor: &str,
    now: Timestamp,
) -> Result<Upgrade, ChangeError> {
    let change = made(store, loaded, command, actor, now).await?;
    store.commit_with_plan(&change, &loaded.plan).await?;
    tell(&change, actor);
    Ok(change.upgrade)
}

async fn made(
    store: &impl Upgrades,
    loaded: &Loaded,
    command: Command,
    actor: &str,
    now: Timestamp,
) -> Result<Change, ChangeError> {
    let channel = store.channel(&loaded.upgrade.fleet).await?;
    let context = Context {
        plan: &loaded.plan,
        channel: channel.as_ref(),
        now,
        actor,
    };
    Ok(loaded.upgrade.apply(command, &context)?)
}

fn tell(change: &Change, actor: &str) {
    tracing::info!(
        tenant_id = %change.upgrade.fleet.tenant_id,
        component_id = %change.upgrade.fleet.component_id,
        upgrade_id = %change.upgrade.upgrade_id,
        from_version = %change.upgrade.from.version,
        to_version = %change.upgrade.to.version,
        status = change.upgrade.status.name(),
        stage = change.event.batch,
        gray_ratio = %change.upgrade.weight,
        seq = change.event.seq.0,
        actor,
        "{}",
        change.event.name
    );
}

/// Ends a hold for a fault of our own after a look that succeeded.
///
/// # Errors
/// [`ChangeError`]; nothing is written then.
pub async fn recover(
    table: &impl Upgrades,
    loaded: Loaded,
    actor: &str,
    now: Timestamp,
) -> Result<Loaded, ChangeError> {
    let Some(command) = recovered(&loaded.upgrade) else {
        return Ok(loaded);
    };
    let upgrade = change(table, &loaded, command, actor, now).await?;
    Ok(Loaded { upgrade, ..loaded })
}

/// A look at the record alone, as a workflow takes it before it does something by itself.
#[must_use]
pub fn look<'a>(step: &Step, loaded: &'a Loaded, now: Timestamp) -> Look<'a> {
    Look {
        upgrade: &loaded.upgrade,
        plan: &loaded.plan,
        epoch: step.epoch,
        attempt: step.attempt,
        counts: Counts::default(),
        dropped: 0,
        failed: &[],
        stop: None,
        verdict: None,
        room: None,
        silent: None,
        now,
    }
}

/// What a decision comes to at this time, by the policies that hold now: windows, freezes and stops. They are read only
/// where they matter.
///
/// # Errors
/// When the policies cannot be read. Policies that do not fit together hold what is to be released.
pub async fn in_time(
    table: &impl Policies,
    loaded: &Loaded,
    decision: Decision,
    now: Timestamp,
) -> Result<Decision, StepError> {
    let (upgrade, plan) = (&loaded.upgrade, &loaded.plan);
    if timetable::asks(&decision, upgrade).is_none() {
        return Ok(decision);
    }
    let fleet = &upgrade.fleet;
    let owners = Owner::chain(&fleet.tenant_id, Some(fleet.component_id));
    let set = try_join_all(owners.iter().map(|owner| table.policy(owner))).await?;
    let layers: Result<Vec<_>, _> = set.iter().flatten().map(Revision::layer).collect();
    let timetable = layers
        .map_err(|refusal| refusal.to_string())
        .and_then(|layers| Timetable::of(&layers).map_err(|wrongs| told(&wrongs)));
    Ok(match timetable {
        Ok(timetable) => timetable.judge(decision, upgrade, plan, now),
        Err(problem) => {
            tracing::error!(upgrade_id = %upgrade.upgrade_id, problem, "the policies cannot be followed");
            timetable::without(decision, upgrade, problem)
        }
    })
}

fn told(wrongs: &[Wrong]) -> String {
    let told: Vec<_> = wrongs
        .iter()
        .map(|w| format!("{} {}", w.path, w.problem))
        .collect();
    told.join("; ").chars().take(200).collect()
}

/// The step, with the time until the next look where it waits for its time.
#[must_use]
pub fn until_then(step: Step, loaded: &Loaded, now: Timestamp) -> Step {
    let wait_seconds = timetable::look_after_seconds(&loaded.upgrade, &loaded.plan, now);
    Step {
        wait_seconds: wait_seconds.unwrap_or(step.wait_seconds),
        ..step
    }
}

/// The step that follows a decision that writes nothing (any more).
#[must_use]
pub fn follow(step: &Step, loaded: &Loaded, decision: &Decision) -> Step {
    let upgrade = &loaded.upgrade;
    let step = Step {
        ticks: step.ticks.saturating_add(1),
        wait_seconds: loaded.plan.settings.health_check_interval_seconds,
        fault: None,
        ..step.clone()
    };
    match decision {
        Decision::Superseded => step.to(Next::Superseded),
        Decision::Ended => step.to(Next::Report),
        // The way back has a workflow, an epoch and a count of its own.
        Decision::GoBack => Step {
            epoch: upgrade.epoch,
            attempt: upgrade.attempt,
            generation: 0,
            ..step
        }
        .to(Next::RollBack),
        _ if upgrade.batch != step.batch && upgrade.status.is_active() => next_batch(&step, upgrade),
        _ if step.ticks >= MAX_TICKS => Step {
            generation: step.generation.saturating_add(1),
            ticks: 0,
            ..step
        }
        .to(Next::RunBatch),
        Decision::Deploy => step.to(Next::Deploy),
        Decision::Shift => step.to(Next::Shift),
        Decision::Wait | Decision::Apply(_) => step.to(Next::Wait),
    }
}

fn next_batch(step: &Step, upgrade: &Upgrade) -> Step {
    let step = Step {
        batch: upgrade.batch,
        generation: 0,
        ticks: 0,
        batches_run: step.batches_run.saturating_add(1),
        ..step.clone()
    };
    if step.batches_run >= MAX_BATCHES_RUN {
        Step {
            part: step.part.saturating_add(1),
            ..step
        }
        .to(Next::Successor)
    } else {
        step.to(Next::RunBatch)
    }
}

/// Refuses a contract that this build does not speak.
///
/// # Errors
/// `BadInput` with both versions.
pub fn check_contract(given: u32) -> Result<(), StepError> {
    if given == sluice_contract::VERSION {
        return Ok(());
    }
    let message = format!(
        "contract {given} is not spoken here; accepted: {}",
        sluice_contract::VERSION
    );
    Err(StepError::new(ErrorName::BadInput, message))
}
