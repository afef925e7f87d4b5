//! Changes an upgrade while it runs.

use jiff::Timestamp;
use sluice_contract::api::UpgradeView;
use sluice_contract::problem::{Code, Problem};
use sluice_core::action::Action;
use sluice_core::approval;
use sluice_core::ids::UpgradeId;
use sluice_core::plan::{Plan, Positions};
use sluice_core::settings::{Changes, FieldError, Shape};
use sluice_core::upgrade::{Command, Refusal, agreed, kept};

use super::approval::{Shown, check};
use super::control::{MAX_TRIES, told};
use super::create::publish;
use super::propose::{slot, unplannable};
use super::view;
use crate::caller::{Caller, Scope};
use crate::flow::{self, ChangeError, Loaded};
use crate::ports::{Blobs, Fleets, PortErrorKind, Upgrades};
use crate::{refusal, room};

/// Changes limits, delays and the size of what is not released of a running upgrade. Where somebody else has to agree, they
/// are asked first, and the changes are made by showing the approval's token with the same changes.
///
/// # Errors
/// [`Code::InvalidRequest`] for values out of range, [`Code::NotPossibleNow`] unless it runs, and what approvals refuse.
pub async fn adjust<T, B>(
    table: &T,
    blobs: &B,
    caller: &Caller,
    id: UpgradeId,
    (changes, shown): (&Changes, Shown<'_>),
    now: Timestamp,
) -> Result<UpgradeView, Problem>
where
    T: Upgrades + Fleets,
    B: Blobs,
{
    caller.require(Scope::UpgradeControl)?;
    for _ in 0..MAX_TRIES {
        let loaded = flow::load(table, &caller.tenant_id, id)
            .await
            .map_err(refusal::step)?;
        let upgrade = &loaded.upgrade;
        upgrade
            .may(Action::Adjust)
            .map_err(|e| told(refusal::change(Refusal::from(e).into()), upgrade))?;
        let (plan, positions) = recut(table, blobs, &loaded, changes).await?;
        let needed = approval::is_needed(&plan, upgrade.status, Action::Adjust);
        let written = if needed && shown.token.is_none() {
            let command = Command::AskApproval {
                action: Action::Adjust,
                changes: Some(changes.clone()),
            };
            let asked = flow::change(table, &loaded, command, &caller.actor(), now).await;
            asked.map(|upgrade| Loaded {
                upgrade,
                ..loaded.clone()
            })
        } else {
            if needed {
                agreed(upgrade, changes).map_err(|e| refusal::change(Refusal::from(e).into()))?;
            }
            check(&loaded, Action::Adjust, shown, now)?;
            publish(blobs, &plan, positions).await?;
            let command = Command::Adjust {
                plan_hash: plan.hash(),
                changes: changes.clone(),
            };
            let replaced = Loaded {
                upgrade: upgrade.clone(),
                plan,
            };
            let adjusted = flow::replan(table, &replaced, command, &caller.actor(), now).await;
            adjusted.map(|upgrade| Loaded { upgrade, ..replaced })
        };
        match written {
            Ok(loaded) => return view::build(table, &loaded).await,
            Err(ChangeError::Port(error)) if error.kind == PortErrorKind::Conflict => {}
            Err(error) => return Err(told(refusal::change(error), upgrade)),
        }
    }
    Err(Problem::new(
        Code::Conflict,
        "the upgrade changes too quickly at the moment; try again",
    ))
}

/// The plan as it would be, with its positions, which stay.
async fn recut<T: Fleets, B: Blobs>(
    table: &T,
    blobs: &B,
    loaded: &Loaded,
    changes: &Changes,
) -> Result<(Plan, Positions), Problem> {
    let (upgrade, plan) = (&loaded.upgrade, &loaded.plan);
    let resized = changes.batch_size.or(changes.batch_percentage).is_some();
    if resized && matches!(plan.settings.shape, Shape::Ratios(_)) {
        let field = if changes.batch_size.is_some() {
            "batchSize"
        } else {
            "batchPercentage"
        };
        let problem = "is said, and the plan is divided by ratios";
        let error = FieldError::new(field, problem, "any other change");
        return Err(Problem::fields(vec![error]));
    }
    let settings = plan.settings.changed(changes).map_err(Problem::fields)?;
    let positions = room::positions(blobs, &plan.hash())
        .await
        .map_err(refusal::port)?;
    let slots: Vec<_> = match resized {
        true => {
            let instances = table.instances(&upgrade.fleet).await.map_err(refusal::port)?;
            instances.into_iter().map(slot).collect()
        }
        false => Vec::new(),
    };
    // What is not resized stays cut as it is.
    let kept = if resized {
        kept(upgrade)
    } else {
        plan.batch_count()
    };
    let made = plan
        .recut(settings, kept, &positions, &slots)
        .map_err(|e| unplannable(&e))?;
    Ok((made, positions))
}
