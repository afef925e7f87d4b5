//! An upgrade as a caller sees it.

use std::collections::BTreeMap;

use sluice_contract::api::{BatchPhase, BatchView, HoldView, RollbackInfo, UpgradeSummary, UpgradeView};
use sluice_contract::problem::{Code, Problem};
use sluice_core::fleet::InstanceStatus;
use sluice_core::hold::{self, Cause, Hold};
use sluice_core::lifecycle::Status;
use sluice_core::plan::Batch;
use sluice_core::probe::Counts;
use sluice_core::upgrade::{Phase, Upgrade};

use crate::flow::Loaded;
use crate::ports::{Fleets, Group, Upgrades};
use crate::refusal;

/// Most instances that a rollback is shown with.
const MAX_INSTANCES: usize = 1_000;

/// Shows an upgrade whose plan is to be read first.
pub(super) async fn view<T: Upgrades + Fleets>(table: &T, upgrade: Upgrade) -> Result<UpgradeView, Problem> {
    let plan = table.plan(upgrade.upgrade_id).await.map_err(refusal::port)?;
    let plan = plan.ok_or_else(|| Problem::new(Code::NotFound, "the upgrade's plan does not exist"))?;
    build(table, &Loaded { upgrade, plan }).await
}

/// Shows an upgrade.
pub(super) async fn build<T: Upgrades + Fleets>(table: &T, loaded: &Loaded) -> Result<UpgradeView, Problem> {
    let (upgrade, plan) = (&loaded.upgrade, &loaded.plan);
    let settings = &plan.settings;
    let counts = counts(table, upgrade).await?;
    let look = table.look(upgrade.upgrade_id).await.map_err(refusal::port)?;
    let hold = hold::why(upgrade, plan, counts.reported());
    Ok(UpgradeView {
        execution_id: upgrade.upgrade_id,
        tenant_id: upgrade.fleet.tenant_id.clone(),
        component_id: upgrade.fleet.component_id,
        fleet_id: upgrade.fleet.fleet_id.clone(),
        from_version_id: upgrade.from.version_id,
        from_version: upgrade.from.version.to_string(),
        to_version_id: upgrade.to.version_id,
        to_version: upgrade.to.version.to_string(),
        strategy: settings.strategy,
        status: upgrade.status.name().to_owned(),
        plan_hash: upgrade.plan_hash.clone(),
        total_instances: plan.total_instances,
        batches: plan.batches.iter().map(|b| batch(upgrade, b, counts)).collect(),
        current_batch: upgrade.batch,
        traffic_percentage: upgrade.weight,
        epoch: upgrade.epoch,
        hold: hold.map(|hold| held(upgrade, hold)),
        approvals: super::approval::views(upgrade),
        gate: look.and_then(|l| l.gate),
        unreachable_instances: upgrade.unreachable.clone(),
        dropped_instances: upgrade.exceptions.named_dropped(),
        rollback_info: rollback_info(table, loaded, counts).await?,
        failure: upgrade.failure.clone(),
        warnings: plan.warnings.clone(),
        policies: settings.policies.clone(),
        estimated_total_seconds: plan.estimated_total_seconds,
        initiated_by: upgrade.initiated_by.clone(),
        requested_by: upgrade.requested_by.clone(),
        created_at: upgrade.created_at,
        started_at: upgrade.started_at,
        ended_at: upgrade.ended_at,
        clocks: upgrade.clocks,
        report_available: upgrade.clocks.t5_record_complete.is_some(),
        seq: upgrade.seq,
    })
}

/// A wait with everything that its table and the upgrade say about it.
fn held(upgrade: &Upgrade, hold: Hold) -> HoldView {
    let told = hold.cause.told();
    let number = match &hold.cause {
        Cause::Approval { number, .. } => number.to_string(),
        _ => String::new(),
    };
    HoldView {
        sentence: hold.cause.to_string(),
        released_by: told.released_by.to_owned(),
        command: told
            .command
            .replace("ID", &upgrade.upgrade_id.to_string())
            .replace("NUMBER", &number),
        deadline: match hold.until {
            Some(until) => format!("at {until}"),
            None => told.deadline.to_owned(),
        },
        hold,
    }
}

