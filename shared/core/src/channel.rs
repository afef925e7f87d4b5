//! The channel: the one small item that is a fleet's desired state, and the one function that reads it.
//!
//! Releasing a batch raises the channel's frontier and rolling back changes its mode and raises its epoch. What that
//! means for one instance is [`answer`]'s word and nobody else's.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::exception::Exceptions;
use crate::fleet::{Instance, InstanceStatus, Switch};
use crate::ids::{FleetKey, UpgradeId};
use crate::release::VersionRef;
use crate::units::{Attempt, Epoch, Position, Rev};
use crate::waves::Waves;

/// How long a command may wait for its beginning, on the agent's monotonic clock.
pub const LEASE_MS: u64 = 30_000;

/// What the channel asks of its fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Positions below the frontier go to the new version, the others stay.
    Run,
    /// Who has begun finishes, who has not stays.
    Hold,
    /// Who runs or has begun the new version goes back, the others stay.
    Revert,
}

/// A fleet's desired state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// The fleet whose desired state this is.
    #[serde(flatten)]
    pub fleet: FleetKey,
    /// The upgrade that holds the channel.
    pub upgrade_id: UpgradeId,
    /// Names the positions: the plan's hash.
    pub plan_hash: String,
    /// The version that the upgrade leaves.
    pub from: VersionRef,
    /// The version that the upgrade brings.
    pub to: VersionRef,
    /// The first position that is not released.
    pub frontier: Position,
    /// The end of the batch after the frontier: its instances check in fast and fetch ahead.
    pub next_frontier: Position,
    /// What is asked.
    pub mode: Mode,
    /// Rises with each upgrade and each revert.
    pub epoch: Epoch,
    /// Rises when a batch's failed instances may try again.
    pub attempt: Attempt,
    /// Until when the completed upgrade's old version is kept for return, or when the upgrade ended without completing;
    /// none while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_until: Option<Timestamp>,
    /// When the revert was commanded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverted_at: Option<Timestamp>,
    /// How the revert goes; none for all at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waves: Option<Waves>,
    /// How instances switch: one that cannot stays, and goes back as it can.
    #[serde(default, skip_serializing_if = "Switch::is_usual")]
    pub switch: Switch,
    /// Single instances for which something else holds.
    #[serde(default, skip_serializing_if = "Exceptions::is_empty")]
    pub exceptions: Exceptions,
    /// The condition of the next write.
    pub rev: Rev,
}

/// Where an instance is to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Desired {
    /// It stays on what it runs.
    Stay,
    /// It goes to this version, not before this many milliseconds from receipt.
    Move {
        /// The version to run.
        version: VersionRef,
        /// Delay from receipt, in milliseconds: waves of a revert.
        not_before_ms: u64,
    },
}

/// How soon an instance should ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Nothing concerns it.
    Idle,
    /// Its upgrade is complete and can still be taken back.
    Held,
    /// It moves, or will with the next batch.
    Fast,
}

/// What an instance is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Where it is to go.
    pub desired: Desired,
    /// How soon it should ask again.
    pub pace: Pace,
    /// Whether it may fetch the next version's artifact ahead of its release.
    pub prefetch: bool,
}

/// What an answer depends on beside channel and instance.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// The server's time.
    pub now: Timestamp,
    /// How many instances have acknowledged the revert by being back. Too low a number makes others wait, and nothing
    /// worse; it counts only while a [`Answer::waits`].
    pub acknowledged: u32,
}

impl Answer {
    /// Whether the instance has to let others go before it.
    #[must_use]
    pub fn waits(&self) -> bool {
        matches!(self.desired, Desired::Move { not_before_ms, .. } if not_before_ms > 0)
    }
}

/// What one instance is told, given its position in the plan (none for an instance that joined after planning).
///
/// Pure and total: the same channel and instance give the same answer wherever it is computed.
#[must_use]
pub fn answer(channel: &Channel, position: Option<Position>, instance: &Instance, moment: Moment) -> Answer {
    let desired = match channel.mode {
        Mode::Run => run(channel, position, instance),
        Mode::Hold if has_begun(channel, instance) => forward(channel),
        Mode::Hold => Desired::Stay,
        Mode::Revert => revert(channel, position, instance, moment),
    };
    let released = position.is_some_and(|p| p < channel.frontier);
    let next = position.is_some_and(|p| p >= channel.frontier && p < channel.next_frontier);
    let concerned = match channel.mode {
        Mode::Run => released || next,
        // What has ended asks for nothing more.
        Mode::Hold => channel.held_until.is_none() && (released || next),
        // Who is back has nothing more to expect of this upgrade.
        Mode::Revert => released && outcome(channel, position, instance) != Some(Outcome::Arrived),
    };
    let pace = match (channel.mode, channel.held_until) {
        (Mode::Run, Some(until)) if desired == Desired::Stay && moment.now < until => Pace::Held,
        (Mode::Run, Some(_)) if desired == Desired::Stay => Pace::Idle,
        _ if desired != Desired::Stay || concerned => Pace::Fast,
        _ => Pace::Idle,
    };
    Answer {
        desired,
        pace,
        prefetch: channel.mode == Mode::Run && next,
    }
}

