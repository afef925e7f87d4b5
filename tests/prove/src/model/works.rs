//! Executions: each step reads, and writes later, on condition; between the two anything may happen.

use std::sync::Arc;

use sluice_contract::step::{Next, Step};
use sluice_core::channel::Channel;
use sluice_core::lifecycle::Status;
use sluice_core::settings::Promotion;
use sluice_core::traffic;
use sluice_core::units::{Epoch, Percent};
use sluice_core::upgrade::{Change, Command, LockChange, Upgrade};

use super::Lab;
use super::mutation::Mutation;
use super::state::{Bell, Invocation, Lock, State, Work};
use super::table::{BEGIN, When};
use super::world::{Call, Data, Function, Look, Tally, View, Word, follows, settled, unnumbered};
use crate::sim::fleet_key;

/// What a function read, and what it is to do.
pub struct Outcome {
    /// Which function; none for an operator's word.
    pub function: Option<Function>,
    /// The epoch of the workflow.
    pub epoch: Option<Epoch>,
    /// When it looked, and at what.
    pub look: Look,
    /// What it is to write, in order.
    pub changes: Vec<Written>,
    /// What it is to answer; none when it fails.
    pub next: Option<Step>,
    /// The share that it is to set on the route.
    pub share: Option<u8>,
    /// Whether a second run would write more.
    pub repeated: bool,
}

/// A change, by the numbers of what it writes.
pub struct Written {
    /// The record after it.
    pub upgrade: u32,
    /// The channel after it, where it changes.
    pub channel: Option<u32>,
    /// What becomes of the lock.
    pub lock: LockChange,
    /// The command.
    pub command: Command,
    /// Whether it is one event that follows on what was read.
    pub sound: bool,
}

/// What an outcome depends on.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Question {
    function: Function,
    step: Option<u32>,
    fault: bool,
    look: Look,
    upgrade: u32,
    channel: Option<u32>,
    tally: u32,
    other: bool,
}

impl Work {
    /// The function that runs next.
    pub fn function(&self, lab: &Lab) -> Function {
        let Some(step) = self.step.map(|s| lab.steps.get(s)) else {
            return Function::Planning;
        };
        match (step.next, self.back) {
            (Next::Report, _) => Function::Report,
            (Next::Shift, _) => Function::TrafficShift,
            (_, true) => Function::Rollback,
            (Next::RunBatch | Next::Deploy, false) => Function::BatchDeploy,
            _ => Function::HealthProbe,
        }
    }
}

impl Lab {
    /// The circumstances in which a function may look.
    pub(super) fn looks(&self, s: &State, function: Function) -> Vec<Look> {
        let look = |when, data| Look { when, data };
        match function {
            Function::HealthProbe => {
                let mut looks = vec![
                    look(When::Soon, Data::Bad),
                    look(When::Baked, Data::Absent),
                    look(When::Baked, Data::Good),
                    look(When::Late, Data::Absent),
                ];
                looks.extend((s.budget.away > 0).then(|| look(When::Baked, Data::Away)));
                looks
            }
            Function::Rollback => vec![look(When::Soon, Data::Absent), look(When::Late, Data::Absent)],
            _ => vec![look(When::Soon, Data::Absent)],
        }
    }

    /// A function reads, and knows what it is to do.
    pub(super) fn read(&self, s: &mut State, w: usize, function: Function, look: Look) {
        if look.when == When::Late {
            self.expire_all(s);
        }
        if look.data == Data::Away {
            s.budget.away -= 1;
        }
        let work = &s.works[w];
        let mut step = work.step;
        if self.mutation == Some(Mutation::SupersededWrites) && work.back {
            let epoch = self.upgrades.get(s.upgrade).epoch;
            step = step.map(|id| {
                self.steps.put(&Step {
                    epoch,
                    ..(*self.steps.get(id)).clone()
                })
            });
        }
        let question = Question {
            function,
            step,
            fault: work.fault,
            look,
            upgrade: s.upgrade,
            channel: s.channel,
            tally: s.tally,
            other: s.lock == Lock::Other,
        };
        let original = work.step.map(|id| self.steps.get(id).epoch);
        let result = self.outcomes.get(question, |q| {
            self.remember(Outcome {
                epoch: original,
                ..self.work_out(q)
            })
        });
        let outcome = self.outcome(result);
        if !s.works[w].fault {
            self.judge_read(s, &outcome);
        }
        let running = Invocation {
            result,
            stale: false,
            channel_stale: false,
            written: 0,
            routed: outcome.share.is_none(),
        };
        s.works[w].running = Some(running);
        self.settle(s, w);
    }

