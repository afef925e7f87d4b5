//! Releases a batch, once its time has come and as far as there is room: one transaction raises the channel's frontier,
//! whatever the batch's size.

use jiff::Timestamp;
use sluice_contract::step::{Next, Step};
use sluice_core::probe::{Counts, Decision, Look, decide};
use sluice_core::stop::in_force;
use sluice_core::upgrade::Command;

use crate::error::StepError;
use crate::flow::{self, Loaded};
use crate::ports::{Blobs, Fleets, Policies, Upgrades};
use crate::room;

const ACTOR: &str = "system:batch-deploy";

/// Runs the step.
///
/// # Errors
/// See [`StepError`]; nothing is released then.
pub async fn run<T, B>(table: &T, blobs: &B, step: &Step, now: Timestamp) -> Result<Step, StepError>
where
    T: Upgrades + Fleets + Policies,
    B: Blobs,
{
    flow::check_contract(step.contract)?;
    let loaded = flow::load(table, &step.tenant_id, step.upgrade_id).await?;
    let stops = table.stops().await?;
    let look = Look {
        stop: in_force(&stops, &loaded.upgrade.fleet),
        ..flow::look(step, &loaded, now)
    };
    let decision = decide(&look);
    // Under a stop it is paused instead of released.
    if let Decision::Apply(Command::Pause { cause }) = decision {
        let upgrade = flow::change(table, &loaded, Command::Pause { cause }, ACTOR, now).await?;
        return Ok(flow::follow(step, &Loaded { upgrade, ..loaded }, &Decision::Wait));
    }
    if decision != Decision::Deploy || loaded.upgrade.batch != step.batch {
        return Ok(flow::follow(step, &loaded, &decision));
    }
    let decision = flow::in_time(table, &loaded, decision, now).await?;
    let sight = room::see(table, blobs, &loaded, Counts::default(), now).await?;
    let look = Look {
        room: sight.room.as_ref(),
        ..look
    };
    let decision = match decision {
        Decision::Deploy => decide(&look),
        other => other,
    };
    let upgrade = match (decision, &sight.room) {
        (Decision::Deploy, Some(room)) => {
            flow::change(table, &loaded, Command::Release { to: room.to }, ACTOR, now).await?
        }
        (Decision::Apply(Command::Hold { cause }), _) => {
            flow::change(table, &loaded, Command::Hold { cause }, ACTOR, now).await?
        }
        (other, _) => {
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
