//! The first step: the checks before anything moves, the checkpoint, and the taking of the channel.
//!
//! It is also where a fresh execution of the upgrade machine goes on with an upgrade that runs already.

use jiff::Timestamp;
use serde::Serialize;
use sluice_contract::step::{Next, Start, Step};
use sluice_core::fleet::{Instance, Switch};
use sluice_core::lifecycle::Status;
use sluice_core::upgrade::{Check, Command, Upgrade};

use crate::error::StepError;
use crate::flow::{self, Loaded};
use crate::keys;
use crate::ports::{Blobs, Fleets, Metrics, Registry, Upgrades};

mod before;

const ACTOR: &str = "system:planning";

/// Runs the step.
///
/// # Errors
/// See [`StepError`]; the record has not changed then.
pub async fn run<T, B, M>(
    table: &T,
    blobs: &B,
    metrics: &M,
    input: &Start,
    now: Timestamp,
) -> Result<Step, StepError>
where
    T: Upgrades + Fleets + Registry,
    B: Blobs,
    M: Metrics,
{
    flow::check_contract(input.contract)?;
    let loaded = flow::load(table, &input.tenant_id, input.upgrade_id).await?;
    let upgrade = &loaded.upgrade;
    if input.attempt != upgrade.attempt && !upgrade.status.is_terminal() {
        return Ok(input.step(upgrade.epoch, upgrade.batch, Next::Superseded));
    }
    match upgrade.status {
        Status::Pending => Ok(input.step(upgrade.epoch, 0, Next::Superseded)),
        Status::Validating => validate(table, blobs, metrics, input, &loaded, now).await,
        Status::RollingBack => Ok(input.step(upgrade.epoch, 0, Next::RollBack)),
        status if status.is_active() => {
            // After a fault of the batch's execution the next one needs a name of its own.
            let generation = input.generation + u32::from(input.fault.is_some());
            let input = Start {
                generation,
                ..input.clone()
            };
            Ok(input.step(upgrade.epoch, upgrade.batch, Next::RunBatch))
        }
        _ => Ok(input.step(upgrade.epoch, upgrade.batch, Next::Report)),
    }
}

async fn validate<T, B, M>(
    table: &T,
    blobs: &B,
    metrics: &M,
    input: &Start,
    loaded: &Loaded,
    now: Timestamp,
) -> Result<Step, StepError>
where
    T: Upgrades + Fleets + Registry,
    B: Blobs,
    M: Metrics,
{
    if let Some(fault) = &input.fault {
        let reason = format!("Sluice itself failed before anything moved: {}", fault.error);
        let failed = flow::change(
            table,
            loaded,
            Command::Fail {
                reason,
                checks: Vec::new(),
            },
            ACTOR,
            now,
        )
        .await?;
        return Ok(input.step(failed.epoch, 0, Next::Report));
    }
    let instances = table.instances(&loaded.upgrade.fleet).await?;
    let mut checks = checks(table, blobs, loaded, &instances).await?;
    if let Some(failed) = checks.iter().find(|c| !c.passed) {
        let reason = format!("the check {} failed: {}", failed.name, failed.detail);
        let upgrade = flow::change(table, loaded, Command::Fail { reason, checks }, ACTOR, now).await?;
        return Ok(input.step(upgrade.epoch, 0, Next::Report));
    }
    checkpoint(blobs, loaded, &instances, now).await?;
    let before = before::measure(table, blobs, metrics, loaded, &instances, now).await?;
    checks.push(before::check(&before));
    let upgrade = flow::change(table, loaded, Command::Validate { checks, before }, ACTOR, now).await?;
    Ok(input.step(upgrade.epoch, 0, Next::RunBatch))
}

/// What the fleet was before: enough to tell what a rollback has to restore.
#[derive(Serialize)]
struct Checkpoint<'a> {
    at: Timestamp,
    upgrade_id: sluice_core::ids::UpgradeId,
    instances: &'a [Instance],
}

async fn checkpoint(
    blobs: &impl Blobs,
    loaded: &Loaded,
    instances: &[Instance],
    now: Timestamp,
) -> Result<(), StepError> {
    let upgrade_id = loaded.upgrade.upgrade_id;
    let bytes = serde_json::to_vec(&Checkpoint {
        at: now,
        upgrade_id,
        instances,
    })
    .map_err(|e| StepError::new(sluice_contract::error::ErrorName::BadInput, e.to_string()))?;
    let key = keys::checkpoint(upgrade_id);
    // It may be needed one day: what cannot be read back now is not there.
    blobs.put(&key, bytes.clone(), "application/json").await?;
    if blobs.get(&key).await? == Some(bytes) {
        return Ok(());
    }
    let message = "the checkpoint cannot be read back as it was written";
    Err(StepError::new(
        sluice_contract::error::ErrorName::Unavailable,
        message,
    ))
}

