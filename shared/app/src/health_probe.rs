//! Looks at a running batch: gathers reports, metrics and operators' decisions, decides once, writes once.

use jiff::Timestamp;
use sluice_contract::step::Step;
use sluice_core::audit;
use sluice_core::fleet::{MetricSource, SourceKind};
use sluice_core::hold::Cause;
use sluice_core::probe::{self, Counts, Decision, Failed, bake_left_ms, decide};
use sluice_core::stop::in_force;
use sluice_core::upgrade::{Command, Phase, Upgrade};
use sluice_judge::gate::{Case, Evidence, Verdict};

use crate::check_ins;
use crate::error::StepError;
use crate::flow::{self, Loaded};
use crate::keys;
use crate::ports::{Blobs, Fleets, Group, Look, Metrics, Policies, PortError, Reading, Upgrades, Window};
use crate::room;

const ACTOR: &str = "system:health-probe";

/// Decisions that one look may carry out, one after the other: the last batch's pass and the completion that follows.
const MAX_DECISIONS: u32 = 4;

/// Runs the step.
///
/// # Errors
/// See [`StepError`]; what was decided before the error is written.
pub async fn run<T, M, B>(
    table: &T,
    metrics: &M,
    blobs: &B,
    step: &Step,
    now: Timestamp,
) -> Result<Step, StepError>
where
    T: Upgrades + Fleets + Policies,
    M: Metrics,
    B: Blobs,
{
    flow::check_contract(step.contract)?;
    let mut loaded = flow::load(table, &step.tenant_id, step.upgrade_id).await?;
    if let Some(fault) = &step.fault {
        return record_fault(table, blobs, step, loaded, &fault.error, now).await;
    }
    let (case, blind) = match case(table, metrics, &loaded, now).await {
        Ok(case) => (case, None),
        // Reports and operators still count while the metrics are away; nothing passes meanwhile.
        Err(error) => (None, Some(error)),
    };
    let verdict = case.as_ref().map(Case::judge);
    let gate = verdict.as_ref().map(ToString::to_string);
    table.put_look(step.upgrade_id, &Look { at: now, gate }).await?;
    let mut decision = Decision::Wait;
    for _ in 0..MAX_DECISIONS {
        decision = look(table, blobs, step, &loaded, verdict.as_ref(), now).await?;
        let Decision::Apply(command) = decision else { break };
        let command = recorded(blobs, &loaded, case.as_ref(), command).await?;
        let upgrade = flow::change(table, &loaded, command, ACTOR, now).await?;
        loaded = Loaded { upgrade, ..loaded };
        decision = Decision::Wait;
    }
    match blind {
        Some(error) if decision == Decision::Wait => {
            record_fault(table, blobs, step, loaded, &error.to_string(), now).await
        }
        None if decision == Decision::Wait => {
            let loaded = flow::recover(table, loaded, ACTOR, now).await?;
            Ok(flow::until_then(
                flow::follow(step, &loaded, &decision),
                &loaded,
                now,
            ))
        }
        _ => Ok(flow::follow(step, &loaded, &decision)),
    }
}

async fn look<T: Upgrades + Fleets + Policies, B: Blobs>(
    table: &T,
    blobs: &B,
    step: &Step,
    loaded: &Loaded,
    verdict: Option<&Verdict>,
    now: Timestamp,
) -> Result<Decision, StepError> {
    let upgrade = &loaded.upgrade;
    let (counts, failed) = match upgrade.phase {
        Phase::Moving { .. } => reports(table, upgrade).await?,
        _ => (Counts::default(), Vec::new()),
    };
    let sight = room::see(table, blobs, loaded, counts, now).await?;
    let stops = table.stops().await?;
    let (epoch, attempt) = (step.epoch, step.attempt);
    // A verdict is about the newest release: after a pass the next batch's evidence begins anew.
    let verdict = verdict.filter(|_| !matches!(upgrade.phase, Phase::Ready { since } if since == now));
    let decision = decide(&probe::Look {
        upgrade,
        plan: &loaded.plan,
        epoch,
        attempt,
        counts,
        dropped: sight.dropped,
        failed: &failed,
        stop: in_force(&stops, &upgrade.fleet),
        verdict,
        room: sight.room.as_ref(),
        silent: sight.silent.as_ref(),
        now,
    });
    flow::in_time(table, loaded, decision, now).await
}