/// One of many.
pub(super) fn summary(upgrade: &Upgrade) -> UpgradeSummary {
    UpgradeSummary {
        execution_id: upgrade.upgrade_id,
        component_id: upgrade.fleet.component_id,
        fleet_id: upgrade.fleet.fleet_id.clone(),
        from_version: upgrade.from.version.to_string(),
        to_version: upgrade.to.version.to_string(),
        status: upgrade.status.name().to_owned(),
        created_at: upgrade.created_at,
        ended_at: upgrade.ended_at,
    }
}

/// Reports of the current batch, or of the way back.
async fn counts(table: &impl Upgrades, upgrade: &Upgrade) -> Result<Counts, Problem> {
    let back = matches!(upgrade.phase, Phase::Reverting { .. });
    let batch = if back { None } else { Some(upgrade.batch) };
    let group = Group {
        upgrade_id: upgrade.upgrade_id,
        epoch: upgrade.epoch,
        batch,
    };
    table.counts(group).await.map_err(refusal::port)
}

fn batch(upgrade: &Upgrade, batch: &Batch, counts: Counts) -> BatchView {
    let phase = phase(upgrade, batch);
    let current = upgrade.batch == batch.index && !matches!(upgrade.phase, Phase::Reverting { .. });
    let of = |by_batch: &BTreeMap<u32, u32>| by_batch.get(&batch.index).copied().unwrap_or(0);
    let unreachable = of(&upgrade.unreachable_by_batch);
    let dropped = of(&upgrade.dropped_by_batch);
    let (completed, failed) = match phase {
        _ if current => (counts.completed, counts.failed),
        BatchPhase::Passed => {
            let failed = of(&upgrade.failures_by_batch);
            let missing = failed.saturating_add(unreachable).saturating_add(dropped);
            (batch.size().saturating_sub(missing), failed)
        }
        _ => (0, 0),
    };
    BatchView {
        index: batch.index,
        kind: batch.kind,
        size: batch.size(),
        phase,
        completed,
        failed,
        unreachable,
        dropped,
    }
}

fn phase(upgrade: &Upgrade, batch: &Batch) -> BatchPhase {
    match upgrade.phase {
        Phase::Reverting { frontier, .. } if batch.begin >= frontier => BatchPhase::Pending,
        Phase::Reverting { .. } if upgrade.status == Status::RolledBack => BatchPhase::Reverted,
        Phase::Reverting { .. } => BatchPhase::Reverting,
        _ if batch.index < upgrade.batch => BatchPhase::Passed,
        _ if batch.index > upgrade.batch => BatchPhase::Pending,
        Phase::Ready { .. } => BatchPhase::Pending,
        Phase::Moving { .. } => BatchPhase::Moving,
        Phase::Shifting { .. } => BatchPhase::Shifting,
        Phase::Baking { .. } => BatchPhase::Baking,
    }
}

async fn rollback_info<T: Fleets>(
    table: &T,
    loaded: &Loaded,
    counts: Counts,
) -> Result<RollbackInfo, Problem> {
    let (upgrade, settings) = (&loaded.upgrade, &loaded.plan.settings);
    let moving = matches!(upgrade.phase, Phase::Moving { .. });
    let rollback = upgrade.rollback.as_ref();
    Ok(RollbackInfo {
        auto_rollback_enabled: settings.auto_rollback_enabled,
        failure_threshold: settings.failure_threshold,
        current_failures: upgrade
            .failures
            .saturating_add(if moving { counts.failed } else { 0 }),
        rollback_reason: rollback.map(|r| r.reason.clone()),
        rollback_initiated_at: rollback.map(|r| r.initiated_at),
        rollback_initiated_by: rollback.map(|r| r.initiated_by.clone()),
        rolled_back_instances: rolled_back(table, upgrade).await?,
    })
}

async fn rolled_back<T: Fleets>(table: &T, upgrade: &Upgrade) -> Result<Vec<String>, Problem> {
    if upgrade.rollback.is_none() {
        return Ok(Vec::new());
    }
    let instances = table.instances(&upgrade.fleet).await.map_err(refusal::port)?;
    let back = instances.into_iter().filter(|i| {
        let report = i.report.as_ref().filter(|r| r.upgrade_id == upgrade.upgrade_id);
        report.is_some_and(|r| r.status == InstanceStatus::RolledBack)
    });
    Ok(back
        .take(MAX_INSTANCES)
        .map(|i| i.instance_id.to_string())
        .collect())
}
