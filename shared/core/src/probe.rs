//! What a look at a running batch leads to: everything is gathered, one decision is made.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sluice_judge::gate::{Missing, Verdict};

use crate::hold::{Cause, Hold};
use crate::lifecycle::Status;
use crate::named::Named;
use crate::plan::Plan;
use crate::room::Room;
use crate::stop::Stop;
use crate::traffic;
use crate::units::{Attempt, Epoch};
use crate::upgrade::{Command, Phase, Upgrade, awaits_promotion};

mod back;
mod breaker;
mod moving;

pub use back::decide_revert;
pub use breaker::{Failed, InARow, in_a_row};
pub use moving::is_late;
use moving::{deploy, moving};

/// What instances have reported, for one batch or for the way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Run and verify on the version that they were sent to.
    pub completed: u32,
    /// Could not be brought there.
    pub failed: u32,
}

impl Counts {
    /// All that have reported.
    #[must_use]
    pub fn reported(self) -> u32 {
        self.completed.saturating_add(self.failed)
    }
}

/// Everything that a decision depends on.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// The record.
    pub upgrade: &'a Upgrade,
    /// Its plan.
    pub plan: &'a Plan,
    /// The epoch of the workflow that looks.
    pub epoch: Epoch,
    /// The attempt of the workflow that looks.
    pub attempt: Attempt,
    /// Reports of the current batch.
    pub counts: Counts,
    /// Released instances that an operator has dropped and that have not reported: of the current batch while it moves,
    /// or of all on the way back.
    pub dropped: u32,
    /// The failed instances of the current batch, while it moves.
    pub failed: &'a [Failed],
    /// The stop that holds the fleet's upgrades.
    pub stop: Option<&'a Stop>,
    /// The gate's word about the newest release; none before there is one.
    pub verdict: Option<&'a Verdict>,
    /// How far the current batch may be released; none where all of it is, or where that was not asked.
    pub room: Option<&'a Room>,
    /// Who has not reported in time, where anybody has not.
    pub silent: Option<&'a Named>,
    /// The moment.
    pub now: Timestamp,
}

impl Look<'_> {
    /// All that have reported, and those that are not waited for.
    fn reported(&self) -> u32 {
        self.counts.reported().saturating_add(self.dropped)
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Nothing: another workflow has the upgrade.
    Superseded,
    /// Nothing more: the upgrade has ended.
    Ended,
    /// The fleet goes back; the way back is to be watched.
    GoBack,
    /// The current batch is to be released.
    Deploy,
    /// The traffic is to be shifted.
    Shift,
    /// Nothing yet: look again.
    Wait,
    /// The record is to be changed.
    Apply(Command),
}

/// Decides what a look leads to. Pure and total; a second look at the same state decides the same.
#[must_use]
pub fn decide(look: &Look<'_>) -> Decision {
    let upgrade = look.upgrade;
    match upgrade.status {
        Status::RollingBack => return Decision::GoBack,
        status if status.is_terminal() => return Decision::Ended,
        _ if (look.epoch, look.attempt) != (upgrade.epoch, upgrade.attempt) => return Decision::Superseded,
        Status::Pending | Status::Validating => return Decision::Superseded,
        _ => {}
    }
    harm(look).or_else(|| stop(look)).unwrap_or_else(|| {
        if upgrade.status.is_paused() {
            Decision::Wait
        } else {
            progress(look)
        }
    })
}

/// Under a stop nothing goes further, and what a stop alone has paused goes on once none is in force.
fn stop(look: &Look<'_>) -> Option<Decision> {
    let upgrade = look.upgrade;
    match look.stop {
        Some(stop) if upgrade.status.is_moving() => Some(Decision::Apply(Command::Pause {
            cause: Cause::stopped(stop),
        })),
        None if upgrade.is_stopped() => Some(Decision::Apply(Command::Resume)),
        _ => None,
    }
}

