//! The product's use cases, run on a world of the model's making: state in, changes out.

use sluice_app::error::StepError;
use sluice_app::fakes::{State as Stored, World};
use sluice_app::heartbeat::{self, Cache, Moment};
use sluice_app::ports::{Group, StoredInstance};
use sluice_app::registry::Shown;
use sluice_app::{batch_deploy, health_probe, planning, registry, report, rollback, traffic_shift};
use sluice_contract::check_in::{CheckInAnswer, CheckInRequest};
use sluice_contract::problem::Problem;
use sluice_contract::step::{Fault, Start, Step};
use sluice_core::channel::Channel;
use sluice_core::credential::{Credentials, Secret, Use};
use sluice_core::fleet::Instance;
use sluice_core::ids::UpgradeId;
use sluice_core::plan::{Plan, Published};
use sluice_core::probe::Counts;
use sluice_core::units::{Attempt, Epoch, Position, Rev, Seq};
use sluice_core::upgrade::{Change, Upgrade};
use sluice_judge::errors::{Counts as Requests, Datapoint};
use uuid::Uuid;

use super::scenario::Scenario;
use super::table::{BEGIN, When};
use crate::sim::{Behaviour, Sim, fleet_key};
use crate::wait as now;

/// What the metrics show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Data {
    /// Nothing.
    Absent,
    /// Enough requests without an error.
    Good,
    /// Errors of the new version only.
    Bad,
    /// They cannot be asked.
    Away,
}

/// The circumstances of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Look {
    /// When.
    pub when: When,
    /// What the metrics show.
    pub data: Data,
}

/// A function of the state machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Function {
    Planning,
    BatchDeploy,
    HealthProbe,
    TrafficShift,
    Rollback,
    Report,
}

/// What an operator asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Word {
    Pause,
    Resume,
    Cancel,
    RollBack,
    Promote,
}

/// Reports by epoch and batch; none for the way back.
pub type Tally = Vec<((Epoch, Option<u32>), Counts)>;

/// What a use case reads.
pub struct View<'a> {
    /// The record.
    pub upgrade: &'a Upgrade,
    /// The channel.
    pub channel: Option<&'a Channel>,
    /// The reports so far.
    pub tally: &'a Tally,
    /// Whether another upgrade has the lock.
    pub other: bool,
}

/// The model's world before anything has happened: a fleet, its releases and one planned upgrade.
pub struct Base {
    stored: Stored,
    /// The plan.
    pub plan: Plan,
    /// The record.
    pub upgrade: Upgrade,
    /// The instances, as they registered.
    pub instances: Vec<Instance>,
    published: Published,
}

/// The upgrade that wants the component too.
pub fn other_upgrade() -> UpgradeId {
    UpgradeId(Uuid::from_u128(43))
}

impl Base {
    /// Registers the fleet and plans the upgrade.
    pub fn new(scenario: &Scenario) -> Self {
        let mut sim = Sim::new(scenario.instances, Behaviour::default());
        sim.now = BEGIN - jiff::SignedDuration::from_secs(3);
        for _ in 0..3 {
            now(sim.second());
        }
        let request = Sim::request(1, scenario.request);
        let (world, tenant) = (sim.world.clone(), fleet_key().tenant_id);
        let (caller, id) = (Sim::operator(), sim.upgrade_id);
        now(registry::create(
            &world, &world, &caller, &tenant, id, &request, BEGIN,
        ))
        .unwrap_or_else(|e| unreachable!("{e:?}"));
        let mut stored = world.state().clone();
        stored.events.clear();
        stored.changes.clear();
        let plan = stored.plans[&sim.upgrade_id].clone();
        let positions = stored.blobs[&sluice_app::keys::positions(&plan.hash())].clone();
        Self {
            upgrade: settled(&stored.upgrades[&sim.upgrade_id]),
            instances: stored.instances[&fleet_key()]
                .values()
                .map(|i| i.instance.clone())
                .collect(),
            published: serde_json::from_slice(&positions).unwrap_or_else(|e| unreachable!("{e}")),
            plan,
            stored,
        }
    }

