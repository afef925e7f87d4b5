//! What agents do: the real protocol decides, the model only says when.

use sluice_contract::check_in::{CheckInAnswer, CheckInRequest, DesiredState};
use sluice_core::channel::Mode;
use sluice_core::fleet::{InstanceError, InstanceStatus, Running};
use sluice_core::units::{Attempt, Epoch};
use sluice_protocol::{
    Command, Decision, Moment, Order, Readiness, Receipt, Record, Recovery, decide, recover,
};

use super::Lab;
use super::mutation::Mutation;
use super::state::{Agent, Broken, Stage, State};
use crate::sim::fleet_key;

const RECEIPT: Receipt = Receipt {
    asked: Moment(0),
    received: Moment(0),
};

fn error() -> InstanceError {
    InstanceError {
        code: "verify-failed".to_owned(),
        message: "made to fail".to_owned(),
    }
}

impl Lab {
    /// What an instance says now.
    pub(super) fn request(&self, s: &State, i: usize) -> CheckInRequest {
        let (agent, key, known) = (&s.agents[i], fleet_key(), &self.base.instances[i]);
        let record = self.records.get(agent.record);
        let running = record.running.as_ref().map(|r| Running {
            version: r.version_ref(),
            digest: r.digest.clone(),
            healthy: agent.stage == Stage::Idle && !agent.sick,
        });
        CheckInRequest {
            contract: sluice_contract::VERSION,
            tenant_id: key.tenant_id,
            component_id: key.component_id,
            fleet_id: key.fleet_id,
            instance_id: known.instance_id.clone(),
            ordinal: known.ordinal,
            incarnation: known.incarnation,
            failure_domain: known.failure_domain.clone(),
            fresh: agent.fresh,
            switches: known.switches.clone(),
            running,
            counters: Vec::new(),
            report: record.report.clone(),
        }
    }

    /// The server handles a check-in; gives the answer, or none when it is refused.
    pub(super) fn serve(&self, s: &mut State, i: usize, request: u32) -> Option<u32> {
        let key = (s.channel, s.stored[i], request);
        let (stored, tally, answer) = self.check_ins.get(key, |_| {
            let channel = s.channel.map(|c| self.channels.get(c));
            let mut instance = (*self.instances.get(s.stored[i])).clone();
            if self.mutation == Some(Mutation::CountedTwice) {
                instance.settled_in = None;
            }
            let request = self.requests.get(request);
            let done = self.base.check_in(channel.as_deref(), &instance, &request).ok()?;
            let answer = self.perturbed(done.2, channel.as_deref().map(|c| c.mode));
            Some((
                self.instances.put(&done.0),
                self.tallies.put(&done.1),
                self.answers.put(&answer),
            ))
        })?;
        s.stored[i] = stored;
        let mut all = (*self.tallies.get(s.tally)).clone();
        for (group, counts) in self.tallies.get(tally).iter() {
            match all.iter_mut().find(|(known, _)| known == group) {
                Some((_, known)) => {
                    known.completed += counts.completed;
                    known.failed += counts.failed;
                }
                None => all.push((*group, *counts)),
            }
        }
        all.sort_by_key(|(group, _)| *group);
        s.tally = self.tallies.put(&all);
        self.judge_answer(s, i, &self.answers.get(answer));
        Some(answer)
    }

    fn perturbed(&self, answer: CheckInAnswer, mode: Option<Mode>) -> CheckInAnswer {
        let told_to = self.to_artifact();
        let forward = DesiredState::Move {
            artifact: told_to,
            not_before_ms: 0,
            revert: false,
            checks: sluice_core::checks::Checks::default(),
        };
        match (self.mutation, mode, &answer.desired) {
            (Some(Mutation::RevertTellsTo), Some(Mode::Revert), DesiredState::Move { .. })
            | (Some(Mutation::HoldTellsTo), Some(Mode::Hold), DesiredState::Stay) => CheckInAnswer {
                desired: forward,
                ..answer
            },
            _ => answer,
        }
    }

    /// While on hold only who has begun goes on; on the way back nobody is sent to the new version.
    fn judge_answer(&self, s: &mut State, i: usize, answer: &CheckInAnswer) {
        let DesiredState::Move { artifact, .. } = &answer.desired else {
            return;
        };
        let forward = artifact.release.version_id == self.base.plan.to.version_id;
        let Some(channel) = s.channel.map(|c| self.channels.get(c)) else {
            return;
        };
        let stored = self.instances.get(s.stored[i]);
        let begun = stored.report.as_ref().is_some_and(|r| {
            (r.epoch, r.attempt) == (channel.epoch, channel.attempt) && r.status.is_under_way()
        });
        let unreleased = self.base.position(i).0 >= s.witness.released;
        let wrong = match channel.mode {
            Mode::Run => forward && unreleased,
            Mode::Hold => forward && !begun,
            Mode::Revert => forward,
        };
        if wrong {
            s.witness.broken = Some(Broken::ToldWrong);
        }
    }

