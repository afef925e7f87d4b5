//! Watches a way back. The fleet was sent back before this runs, by the one transaction of whoever saw the failure;
//! what is left is to see the traffic and every instance back.

use jiff::Timestamp;
use sluice_contract::step::{MAX_TICKS, Next, Step};
use sluice_core::hold::Cause;
use sluice_core::probe::{self, Decision, decide_revert};

use crate::error::StepError;
use crate::flow::{self, Loaded};
use crate::ports::{Blobs, Fleets, Group, Look, Upgrades};
use crate::room;

const ACTOR: &str = "system:rollback";

/// Longest time between two looks at a way back, in seconds: it has a minute in all.
const MAX_WAIT_SECONDS: u32 = 5;

/// Runs the step.
///
/// # Errors
/// See [`StepError`]; the record has not changed then.
pub async fn run<T, B>(table: &T, blobs: &B, step: &Step, now: Timestamp) -> Result<Step, StepError>
where
    T: Upgrades + Fleets,
    B: Blobs,
{
    flow::check_contract(step.contract)?;
    let loaded = flow::load(table, &step.tenant_id, step.upgrade_id).await?;
    let upgrade = &loaded.upgrade;
    let verdict = upgrade.rollback.as_ref().and_then(|r| r.verdict.as_ref());
    let gate = verdict.map(ToString::to_string);
    table.put_look(step.upgrade_id, &Look { at: now, gate }).await?;
    let group = Group {
        upgrade_id: upgrade.upgrade_id,
        epoch: upgrade.epoch,
        batch: None,
    };
    let counts = table.counts(group).await?;
    let sight = room::see(table, blobs, &loaded, counts, now).await?;
    let look = probe::Look {
        counts,
        dropped: sight.dropped,
        silent: sight.silent.as_ref(),
        ..flow::look(step, &loaded, now)
    };
    let decision = match (&step.fault, decide_revert(&look)) {
        (Some(fault), Decision::Wait | Decision::Shift) => probe::hold(
            upgrade,
            Cause::OrchestratorFault {
                error: fault.error.clone(),
            },
        ),
        (_, decision) => decision,
    };
    let Decision::Apply(command) = decision else {
        let unhindered = decision == Decision::Wait && step.fault.is_none();
        let loaded = if unhindered {
            flow::recover(table, loaded, ACTOR, now).await?
        } else {
            loaded
        };
        return Ok(follow(step, &loaded, &decision));
    };
    let upgrade = flow::change(table, &loaded, command, ACTOR, now).await?;
    let ended = if upgrade.status.is_terminal() {
        Decision::Ended
    } else {
        Decision::Wait
    };
    Ok(follow(step, &Loaded { upgrade, ..loaded }, &ended))
}

fn follow(step: &Step, loaded: &Loaded, decision: &Decision) -> Step {
    let interval = loaded.plan.settings.health_check_interval_seconds;
    let step = Step {
        ticks: step.ticks.saturating_add(1),
        wait_seconds: interval.min(MAX_WAIT_SECONDS),
        ..step.clone()
    };
    match decision {
        Decision::Ended => step.to(Next::Report),
        Decision::Superseded => step.to(Next::Superseded),
        Decision::Shift => step.to(Next::Shift),
        _ if step.ticks >= MAX_TICKS => Step {
            generation: step.generation.saturating_add(1),
            ticks: 0,
            ..step
        }
        .to(Next::RollBack),
        _ => step.to(Next::Wait),
    }
}
