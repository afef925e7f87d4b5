//! The protocol's functions put together as the agent does, without tasks.

use std::sync::OnceLock;

use sluice_agent::protocol::{Decision, Moment, Order, Readiness, Receipt, Record, decide};
use sluice_contract::check_in::{Artifact, CheckInAnswer, DesiredState};
use sluice_core::checks::Checks;
use sluice_core::fleet::InstanceError;

use super::release::release;

/// Signed once: signing is slow beside what is tested here.
pub fn artifact(major: usize) -> Artifact {
    static ALL: OnceLock<Vec<Artifact>> = OnceLock::new();
    let one = |n| Artifact {
        release: release(&format!("{n}.0.0"), b"x"),
        url: String::new(),
    };
    ALL.get_or_init(|| (0..10).map(one).collect())[major].clone()
}

pub fn mv(major: usize, not_before_ms: u64, revert: bool) -> DesiredState {
    DesiredState::Move {
        artifact: artifact(major),
        not_before_ms,
        revert,
        checks: Checks::default(),
    }
}

pub fn at(ms: u64) -> Receipt {
    Receipt {
        asked: Moment(ms),
        received: Moment(ms),
    }
}

/// What the agent does with an answer, apart from starting tasks.
pub fn take(record: &mut Record, pending: &mut Option<Order>, answer: &CheckInAnswer, receipt: Receipt) {
    match decide(record, answer, receipt) {
        Decision::Stale { .. } | Decision::Refuse(_) => {}
        Decision::Acknowledge { seen, report } | Decision::KeepGoing { seen, report } => {
            *pending = None;
            record.told(seen, report);
        }
        Decision::Obey { order, report } => {
            record.told(order.command, report);
            *pending = Some(*order);
        }
    }
}

/// Begins the pending order when that is allowed, and gives it.
pub fn try_begin(record: &mut Record, pending: &mut Option<Order>, now: Moment) -> Option<Order> {
    let order = pending
        .clone()
        .filter(|o| o.readiness(record, now) == Readiness::Begin)?;
    *pending = None;
    record.begin(&order);
    Some(order)
}

pub fn an_error() -> InstanceError {
    InstanceError {
        code: "verify-failed".to_owned(),
        message: "no".to_owned(),
    }
}
