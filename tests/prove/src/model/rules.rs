//! What always holds: the invariants of the design, said about a state.

use sluice_core::channel::Channel;
use sluice_core::lifecycle::Status;
use sluice_core::release::Release;
use sluice_core::upgrade::Upgrade;
use stateright::Property;

use super::Lab;
use super::mutation::Mutation;
use super::state::{Bell, Broken, Lock, Stage, State};
use super::world::{Function, Word};

macro_rules! never {
    ($broken:ident, $name:literal) => {
        Property::always($name, |_: &Lab, s: &State| {
            s.witness.broken != Some(Broken::$broken)
        })
    };
}

/// All properties, each with its name.
pub fn all() -> Vec<Property<Lab>> {
    vec![
        never!(
            BegunOutOfTurn,
            "moves begin by the newest command, within its lease"
        ),
        never!(BegunUnreleased, "nothing moves before it is released"),
        never!(
            ReleasedTooSoon,
            "no release while paused or before the gate has passed"
        ),
        never!(PassedWithoutData, "no data is never a pass"),
        never!(SecondRunWrote, "a second run of a step changes nothing"),
        never!(Forked, "one event for each change, in one chain"),
        never!(SupersededWrote, "only the newest epoch's workflow writes"),
        never!(
            ChannelTaken,
            "a channel that another upgrade has taken is left alone"
        ),
        never!(FrontierLowered, "a frontier never falls"),
        never!(ResumedElsewhere, "resume returns where the pause came from"),
        never!(FailuresIgnored, "failures end an upgrade at the threshold"),
        never!(HarmIgnored, "harm acts, paused or not"),
        never!(
            ToldWrong,
            "hold begins nothing, and the way back tells nobody to go on"
        ),
        never!(
            PassedUnpromoted,
            "where an operator has the last word, nothing follows a canary without it"
        ),
        Property::always("at most one active upgrade", one_active),
        Property::always("going back is possible while anything has moved", can_go_back),
        Property::always("no more move forward at a time than the cap", within_the_cap),
        Property::always("an instance is counted once", counted_once),
        Property::always("traffic stays within the last verdict", traffic_is_approved),
        Property::always("rolled back: every instance is back", back_means_back),
        Property::always("rolled back: so is the traffic", traffic_is_back),
        Property::always(
            "completed: every instance is there or counted as failed",
            completed_means_there,
        ),
        Property::always("while anything runs the new version, somebody watches", watched),
    ]
}

fn runs(lab: &Lab, s: &State, i: usize) -> Option<Release> {
    lab.records.get(s.agents[i].record).running.clone()
}

fn is_on_new(lab: &Lab, s: &State, i: usize) -> bool {
    runs(lab, s, i).is_some_and(|r| r.version_id == lab.base.plan.to.version_id)
}

fn own_channel(lab: &Lab, s: &State, upgrade: &Upgrade) -> Option<std::sync::Arc<Channel>> {
    let channel = lab.channels.get(s.channel?);
    (channel.upgrade_id == upgrade.upgrade_id).then_some(channel)
}

fn one_active(lab: &Lab, s: &State) -> bool {
    lab.upgrade(s).status.is_terminal() == (s.lock != Lock::Ours)
}

fn can_go_back(lab: &Lab, s: &State) -> bool {
    !lab.upgrade(s).status.is_active() || lab.word(s, Word::RollBack).is_some()
}

fn within_the_cap(lab: &Lab, s: &State) -> bool {
    let moving = |i: &usize| {
        let agent = &s.agents[*i];
        let forward = lab
            .records
            .get(agent.record)
            .switch
            .as_ref()
            .is_some_and(|j| !j.revert);
        agent.stage != Stage::Idle && forward
    };
    let count = (0..s.agents.len()).filter(moving).count();
    count <= lab.base.plan.max_unavailable() as usize
}

fn counted_once(lab: &Lab, s: &State) -> bool {
    let plan = &lab.base.plan;
    lab.tallies.get(s.tally).iter().all(|((_, batch), counts)| {
        let most = batch.map_or(Some(plan.total_instances), |b| {
            plan.batch(b).map(sluice_core::plan::Batch::size)
        });
        most.is_some_and(|most| counts.reported() <= most)
    })
}

/// The share that the batches allow that have passed, and the one that is being watched.
fn traffic_is_approved(lab: &Lab, s: &State) -> bool {
    let plan = &lab.base.plan;
    let allowed = plan.batch(s.witness.passed).map_or(100, |b| b.weight_after.get());
    s.route.unwrap_or(0) <= allowed && lab.upgrade(s).weight.get() <= allowed
}

fn back_means_back(lab: &Lab, s: &State) -> bool {
    let upgrade = lab.upgrade(s);
    if upgrade.status != Status::RolledBack || own_channel(lab, s, &upgrade).is_none() {
        return true;
    }
    s.agents.iter().enumerate().all(|(i, agent)| {
        let record = lab.records.get(agent.record);
        let begins = agent
            .order
            .and_then(|(answer, expired)| lab.ready(&record, answer, expired));
        let idle = agent.stage == Stage::Idle && !agent.sick && begins.is_none_or(|order| order.revert);
        lab.base.position(i).0 >= s.witness.released || (idle && !is_on_new(lab, s, i))
    })
}

fn traffic_is_back(lab: &Lab, s: &State) -> bool {
    let shifting = s
        .works
        .iter()
        .filter_map(|w| w.running.as_ref())
        .chain(&s.zombie)
        .any(|running| {
            let outcome = lab.outcome(running.result);
            outcome.function == Some(Function::TrafficShift) && running.written < outcome.changes.len()
        });
    let back = lab.upgrade(s).status == Status::RolledBack;
    !back || shifting || s.witness.route_adrift || s.route == Some(0)
}

fn completed_means_there(lab: &Lab, s: &State) -> bool {
    let upgrade = lab.upgrade(s);
    let there = (0..s.agents.len()).filter(|i| is_on_new(lab, s, *i)).count();
    upgrade.status != Status::Completed
        || own_channel(lab, s, &upgrade).is_none()
        || there + upgrade.failures as usize >= s.agents.len()
}

fn watched(lab: &Lab, s: &State) -> bool {
    let upgrade = lab.upgrade(s);
    let touched = (0..s.agents.len()).any(|i| is_on_new(lab, s, i) || s.agents[i].stage != Stage::Idle);
    if upgrade.status.is_terminal() || !touched {
        return true;
    }
    let forward = s.works.iter().any(|w| !w.back) || s.bells.contains(&Bell::Forward);
    let watches = |w: &super::state::Work| {
        let epoch = w.step.map(|id| lab.steps.get(id).epoch);
        w.back && (epoch == Some(upgrade.epoch) || lab.mutation == Some(Mutation::SupersededWrites))
    };
    match upgrade.status {
        Status::RollingBack => forward || s.bells.contains(&Bell::Back) || s.works.iter().any(watches),
        _ => forward,
    }
}

/// Whether nothing is left to be done: the upgrade has ended and its report is written.
pub fn is_at_rest(lab: &Lab, s: &State) -> bool {
    let upgrade = lab.upgrade(s);
    upgrade.status.is_terminal() && upgrade.clocks.t5_record_complete.is_some()
}
