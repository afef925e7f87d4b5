//! What is amiss with an upgrade when nobody has looked at it: what is repaired, and what a person is told of.
//!
//! A workflow that died and one that hangs look the same: nobody has looked for too long. Both are answered by a fresh
//! workflow under the next attempt, which fences the old one should it come back.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::lifecycle::Status;
use crate::plan::Plan;
use crate::upgrade::{Command, Upgrade};

/// A batch that takes longer than this is told of, in minutes.
const BATCH_LIMIT_MINUTES: i64 = 30;

/// A pause that takes longer than this is told of, in minutes: 12 hours.
const PAUSE_LIMIT_MINUTES: i64 = 12 * 60;

/// A way back that takes longer than this is told of, in minutes.
const RETURN_LIMIT_MINUTES: i64 = 3;

/// Without a look for so long, in seconds, a workflow is taken for dead, beside three of its own intervals: longer than
/// one step with its timeout and its first retry.
const SILENCE_SECONDS: i64 = 90;

/// The same for the checks before the first move, which may be repeated for some minutes by the workflow itself.
const CHECKING_SECONDS: i64 = 360;

/// Each further attempt waits twice as long, up to 16 times: a workflow that cannot live is not started for ever at the
/// pace of one that was lost.
const MOST_DOUBLINGS: u32 = 4;

/// Something that takes too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "overdue", rename_all = "kebab-case")]
pub enum Overdue {
    /// A batch.
    Batch {
        /// Which.
        batch: u32,
        /// When it was released.
        since: Timestamp,
    },
    /// A pause.
    Pause {
        /// Since when.
        since: Timestamp,
    },
    /// A batch that outlives its maintenance window.
    Window {
        /// Which.
        batch: u32,
        /// When the window closed.
        since: Timestamp,
    },
    /// A way back.
    Return {
        /// Since when.
        since: Timestamp,
    },
}

impl fmt::Display for Overdue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Batch { batch, since } => write!(
                f,
                "batch {batch} takes longer than {BATCH_LIMIT_MINUTES} minutes, since {since}"
            ),
            Self::Pause { since } => write!(
                f,
                "the pause takes longer than {} hours, since {since}",
                PAUSE_LIMIT_MINUTES / 60
            ),
            Self::Window { batch, since } => {
                write!(f, "batch {batch} is under way, and its window closed at {since}")
            }
            Self::Return { since } => write!(
                f,
                "the way back takes longer than {RETURN_LIMIT_MINUTES} minutes, since {since}"
            ),
        }
    }
}

/// What is to be done about an upgrade that was last looked at then; none when nothing is amiss.
///
/// Pure and total. What was told of once is in the record, and is not told of again.
#[must_use]
pub fn examine(
    upgrade: &Upgrade,
    plan: &Plan,
    last_look: Option<Timestamp>,
    now: Timestamp,
) -> Option<Command> {
    if let Some(number) = upgrade.approvals.overdue(now) {
        return Some(Command::Expire { number });
    }
    if let Some(what) = overdue(upgrade, now).filter(|what| !upgrade.overdue.contains(what)) {
        return Some(Command::Overdue { what });
    }
    let limit = silence_limit(upgrade, plan)?;
    let seen = last_look.map_or(upgrade.changed_at, |look| look.max(upgrade.changed_at));
    let silent = now.duration_since(seen);
    (silent >= limit).then(|| Command::Restart {
        silent_seconds: u64::try_from(silent.as_secs()).unwrap_or(0),
    })
}

fn overdue(upgrade: &Upgrade, now: Timestamp) -> Option<Overdue> {
    let longer = |since: Timestamp, minutes| now.duration_since(since) > SignedDuration::from_mins(minutes);
    let (what, since, minutes) = match upgrade.status {
        Status::RollingBack => {
            let since = upgrade.rollback.as_ref()?.initiated_at;
            (Overdue::Return { since }, since, RETURN_LIMIT_MINUTES)
        }
        Status::Paused { .. } => {
            let since = upgrade.hold.as_ref()?.since;
            (Overdue::Pause { since }, since, PAUSE_LIMIT_MINUTES)
        }
        // Between two windows nothing takes too long.
        status if status.is_moving() && !waits_for_its_time(upgrade) => {
            let (batch, since) = (upgrade.batch, upgrade.released_at?);
            (Overdue::Batch { batch, since }, since, BATCH_LIMIT_MINUTES)
        }
        _ => return None,
    };
    longer(since, minutes).then_some(what)
}

fn waits_for_its_time(upgrade: &Upgrade) -> bool {
    upgrade.hold.as_ref().is_some_and(|h| h.cause.is_about_time())
}

/// How long an upgrade may go without a look or a change; none when nobody has to look at it.
fn silence_limit(upgrade: &Upgrade, plan: &Plan) -> Option<SignedDuration> {
    let interval = i64::from(plan.settings.health_check_interval_seconds);
    let seconds = match upgrade.status {
        Status::Pending => return None,
        Status::Validating => CHECKING_SECONDS,
        status if status.is_terminal() && upgrade.clocks.t5_record_complete.is_some() => return None,
        // The report of an ended one, and the way back, are a matter of seconds.
        status if status.is_terminal() || status == Status::RollingBack => SILENCE_SECONDS,
        _ => interval.saturating_mul(3).saturating_add(SILENCE_SECONDS),
    };
    let doublings = upgrade.attempt.0.min(MOST_DOUBLINGS);
    Some(SignedDuration::from_secs(seconds << doublings))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upgrade::tests::course::{CANARY, Course, plan};

    #[derive(Debug, PartialEq)]
    enum Expected {
        Nothing,
        Restart,
        Overdue,
    }

    /// Where an upgrade stands, how long ago it was looked at and how long ago it got there, in seconds.
    #[test]
    fn what_is_amiss() {
        use Expected::{Nothing, Overdue, Restart};
        let rows = [
            ("", 100_000, 100_000, Nothing),
            ("start", 300, 300, Nothing),
            ("start", 400, 400, Restart),
            ("start; validate; release", 100, 100, Nothing),
            ("start; validate; release", 100, 1_000, Nothing),
            ("start; validate; release", 200, 1_000, Restart),
            ("start; validate; release", 10, 1_801, Overdue),
            ("start; validate; release; pause", 10, 1_801, Nothing),
            ("start; validate; release; pause", 200, 1_801, Restart),
            ("start; validate; release; pause", 10, 43_201, Overdue),
            ("start; validate; release; rollback", 10, 100, Nothing),
            ("start; validate; release; rollback", 95, 100, Restart),
            ("start; validate; release; rollback", 10, 181, Overdue),
            ("start; validate; fail", 60, 60, Nothing),
            ("start; validate; fail", 100, 100, Restart),
            ("start; validate; fail; report", 100_000, 100_000, Nothing),
            ("cancel", 100, 100, Restart),
        ];
        for (way, looked, stood, expected) in rows {
            let course = Course::after(plan(4, CANARY), way);
            let now = course.now + SignedDuration::from_secs(stood);
            let look = now - SignedDuration::from_secs(looked);
            let found = match examine(&course.upgrade, &course.plan, Some(look), now) {
                None => Nothing,
                Some(Command::Restart { .. }) => Restart,
                Some(Command::Overdue { .. }) => Overdue,
                other => panic!("{other:?}"),
            };
            assert_eq!(
                found, expected,
                "{way}: looked at {looked} s ago, there for {stood} s"
            );
        }
    }
}
