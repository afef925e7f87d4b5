//! A model check of Sluice's decisions: small fleets, all interleavings.
//!
//! The model is the world around the product's code: what is read when, what is written when, what arrives late, twice
//! or never. What is decided, told, counted and written is worked out by the use cases themselves, on an in-memory
//! world, once for each question; what a state is and what may happen in it is [`state`].

use std::sync::{Arc, RwLock};

use sluice_contract::check_in::{Artifact, CheckInAnswer, CheckInRequest};
use sluice_contract::step::Step;
use sluice_core::channel::{Channel, Mode};
use sluice_core::fleet::Instance;
use sluice_core::units::{Attempt, Epoch, Position};
use sluice_core::upgrade::Upgrade;
use sluice_protocol::Record;

mod agents;
pub mod check;
mod course;
mod judged;
pub mod mutation;
mod rules;
pub mod scenario;
pub mod state;
mod table;
mod works;
mod world;

use mutation::Mutation;
use scenario::Scenario;
use state::{Agent, Bell, Lock, Stage, State, Witness};
use table::{Memo, Table};
use works::{Outcome, Question};
use world::{Base, Tally, Word, other_upgrade, settled};

type CheckedIn = Option<(u32, u32, u32)>;

/// One scenario, with or without something broken.
pub struct Lab {
    scenario: Scenario,
    mutation: Option<Mutation>,
    base: Base,
    upgrades: Table<Upgrade>,
    channels: Table<Channel>,
    instances: Table<Instance>,
    tallies: Table<Tally>,
    steps: Table<Step>,
    requests: Table<CheckInRequest>,
    answers: Table<CheckInAnswer>,
    records: Table<Record>,
    results: RwLock<Vec<Arc<Outcome>>>,
    outcomes: Memo<Question, u32>,
    words: Memo<(Word, u32, Option<u32>, bool), Option<u32>>,
    check_ins: Memo<(Option<u32>, u32, u32), CheckedIn>,
}

impl Lab {
    /// Builds the world of a scenario.
    #[must_use]
    pub fn new(scenario: Scenario, mutation: Option<Mutation>) -> Self {
        Self {
            base: Base::new(&scenario),
            scenario,
            mutation,
            upgrades: Table::default(),
            channels: Table::default(),
            instances: Table::default(),
            tallies: Table::default(),
            steps: Table::default(),
            requests: Table::default(),
            answers: Table::default(),
            records: Table::default(),
            results: RwLock::default(),
            outcomes: Memo::default(),
            words: Memo::default(),
            check_ins: Memo::default(),
        }
    }

    /// The upgrade has just been started.
    fn begin_state(&self) -> State {
        let release = crate::sim::release(0);
        let record = self.records.put(&Record {
            running: Some(release),
            ..Record::default()
        });
        let agent = Agent {
            record,
            stage: Stage::Idle,
            order: None,
            down: None,
            sick: false,
            fresh: false,
            newest: (Epoch(0), Attempt(0)),
        };
        State {
            upgrade: self.upgrades.put(&settled(&self.base.start().upgrade)),
            channel: None,
            lock: Lock::Ours,
            route: None,
            tally: self.tallies.put(&Vec::new()),
            stored: self
                .base
                .instances
                .iter()
                .map(|i| self.instances.put(i))
                .collect(),
            agents: vec![agent; self.base.instances.len()],
            works: Vec::new(),
            zombie: None,
            bells: vec![Bell::Forward],
            started: Vec::new(),
            late: None,
            stray: None,
            budget: self.scenario.budget,
            witness: Witness::default(),
        }
    }

    fn to_artifact(&self) -> Artifact {
        Artifact {
            release: crate::sim::release(1),
            url: "memory:to".to_owned(),
        }
    }

    /// The channel as the other upgrade takes it.
    fn other_channel(&self, channel: &Channel) -> Channel {
        Channel {
            upgrade_id: other_upgrade(),
            frontier: Position(0),
            mode: Mode::Run,
            epoch: channel.epoch.next(),
            held_until: None,
            reverted_at: None,
            ..channel.clone()
        }
    }
}
