//! How much room there is to move: how far a batch may be released now.
//!
//! In place an instance is unavailable while it moves. So the frontier stops within a batch where those that move, and
//! those that are down anywhere else, are as many as may be unavailable; it goes on as they come back. Who is down already
//! takes no room when it moves: bringing it up takes nothing away. By overlap nothing is unavailable, and the surge is what
//! there is room for.
//!
//! Not counted are instances that the upgrade left behind because they never answered: its limit allows for them beyond
//! what may be unavailable.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::fleet::{Instance, InstanceStatus, Switch};
use crate::hold::Cause;
use crate::named::Named;
use crate::plan::{Batch, Plan};
use crate::settings::Strategy;
use crate::units::{Epoch, Ordinal, Position};

/// Longest time between two writes of an instance that says nothing new: what "seen" is worth, in seconds.
pub const SEEN_EVERY_SECONDS: i64 = 300;

/// Time on top that a check-in may be late, in seconds, before its instance counts as silent.
const GRACE_SECONDS: i64 = 30;

/// The moment before which an instance has to have been seen last to count as silent: it may have slept as long as its
/// fleet's instances do, and been written a while before.
#[must_use]
pub fn silent_before(plan: &Plan, now: Timestamp) -> Timestamp {
    let seconds = SEEN_EVERY_SECONDS + i64::from(plan.idle_seconds) + GRACE_SECONDS;
    now.checked_sub(SignedDuration::from_secs(seconds))
        .unwrap_or(Timestamp::MIN)
}

/// What is amiss with an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// It says that what it runs is not healthy.
    Unhealthy,
    /// It has not been heard of for too long.
    Silent,
    /// It cannot switch as its fleet does.
    Unable,
}

/// What an instance says against itself, in a fleet that switches so.
#[must_use]
pub fn trouble(instance: &Instance, switch: Switch) -> Option<Trouble> {
    // One that has not said what it runs has nothing to lose.
    let healthy = instance.running.as_ref().is_none_or(|r| r.healthy);
    let failed = instance.running.is_none()
        && instance
            .report
            .as_ref()
            .is_some_and(|r| r.status == InstanceStatus::Failed);
    if !instance.switches.has(switch) {
        Some(Trouble::Unable)
    } else {
        (!healthy || failed).then_some(Trouble::Unhealthy)
    }
}

/// An instance with which something is amiss, as a list of the whole fleet has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Troubled {
    /// Which.
    pub ordinal: Ordinal,
    /// What is amiss.
    pub trouble: Trouble,
    /// The newest epoch that it has settled.
    pub settled_in: Option<Epoch>,
}

/// The same with its place in the plan; none for one that joined after planning.
pub type Placed = (Option<Position>, Troubled);

/// How far a batch is, and what is amiss in its fleet.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The batch.
    pub batch: &'a Batch,
    /// The upgrade's epoch.
    pub epoch: Epoch,
    /// The first position that is not released.
    pub released: Position,
    /// How many of the batch have settled.
    pub reported: u32,
    /// Every instance with which something is amiss, by position.
    pub troubled: &'a [Placed],
    /// Whether these are all.
    pub complete: bool,
}

/// How far a batch may be released.
#[derive(Debug, Clone, PartialEq)]
pub struct Room {
    /// To before this position; the one that is released already when there is no room.
    pub to: Position,
    /// What the rest waits for; none when all of it may move.
    pub waits_for: Option<Cause>,
}

/// The room that there is now. It never takes back what is released.
#[must_use]
pub fn room(standing: &Standing<'_>) -> Room {
    let (plan, batch) = (standing.plan, standing.batch);
    if plan.settings.strategy == Strategy::Recreate {
        return all(batch);
    }
    match plan.settings.switch {
        Switch::InPlace => in_place(standing),
        Switch::Overlap => overlap(standing),
    }
}

fn all(batch: &Batch) -> Room {
    Room {
        to: batch.end,
        waits_for: None,
    }
}

impl Standing<'_> {
    /// Released, and neither arrived nor failed.
    fn on_the_way(&self) -> u32 {
        let released = self.released.0.saturating_sub(self.batch.begin.0);
        released.saturating_sub(self.reported)
    }

    /// Who is down without being on the way: not released yet, or settled and down since. One below the batch that never
    /// settled was left behind.
    fn is_down(&self, (position, troubled): &Placed) -> bool {
        let counts = match position {
            Some(position) if *position < self.released => troubled.settled_in == Some(self.epoch),
            Some(_) => true,
            None => false,
        };
        counts && troubled.trouble != Trouble::Unable
    }
}

fn in_place(standing: &Standing<'_>) -> Room {
    let down: Vec<_> = standing.troubled.iter().filter(|p| standing.is_down(p)).collect();
    let count = u32::try_from(down.len()).unwrap_or(u32::MAX);
    let cap = standing.plan.max_unavailable();
    let mut gone = standing.on_the_way().saturating_add(count);
    let mut to = standing.released;
    while standing.complete && to < standing.batch.end {
        let is_down = down.iter().any(|(position, _)| *position == Some(to));
        if !is_down && gone >= cap {
            break;
        }
        gone += u32::from(!is_down);
        to = Position(to.0.saturating_add(1));
    }
    let waits_for = (to < standing.batch.end).then(|| no_room(standing, &down));
    Room { to, waits_for }
}

fn no_room(standing: &Standing<'_>, down: &[&Placed]) -> Cause {
    Cause::InstancesDown {
        batch: standing.batch.index,
        down: u32::try_from(down.len()).unwrap_or(u32::MAX),
        cap: standing.plan.max_unavailable(),
        named: Named::of(down.iter().map(|(_, t)| t.ordinal)),
    }
}

fn overlap(standing: &Standing<'_>) -> Room {
    let batch = standing.batch;
    let unable = standing.troubled.iter().filter(|(position, t)| {
        t.trouble == Trouble::Unable && position.is_some_and(|p| standing.released <= p && p < batch.end)
    });
    let unable = Named::of(unable.map(|(_, t)| t.ordinal));
    let free = standing
        .plan
        .settings
        .max_surge
        .saturating_sub(standing.on_the_way());
    let to = Position(standing.released.0.saturating_add(free).min(batch.end.0));
    let waits_for = if !unable.is_empty() {
        Some(Cause::InstancesUnable {
            batch: batch.index,
            named: unable,
        })
    } else if !standing.complete {
        let down: Vec<_> = standing.troubled.iter().filter(|p| standing.is_down(p)).collect();
        Some(no_room(standing, &down))
    } else {
        // What is left waits for those on the way.
        let waits_for = (to < batch.end).then_some(Cause::Releasing { batch: batch.index });
        return Room { to, waits_for };
    };
    Room {
        to: standing.released,
        waits_for,
    }
}

#[cfg(test)]
mod tests;
