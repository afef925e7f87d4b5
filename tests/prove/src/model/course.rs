//! Which actions are possible in a state, and what follows from them.

use sluice_core::upgrade::Upgrade;
use stateright::{Model, Property};

use super::Lab;
use super::mutation::Mutation;
use super::state::{Action, Agent, Invocation, Lock, Stage, State};
use super::world::Word;

const WORDS: [Word; 5] = [
    Word::Pause,
    Word::Resume,
    Word::Cancel,
    Word::RollBack,
    Word::Promote,
];

impl Model for Lab {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![self.begin_state()]
    }

    fn actions(&self, s: &State, all: &mut Vec<Action>) {
        // A broken state is reported; what follows from it tells nothing.
        if s.witness.broken.is_some() {
            return;
        }
        self.operator_actions(s, all);
        self.work_actions(s, all);
        for i in 0..s.agents.len() {
            self.agent_actions(s, i, all);
        }
        if s.late.is_some() {
            all.push(Action::LateCheckIn);
        }
        if s.stray.is_some() {
            all.push(Action::DeliverStray);
        }
        match s.lock {
            Lock::Free if s.budget.other > 0 => all.push(Action::OtherBegins),
            Lock::Other => all.extend([Action::OtherTakesTheChannel, Action::OtherEnds]),
            _ => {}
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut s = before.clone();
        self.act(&mut s, action)?;
        Some(s)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        super::rules::all()
    }
}

impl Lab {
    fn operator_actions(&self, s: &State, all: &mut Vec<Action>) {
        let b = &s.budget;
        for word in WORDS {
            let may = match word {
                Word::Pause => b.pause > 0,
                Word::Resume => true,
                Word::Cancel => b.cancel > 0,
                Word::RollBack => b.roll_back > 0,
                Word::Promote => b.promote > 0,
            };
            if may && self.word(s, word).is_some() {
                all.push(Action::Operator(word));
                if word == Word::RollBack && b.zombie > 0 && s.zombie.is_none() {
                    all.push(Action::SlowRollBack);
                }
            }
        }
        if !s.bells.is_empty() {
            all.push(Action::Relay);
        }
    }

    fn work_actions(&self, s: &State, all: &mut Vec<Action>) {
        let next =
            |running: &Invocation, route: Action, write: Action| if running.routed { write } else { route };
        for (w, work) in s.works.iter().enumerate() {
            match &work.running {
                None => {
                    let function = work.function(self);
                    all.extend(
                        self.looks(s, function)
                            .into_iter()
                            .map(|look| Action::Read(w, function, look)),
                    );
                    if s.budget.fault > 0 && !work.fault {
                        all.push(Action::Fault(w));
                    }
                }
                Some(running) => {
                    all.push(next(running, Action::Route(w), Action::Write(w)));
                    if s.budget.crash > 0 {
                        all.push(Action::Crash(w));
                    }
                    if s.budget.zombie > 0 && s.zombie.is_none() {
                        all.push(Action::Abandon(w));
                    }
                }
            }
        }
        if let Some(running) = &s.zombie {
            all.push(next(running, Action::ZombieRoute, Action::ZombieWrite));
        }
    }

    fn agent_actions(&self, s: &State, i: usize, all: &mut Vec<Action>) {
        let (agent, b) = (&s.agents[i], &s.budget);
        if agent.down.is_none() {
            all.push(Action::CheckIn(i));
        }
        if b.late > 0 && s.late.is_none() {
            all.push(Action::Delay(i));
        }
        if agent.down.is_some() {
            all.extend([Action::Deliver(i), Action::Lose(i)]);
            if b.stray > 0 && s.stray.is_none() {
                all.push(Action::Copy(i));
            }
        }
        if self.scenario.network && (agent.order.is_some() || agent.down.is_some_and(|d| !d.1)) {
            all.push(Action::Expire(i));
        }
        if let Some((answer, expired)) = agent.order
            && self
                .ready(&self.records.get(agent.record), answer, expired)
                .is_some()
        {
            all.push(Action::Begin(i));
        }
        match agent.stage {
            Stage::Idle => {}
            Stage::Begun if self.scenario.network => all.push(Action::Link(i)),
            Stage::Begun | Stage::Linked => all.push(Action::Finish(i)),
        }
        let back = self
            .records
            .get(agent.record)
            .switch
            .as_ref()
            .is_some_and(|j| j.revert);
        if (agent.stage == Stage::Linked || (agent.stage == Stage::Begun && !self.scenario.network))
            && (if back { b.fail_back } else { b.fail }) > 0
        {
            all.push(Action::Fail(i));
        }
        if b.restart > 0 && (agent.stage != Stage::Idle || agent.order.is_some()) {
            all.push(Action::Restart(i));
        }
        if b.lose > 0 {
            all.push(Action::Forget(i));
        }
    }

