//! Looks at a running batch: gathers reports, metrics and operators' decisions, decides once, writes once.

use jiff::Timestamp;
use sluice_contract::step::Step;
use sluice_core::fleet::MetricSource;
use sluice_core::hold::Cause;
use sluice_core::probe::{self, Counts, Decision, bake_left_ms, decide};
use sluice_core::upgrade::{Phase, Upgrade};
use sluice_judge::gate::{Evidence, Verdict, judge};

use crate::error::StepError;
use crate::flow::{self, Loaded};
use crate::ports::{Fleets, Group, Look, Metrics, PortError, Upgrades, Window};

const ACTOR: &str = "system:health-probe";

/// Decisions that one look may carry out, one after the other: the last batch's pass and the completion that follows.
const MAX_DECISIONS: u32 = 4;

/// Runs the step.
///
/// # Errors
/// See [`StepError`]; what was decided before the error is written.
pub async fn run<T, M>(table: &T, metrics: &M, step: &Step, now: Timestamp) -> Result<Step, StepError>
where
    T: Upgrades + Fleets,
    M: Metrics,
{
    flow::check_contract(step.contract)?;
    let mut loaded = flow::load(table, &step.tenant_id, step.upgrade_id).await?;
    if let Some(fault) = &step.fault {
        return record_fault(table, step, loaded, &fault.error, now).await;
    }
    let (verdict, blind) = match gate(table, metrics, &loaded, now).await {
        Ok(verdict) => (verdict, None),
        // Reports and operators still count while the metrics are away; nothing passes meanwhile.
        Err(error) => (None, Some(error)),
    };
    let gate = verdict.as_ref().map(ToString::to_string);
    table.put_look(step.upgrade_id, &Look { at: now, gate }).await?;
    let mut decision = Decision::Wait;
    for _ in 0..MAX_DECISIONS {
        decision = look(table, step, &loaded, verdict.as_ref(), now).await?;
        let Decision::Apply(command) = decision else { break };
        let upgrade = flow::change(table, &loaded, command, ACTOR, now).await?;
        loaded = Loaded { upgrade, ..loaded };
        decision = Decision::Wait;
    }
    match blind {
        Some(error) if decision == Decision::Wait => {
            record_fault(table, step, loaded, &error.to_string(), now).await
        }
        None if decision == Decision::Wait => Ok(flow::follow(
            step,
            &flow::recover(table, loaded, ACTOR, now).await?,
            &decision,
        )),
        _ => Ok(flow::follow(step, &loaded, &decision)),
    }
}

async fn look(
    table: &impl Upgrades,
    step: &Step,
    loaded: &Loaded,
    verdict: Option<&Verdict>,
    now: Timestamp,
) -> Result<Decision, StepError> {
    let upgrade = &loaded.upgrade;
    let counts = match upgrade.phase {
        Phase::Moving { .. } => {
            let batch = Some(upgrade.batch);
            table
                .counts(Group {
                    upgrade_id: upgrade.upgrade_id,
                    epoch: upgrade.epoch,
                    batch,
                })
                .await?
        }
        _ => Counts::default(),
    };
    let (epoch, attempt) = (step.epoch, step.attempt);
    // A verdict is about the newest release: after a pass the next batch's evidence begins anew.
    let verdict = verdict.filter(|_| !matches!(upgrade.phase, Phase::Ready { since } if since == now));
    Ok(decide(&probe::Look {
        upgrade,
        plan: &loaded.plan,
        epoch,
        attempt,
        counts,
        verdict,
        now,
    }))
}

/// An error of our own is no verdict on the version: it holds, says so, and the looks go on.
async fn record_fault(
    table: &impl Upgrades,
    step: &Step,
    loaded: Loaded,
    error: &str,
    now: Timestamp,
) -> Result<Step, StepError> {
    let cause = Cause::OrchestratorFault {
        error: error.chars().take(200).collect(),
    };
    let ours = (step.epoch, step.attempt) == (loaded.upgrade.epoch, loaded.upgrade.attempt);
    let decision = match look(table, step, &loaded, None, now).await? {
        Decision::Apply(_) | Decision::Deploy | Decision::Shift | Decision::Wait if ours => {
            probe::hold(&loaded.upgrade, cause)
        }
        other => return Ok(flow::follow(step, &loaded, &other)),
    };
    let Decision::Apply(command) = decision else {
        return Ok(flow::follow(step, &loaded, &Decision::Wait));
    };
    let upgrade = flow::change(table, &loaded, command, ACTOR, now).await?;
    Ok(flow::follow(step, &Loaded { upgrade, ..loaded }, &Decision::Wait))
}

/// The gate's verdict about the newest release; none before there is one.
async fn gate(
    table: &impl Fleets,
    metrics: &impl Metrics,
    loaded: &Loaded,
    now: Timestamp,
) -> Result<Option<Verdict>, PortError> {
    let upgrade = &loaded.upgrade;
    let (Some(from), true) = (upgrade.released_at, upgrade.status.is_active()) else {
        return Ok(None);
    };
    let source = table.fleet(&upgrade.fleet).await?.and_then(|f| f.metrics);
    let datapoints = match &source {
        Some(source) => Some(datapoints(metrics, source, upgrade, Window { from, until: now }).await?),
        None => None,
    };
    let evidence = Evidence {
        datapoints,
        restart: releases(upgrade).saturating_sub(1),
        bake_left_ms: bake_left_ms(upgrade, &loaded.plan, now),
        now_ms: now.as_millisecond(),
    };
    Ok(Some(judge(&evidence, &loaded.plan.settings.gate)))
}

async fn datapoints(
    metrics: &impl Metrics,
    source: &MetricSource,
    upgrade: &Upgrade,
    window: Window,
) -> Result<Vec<sluice_judge::errors::Datapoint>, PortError> {
    let (new, old) = (upgrade.to.version.to_string(), upgrade.from.version.to_string());
    metrics
        .datapoints(source, &upgrade.fleet, &new, &old, window)
        .await
}

/// How many batches have been released.
fn releases(upgrade: &Upgrade) -> u32 {
    upgrade.batch + u32::from(!matches!(upgrade.phase, Phase::Ready { .. }))
}