    /// Where an instance stands in the plan.
    pub fn position(&self, index: usize) -> Position {
        let ordinal = self.instances[index].ordinal;
        let place = self.published.ordinals.0.iter().position(|o| *o == ordinal);
        Position(place.and_then(|p| u32::try_from(p).ok()).unwrap_or(u32::MAX))
    }

    fn world(&self, view: &View<'_>, plan: &Plan) -> World {
        let world = World::new();
        {
            let mut state = world.state();
            *state = self.stored.clone();
            let id = view.upgrade.upgrade_id;
            state.upgrades.insert(id, view.upgrade.clone());
            state.plans.insert(id, plan.clone());
            state.channels.clear();
            state
                .channels
                .extend(view.channel.map(|c| (fleet_key(), c.clone())));
            let lock = (fleet_key().tenant_id, fleet_key().component_id);
            state.locks.clear();
            if view.other {
                state.locks.insert(lock, other_upgrade());
            } else if !view.upgrade.status.is_terminal() {
                state.locks.insert(lock, id);
            }
            let group = |(epoch, batch)| Group {
                upgrade_id: id,
                epoch,
                batch,
            };
            state.counts = view
                .tally
                .iter()
                .map(|(key, counts)| (group(*key), *counts))
                .collect();
        }
        world
    }

    /// Runs a step, and once more: gives its changes, its answer, what it set on the route, and whether the second run
    /// changed anything.
    pub fn step(&self, view: &View<'_>, plan: &Plan, call: &Call<'_>) -> Ran {
        let world = self.world(view, plan);
        let answer = invoke(&world, call);
        let (changes, share) = {
            let mut state = world.state();
            let to = self.upgrade.to.version.to_string();
            let share = state.weights.as_ref().and_then(|w| w.weights.get(&to).copied());
            (std::mem::take(&mut state.changes), share)
        };
        let repeated = invoke(&world, call).is_ok() && !world.state().changes.is_empty();
        Ran {
            changes,
            answer,
            share,
            repeated,
        }
    }

    /// Carries out an operator's word; none when it is refused.
    pub fn operate(&self, view: &View<'_>, word: Word) -> Option<Change> {
        let world = self.world(view, &self.plan);
        let (caller, id, at) = (Sim::operator(), view.upgrade.upgrade_id, BEGIN);
        let done = match word {
            Word::Pause => now(registry::pause(&world, &caller, id, None, at)),
            Word::Resume => now(registry::resume(&world, &caller, id, at)),
            Word::Cancel => now(registry::cancel(&world, &caller, id, (None, None), at)),
            Word::Promote => now(registry::promote_canary(&world, &caller, id, at)),
            Word::RollBack => now(registry::roll_back(
                &world,
                &caller,
                id,
                (None, Shown::default()),
                at,
            )),
        };
        done.ok()?;
        let mut state = world.state();
        state.changes.pop()
    }

    /// The start that `registry::start` writes.
    pub fn start(&self) -> Change {
        let view = View {
            upgrade: &self.upgrade,
            channel: None,
            tally: &Vec::new(),
            other: false,
        };
        let world = self.world(&view, &self.plan);
        let begun = now(registry::start(
            &world,
            &Sim::operator(),
            self.upgrade.upgrade_id,
            Shown::default(),
            BEGIN,
        ));
        begun.unwrap_or_else(|e| unreachable!("{e:?}"));
        let mut state = world.state();
        state
            .changes
            .pop()
            .unwrap_or_else(|| unreachable!("a start changes the record"))
    }

