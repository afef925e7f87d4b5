//! Sets the share of the traffic that the record allows, and reads it back before it is believed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sluice_contract::error::ErrorName;
use sluice_contract::step::Step;
use sluice_core::lifecycle::Status;
use sluice_core::probe::{Decision, decide};
use sluice_core::traffic;
use sluice_core::units::Percent;
use sluice_core::upgrade::{Command, Phase, Upgrade};

use crate::error::StepError;
use crate::flow::{self, Loaded};
use crate::ports::{Fence, Fleets, Group, Routes, Upgrades, Weights};

const ACTOR: &str = "system:traffic-shift";

/// Tries to bring the route to a record that goes on changing; whoever changes it sets the route after that.
const MAX_RESTORES: u32 = 4;

/// Runs the step, forward or on the way back.
///
/// # Errors
/// See [`StepError`]; the record then still holds the share that was verified last.
pub async fn run<T, R>(table: &T, routes: &R, step: &Step, now: Timestamp) -> Result<Step, StepError>
where
    T: Upgrades + Fleets,
    R: Routes,
{
    flow::check_contract(step.contract)?;
    let loaded = flow::load(table, &step.tenant_id, step.upgrade_id).await?;
    let back = loaded.upgrade.status == Status::RollingBack;
    if let Some(ended) = not_ours(step, &loaded, back, now) {
        return Ok(ended);
    }
    let acknowledged = if back {
        acknowledged(table, &loaded.upgrade).await?
    } else {
        0
    };
    let Some(weight) = traffic::due(&loaded.upgrade, &loaded.plan, acknowledged) else {
        return Ok(flow::follow(step, &loaded, &next_after(&loaded.upgrade)));
    };
    set_and_verify(table, routes, &loaded.upgrade, weight).await?;
    let upgrade = match flow::change(table, &loaded, Command::Shifted { weight }, ACTOR, now).await {
        Ok(upgrade) => upgrade,
        Err(error) => {
            restore(table, routes, step).await?;
            return Err(error.into());
        }
    };
    let next = next_after(&upgrade);
    Ok(flow::follow(step, &Loaded { upgrade, ..loaded }, &next))
}

/// A batch that waited for its share is released next.
fn next_after(upgrade: &Upgrade) -> Decision {
    match upgrade.phase {
        Phase::Ready { .. } if !upgrade.status.is_paused() => Decision::Deploy,
        _ => Decision::Wait,
    }
}

/// What follows when this workflow has no business here.
fn not_ours(step: &Step, loaded: &Loaded, back: bool, now: Timestamp) -> Option<Step> {
    if back && step.epoch == loaded.upgrade.epoch {
        return None;
    }
    let decision = decide(&flow::look(step, loaded, now));
    let ends = matches!(
        decision,
        Decision::Superseded | Decision::Ended | Decision::GoBack
    );
    ends.then(|| flow::follow(step, loaded, &decision))
}

async fn acknowledged(table: &impl Upgrades, upgrade: &Upgrade) -> Result<u32, StepError> {
    let group = Group {
        upgrade_id: upgrade.upgrade_id,
        epoch: upgrade.epoch,
        batch: None,
    };
    Ok(table.counts(group).await?.completed)
}

/// The record went another way while the route was being set: the route follows the record again, so that no share
/// outlives the word that allowed it.
async fn restore<T, R>(table: &T, routes: &R, step: &Step) -> Result<(), StepError>
where
    T: Upgrades + Fleets,
    R: Routes,
{
    for _ in 0..MAX_RESTORES {
        let before = flow::load(table, &step.tenant_id, step.upgrade_id).await?;
        // What is due, not what was written last: a way back may have set its share and not written it down yet.
        let acknowledged = acknowledged(table, &before.upgrade).await?;
        let due = traffic::due(&before.upgrade, &before.plan, acknowledged);
        set_and_verify(
            table,
            routes,
            &before.upgrade,
            due.unwrap_or(before.upgrade.weight),
        )
        .await?;
        let after = flow::load(table, &step.tenant_id, step.upgrade_id).await?.upgrade;
        if after.seq == before.upgrade.seq {
            break;
        }
    }
    Ok(())
}

async fn set_and_verify(
    table: &impl Fleets,
    routes: &impl Routes,
    upgrade: &Upgrade,
    weight: Percent,
) -> Result<(), StepError> {
    let fleet = table.fleet(&upgrade.fleet).await?;
    let Some(route) = fleet.and_then(|f| f.route) else {
        return Ok(());
    };
    let wanted = weights(upgrade, weight);
    let fence = Fence {
        epoch: upgrade.epoch,
        seq: upgrade.seq,
    };
    routes.set(&route, &wanted, fence).await?;
    let found = routes.read(&route).await?;
    if found == wanted {
        return Ok(());
    }
    let message = format!(
        "the route has {:?} instead of {:?}",
        found.weights, wanted.weights
    );
    Err(StepError::new(ErrorName::Unavailable, message))
}

/// The old version serves what the new one cannot: going forward it is what is trusted, going back what comes.
fn weights(upgrade: &Upgrade, weight: Percent) -> Weights {
    let old = upgrade.from.version.to_string();
    Weights {
        weights: BTreeMap::from([
            (upgrade.to.version.to_string(), weight.get()),
            (old.clone(), Percent::FULL.get() - weight.get()),
        ]),
        fallback: Some(old),
    }
}