    fn work_out(&self, q: &Question) -> Outcome {
        let mut upgrade = (*self.upgrades.get(q.upgrade)).clone();
        let channel = q.channel.map(|c| self.channels.get(c));
        let mut tally = (*self.tallies.get(q.tally)).clone();
        let mut plan = self.base.plan.clone();
        let mut look = q.look;
        match (self.mutation, q.function) {
            (Some(Mutation::ThresholdOffByOne), Function::HealthProbe) => {
                plan.settings.failure_threshold += 1;
            }
            (Some(Mutation::PromotionIgnored), Function::HealthProbe) => {
                plan.settings.canary_promotion = Promotion::Automatic;
            }
            (Some(Mutation::ReleaseWhilePaused), Function::BatchDeploy) => unpause(&mut upgrade),
            (Some(Mutation::NoDataPasses), Function::HealthProbe) if look.data == Data::Absent => {
                look.data = Data::Good;
            }
            (Some(Mutation::HarmIgnoredInPause), Function::HealthProbe) if upgrade.status.is_paused() => {
                look.data = Data::Absent;
            }
            (Some(Mutation::BackWithoutAcknowledgement), Function::Rollback) => {
                acknowledge(&mut tally, upgrade.epoch);
            }
            (Some(Mutation::TrafficForgotten), Function::Rollback) => {
                upgrade.weight = Percent::ZERO;
                upgrade.clocks.t3_traffic_back = Some(BEGIN);
            }
            _ => {}
        }
        let view = View {
            upgrade: &upgrade,
            channel: channel.as_deref(),
            tally: &tally,
            other: q.other,
        };
        let step = q.step.map(|s| self.steps.get(s));
        let call = Call {
            function: q.function,
            step: step.as_deref(),
            fault: q.fault,
            look,
        };
        let ran = self.base.step(&view, &plan, &call);
        Outcome {
            function: Some(q.function),
            epoch: step.map(|s| s.epoch),
            look: q.look,
            changes: self.written(&upgrade, &ran.changes),
            next: ran.answer.ok().map(plain),
            share: ran.share,
            repeated: ran.repeated,
        }
    }

    /// An operator's word, as it was decided on what was read.
    pub(super) fn word(&self, s: &State, word: Word) -> Option<u32> {
        let other = s.lock == Lock::Other;
        self.words.get((word, s.upgrade, s.channel, other), |_| {
            let upgrade = self.upgrades.get(s.upgrade);
            let channel = s.channel.map(|c| self.channels.get(c));
            let view = View {
                upgrade: &upgrade,
                channel: channel.as_deref(),
                tally: &Vec::new(),
                other,
            };
            let change = self.base.operate(&view, word)?;
            Some(self.remember(Outcome {
                function: None,
                epoch: None,
                look: Look {
                    when: When::Soon,
                    data: Data::Absent,
                },
                changes: self.written(&upgrade, &[change]),
                next: None,
                share: None,
                repeated: false,
            }))
        })
    }

