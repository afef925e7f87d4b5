//! Releases a batch, once its time has come: one transaction raises the channel's frontier, whatever the batch's size.

use jiff::Timestamp;
use sluice_contract::step::{Next, Step};
use sluice_core::probe::{Decision, decide};
use sluice_core::upgrade::Command;

use crate::error::StepError;
use crate::flow::{self, Loaded};
use crate::ports::{Policies, Upgrades};

const ACTOR: &str = "system:batch-deploy";

/// Runs the step.
///
/// # Errors
/// See [`StepError`]; nothing is released then.
pub async fn run<T>(table: &T, step: &Step, now: Timestamp) -> Result<Step, StepError>
where
    T: Upgrades + Policies,
{
    flow::check_contract(step.contract)?;
    let loaded = flow::load(table, &step.tenant_id, step.upgrade_id).await?;
    let decision = decide(&flow::look(step, &loaded, now));
    if decision != Decision::Deploy || loaded.upgrade.batch != step.batch {
        return Ok(flow::follow(step, &loaded, &decision));
    }
    let upgrade = match flow::in_time(table, &loaded, decision, now).await? {
        Decision::Deploy => flow::change(table, &loaded, Command::Release, ACTOR, now).await?,
        Decision::Apply(Command::Hold { cause }) => {
            flow::change(table, &loaded, Command::Hold { cause }, ACTOR, now).await?
        }
        other => {
            return Ok(flow::until_then(
                flow::follow(step, &loaded, &other),
                &loaded,
                now,
            ));
        }
    };
    let loaded = Loaded { upgrade, ..loaded };
    let step = flow::follow(step, &loaded, &Decision::Wait).to(Next::Wait);
    Ok(flow::until_then(step, &loaded, now))
}