/// Harm comes first, and acts while paused too.
fn harm(look: &Look<'_>) -> Option<Decision> {
    let settings = &look.plan.settings;
    let failures = look.upgrade.failures.saturating_add(current_failures(look));
    let none_arrived = matches!(look.upgrade.phase, Phase::Moving { .. })
        && look.counts.completed == 0
        && look
            .plan
            .batch(look.upgrade.batch)
            .is_some_and(|b| look.counts.failed > 0 && look.reported() >= b.size());
    if none_arrived || failures >= settings.failure_threshold {
        let reason = if none_arrived {
            format!("all {failures} instances of the batch failed")
        } else {
            format!(
                "{failures} instances failed, and {} end the upgrade",
                settings.failure_threshold
            )
        };
        return Some(Decision::Apply(if settings.auto_rollback_enabled {
            Command::RollBack {
                reason,
                automatic: true,
                verdict: None,
            }
        } else {
            Command::Fail {
                reason,
                checks: Vec::new(),
            }
        }));
    }
    if let Some(decision) = breaker::tripped(look) {
        return Some(decision);
    }
    let verdict = look.verdict.filter(|v| matches!(v, Verdict::Harmful { .. }))?;
    if settings.auto_rollback_enabled {
        let command = Command::RollBack {
            reason: verdict.to_string(),
            automatic: true,
            verdict: Some(verdict.clone()),
        };
        return Some(Decision::Apply(command));
    }
    let cause = Cause::Harmful {
        verdict: verdict.to_string(),
    };
    (!look.upgrade.status.is_paused()).then_some(Decision::Apply(Command::Pause { cause }))
}

/// Failures of the current batch that the record does not hold yet.
fn current_failures(look: &Look<'_>) -> u32 {
    if matches!(look.upgrade.phase, Phase::Moving { .. }) {
        look.counts.failed
    } else {
        0
    }
}

fn progress(look: &Look<'_>) -> Decision {
    let (upgrade, plan) = (look.upgrade, look.plan);
    match upgrade.phase {
        Phase::Ready { .. } if upgrade.batch >= plan.batch_count() => Decision::Apply(Command::Complete),
        Phase::Ready { .. } if traffic::due(upgrade, plan, 0).is_some() => Decision::Shift,
        Phase::Ready { .. } => deploy(look),
        Phase::Moving { released, .. } => moving(look, released),
        Phase::Shifting { .. } => Decision::Shift,
        Phase::Baking { .. } => baking(look),
        Phase::Reverting { .. } => Decision::GoBack,
    }
}

fn baking(look: &Look<'_>) -> Decision {
    match look.verdict {
        Some(Verdict::Harmless { .. }) if awaits_promotion(look.upgrade, look.plan) => {
            let batch = look.upgrade.batch;
            hold(look.upgrade, Cause::Promotion { batch })
        }
        Some(verdict @ Verdict::Harmless { .. }) => Decision::Apply(Command::Pass {
            verdict: verdict.clone(),
        }),
        Some(Verdict::Undecided { waiting_for, .. })
            if bake_left_ms(look.upgrade, look.plan, look.now) == 0 =>
        {
            match waiting_for {
                Missing::BakeTime { .. } => Decision::Wait,
                _ => hold(
                    look.upgrade,
                    Cause::Gate {
                        waiting_for: waiting_for.clone(),
                    },
                ),
            }
        }
        _ => Decision::Wait,
    }
}

/// Records a hold once, not at every look. While paused the pause stays what is waited for.
pub fn hold(upgrade: &Upgrade, cause: Cause) -> Decision {
    if upgrade.status.is_paused() || upgrade.hold.as_ref().is_some_and(|h| h.cause.is_like(&cause)) {
        Decision::Wait
    } else {
        Decision::Apply(Command::Hold { cause })
    }
}

/// What a look that succeeds makes of a hold for a fault of our own.
#[must_use]
pub fn recovered(upgrade: &Upgrade) -> Option<Command> {
    let fault = |h: &Hold| matches!(h.cause, Cause::OrchestratorFault { .. });
    upgrade
        .hold
        .as_ref()
        .is_some_and(fault)
        .then_some(Command::Unhold)
}

fn elapsed(since: Timestamp, now: Timestamp, seconds: u32) -> bool {
    now.duration_since(since) >= SignedDuration::from_secs(seconds.into())
}

/// What is left of the bake of the current batch, in milliseconds: all of it until it has begun, and none is taken
/// off while the upgrade is paused. An operator who promotes a canary ends its bakes, and no gate's want of evidence.
#[must_use]
pub fn bake_left_ms(upgrade: &Upgrade, plan: &Plan, now: Timestamp) -> u64 {
    let delay_ms = u64::from(plan.settings.batch_delay_seconds).saturating_mul(1_000);
    let promoted = upgrade.promoted_by.is_some() && upgrade.status == Status::CanaryMonitoring;
    if promoted && matches!(upgrade.phase, Phase::Baking { .. }) {
        return 0;
    }
    let until = if upgrade.status.is_paused() {
        upgrade.hold.as_ref().map_or(now, |h| h.since)
    } else {
        now
    };
    match upgrade.phase {
        Phase::Baking { since } => {
            let baked_ms = u64::try_from(until.duration_since(since).as_millis()).unwrap_or(0);
            delay_ms.saturating_sub(baked_ms)
        }
        _ => delay_ms.max(1),
    }
}

#[cfg(test)]
mod tests;
