//! What is told afterwards: made from the record, the plan, the events and the instances, and from nothing else.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluice_judge::gate::Verdict;

use crate::fleet::{Instance, InstanceError, InstanceStatus};
use crate::named::Named;
use crate::plan::{Kind, Plan, Published};
use crate::units::{Ordinal, Percent, Position, is_zero};
use crate::upgrade::{Clocks, Command, Event, Upgrade, verify_chain};

mod markdown;

pub use markdown::markdown;

/// A batch and what happened to it; times are absent where it did not get that far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchReport {
    /// From 0.
    pub index: u32,
    /// What kind.
    pub kind: Kind,
    /// How many instances.
    pub size: u32,
    /// When it was released.
    pub released_at: Option<Timestamp>,
    /// When all its instances had reported.
    pub moved_at: Option<Timestamp>,
    /// Instances that ran the new version then.
    pub completed: u32,
    /// Instances that had failed then.
    pub failed: u32,
    /// Instances that had not answered then, and were left behind.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unreachable: u32,
    /// Which.
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub unreachable_instances: Named,
    /// Instances that had not answered then, and that an operator had dropped.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropped: u32,
    /// The new version's share of the traffic that it was watched with.
    pub weight: Option<Percent>,
    /// When it passed.
    pub passed_at: Option<Timestamp>,
    /// The verdict that it passed with.
    pub verdict: Option<Verdict>,
}

/// An instance as it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InstanceEntry {
    /// Its identity.
    pub instance_id: String,
    /// Its stable number.
    pub ordinal: Ordinal,
    /// The batch that it was in; none when it joined after planning.
    pub batch: Option<u32>,
    /// Whether it ever began to move.
    pub touched: bool,
    /// What it runs.
    pub version: Option<String>,
    /// Whether it is healthy.
    pub healthy: bool,
    /// How far it got.
    pub status: InstanceStatus,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<InstanceError>,
}

/// How long the way back took, in milliseconds, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ClocksMs {
    /// T1 to T2: from the first datapoint that shows the fault to the verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t1_to_t2: Option<i64>,
    /// T2 to T3: until all traffic was on the old version. Target: under 60,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t2_to_t3: Option<i64>,
    /// T2 to T4: until all instances ran and verified on the old version. Target: under 60,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t2_to_t4: Option<i64>,
    /// T2 to T5: until the record was complete. Target: under 180,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t2_to_t5: Option<i64>,
}

impl From<Clocks> for ClocksMs {
    fn from(clocks: Clocks) -> Self {
        let between = |from: Option<Timestamp>, to: Option<Timestamp>| {
            Some(to?.as_millisecond() - from?.as_millisecond())
        };
        let t2 = clocks.t2_verdict;
        Self {
            t1_to_t2: between(clocks.t1_first_datapoint, t2),
            t2_to_t3: between(t2, clocks.t3_traffic_back),
            t2_to_t4: between(t2, clocks.t4_instances_back),
            t2_to_t5: between(t2, clocks.t5_record_complete),
        }
    }
}

/// The report of an upgrade.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// When it was made.
    pub generated_at: Timestamp,
    /// The record; its clocks include this report.
    pub upgrade: Upgrade,
    /// The plan.
    pub plan: Plan,
    /// Each batch and what happened to it.
    pub batches: Vec<BatchReport>,
    /// Each instance as it ended, by ordinal.
    pub instances: Vec<InstanceEntry>,
    /// How many instances run the new version.
    pub on_target: u32,
    /// How many run the old one.
    pub on_previous: u32,
    /// How many ever began to move.
    pub touched: u32,
    /// The clocks of its way back.
    pub clocks_ms: ClocksMs,
    /// The events, without the one of this report.
    pub events: Vec<Event>,
    /// Whether their chain of hashes holds.
    pub chain_verified: bool,
}

impl Report {
    /// Makes a report.
    #[must_use]
    pub fn make(
        upgrade: &Upgrade,
        plan: &Plan,
        published: &Published,
        instances: &[Instance],
        events: Vec<Event>,
        now: Timestamp,
    ) -> Self {
        let upgrade = Upgrade {
            clocks: Clocks {
                t5_record_complete: Some(now),
                ..upgrade.clocks
            },
            ..upgrade.clone()
        };
        let positions: HashMap<Ordinal, Position> = (0..)
            .map(Position)
            .zip(&published.ordinals.0)
            .map(|(p, o)| (*o, p))
            .collect();
        let batch_of = |ordinal| published.batch_of(*positions.get(&ordinal)?);
        let entries: Vec<_> = instances
            .iter()
            .map(|i| entry(&upgrade, i, batch_of(i.ordinal)))
            .collect();
        let running = |version: &str| count(&entries, |e| e.version.as_deref() == Some(version));
        Self {
            generated_at: now,
            batches: batches(plan, &events),
            on_target: running(&upgrade.to.version.to_string()),
            on_previous: running(&upgrade.from.version.to_string()),
            touched: count(&entries, |e| e.touched),
            instances: entries,
            clocks_ms: upgrade.clocks.into(),
            chain_verified: verify_chain(&events).is_ok(),
            upgrade,
            plan: plan.clone(),
            events,
        }
    }
}

fn count(entries: &[InstanceEntry], wanted: impl Fn(&InstanceEntry) -> bool) -> u32 {
    u32::try_from(entries.iter().filter(|e| wanted(e)).count()).unwrap_or(u32::MAX)
}

fn entry(upgrade: &Upgrade, instance: &Instance, batch: Option<u32>) -> InstanceEntry {
    let report = instance
        .report
        .as_ref()
        .filter(|r| r.upgrade_id == upgrade.upgrade_id);
    let status = report.map_or(InstanceStatus::Pending, |r| r.status);
    InstanceEntry {
        instance_id: instance.instance_id.to_string(),
        ordinal: instance.ordinal,
        batch,
        touched: status != InstanceStatus::Pending,
        version: instance.running.as_ref().map(|r| r.version.version.to_string()),
        healthy: instance.running.as_ref().is_some_and(|r| r.healthy),
        status,
        error: report.and_then(|r| r.error.clone()),
    }
}

fn batches(plan: &Plan, events: &[Event]) -> Vec<BatchReport> {
    plan.batches
        .iter()
        .map(|batch| {
            let mut report = BatchReport {
                index: batch.index,
                kind: batch.kind,
                size: batch.size(),
                released_at: None,
                moved_at: None,
                completed: 0,
                failed: 0,
                unreachable: 0,
                unreachable_instances: Named::default(),
                dropped: 0,
                weight: None,
                passed_at: None,
                verdict: None,
            };
            events
                .iter()
                .filter(|e| e.batch == batch.index)
                .for_each(|event| tell(&mut report, event));
            report
        })
        .collect()
}

fn tell(report: &mut BatchReport, event: &Event) {
    match &event.command {
        Command::Release { .. } => report.released_at = Some(event.at),
        Command::Moved {
            completed,
            failed,
            unreachable,
            named,
            dropped,
            ..
        } => {
            report.dropped = *dropped;
            report.unreachable = *unreachable;
            report.unreachable_instances = named.clone();
            report.moved_at = Some(event.at);
            report.completed = *completed;
            report.failed = *failed;
        }
        Command::Shifted { weight } if report.moved_at.is_some() && report.passed_at.is_none() => {
            report.weight.get_or_insert(*weight);
        }
        Command::Pass { verdict } => {
            report.passed_at = Some(event.at);
            report.verdict = Some(verdict.clone());
        }
        _ => {}
    }
}