    /// Handles a check-in: gives the instance as it is stored then, what was counted, and the answer.
    pub fn check_in(
        &self,
        channel: Option<&Channel>,
        instance: &Instance,
        request: &CheckInRequest,
    ) -> Result<(Instance, Tally, CheckInAnswer), Problem> {
        let view = View {
            upgrade: &self.upgrade,
            channel,
            tally: &Vec::new(),
            other: false,
        };
        let world = self.world(&view, &self.plan);
        let (ordinal, credential) = (instance.ordinal, Secret::new(Use::Instance, [0; 32]));
        {
            let mut state = world.state();
            let stored = StoredInstance {
                instance: instance.clone(),
                rev: Rev(1),
                credentials: Some(Credentials::renewed(None, credential.hash())),
            };
            state
                .instances
                .entry(fleet_key())
                .or_default()
                .insert(ordinal, stored);
        }
        let (cache, moment) = (
            Cache::default(),
            Moment {
                now: BEGIN,
                jitter: 0.5,
            },
        );
        let answer = now(heartbeat::run(
            &world,
            &world,
            &cache,
            &credential,
            request,
            moment,
        ))?;
        let state = world.state();
        let counted = state
            .counts
            .iter()
            .map(|(group, counts)| ((group.epoch, group.batch), *counts))
            .collect();
        let stored = state.instances[&fleet_key()][&ordinal].instance.clone();
        Ok((
            stored,
            counted,
            CheckInAnswer {
                next_check_in_ms: 0,
                ..answer
            },
        ))
    }
}

/// A call of a function.
pub struct Call<'a> {
    /// Which function.
    pub function: Function,
    /// Its input; the first step has one of its own.
    pub step: Option<&'a Step>,
    /// Whether the step before failed.
    pub fault: bool,
    /// When, and what the metrics show.
    pub look: Look,
}

/// What a step has done.
pub struct Ran {
    /// What it wrote, in order.
    pub changes: Vec<Change>,
    /// What it answered.
    pub answer: Result<Step, StepError>,
    /// The share of the new version that it set on the route.
    pub share: Option<u8>,
    /// Whether a second run changed anything.
    pub repeated: bool,
}

fn invoke(world: &World, call: &Call<'_>) -> Result<Step, StepError> {
    let at = call.look.when.now();
    show(world, call.look.data);
    // Instances go on checking in, however late it is.
    let mut state = world.state();
    let all = state.instances.values_mut().flat_map(|i| i.values_mut());
    all.for_each(|stored| stored.instance.seen_at = at);
    drop(state);
    let fault = call.fault.then(|| Fault {
        error: "States.Timeout".to_owned(),
        cause: String::new(),
    });
    let id = *world
        .state()
        .upgrades
        .keys()
        .next()
        .unwrap_or_else(|| unreachable!("one upgrade"));
    let Some(step) = call.step else {
        let start = Start::new(fleet_key().tenant_id, id, Attempt(0));
        return now(planning::run(world, world, world, &Start { fault, ..start }, at));
    };
    let step = &Step {
        fault,
        ..step.clone()
    };
    match call.function {
        Function::Planning => unreachable!("planning begins"),
        Function::BatchDeploy => now(batch_deploy::run(world, world, step, at)),
        Function::HealthProbe => now(health_probe::run(world, world, world, step, at)),
        Function::TrafficShift => now(traffic_shift::run(world, world, step, at)),
        Function::Rollback => now(rollback::run(world, world, step, at)),
        Function::Report => now(report::run(world, world, step, at)),
    }
}

fn show(world: &World, data: Data) {
    let mut state = world.state();
    state.metrics_fail = data == Data::Away;
    let errors = match data {
        Data::Good => 0,
        Data::Bad => 100,
        Data::Absent | Data::Away => return,
    };
    let canary = Requests {
        requests: 1_000,
        errors,
    };
    let baseline = Requests {
        requests: 9_000,
        errors: 0,
    };
    state.datapoints = vec![Datapoint {
        at_ms: BEGIN.as_millisecond(),
        canary,
        baseline,
        hosts: Vec::new(),
    }];
}

/// A record without its place in the chain: whether a change follows on the stored record is the state's to know.
pub fn settled(upgrade: &Upgrade) -> Upgrade {
    Upgrade {
        seq: Seq(1),
        head: "head".to_owned(),
        changed_by: String::new(),
        ..upgrade.clone()
    }
}

/// A channel without the number of its revision.
pub fn unnumbered(channel: &Channel) -> Channel {
    Channel {
        rev: Rev(1),
        ..channel.clone()
    }
}

/// Whether a change is one event that follows on the record that was read.
pub fn follows(before: &Upgrade, change: &Change) -> bool {
    let event = &change.event;
    event.seq == before.seq.next()
        && event.previous == before.head
        && event.hash == event.expected_hash()
        && (change.upgrade.seq, &change.upgrade.head) == (event.seq, &event.hash)
}