    fn act(&self, s: &mut State, action: Action) -> Option<()> {
        match action {
            Action::Operator(word) => {
                let budget = &mut s.budget;
                match word {
                    Word::Pause => budget.pause -= 1,
                    Word::Cancel => budget.cancel -= 1,
                    Word::RollBack => budget.roll_back -= 1,
                    Word::Promote => budget.promote -= 1,
                    Word::Resume => {}
                }
                let mut now = fresh(self.word(s, word)?);
                // A conflict is answered by another try, which reads anew.
                self.commit(s, &mut now).then_some(())?;
            }
            Action::SlowRollBack => {
                s.budget.roll_back -= 1;
                s.budget.zombie -= 1;
                s.zombie = Some(fresh(self.word(s, Word::RollBack)?));
            }
            Action::Relay => self.relay(s),
            Action::Read(w, function, look) => self.read(s, w, function, look),
            Action::Route(w) => {
                let mut running = s.works[w].running.take()?;
                self.route(s, &mut running);
                s.works[w].running = Some(running);
                self.settle(s, w);
            }
            Action::Write(w) => {
                let mut running = s.works[w].running.take()?;
                if self.commit(s, &mut running) {
                    s.works[w].running = Some(running);
                    self.settle(s, w);
                } else {
                    self.conflict(s, running.result);
                }
            }
            Action::Crash(w) => {
                s.budget.crash -= 1;
                let running = s.works[w].running.take()?;
                s.witness.route_adrift |= self.is_adrift(&running);
            }
            Action::Abandon(w) => {
                s.budget.zombie -= 1;
                s.zombie = s.works[w].running.take();
            }
            Action::Fault(w) => {
                s.budget.fault -= 1;
                s.works[w].fault = true;
                if let Some(step) = s.works[w].step {
                    let step = (*self.steps.get(step)).to(sluice_contract::step::Next::Wait);
                    s.works[w].step = Some(self.steps.put(&step));
                }
            }
            Action::ZombieRoute => {
                let mut running = s.zombie.take()?;
                self.route(s, &mut running);
                s.zombie = Some(running);
            }
            Action::ZombieWrite => {
                let mut running = s.zombie.take()?;
                if self.commit(s, &mut running) {
                    let left = running.written < self.outcome(running.result).changes.len();
                    s.zombie = left.then_some(running);
                } else {
                    self.conflict(s, running.result);
                }
            }
            Action::OtherBegins => {
                s.budget.other -= 1;
                s.lock = Lock::Other;
            }
            Action::OtherTakesTheChannel => {
                let channel = self.channels.get(s.channel?);
                if channel.upgrade_id != self.base.upgrade.upgrade_id {
                    return None;
                }
                s.channel = Some(self.channels.put(&self.other_channel(&channel)));
                let all = s
                    .works
                    .iter_mut()
                    .filter_map(|w| w.running.as_mut())
                    .chain(s.zombie.as_mut());
                all.for_each(|running| running.channel_stale = true);
            }
            Action::OtherEnds => s.lock = Lock::Free,
            of_an_agent => self.act_as_agent(s, of_an_agent)?,
        }
        Some(())
    }

    fn act_as_agent(&self, s: &mut State, action: Action) -> Option<()> {
        match action {
            Action::CheckIn(i) => {
                let request = self.requests.put(&self.request(s, i));
                let answer = self.serve(s, i, request)?;
                if self.scenario.network {
                    s.agents[i].down = Some((answer, false));
                } else {
                    self.deliver(s, i, answer, false);
                }
            }
            Action::Delay(i) => {
                s.budget.late -= 1;
                s.late = Some((i, self.requests.put(&self.request(s, i))));
            }
            Action::LateCheckIn => {
                let (i, request) = s.late.take()?;
                // Its answer finds nobody who waits for it.
                self.serve(s, i, request);
            }
            Action::Deliver(i) => {
                let (answer, expired) = s.agents[i].down.take()?;
                self.deliver(s, i, answer, expired);
            }
            Action::Lose(i) => s.agents[i].down = None,
            Action::Copy(i) => {
                s.budget.stray -= 1;
                let (answer, expired) = s.agents[i].down?;
                s.stray = Some((i, answer, expired));
            }
            Action::DeliverStray => {
                let (i, answer, expired) = s.stray.take()?;
                self.deliver(s, i, answer, expired);
            }
            Action::Expire(i) => self.expire(&mut s.agents[i]),
            Action::Begin(i) => self.begin(s, i)?,
            Action::Link(i) => self.link(&mut s.agents[i]),
            Action::Finish(i) => self.finish(&mut s.agents[i], true),
            Action::Fail(i) => {
                let back = self.records.get(s.agents[i].record).switch.as_ref()?.revert;
                *(if back {
                    &mut s.budget.fail_back
                } else {
                    &mut s.budget.fail
                }) -= 1;
                self.finish(&mut s.agents[i], false);
            }
            Action::Restart(i) => {
                s.budget.restart -= 1;
                self.restart(&mut s.agents[i]);
            }
            Action::Forget(i) => {
                s.budget.lose -= 1;
                self.forget(&mut s.agents[i]);
            }
            _ => return None,
        }
        Some(())
    }

    /// The lease of what an agent was told runs out.
    pub(super) fn expire(&self, agent: &mut Agent) {
        agent.order = agent
            .order
            .filter(|_| self.mutation == Some(Mutation::NoLease))
            .map(|o| (o.0, true));
        agent.down = agent.down.map(|d| (d.0, true));
    }

    /// Whether a function died between setting the route and writing the share down.
    fn is_adrift(&self, running: &Invocation) -> bool {
        let outcome = self.outcome(running.result);
        outcome.share.is_some() && running.routed && running.written < outcome.changes.len()
    }

    /// The record of a state.
    pub(super) fn upgrade(&self, s: &State) -> std::sync::Arc<Upgrade> {
        self.upgrades.get(s.upgrade)
    }
}

fn fresh(result: u32) -> Invocation {
    Invocation {
        result,
        stale: false,
        channel_stale: false,
        written: 0,
        routed: true,
    }
}
