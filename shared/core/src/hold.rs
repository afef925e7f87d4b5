//! Every hold explains itself: what is waited for, since when, until when, and who or what releases it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::approval::State;
use crate::lifecycle::Status;
use crate::plan::Plan;
use crate::upgrade::{Phase, Upgrade};

mod cause;
mod sentence;
mod told;

pub use cause::Cause;
pub use told::Told;

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
        (Status::Pending, _) => start(upgrade),
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

/// What a start waits for.
fn start(upgrade: &Upgrade) -> (Cause, Timestamp, Option<Timestamp>) {
    let Some(approval) = upgrade.approvals.newest(Action::Start) else {
        return (Cause::NotStarted, upgrade.created_at, None);
    };
    let (number, until) = (approval.number, approval.expires_at);
    let none = |why: String| (Cause::Unapproved { number, why }, upgrade.changed_at, None);
    match &approval.state {
        State::Asked => {
            let by = approval.requested_by.clone();
            (Cause::Approval { number, by }, approval.requested_at, Some(until))
        }
        State::Granted { .. } | State::Used { .. } => (Cause::NotStarted, upgrade.changed_at, Some(until)),
        State::Denied { by, remark } => none(format!("{by} has denied it: {remark}")),
        State::Expired => none(format!("it expired at {until}")),
    }
}