async fn checks(
    table: &impl Registry,
    blobs: &impl Blobs,
    loaded: &Loaded,
    instances: &[Instance],
) -> Result<Vec<Check>, StepError> {
    Ok(vec![
        version_compatibility(table, loaded).await?,
        resource_availability(loaded, instances),
        backup_verification(table, blobs, loaded).await?,
        health_endpoints(loaded, instances),
    ])
}

fn check(name: &str, problem: Option<String>, fine: impl Into<String>) -> Check {
    Check {
        name: name.to_owned(),
        passed: problem.is_none(),
        detail: problem.unwrap_or_else(|| fine.into()),
    }
}

/// The target may be aimed at, and the way back may be gone, still.
async fn version_compatibility(table: &impl Registry, loaded: &Loaded) -> Result<Check, StepError> {
    let (upgrade, fleet) = (&loaded.upgrade, &loaded.upgrade.fleet);
    let mut problem = None;
    for (version, wanted) in [(&upgrade.to, "target"), (&upgrade.from, "way back")] {
        let release = table
            .release(&fleet.tenant_id, fleet.component_id, version.version_id)
            .await?;
        let usable = release.as_ref().is_some_and(|r| {
            if wanted == "target" {
                r.lifecycle_state.is_target()
            } else {
                r.lifecycle_state.is_way_back()
            }
        });
        if !usable {
            problem.get_or_insert(format!(
                "version {} cannot be a {wanted} any more",
                version.version
            ));
        }
    }
    let fine = format!(
        "{} to {} is a possible path",
        upgrade.from.version, upgrade.to.version
    );
    Ok(check("version-compatibility", problem, fine))
}

/// The fleet is the one that was planned for.
fn resource_availability(loaded: &Loaded, instances: &[Instance]) -> Check {
    let (planned, found) = (loaded.plan.total_instances as usize, instances.len());
    let problem =
        (planned != found).then(|| format!("{planned} instances were planned, and {found} are registered"));
    check(
        "resource-availability",
        problem,
        format!("all {found} instances of the plan are registered"),
    )
}

/// Both artifacts lie where they are fetched from: without the old one there is no way back.
async fn backup_verification(
    table: &impl Registry,
    blobs: &impl Blobs,
    loaded: &Loaded,
) -> Result<Check, StepError> {
    let fleet = &loaded.upgrade.fleet;
    let mut problem = None;
    for version in [&loaded.upgrade.from, &loaded.upgrade.to] {
        let Some(release) = table
            .release(&fleet.tenant_id, fleet.component_id, version.version_id)
            .await?
        else {
            problem.get_or_insert(format!("version {} is not registered", version.version));
            continue;
        };
        let found = blobs.size(&keys::artifact(&fleet.tenant_id, &release)).await?;
        if found != Some(release.size) {
            let found = found.map_or("none is there".to_owned(), |size| {
                format!("{size} bytes are there")
            });
            let wanted = release.size;
            problem.get_or_insert(format!(
                "the artifact of {} should have {wanted} bytes; {found}",
                version.version
            ));
        }
    }
    Ok(check(
        "backup-verification",
        problem,
        "the artifacts of both versions can be fetched",
    ))
}

/// Instances that do not serve the version to be left are few enough for the plan's cap: the unhealthy ones, and those
/// that an earlier upgrade left on yet another version. One that has the new version already has nothing to do.
fn health_endpoints(loaded: &Loaded, instances: &[Instance]) -> Check {
    let Upgrade { from, to, .. } = &loaded.upgrade;
    let serves = |i: &&Instance| {
        let running = i.running.as_ref().filter(|r| r.healthy);
        running.is_some_and(|r| [from, to].iter().any(|v| v.version_id == r.version.version_id))
    };
    let idle: Vec<_> = instances
        .iter()
        .filter(|i| !serves(i))
        .map(|i| i.instance_id.as_str())
        .collect();
    let (count, cap) = (idle.len(), loaded.plan.max_unavailable() as usize);
    let some = idle.iter().take(5).copied().collect::<Vec<_>>().join(", ");
    // One that moves in place is unavailable too; one that moves by overlap is not.
    let free = match loaded.plan.settings.switch {
        Switch::InPlace => cap.checked_sub(1),
        Switch::Overlap => Some(cap),
    };
    let problem = free.is_none_or(|free| count > free).then(|| {
        let (version, free) = (&from.version, free.unwrap_or(0));
        format!(
            "{count} instances are unhealthy or do not run {version}, and no more than {free} may be so: {some}"
        )
    });
    let fine = format!(
        "{} of {} instances serve",
        instances.len() - count,
        instances.len()
    );
    check("health-endpoints", problem, fine)
}