    fn written(&self, before: &Upgrade, changes: &[Change]) -> Vec<Written> {
        let mut before = before.clone();
        let mut all = Vec::new();
        for change in changes {
            let (mut upgrade, mut channel) =
                (settled(&change.upgrade), change.channel.as_ref().map(unnumbered));
            self.perturb(&change.event.command, &mut upgrade, &mut channel);
            all.push(Written {
                upgrade: self.upgrades.put(&upgrade),
                channel: channel.map(|c| self.channels.put(&c)),
                lock: change.lock,
                command: change.event.command.clone(),
                sound: follows(&before, change),
            });
            before = change.upgrade.clone();
        }
        all
    }

    fn perturb(&self, command: &Command, upgrade: &mut Upgrade, channel: &mut Option<Channel>) {
        match (self.mutation, command) {
            (Some(Mutation::ResumeElsewhere), Command::Resume) => upgrade.status = Status::InProgress,
            (Some(Mutation::WeightAboveVerdict), Command::Shifted { .. }) if upgrade.status.is_moving() => {
                upgrade.weight = Percent::FULL;
            }
            (Some(Mutation::FrontierLowered), Command::Pause { .. }) => {
                channel.iter_mut().for_each(|c| c.frontier.0 = 0);
            }
            (Some(Mutation::SameEpochBack), Command::RollBack { .. }) => {
                upgrade.epoch.0 -= 1;
                channel.iter_mut().for_each(|c| c.epoch = upgrade.epoch);
            }
            _ => {}
        }
    }

    /// Writes the next change of an invocation; false when a condition does not hold.
    pub(super) fn commit(&self, s: &mut State, running: &mut Invocation) -> bool {
        let outcome = self.outcome(running.result);
        let Some(change) = outcome.changes.get(running.written) else {
            return true;
        };
        let takes = change.lock == LockChange::Take && self.mutation != Some(Mutation::LockNotRetaken);
        let forked = running.stale;
        let stolen = change.channel.is_some() && running.channel_stale;
        if (forked && self.mutation != Some(Mutation::NoSeqCondition))
            || (stolen && self.mutation != Some(Mutation::NoRevCondition))
            || (takes && s.lock == Lock::Other)
        {
            return false;
        }
        self.judge_change(s, &outcome, change, forked || !change.sound);
        s.upgrade = change.upgrade;
        s.channel = change.channel.or(s.channel);
        match change.lock {
            LockChange::Take if takes => s.lock = Lock::Ours,
            LockChange::Release if s.lock == Lock::Ours && self.mutation != Some(Mutation::LockKept) => {
                s.lock = Lock::Free;
            }
            _ => {}
        }
        match change.command {
            Command::Start | Command::Cancel { .. } => s.bells.push(Bell::Forward),
            Command::RollBack { .. } if self.mutation != Some(Mutation::RelayForgets) => {
                s.bells.push(Bell::Back);
            }
            _ => {}
        }
        running.written += 1;
        let others = s
            .works
            .iter_mut()
            .filter_map(|w| w.running.as_mut())
            .chain(s.zombie.as_mut());
        for other in others {
            other.stale = true;
            other.channel_stale |= change.channel.is_some();
        }
        true
    }

    /// The route is set, and read back.
    pub(super) fn route(&self, s: &mut State, running: &mut Invocation) {
        let outcome = self.outcome(running.result);
        let forward = outcome
            .changes
            .first()
            .is_some_and(|c| self.upgrades.get(c.upgrade).status.is_moving());
        let above = self.mutation == Some(Mutation::WeightAboveVerdict) && forward;
        s.route = if above { Some(100) } else { outcome.share };
        running.routed = true;
    }

    /// A conflict: the route follows the record again, and the function is called once more.
    pub(super) fn conflict(&self, s: &mut State, result: u32) {
        if self.outcome(result).function == Some(Function::TrafficShift) {
            let upgrade = self.upgrades.get(s.upgrade);
            let back = (upgrade.epoch, None);
            let acknowledged = self
                .tallies
                .get(s.tally)
                .iter()
                .find(|(group, _)| *group == back)
                .map(|(_, c)| c.completed);
            let due = traffic::due(&upgrade, &self.base.plan, acknowledged.unwrap_or(0));
            s.route = Some(due.unwrap_or(upgrade.weight).get());
        }
    }

