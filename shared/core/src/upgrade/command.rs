//! What may be done to an upgrade, and the names of the events that tell of it.

use serde::{Deserialize, Serialize};
use sluice_judge::gate::{Before, Verdict};

use crate::action::Action;
use crate::credential::SecretHash;
use crate::hold::Cause;
use crate::named::Named;
use crate::settings::Changes;
use crate::units::{Ordinal, Percent, Position, is_zero};
use crate::watchdog::Overdue;

/// One of the checks before the first move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Stable name.
    pub name: String,
    /// Whether it passed.
    pub passed: bool,
    /// What was seen.
    pub detail: String,
}

/// What changes an upgrade.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Command {
    /// It was planned.
    Create,
    /// An operator starts it.
    Start,
    /// The checks passed; it takes the channel.
    Validate {
        /// What was checked.
        checks: Vec<Check>,
        /// What was measured before anything moves; frozen by this.
        #[serde(default, skip_serializing_if = "Before::is_empty")]
        before: Before,
    },
    /// The current batch may move, as far as there is room.
    Release {
        /// To before this position.
        to: Position,
    },
    /// There is room for more of the current batch.
    Extend {
        /// To before this position.
        to: Position,
    },
    /// Every instance of the current batch has reported, but those that are left behind.
    Moved {
        /// How many run the new version.
        completed: u32,
        /// How many failed.
        failed: u32,
        /// How many never answered and are left behind.
        #[serde(default, skip_serializing_if = "is_zero")]
        unreachable: u32,
        /// Which.
        #[serde(default, skip_serializing_if = "Named::is_empty")]
        named: Named,
        /// How many an operator had dropped, that had not reported.
        #[serde(default, skip_serializing_if = "is_zero")]
        dropped: u32,
        /// How many of the failed ones were the last to report, one after the other.
        #[serde(default, skip_serializing_if = "is_zero")]
        failures_in_a_row: u32,
    },
    /// The new version's share of the traffic is set and was read back.
    Shifted {
        /// The share.
        weight: Percent,
    },
    /// The current batch is good.
    Pass {
        /// The verdict.
        verdict: Verdict,
    },
    /// The last batch is good.
    Complete,
    /// It is to stop where it is.
    Pause {
        /// Why.
        cause: Cause,
    },
    /// It goes on.
    Resume,
    /// The canary need not be watched any longer than the evidence takes.
    Promote,
    /// It goes on although the breaker has tripped.
    ContinueAnyway,
    /// An instance left for good, or never answers: it is not waited for any longer.
    Drop {
        /// Which.
        ordinal: Ordinal,
        /// Its place in the plan.
        position: Position,
    },
    /// Somebody else is asked to agree to an action.
    AskApproval {
        /// To which.
        action: Action,
        /// What is to be changed, where that is the action.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        changes: Option<Changes>,
    },
    /// Somebody agrees.
    Grant {
        /// To which approval.
        number: u64,
        /// The token that uses it.
        token: SecretHash,
        /// What is said to it.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        remark: String,
    },
    /// Somebody does not agree.
    Deny {
        /// To which approval.
        number: u64,
        /// Why.
        remark: String,
    },
    /// Nobody has decided or used an approval in time.
    Expire {
        /// Which.
        number: u64,
    },
    /// The plan was changed before its start, and has to be agreed to anew.
    Edit {
        /// The new plan.
        plan_hash: String,
        /// What was changed.
        changes: Changes,
    },
    /// What is not released yet goes by another plan, and what is released keeps its place.
    Adjust {
        /// The new plan.
        plan_hash: String,
        /// What was changed.
        changes: Changes,
    },
    /// It is given up where it is.
    Cancel {
        /// Why, in the operator's words.
        reason: String,
    },
    /// What it waited for out of the course of things is there.
    Unhold,
    /// It waits for something out of the course of things.
    Hold {
        /// For what.
        cause: Cause,
    },
    /// The fleet is to go back.
    RollBack {
        /// Why, in one sentence.
        reason: String,
        /// Whether no person asked for it.
        automatic: bool,
        /// The verdict that led to it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        verdict: Option<Verdict>,
    },
    /// Every instance that was ever released has acknowledged the way back, but those that were dropped.
    RolledBack {
        /// How many.
        acknowledged: u32,
        /// How many an operator has dropped, that have not acknowledged.
        #[serde(default, skip_serializing_if = "is_zero")]
        dropped: u32,
    },
    /// It cannot go on.
    Fail {
        /// Why, in one sentence.
        reason: String,
        /// What was checked, when a check is why.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        checks: Vec<Check>,
    },
    /// Nobody has looked at it for too long: a fresh workflow takes over, under the next attempt.
    Restart {
        /// For how long nobody had, in seconds.
        silent_seconds: u64,
    },
    /// Something takes too long.
    Overdue {
        /// What.
        what: Overdue,
    },
    /// The report is written.
    Report {
        /// Where its Markdown form lies, within the bucket.
        key: String,
    },
}

impl Command {
    /// What an operator does by it; none for what only Sluice itself does. What Sluice does in an operator's stead is
    /// held to the same.
    #[must_use]
    pub fn action(&self) -> Option<Action> {
        Some(match self {
            Self::Start => Action::Start,
            Self::Pause { .. } => Action::Pause,
            Self::Resume => Action::Resume,
            Self::Promote => Action::PromoteCanary,
            Self::ContinueAnyway => Action::ContinueAnyway,
            Self::Drop { .. } => Action::DropInstance,
            Self::Adjust { .. } => Action::Adjust,
            Self::Cancel { .. } => Action::Cancel,
            Self::RollBack { .. } => Action::Rollback,
            _ => return None,
        })
    }

    /// The name of the event that tells of it.
    #[must_use]
    pub fn event_name(&self) -> &'static str {
        match self {
            Self::Create => "upgrade.created",
            Self::Start => "upgrade.started",
            Self::Validate { .. } => "upgrade.validated",
            Self::Release { .. } => "batch.released",
            Self::Extend { .. } => "batch.extended",
            Self::Moved { .. } => "batch.moved",
            Self::Shifted { .. } => "traffic.shifted",
            Self::Pass { .. } => "batch.passed",
            Self::Complete => "upgrade.completed",
            Self::Pause { .. } => "upgrade.paused",
            Self::Resume => "upgrade.resumed",
            Self::Promote => "canary.promoted",
            Self::ContinueAnyway => "upgrade.continued",
            Self::Drop { .. } => "instance.dropped",
            Self::AskApproval { .. } => "approval.requested",
            Self::Grant { .. } => "approval.granted",
            Self::Deny { .. } => "approval.denied",
            Self::Expire { .. } => "approval.expired",
            Self::Edit { .. } => "upgrade.edited",
            Self::Adjust { .. } => "upgrade.adjusted",
            Self::Cancel { .. } => "upgrade.cancelled",
            Self::Unhold => "upgrade.unheld",
            Self::Hold { .. } => "upgrade.held",
            Self::RollBack { .. } => "rollback.started",
            Self::RolledBack { .. } => "rollback.completed",
            Self::Fail { .. } => "upgrade.failed",
            Self::Restart { .. } => "upgrade.restarted",
            Self::Overdue { .. } => "upgrade.overdue",
            Self::Report { .. } => "report.written",
        }
    }
}