/// The reports of the current batch, and where some failed, in which order.
async fn reports(table: &impl Upgrades, upgrade: &Upgrade) -> Result<(Counts, Vec<Failed>), PortError> {
    let group = Group {
        upgrade_id: upgrade.upgrade_id,
        epoch: upgrade.epoch,
        batch: Some(upgrade.batch),
    };
    let counts = table.counts(group).await?;
    let failed = if counts.failed > 0 {
        table.failed(group).await?
    } else {
        Vec::new()
    };
    Ok((counts, failed))
}

/// An error of our own is no verdict on the version: it holds, says so, and the looks go on.
async fn record_fault<T: Upgrades + Fleets + Policies, B: Blobs>(
    table: &T,
    blobs: &B,
    step: &Step,
    loaded: Loaded,
    error: &str,
    now: Timestamp,
) -> Result<Step, StepError> {
    let cause = Cause::OrchestratorFault {
        error: error.chars().take(200).collect(),
    };
    let ours = (step.epoch, step.attempt) == (loaded.upgrade.epoch, loaded.upgrade.attempt);
    let decision = match look(table, blobs, step, &loaded, None, now).await? {
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

/// What the gate judges about the newest release; none before there is one.
async fn case(
    table: &impl Fleets,
    metrics: &impl Metrics,
    loaded: &Loaded,
    now: Timestamp,
) -> Result<Option<Case>, PortError> {
    let upgrade = &loaded.upgrade;
    let (Some(from), true) = (upgrade.released_at, upgrade.status.is_active()) else {
        return Ok(None);
    };
    let source = table.fleet(&upgrade.fleet).await?.and_then(|f| f.metrics);
    let (from, start) = begin(upgrade, source.as_ref(), from, now);
    let series = match &source {
        Some(source) => {
            let (new, old) = (upgrade.to.version.to_string(), upgrade.from.version.to_string());
            let reading = Reading {
                source,
                fleet: &upgrade.fleet,
                new: &new,
                old: &old,
                window: Window { from, until: now },
                before: &upgrade.before,
            };
            Some(check_ins::read(table, metrics, reading).await?)
        }
        None => None,
    };
    Ok(Some(Case {
        rules: loaded.plan.settings.gate.clone(),
        evidence: Evidence {
            series,
            before: upgrade.before.clone(),
            restart: start,
            bake_left_ms: bake_left_ms(upgrade, &loaded.plan, now),
            now_ms: now.as_millisecond(),
        },
    }))
}

/// From where the newest release is judged, and the number of the test that begins there.
fn begin(
    upgrade: &Upgrade,
    source: Option<&MetricSource>,
    released: Timestamp,
    now: Timestamp,
) -> (Timestamp, u32) {
    let release = releases(upgrade).saturating_sub(1);
    if source.is_none_or(|s| s.source != SourceKind::CheckIns) {
        return (released, release);
    }
    let (from_ms, forgotten) = check_ins::begin(released.as_millisecond(), now.as_millisecond());
    let from = Timestamp::from_millisecond(from_ms).unwrap_or(released);
    (from, check_ins::start_number(release, forgotten))
}

/// Stores what a verdict rests on before the verdict is acted on, and names it in the verdict: the event then holds
/// its digest. A pass waits for it; a way back does not.
async fn recorded(
    blobs: &impl Blobs,
    loaded: &Loaded,
    case: Option<&Case>,
    command: Command,
) -> Result<Command, PortError> {
    let (Some(case), true) = (case, has_verdict(&command)) else {
        return Ok(command);
    };
    let bytes = audit::canonical(case);
    let digest = audit::digest(case);
    let key = keys::evidence(loaded.upgrade.upgrade_id, &digest);
    let stored = blobs.put(&key, bytes, "application/json").await;
    match (command, stored) {
        (Command::Pass { verdict }, Ok(())) => Ok(Command::Pass {
            verdict: verdict.recorded_as(&digest),
        }),
        (Command::Pass { .. }, Err(error)) => Err(error),
        (
            Command::RollBack {
                reason,
                automatic,
                verdict: Some(verdict),
            },
            Ok(()),
        ) => Ok(Command::RollBack {
            reason,
            automatic,
            verdict: Some(verdict.recorded_as(&digest)),
        }),
        (command, Ok(())) => Ok(command),
        (command, Err(error)) => {
            tracing::error!(upgrade_id = %loaded.upgrade.upgrade_id, %error, "the evidence was not stored");
            Ok(command)
        }
    }
}

fn has_verdict(command: &Command) -> bool {
    matches!(
        command,
        Command::Pass { .. } | Command::RollBack { verdict: Some(_), .. }
    )
}

/// How many batches have been released.
fn releases(upgrade: &Upgrade) -> u32 {
    upgrade.batch + u32::from(!matches!(upgrade.phase, Phase::Ready { .. }))
}