    /// A function that has nothing left to do answers, and the execution goes on by the word.
    pub(super) fn settle(&self, s: &mut State, w: usize) {
        let Some(running) = &s.works[w].running else {
            return;
        };
        let outcome = self.outcome(running.result);
        if !running.routed || running.written < outcome.changes.len() {
            return;
        }
        s.works[w].running = None;
        // A failure is tried again.
        let Some(next) = outcome.next.clone() else { return };
        s.works[w].fault = false;
        let back = s.works[w].back;
        let paused = self.upgrades.get(s.upgrade).status.is_paused();
        match next.next {
            Next::Superseded | Next::Done => _ = s.works.remove(w),
            _ if paused && !back && self.mutation == Some(Mutation::LoopEndsInPause) => _ = s.works.remove(w),
            Next::RollBack if !back => {
                s.works.remove(w);
                self.watch(s, &next);
            }
            Next::Report => s.works[w].step = Some(self.steps.put(&next)),
            // After a shift the instances are looked at, at once.
            Next::Shift => s.works[w].step = Some(self.steps.put(&next)),
            _ if back => s.works[w].step = Some(self.steps.put(&plain(next.to(Next::Wait)))),
            _ => s.works[w].step = Some(self.steps.put(&next)),
        }
    }

    /// The relay delivers the oldest event that asks for an execution.
    pub(super) fn relay(&self, s: &mut State) {
        let upgrade = self.upgrades.get(s.upgrade);
        match s.bells.remove(0) {
            Bell::Forward if !s.started.contains(&0) => {
                s.started.push(0);
                s.works.push(Work {
                    back: false,
                    step: None,
                    fault: false,
                    running: None,
                });
            }
            Bell::Forward => {}
            Bell::Back => {
                let step = Step::going_back(
                    fleet_key().tenant_id,
                    upgrade.upgrade_id,
                    upgrade.epoch,
                    upgrade.attempt,
                );
                self.watch(s, &plain(step));
            }
        }
    }

    /// Starts the watch over a way back, under its one name.
    fn watch(&self, s: &mut State, step: &Step) {
        if s.started.contains(&step.epoch.0) {
            return;
        }
        s.started.push(step.epoch.0);
        s.started.sort_unstable();
        let step = Some(self.steps.put(step));
        s.works.push(Work {
            back: true,
            step,
            fault: false,
            running: None,
        });
    }

    fn expire_all(&self, s: &mut State) {
        for agent in &mut s.agents {
            self.expire(agent);
        }
        if let Some(stray) = &mut s.stray {
            stray.2 = true;
        }
    }

    fn remember(&self, outcome: Outcome) -> u32 {
        let mut all = self
            .results
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        all.push(Arc::new(outcome));
        u32::try_from(all.len() - 1).unwrap_or(u32::MAX)
    }

    /// What an invocation read and is to do.
    pub(super) fn outcome(&self, id: u32) -> Arc<Outcome> {
        Arc::clone(
            &self
                .results
                .read()
                .unwrap_or_else(std::sync::PoisonError::into_inner)[id as usize],
        )
    }
}

/// A step without its numbers of progress, which only name executions and end long ones.
fn plain(step: Step) -> Step {
    Step {
        ticks: 0,
        generation: 0,
        part: 0,
        batches_run: 0,
        wait_seconds: 0,
        execution_name: String::new(),
        fault: None,
        ..step
    }
}

fn unpause(upgrade: &mut Upgrade) {
    if let Status::Paused { paused_from } = upgrade.status {
        upgrade.status = paused_from.into();
    }
}

fn acknowledge(tally: &mut Tally, epoch: Epoch) {
    tally.retain(|(group, _)| *group != (epoch, None));
    let completed = 99;
    tally.push(((epoch, None), sluice_core::probe::Counts { completed, failed: 0 }));
}
