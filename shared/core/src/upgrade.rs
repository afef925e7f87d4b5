//! The record of an upgrade and the one function that changes it.
//!
//! A change is a [`Command`] applied to the record: it gives the next record, the event that tells of it, and what
//! becomes of the channel and of the component's lock, all to be written in one transaction. The event holds the
//! command, so that the events of an upgrade, applied in order, give its record again.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sluice_judge::gate::{Before, Verdict};

use crate::action::{Action, Impossible};
use crate::approval::{self, Approvals};
use crate::audit;
use crate::channel::{Channel, Mode};
use crate::exception::{Exceptions, TooMany};
use crate::hold::{Cause, Hold};
use crate::ids::{FleetKey, UpgradeId};
use crate::lifecycle::{Illegal, Status, Step};
use crate::named::Named;
use crate::plan::{Kind, Plan};
use crate::release::VersionRef;
use crate::units::{Attempt, Epoch, Percent, Position, Rev, Seq, is_zero};
use crate::watchdog::Overdue;

mod act;
mod apply;
mod command;
mod event;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use apply::awaits_promotion;
pub use apply::{agreed, kept};
pub use command::{Check, Command};
pub use event::{Event, verify_chain};

/// How far the current batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "kebab-case")]
pub enum Phase {
    /// It is not released.
    Ready {
        /// Since when.
        since: Timestamp,
    },
    /// Its instances move, all of them or as many as there is room for.
    Moving {
        /// When it was released, or more of it.
        since: Timestamp,
        /// The first of its positions that is not released, or its end.
        released: Position,
    },
    /// Its instances have moved, the traffic has not.
    Shifting {
        /// Since when.
        since: Timestamp,
    },
    /// It carries its traffic and is watched.
    Baking {
        /// Since when; moved on by the length of every pause.
        since: Timestamp,
    },
    /// The fleet goes back.
    Reverting {
        /// Since when.
        since: Timestamp,
        /// The positions that were ever released and have to acknowledge.
        frontier: Position,
    },
}

/// Why and by whom a fleet goes back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rollback {
    /// Why, in one sentence.
    pub reason: String,
    /// Since when.
    pub initiated_at: Timestamp,
    /// Who or what.
    pub initiated_by: String,
    /// Whether no person asked for it.
    pub automatic: bool,
    /// The verdict that led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

/// The clocks of a way back, as far as they are known. When the fault itself began (T0) no record can know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Clocks {
    /// T1: begin of the first datapoint that shows the fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t1_first_datapoint: Option<Timestamp>,
    /// T2: the verdict or the operator's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t2_verdict: Option<Timestamp>,
    /// T3: all traffic is on the old version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t3_traffic_back: Option<Timestamp>,
    /// T4: all instances run and verify on the old version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t4_instances_back: Option<Timestamp>,
    /// T5: the report is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t5_record_complete: Option<Timestamp>,
}

/// One execution of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Upgrade {
    /// Its identity.
    pub upgrade_id: UpgradeId,
    /// The fleet that it moves.
    #[serde(flatten)]
    pub fleet: FleetKey,
    /// The version that it leaves.
    pub from: VersionRef,
    /// The version that it brings.
    pub to: VersionRef,
    /// Names the plan.
    pub plan_hash: String,
    /// Where it stands.
    #[serde(flatten)]
    pub status: Status,
    /// The current batch, from 0; the number of batches once all have passed.
    pub batch: u32,
    /// How far the current batch is.
    #[serde(flatten)]
    pub phase: Phase,
    /// The new version's share of the traffic, as verified on the route.
    pub weight: Percent,
    /// Whether the share was ever set and read back by this upgrade.
    #[serde(default)]
    pub route_verified: bool,
    /// The channel's epoch that the upgrade commands with; 0 before it has the channel.
    pub epoch: Epoch,
    /// Which try of the workflow may write.
    pub attempt: Attempt,
    /// When the newest batch was released; a gate counts from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_at: Option<Timestamp>,
    /// What was measured before the first release, and frozen.
    #[serde(default, skip_serializing_if = "Before::is_empty")]
    pub before: Before,
    /// Instances that failed in the batches before the current one.
    pub failures: u32,
    /// The same by batch, for those batches in which any failed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failures_by_batch: BTreeMap<u32, u32>,
    /// Instances that never answered and were left behind, by batch. They come along whenever they return.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unreachable_by_batch: BTreeMap<u32, u32>,
    /// Which.
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub unreachable: Named,
    /// Instances that an operator had dropped before their batch had moved, by batch.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dropped_by_batch: BTreeMap<u32, u32>,
    /// Single instances for which something else holds.
    #[serde(default, skip_serializing_if = "Exceptions::is_empty")]
    pub exceptions: Exceptions,
    /// What it waits for, where that is more than the course of things.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// Why it goes or went back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<Rollback>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Who the request named; shown, never trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initiated_by: Option<String>,
    /// Who asked for it.
    pub requested_by: String,
    /// When it was planned.
    pub created_at: Timestamp,
    /// When it was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it reached a terminal status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// The clocks of its way back.
    #[serde(default)]
    pub clocks: Clocks,
    /// Who said that the canary need not be watched any longer than the evidence takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promoted_by: Option<String>,
    /// Failed instances at the end of the batches before the current one, without one that arrived after them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failures_in_a_row: u32,
    /// When an operator let it go on although the breaker had tripped: failures up to then do not trip it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker_reset_at: Option<Timestamp>,
    /// What somebody else has to agree to, or had to.
    #[serde(default, skip_serializing_if = "Approvals::is_empty")]
    pub approvals: Approvals,
    /// Who changed the plan last after it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_by: Option<String>,
    /// What took too long and was told of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overdue: Vec<Overdue>,
    /// When it last changed.
    pub changed_at: Timestamp,
    /// Who or what changed it last.
    #[serde(default)]
    pub changed_by: String,
    /// Number of its last event, and the condition of its next write.
    pub seq: Seq,
    /// Hash of its last event.
    pub head: String,
}

