//! What is waited for.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluice_judge::gate::Missing;

use crate::named::Named;
use crate::stop::Stop;

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "kebab-case")]
pub enum Cause {
    /// Nobody has started it.
    NotStarted,
    /// Somebody else has to agree to its plan.
    Approval {
        /// To which approval.
        number: u64,
        /// Who asked.
        by: String,
    },
    /// Somebody did not agree to its plan, or nobody did in time.
    Unapproved {
        /// To which approval.
        number: u64,
        /// Why, in one sentence.
        why: String,
    },
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
    /// It, its tenant or everything is stopped.
    Stopped {
        /// What is stopped.
        covers: String,
        /// By whom.
        by: String,
        /// Why, in the words of whom.
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
    /// A policy stops everything.
    EmergencyStop {
        /// Why, in the words of the policy.
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
    /// What a stop is waited out with.
    #[must_use]
    pub fn stopped(stop: &Stop) -> Self {
        Self::Stopped {
            covers: stop.covers.to_string(),
            by: stop.by.clone(),
            reason: stop.reason.clone(),
        }
    }

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
                | Self::EmergencyStop { .. }
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
}