fn run(channel: &Channel, position: Option<Position>, instance: &Instance) -> Desired {
    let wanted = match position {
        Some(position) => position < channel.frontier,
        // It joined meanwhile: `from` until the upgrade is complete, then `to`.
        None => channel.held_until.is_some(),
    };
    let can = instance.switches.has(channel.switch);
    if wanted && can && !runs(instance, &channel.to) && !has_failed(channel, instance) {
        forward(channel)
    } else {
        Desired::Stay
    }
}

fn forward(channel: &Channel) -> Desired {
    Desired::Move {
        version: channel.to.clone(),
        not_before_ms: 0,
    }
}

fn revert(channel: &Channel, position: Option<Position>, instance: &Instance, moment: Moment) -> Desired {
    if !must_go_back(channel, instance) {
        return Desired::Stay;
    }
    Desired::Move {
        version: instance.left.clone().unwrap_or_else(|| channel.from.clone()),
        not_before_ms: wait_ms(channel, position, instance, moment),
    }
}

/// Who is down already goes at once, and so does who has begun: waiting would bring nothing back sooner.
fn wait_ms(channel: &Channel, position: Option<Position>, instance: &Instance, moment: Moment) -> u64 {
    let (Some(waves), Some(since)) = (channel.waves, channel.reverted_at) else {
        return 0;
    };
    let healthy = instance.running.as_ref().is_some_and(|r| r.healthy);
    let own = instance
        .report
        .as_ref()
        .filter(|r| r.upgrade_id == channel.upgrade_id);
    let down = own.is_some_and(|r| r.status.is_under_way() || r.status == InstanceStatus::Failed);
    if !healthy || down {
        return 0;
    }
    waves.wait_ms(channel.frontier, position, moment.acknowledged, since, moment.now)
}

/// A report from the revert's own epoch tells how far the way back is; an older one tells whether it left at all.
fn must_go_back(channel: &Channel, instance: &Instance) -> bool {
    let on_new = runs(instance, &channel.to);
    match report_in(channel, instance).map(|r| r.status) {
        Some(status) if status.is_under_way() => true,
        Some(InstanceStatus::RolledBack) => on_new,
        // It is told again when the attempt rises.
        Some(InstanceStatus::Failed) => !has_failed(channel, instance),
        // Who has ever left is back by a verified switch of this epoch only, whatever it says that it runs meanwhile.
        _ => on_new || began_earlier(channel, instance) || instance.left.is_some(),
    }
}

/// What an instance's last report settles for the channel's current epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is where the channel wants it, and verified.
    Arrived,
    /// It could not be brought there.
    Failed,
}

/// Whether an instance has settled the current epoch; none while it has not, or where nothing was asked of it.
///
/// Going forward that is a verified run of the new version. Going back it is the new epoch's acknowledgement by an
/// instance that was ever released: verified on the old version, or never gone from it. A claim that what it runs
/// contradicts settles nothing.
#[must_use]
pub fn outcome(channel: &Channel, position: Option<Position>, instance: &Instance) -> Option<Outcome> {
    let report = report_in(channel, instance).filter(|r| r.attempt == channel.attempt)?;
    position.filter(|p| *p < channel.frontier)?;
    let healthy = instance.running.as_ref().is_some_and(|r| r.healthy);
    let on_new = runs(instance, &channel.to);
    let arrived = match (channel.mode, report.status) {
        (_, InstanceStatus::Failed) => return Some(Outcome::Failed),
        // One that had the new version before has nothing to do.
        (Mode::Run | Mode::Hold, InstanceStatus::Completed | InstanceStatus::Pending) => on_new && healthy,
        (Mode::Revert, InstanceStatus::RolledBack) => !on_new && healthy,
        (Mode::Revert, InstanceStatus::Pending) => !on_new && !must_go_back(channel, instance),
        _ => false,
    };
    arrived.then_some(Outcome::Arrived)
}

fn runs(instance: &Instance, version: &VersionRef) -> bool {
    instance
        .running
        .as_ref()
        .is_some_and(|r| r.version.version_id == version.version_id)
}

fn report_in<'a>(channel: &Channel, instance: &'a Instance) -> Option<&'a crate::fleet::InstanceReport> {
    instance
        .report
        .as_ref()
        .filter(|r| r.upgrade_id == channel.upgrade_id && r.epoch == channel.epoch)
}

fn has_begun(channel: &Channel, instance: &Instance) -> bool {
    report_in(channel, instance).is_some_and(|r| r.attempt == channel.attempt && r.status.is_under_way())
}

fn has_failed(channel: &Channel, instance: &Instance) -> bool {
    report_in(channel, instance)
        .is_some_and(|r| r.attempt == channel.attempt && r.status == InstanceStatus::Failed)
}

/// Whether the instance began this upgrade's forward move in an epoch before the revert: what it runs meanwhile is
/// then unknown, and only a verified switch back settles it.
fn began_earlier(channel: &Channel, instance: &Instance) -> bool {
    instance.report.as_ref().is_some_and(|r| {
        r.upgrade_id == channel.upgrade_id && r.epoch < channel.epoch && r.status != InstanceStatus::Pending
    })
}

#[cfg(test)]
mod tests;