/// What becomes of the lock that keeps a component to one active upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockChange {
    /// It stays as it is.
    Keep,
    /// It is taken, on condition that it is free.
    Take,
    /// It is given back, on condition that it is this upgrade's.
    Release,
}

/// Everything that one command writes, in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The record after it; written on condition that the stored one has the number before.
    pub upgrade: Upgrade,
    /// The event.
    pub event: Event,
    /// The channel after it, where it changes; written on condition that the stored one has the revision before.
    pub channel: Option<Channel>,
    /// What becomes of the lock.
    pub lock: LockChange,
}

/// What a command is applied with.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The upgrade's plan.
    pub plan: &'a Plan,
    /// The fleet's channel as it is stored.
    pub channel: Option<&'a Channel>,
    /// The moment.
    pub now: Timestamp,
    /// Who or what asks.
    pub actor: &'a str,
}

/// Why a command is not possible. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The status does not allow it.
    #[error(transparent)]
    Illegal(#[from] Illegal),
    /// The batch is not that far, or farther already.
    #[error("{command} is not possible in the phase {phase:?}")]
    Phase {
        /// The name of the event that it would have been.
        command: &'static str,
        /// The phase.
        phase: Phase,
    },
    /// The share of the traffic is not the one that the plan has here.
    #[error("a share of {given} is not the {allowed} that is allowed now")]
    Weight {
        /// What was given.
        given: Percent,
        /// What is allowed.
        allowed: Percent,
    },
    /// An operator's action does not fit the record.
    #[error(transparent)]
    Impossible(#[from] Impossible),
    /// Somebody else has to agree, or may not.
    #[error(transparent)]
    Approval(#[from] approval::Refused),
    /// One exception too many.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// The fleet's channel is another upgrade's.
    #[error("the fleet's channel is not this upgrade's any more")]
    ChannelLost,
}

impl Upgrade {
    /// A new upgrade with its first event.
    #[must_use]
    pub fn create(
        upgrade_id: UpgradeId,
        plan: &Plan,
        initiated_by: Option<String>,
        actor: &str,
        now: Timestamp,
    ) -> Change {
        let mut upgrade = Self {
            upgrade_id,
            fleet: plan.fleet.clone(),
            from: plan.from.clone(),
            to: plan.to.clone(),
            plan_hash: plan.hash(),
            status: Status::Pending,
            batch: 0,
            phase: Phase::Ready { since: now },
            weight: Percent::ZERO,
            route_verified: false,
            epoch: Epoch(0),
            attempt: Attempt(0),
            released_at: None,
            before: Before::default(),
            failures: 0,
            failures_by_batch: BTreeMap::new(),
            unreachable_by_batch: BTreeMap::new(),
            unreachable: Named::default(),
            dropped_by_batch: BTreeMap::new(),
            exceptions: Exceptions::default(),
            hold: None,
            rollback: None,
            failure: None,
            initiated_by,
            requested_by: actor.to_owned(),
            created_at: now,
            started_at: None,
            ended_at: None,
            clocks: Clocks::default(),
            promoted_by: None,
            failures_in_a_row: 0,
            breaker_reset_at: None,
            approvals: Approvals::default(),
            edited_by: None,
            overdue: Vec::new(),
            changed_at: now,
            changed_by: actor.to_owned(),
            seq: Seq(0),
            head: audit::genesis(),
        };
        if approval::is_needed(plan, upgrade.status, Action::Start) {
            upgrade.ask_for_approval(Action::Start, actor, now);
        }
        upgrade.record(0, Command::Create, None, LockChange::Take, actor, now)
    }

    /// Applies a command: the one way in which an upgrade changes.
    ///
    /// # Errors
    /// [`Refusal`] when the command is not possible now.
    pub fn apply(&self, command: Command, context: &Context<'_>) -> Result<Change, Refusal> {
        if let Some(action) = command.action() {
            self.may(action)?;
        }
        let mut next = self.clone();
        let mut channel = context
            .channel
            .filter(|c| c.upgrade_id == self.upgrade_id)
            .cloned();
        apply::apply(&mut next, &mut channel, &command, context)?;
        let lock = match (self.status.is_terminal(), next.status.is_terminal()) {
            (false, true) => LockChange::Release,
            (true, false) => LockChange::Take,
            _ => LockChange::Keep,
        };
        let changed = channel.filter(|c| Some(c) != context.channel).map(|c| Channel {
            rev: c.rev.next(),
            ..c
        });
        Ok(next.record(self.batch, command, changed, lock, context.actor, context.now))
    }

    /// Puts the command's event into the chain.
    fn record(
        mut self,
        batch: u32,
        command: Command,
        channel: Option<Channel>,
        lock: LockChange,
        actor: &str,
        now: Timestamp,
    ) -> Change {
        self.seq = self.seq.next();
        self.changed_at = now;
        actor.clone_into(&mut self.changed_by);
        let mut event = Event {
            upgrade_id: self.upgrade_id,
            fleet: self.fleet.clone(),
            seq: self.seq,
            at: now,
            actor: actor.to_owned(),
            name: command.event_name().to_owned(),
            batch,
            status: self.status,
            command,
            previous: self.head.clone(),
            hash: String::new(),
        };
        event.hash = event.expected_hash();
        self.head.clone_from(&event.hash);
        Change {
            upgrade: self,
            event,
            channel,
            lock,
        }
    }
}
