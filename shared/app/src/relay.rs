//! Delivers events in order: to the bus, to people, and as executions to Step Functions.
//!
//! The stream is only a doorbell. What is delivered is what stands after the cursor, and the cursor moves on condition,
//! so that two relays at the same time deliver at least once and never out of order.

use sluice_contract::step::{Start, Step};
use sluice_core::ids::UpgradeId;
use sluice_core::lifecycle::Status;
use sluice_core::units::Seq;
use sluice_core::upgrade::{Command, Event, Upgrade};

use crate::error::StepError;
use crate::places;
use crate::ports::{Alert, Alerts, Bus, Holder, Machine, Outbox, Places, PortErrorKind, Upgrades, Workflows};

/// Events that are read at a time.
const PAGE: u32 = 50;

/// Pages that one call delivers: bounds its time; what is left rings again.
const MAX_PAGES: u32 = 20;

/// Where events go.
#[derive(Debug, Clone)]
pub struct Outlets<B, A, W> {
    /// To whoever listens.
    pub bus: B,
    /// To people.
    pub alerts: A,
    /// To Step Functions, where an event asks for an execution.
    pub workflows: W,
}

/// Delivers what stands after an upgrade's cursor. Gives how many events that were.
///
/// # Errors
/// What a port says; the cursor stands before the first event that was not delivered.
pub async fn run<T, B, A, W>(
    table: &T,
    outlets: &Outlets<B, A, W>,
    upgrade_id: UpgradeId,
) -> Result<u64, StepError>
where
    T: Upgrades + Outbox + Places,
    B: Bus,
    A: Alerts,
    W: Workflows,
{
    let mut delivered = 0;
    for _ in 0..MAX_PAGES {
        let from = table.cursor(upgrade_id).await?;
        let events = table.events(upgrade_id, from, PAGE).await?;
        let Some(last) = events.last() else { break };
        let to = last.seq;
        deliver(table, outlets, &events).await?;
        if !move_cursor(table, upgrade_id, from, to).await? {
            break;
        }
        delivered += events.len() as u64;
    }
    Ok(delivered)
}

/// False when another relay has delivered the same events.
async fn move_cursor(table: &impl Outbox, id: UpgradeId, from: Seq, to: Seq) -> Result<bool, StepError> {
    match table.move_cursor(id, from, to).await {
        Ok(()) => Ok(true),
        Err(error) if error.kind == PortErrorKind::Conflict => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Executions first: nobody should wait for a way back because a mail server does.
async fn deliver<T, B, A, W>(table: &T, outlets: &Outlets<B, A, W>, events: &[Event]) -> Result<(), StepError>
where
    T: Upgrades + Places,
    B: Bus,
    A: Alerts,
    W: Workflows,
{
    for event in events {
        if let Some(upgrade) = starts(table, event).await? {
            start(&outlets.workflows, event, &upgrade).await?;
        }
    }
    for event in events.iter().filter(|event| ends(event)) {
        let holder = Holder {
            tenant_id: event.fleet.tenant_id.clone(),
            upgrade_id: event.upgrade_id,
        };
        places::give_back(table, &holder).await?;
    }
    outlets.bus.publish(events).await?;
    for alert in events.iter().filter_map(alert) {
        outlets.alerts.publish(&alert).await?;
    }
    Ok(())
}

/// Whether the upgrade has ended with it, and others may have its place.
fn ends(event: &Event) -> bool {
    event.status.is_terminal() && !matches!(event.command, Command::Report { .. })
}

/// The record, when the event asks for an execution.
async fn starts(table: &impl Upgrades, event: &Event) -> Result<Option<Upgrade>, StepError> {
    // An upgrade that is cancelled before its start has no execution yet that could write its report.
    if matches!(
        event.command,
        Command::Start | Command::Cancel { .. } | Command::RollBack { .. } | Command::Restart { .. }
    ) {
        return Ok(table.upgrade(event.upgrade_id).await?);
    }
    Ok(None)
}

async fn start(workflows: &impl Workflows, event: &Event, upgrade: &Upgrade) -> Result<(), StepError> {
    let tenant = event.fleet.tenant_id.clone();
    let goes_back = match event.command {
        Command::Restart { .. } => upgrade.status == Status::RollingBack,
        _ => matches!(event.command, Command::RollBack { .. }),
    };
    let (machine, name, input) = if goes_back {
        let step = Step::going_back(tenant, event.upgrade_id, upgrade.epoch, upgrade.attempt);
        (
            Machine::Rollback,
            step.execution_name.clone(),
            serde_json::to_string(&step),
        )
    } else {
        let start = Start::new(tenant, event.upgrade_id, upgrade.attempt);
        (
            Machine::Upgrade,
            start.execution_name(),
            serde_json::to_string(&start),
        )
    };
    let input =
        input.map_err(|e| StepError::new(sluice_contract::error::ErrorName::BadInput, e.to_string()))?;
    Ok(workflows.start(machine, &name, &input).await?)
}

/// What people are told of; the course of things is not.
fn alert(event: &Event) -> Option<Alert> {
    let what = match &event.command {
        Command::RollBack {
            reason,
            automatic: true,
            ..
        } => format!("rolling back: {reason}"),
        Command::RollBack { reason, .. } => format!("rolled back by {}: {reason}", event.actor),
        Command::RolledBack {
            acknowledged,
            dropped: 0,
        } => format!("rolled back, {acknowledged} instances acknowledged"),
        Command::RolledBack {
            acknowledged,
            dropped,
        } => {
            format!("rolled back, {acknowledged} instances acknowledged, {dropped} dropped")
        }
        Command::Fail { reason, .. } => format!("failed: {reason}"),
        // To wait for its window is the course of things.
        Command::Hold { cause } if cause.is_about_time() => return None,
        Command::Hold { cause } => format!("on hold: {cause}"),
        Command::Pause { cause } => format!("paused: {cause}"),
        Command::Restart { silent_seconds } => {
            format!("was not looked at for {silent_seconds} s; a fresh workflow takes over")
        }
        Command::Overdue { what } => format!("is overdue: {what}"),
        Command::AskApproval { action, .. } => {
            format!("waits for somebody else to agree to {}", action.name())
        }
        Command::Adjust { .. } => format!("was changed while it runs, by {}", event.actor),
        Command::Deny { number, remark } => {
            format!("approval {number} was denied by {}: {remark}", event.actor)
        }
        Command::Expire { number } => format!("approval {number} has expired"),
        Command::Complete => "completed".to_owned(),
        Command::Cancel { reason } => format!("cancelled by {}: {reason}", event.actor),
        _ => return None,
    };
    let subject: String = format!("Sluice {} {}", event.status.name(), event.fleet)
        .chars()
        .filter(|c| c.is_ascii() && !c.is_ascii_control())
        .take(100)
        .collect();
    let body = format!(
        "Upgrade {} of {} {what} (at {})",
        event.upgrade_id, event.fleet, event.at
    );
    Some(Alert {
        subject,
        body,
        event: event.name.clone(),
    })
}
