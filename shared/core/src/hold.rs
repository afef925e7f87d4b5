//! Every hold explains itself: what is waited for, since when, until when, and who or what releases it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sluice_judge::gate::Missing;

use crate::lifecycle::Status;
use crate::named::Named;
use crate::plan::Plan;
use crate::upgrade::{Phase, Upgrade};

mod sentence;

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "kebab-case")]
pub enum Cause {
    /// Nobody has started it.
    NotStarted,
    /// The checks before the first move run.
    Checking,
    /// The next batch is about to be released.
    Releasing {
        /// Which batch.
        batch: u32,
    },
    /// Instances of a batch move.
    Moving {
        /// Which batch.
        batch: u32,
        /// How many have reported.
        reported: u32,
        /// How many it has.
        size: u32,
    },
    /// The traffic is being shifted.
    Shifting {
        /// Which batch.
        batch: u32,
    },
    /// A batch is watched.
    Baking {
        /// Which batch.
        batch: u32,
    },
    /// The bake has elapsed, and the gate has no verdict.
    Gate {
        /// What it misses.
        waiting_for: Missing,
    },
    /// An operator stopped it.
    Paused {
        /// Who.
        by: String,
        /// Why, in the operator's words.
        reason: String,
    },
    /// The gate found harm and automatic rollback is off.
    Harmful {
        /// The verdict's sentence.
        verdict: String,
    },
    /// Too many instances failed one after the other.
    Breaker {
        /// So many trip it.
        limit: u32,
        /// How many did.
        failures: u32,
    },
    /// The canary is good, and an operator has the last word.
    Promotion {
        /// The last batch of the canary.
        batch: u32,
    },
    /// Instances of a batch did not report in time.
    InstancesSilent {
        /// Which batch; none for the way back.
        batch: Option<u32>,
        /// How many are missing.
        missing: u32,
        /// Which.
        #[serde(default, skip_serializing_if = "Named::is_empty")]
        named: Named,
    },
    /// As many instances are down already as may be unavailable.
    InstancesDown {
        /// Which batch has no room.
        batch: u32,
        /// How many are down.
        down: u32,
        /// How many may be.
        cap: u32,
        /// Which are.
        named: Named,
    },
    /// Instances cannot switch as their fleet does.
    InstancesUnable {
        /// Of which batch.
        batch: u32,
        /// Which.
        named: Named,
    },
    /// Sluice itself failed; nothing is known against the version.
    OrchestratorFault {
        /// The stable name of the error.
        error: String,
    },
    /// No maintenance window is open.
    WindowClosed {
        /// When one opens; none when none does within ten years.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        opens_at: Option<Timestamp>,
    },
    /// A window is open, and closes before the way back would be over.
    WindowTooShort {
        /// The time that is needed, the way back included, in seconds.
        needs_seconds: u64,
        /// When one opens that is long enough; none when none does within ten years.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        opens_at: Option<Timestamp>,
    },
    /// A freeze is on.
    Freeze {
        /// What people call it.
        name: String,
        /// When it is over and a window open; none when that is not within ten years.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        opens_at: Option<Timestamp>,
    },
    /// Everything is stopped.
    Stopped {
        /// Why, in the words of whoever stopped it.
        reason: String,
    },
    /// The window closed while a batch was under way.
    WindowEnded {
        /// Which batch.
        batch: u32,
        /// When it closed.
        closed_at: Timestamp,
    },
    /// The policies that hold do not fit together.
    PolicyUnusable {
        /// What does not.
        problem: String,
    },
    /// Instances go back.
    GoingBack {
        /// How many have acknowledged.
        acknowledged: u32,
        /// How many have to.
        of: u32,
    },
}

impl Cause {
    /// Whether this is the same wait as another one, whatever the numbers.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// Whether it waits for its time, as it is meant to: nothing is amiss then.
    #[must_use]
    pub fn is_about_time(&self) -> bool {
        matches!(
            self,
            Self::WindowClosed { .. }
                | Self::WindowTooShort { .. }
                | Self::Freeze { .. }
                | Self::Stopped { .. }
        )
    }

