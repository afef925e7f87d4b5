//! Writes the report, as JSON and as Markdown, and completes the record with it.

use jiff::Timestamp;
use sluice_contract::error::ErrorName;
use sluice_contract::step::{Next, Step};
use sluice_core::plan::Published;
use sluice_core::report::{Report, markdown};
use sluice_core::units::Seq;
use sluice_core::upgrade::{Command, Event};

use crate::error::StepError;
use crate::flow::{self, Loaded};
use crate::keys;
use crate::ports::{Blobs, Fleets, Outbox, Upgrades};

const ACTOR: &str = "system:report";

/// Events that are read at a time.
const PAGE: u32 = 500;

/// Most events of a report: a thousand batches make eight thousand.
const MAX_EVENTS: usize = 20_000;

/// Runs the step. A report that is written already is left as it is.
///
/// # Errors
/// See [`StepError`]; the record then has no report yet.
pub async fn run<T, B>(table: &T, blobs: &B, step: &Step, now: Timestamp) -> Result<Step, StepError>
where
    T: Upgrades + Fleets + Outbox,
    B: Blobs,
{
    flow::check_contract(step.contract)?;
    let loaded = flow::load(table, &step.tenant_id, step.upgrade_id).await?;
    let upgrade = &loaded.upgrade;
    if !upgrade.status.is_terminal() || upgrade.clocks.t5_record_complete.is_some() {
        return Ok(step.to(Next::Done));
    }
    let report = make(table, blobs, &loaded, now).await?;
    let json = serde_json::to_vec_pretty(&report)
        .map_err(|e| StepError::new(ErrorName::BadInput, format!("the report cannot be written: {e}")))?;
    let key = keys::report(upgrade.upgrade_id, "md");
    blobs
        .put(
            &keys::report(upgrade.upgrade_id, "json"),
            json,
            "application/json",
        )
        .await?;
    blobs
        .put(
            &key,
            markdown(&report).into_bytes(),
            "text/markdown; charset=utf-8",
        )
        .await?;
    flow::change(table, &loaded, Command::Report { key }, ACTOR, now).await?;
    Ok(step.to(Next::Done))
}

async fn make<T, B>(table: &T, blobs: &B, loaded: &Loaded, now: Timestamp) -> Result<Report, StepError>
where
    T: Fleets + Outbox,
    B: Blobs,
{
    let Loaded { upgrade, plan } = loaded;
    let lost = || StepError::not_found(format!("list of positions of upgrade {}", upgrade.upgrade_id));
    let bytes = blobs
        .get(&keys::positions(&upgrade.plan_hash))
        .await?
        .ok_or_else(lost)?;
    let published: Published = serde_json::from_slice(&bytes).map_err(|_| lost())?;
    let instances = table.instances(&upgrade.fleet).await?;
    let events = events(table, upgrade.upgrade_id).await?;
    Ok(Report::make(upgrade, plan, &published, &instances, events, now))
}

async fn events(table: &impl Outbox, id: sluice_core::ids::UpgradeId) -> Result<Vec<Event>, StepError> {
    let mut events: Vec<Event> = Vec::new();
    while events.len() < MAX_EVENTS {
        let after = events.last().map_or(Seq(0), |e| e.seq);
        let page = table.events(id, after, PAGE).await?;
        if page.is_empty() {
            break;
        }
        events.extend(page);
    }
    Ok(events)
}