    /// An answer reaches its agent.
    pub(super) fn deliver(&self, s: &mut State, i: usize, answer: u32, expired: bool) {
        let told = self.answers.get(answer);
        let mut record = (*self.records.get(s.agents[i].record)).clone();
        let agent = &mut s.agents[i];
        if self.mutation == Some(Mutation::NoEpochCheck) {
            record.seen = None;
        }
        match decide(&record, &told, RECEIPT) {
            Decision::Stale { .. } | Decision::Refuse(_) => return,
            Decision::Acknowledge { seen, report } | Decision::KeepGoing { seen, report } => {
                agent.order = None;
                record.told(seen, report);
            }
            Decision::Obey { order, report } => {
                record.told(order.command, report);
                agent.order =
                    (!expired || self.mutation == Some(Mutation::NoLease)).then_some((answer, expired));
            }
        }
        agent.fresh = false;
        agent.newest = agent.newest.max((told.epoch, told.attempt));
        agent.record = self.records.put(&record);
    }

    /// The order that an answer gave, while it may begin.
    pub(super) fn ready(&self, record: &Record, answer: u32, expired: bool) -> Option<Order> {
        let answer = self.answers.get(answer);
        let DesiredState::Move {
            artifact,
            not_before_ms,
            revert,
            checks,
        } = &answer.desired
        else {
            return None;
        };
        let order = Order {
            command: Command {
                upgrade_id: answer.upgrade_id,
                epoch: answer.epoch,
                attempt: answer.attempt,
            },
            artifact: artifact.clone(),
            revert: *revert,
            checks: checks.clone(),
            not_before: RECEIPT.received.plus_ms(*not_before_ms),
            lease_end: RECEIPT.asked.plus_ms(answer.lease_ms),
        };
        let at = if expired && self.mutation != Some(Mutation::NoLease) {
            order.lease_end
        } else {
            order.not_before
        };
        (order.readiness(record, at) == Readiness::Begin).then_some(order)
    }

    /// An order begins. What the design says about that is judged here, apart from the agent's own opinion.
    pub(super) fn begin(&self, s: &mut State, i: usize) -> Option<()> {
        let (answer, expired) = s.agents[i].order?;
        let mut record = (*self.records.get(s.agents[i].record)).clone();
        let order = self.ready(&record, answer, expired)?;
        if expired || order.command.key() != s.agents[i].newest {
            s.witness.broken = Some(Broken::BegunOutOfTurn);
        }
        if !order.revert && self.base.position(i).0 >= s.witness.released {
            s.witness.broken = Some(Broken::BegunUnreleased);
        }
        record.begin(&order);
        let agent = &mut s.agents[i];
        (agent.order, agent.stage) = (None, Stage::Begun);
        agent.record = self.records.put(&record);
        Some(())
    }

    /// The switch names its target.
    pub(super) fn link(&self, agent: &mut Agent) {
        let mut record = (*self.records.get(agent.record)).clone();
        let target = record.switch.as_ref().map(|j| j.target.clone());
        record.advance(InstanceStatus::Upgrading);
        record.linked(target);
        record.advance(InstanceStatus::HealthChecking);
        agent.stage = Stage::Linked;
        agent.record = self.records.put(&record);
    }

    /// The switch ends, well or not.
    pub(super) fn finish(&self, agent: &mut Agent, well: bool) {
        if agent.stage == Stage::Begun {
            self.link(agent);
        }
        let mut record = (*self.records.get(agent.record)).clone();
        let Some(journal) = record.switch.clone() else {
            return;
        };
        agent.sick = false;
        match (well, journal.revert) {
            (true, true) => record.end(InstanceStatus::RolledBack, None),
            (true, false) => record.end(InstanceStatus::Completed, None),
            (false, true) => {
                agent.sick = true;
                record.end(InstanceStatus::Failed, Some(error()));
            }
            (false, false) => {
                record.turn_back(error());
                record.linked(journal.from);
                record.end(InstanceStatus::Failed, Some(error()));
            }
        }
        agent.stage = Stage::Idle;
        agent.record = self.records.put(&record);
    }

    /// The agent dies and comes back.
    pub(super) fn restart(&self, agent: &mut Agent) {
        let mut record = (*self.records.get(agent.record)).clone();
        (agent.order, agent.down) = (None, None);
        if let Some(journal) = record.switch.clone() {
            agent.stage = match recover(&journal, record.running.as_ref()) {
                Recovery::Finish => Stage::Linked,
                Recovery::Switch => Stage::Begun,
                Recovery::Undo | Recovery::Return(_) => {
                    record.linked(journal.from);
                    record.undone();
                    Stage::Idle
                }
            };
        }
        agent.record = self.records.put(&record);
    }

    /// The agent loses its state; what is installed stays.
    pub(super) fn forget(&self, agent: &mut Agent) {
        let running = self.records.get(agent.record).running.clone();
        *agent = Agent {
            record: self.records.put(&Record {
                running,
                ..Record::default()
            }),
            stage: Stage::Idle,
            order: None,
            down: None,
            sick: false,
            fresh: true,
            newest: (Epoch(0), Attempt(0)),
        };
    }
}