    /// When it ends by itself, where that is known.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::WindowClosed { opens_at }
            | Self::WindowTooShort { opens_at, .. }
            | Self::Freeze { opens_at, .. } => *opens_at,
            _ => None,
        }
    }

    /// Who or what ends it.
    #[must_use]
    pub fn released_by(&self) -> &'static str {
        match self {
            Self::NotStarted => "an operator: start",
            Self::Checking | Self::Releasing { .. } | Self::Shifting { .. } => "Sluice, within seconds",
            Self::Moving { .. } => "the reports of the batch's instances, or rollback",
            Self::Baking { .. } => "the gate, once the bake has elapsed, or rollback",
            Self::Gate { .. } => "the metrics that are missing, or an operator: rollback",
            Self::Paused { .. } => "an operator: resume or rollback",
            Self::Harmful { .. } => "an operator: rollback or cancel",
            Self::Breaker { .. } => "an operator's decision: continue, roll back or abort",
            Self::Promotion { .. } => "an operator: promote or rollback",
            Self::InstancesSilent { batch: Some(_), .. } => {
                "the instances' check-ins, or an operator: rollback"
            }
            Self::InstancesSilent { batch: None, .. } => "the instances' check-ins",
            Self::InstancesDown { .. } => "the instances, once they serve again, or an operator: rollback",
            Self::InstancesUnable { .. } => {
                "the instances' agents, once they say that they can, or an operator: rollback"
            }
            Self::OrchestratorFault { .. } => "the next look that succeeds, or an operator: rollback",
            Self::WindowClosed { .. } | Self::WindowTooShort { .. } => {
                "the maintenance window, or an operator: cancel or rollback"
            }
            Self::Freeze { .. } => "the end of the freeze, or an operator: cancel or rollback",
            Self::Stopped { .. } => "a policy without the stop, or an operator: cancel or rollback",
            Self::WindowEnded { .. } => "an operator: resume or rollback",
            Self::PolicyUnusable { .. } => "policies that fit together, or an operator: cancel or rollback",
            Self::GoingBack { .. } => "the acknowledgements of the instances",
        }
    }
}

/// A wait with its circumstances.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hold {
    /// What is waited for.
    #[serde(flatten)]
    pub cause: Cause,
    /// Since when.
    pub since: Timestamp,
    /// When it ends by itself or becomes overdue; none when it only ends by a deed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// What an upgrade waits for, given what its current batch (or its way back) has reported.
#[must_use]
pub fn why(upgrade: &Upgrade, plan: &Plan, reported: u32) -> Option<Hold> {
    if upgrade.status.is_terminal() {
        return None;
    }
    if let Some(hold) = &upgrade.hold {
        return Some(hold.clone());
    }
    let started = upgrade.started_at.unwrap_or(upgrade.created_at);
    let batch = upgrade.batch;
    let after =
        |since: Timestamp, seconds: u32| since.checked_add(SignedDuration::from_secs(seconds.into())).ok();
    let settings = &plan.settings;
    let (cause, since, until) = match (upgrade.status, upgrade.phase) {
        (Status::Pending, _) => (Cause::NotStarted, upgrade.created_at, None),
        (Status::Validating, _) => (Cause::Checking, started, None),
        (_, Phase::Ready { since }) => (Cause::Releasing { batch }, since, None),
        (_, Phase::Moving { since, .. }) => {
            let size = plan.batch(batch).map_or(0, crate::plan::Batch::size);
            (
                Cause::Moving {
                    batch,
                    reported,
                    size,
                },
                since,
                after(since, plan.report_timeout_seconds(batch)),
            )
        }
        (_, Phase::Shifting { since }) => (Cause::Shifting { batch }, since, None),
        (_, Phase::Baking { since }) => (
            Cause::Baking { batch },
            since,
            after(since, settings.batch_delay_seconds),
        ),
        (_, Phase::Reverting { since, frontier }) => (
            Cause::GoingBack {
                acknowledged: reported,
                of: frontier.0,
            },
            since,
            after(since, plan.way_back_timeout_seconds(frontier, upgrade.failures)),
        ),
    };
    Some(Hold { cause, since, until })
}
