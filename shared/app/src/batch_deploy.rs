//! Releases a batch: one transaction raises the channel's frontier, whatever the batch's size.

use jiff::Timestamp;
use sluice_contract::step::{Next, Step};
use sluice_core::probe::{Decision, decide};
use sluice_core::upgrade::Command;

use crate::error::StepError;
use crate::flow::{self, Loaded};
use crate::ports::Upgrades;

const ACTOR: &str = "system:batch-deploy";

/// Runs the step.
///
/// # Errors
/// See [`StepError`]; nothing is released then.
pub async fn run(table: &impl Upgrades, step: &Step, now: Timestamp) -> Result<Step, StepError> {
    flow::check_contract(step.contract)?;
    let loaded = flow::load(table, &step.tenant_id, step.upgrade_id).await?;
    let decision = decide(&flow::look(step, &loaded, now));
    if decision != Decision::Deploy || loaded.upgrade.batch != step.batch {
        return Ok(flow::follow(step, &loaded, &decision));
    }
    let upgrade = flow::change(table, &loaded, Command::Release, ACTOR, now).await?;
    let loaded = Loaded { upgrade, ..loaded };
    Ok(flow::follow(step, &loaded, &Decision::Wait).to(Next::Wait))
}
