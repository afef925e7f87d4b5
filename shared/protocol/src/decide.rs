//! The one function that reads an answer.

use sluice_contract::check_in::{CheckInAnswer, DesiredState};
use sluice_core::fleet::{InstanceReport, InstanceStatus};
use sluice_core::units::{Attempt, Epoch};

use super::order::{Order, Receipt};
use super::record::{Command, Record, same};

/// Why an answer is not obeyed although it is not old.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another contract.
    #[error("the answer is of contract {0}, and this agent speaks {VERSION}", VERSION = sluice_contract::VERSION)]
    Contract(u32),
    /// Nobody could be told how the move went.
    #[error("the answer commands a move and names no upgrade")]
    NoUpgrade,
}

/// What to do about an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Older than the newest command seen: change nothing.
    Stale {
        /// The newest command seen.
        newest: (Epoch, Attempt),
    },
    /// Not understood: change nothing.
    Refuse(Refusal),
    /// Nothing to begin, now or later: forget an order that has not begun, remember and report the command.
    Acknowledge {
        /// The newest command.
        seen: Command,
        /// The last word about it.
        report: Option<InstanceReport>,
    },
    /// The move under way is the one that is asked for: go on, under the newest command.
    KeepGoing {
        /// The newest command.
        seen: Command,
        /// The last word about it.
        report: Option<InstanceReport>,
    },
    /// Begin this move when it may begin. It replaces an order that has not begun. When a switch elsewhere is under
    /// way, that one is left where it stands as soon as this one begins.
    Obey {
        /// The move, with its lease.
        order: Box<Order>,
        /// The last word until it begins.
        report: Option<InstanceReport>,
    },
}

/// What to do about `answer`.
#[must_use]
pub fn decide(record: &Record, answer: &CheckInAnswer, receipt: Receipt) -> Decision {
    if answer.contract != sluice_contract::VERSION {
        return Decision::Refuse(Refusal::Contract(answer.contract));
    }
    let seen = Command {
        upgrade_id: answer.upgrade_id,
        epoch: answer.epoch,
        attempt: answer.attempt,
    };
    if let Some(newest) = record.seen.map(|s| s.key()).filter(|newest| seen.key() < *newest) {
        return Decision::Stale { newest };
    }
    let report = acknowledge(record, seen);
    let DesiredState::Move {
        artifact,
        not_before_ms,
        revert,
        checks,
    } = &answer.desired
    else {
        return Decision::Acknowledge { seen, report };
    };
    if seen.upgrade_id.is_none() {
        return Decision::Refuse(Refusal::NoUpgrade);
    }
    let release = &artifact.release;
    if record
        .switch
        .as_ref()
        .is_some_and(|j| same(&j.target, release) && j.revert == *revert)
    {
        return Decision::KeepGoing { seen, report };
    }
    let ended = record.done.is_some_and(|d| {
        (d.epoch, d.attempt) == seen.key() && d.version_id == release.version_id && d.revert == *revert
    });
    if ended && record.switch.is_none() {
        return Decision::Acknowledge { seen, report };
    }
    let order = Order {
        command: seen,
        artifact: artifact.clone(),
        revert: *revert,
        checks: checks.clone(),
        not_before: receipt.received.plus_ms(*not_before_ms),
        lease_end: receipt.asked.plus_ms(answer.lease_ms),
    };
    Decision::Obey {
        order: Box::new(order),
        report,
    }
}

/// The last word about `seen`, given the last word so far.
///
/// A switch under way is reported under the newest command of its own upgrade, so that a revert finds it; under
/// another upgrade it would look as if that one had begun. Results stand until the epoch rises, except a failure,
/// which a higher attempt clears.
fn acknowledge(record: &Record, seen: Command) -> Option<InstanceReport> {
    let Some(upgrade_id) = seen.upgrade_id else {
        return record.report.clone();
    };
    let pending = InstanceReport {
        upgrade_id,
        epoch: seen.epoch,
        attempt: seen.attempt,
        status: InstanceStatus::Pending,
        error: None,
    };
    let Some(last) = record.report.clone().filter(|r| r.upgrade_id == upgrade_id) else {
        return Some(pending);
    };
    let command_is_new = (last.epoch, last.attempt) != seen.key();
    let stands = match last.status {
        status if status.is_under_way() => record.switch.is_some(),
        InstanceStatus::Completed | InstanceStatus::RolledBack => last.epoch == seen.epoch,
        InstanceStatus::Failed => !command_is_new,
        _ => true,
    };
    Some(if stands {
        InstanceReport {
            epoch: seen.epoch,
            attempt: seen.attempt,
            ..last
        }
    } else {
        pending
    })
}
