//! The agent, the service, or everything at once is killed at every step of a switch. Each ends on one verified version
//! and says so.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "helpers of tests fail like tests"
)]

mod support;

use futures::{StreamExt, stream};
use nix::sys::signal::Signal;
use sluice_agent::process::{Group, leftovers};
use sluice_contract::check_in::{Artifact, DesiredState};
use sluice_core::fleet::InstanceStatus::{self, Completed, Failed, Pending, RolledBack};
use support::agent::Agent;
use support::agent::Moment::{self, Fetching, File, Linked, Serving, Unpacking};
use support::release::{SLOW, archive_of, release};
use support::server::{Sending, back, go};
use support::world::World;

/// Each step takes a moment and leaves a file.
const SERVICE: &str = r#"failover = ["/bin/sh", "-c", "touch $SLUICE_AGENT_HOME/failing-over; sleep 0.2"]
drain = ["/bin/sh", "-c", "touch $SLUICE_AGENT_HOME/draining; sleep 0.2"]
stop_timeout_ms = 3000
verify_timeout_ms = 8000"#;

/// The steps of a switch from 1.0.0 to 2.0.0.
const STEPS: [Moment; 8] = [
    Fetching,
    Unpacking,
    File("failing-over"),
    File("draining"),
    File("stopping-1.0.0"),
    Linked("2.0.0"),
    File("started-2.0.0"),
    Serving("2.0.0"),
];

/// The steps of the way back.
const STEPS_BACK: [Moment; 6] = [
    File("failing-over"),
    File("draining"),
    File("stopping-2.0.0"),
    Linked("1.0.0"),
    File("started-1.0.0"),
    Serving("1.0.0"),
];

/// How many instances are tested side by side.
const SIDE_BY_SIDE: usize = 6;

/// An instance on 1.0.0 and the release 2.0.0, whose archive comes slowly and takes a while to unpack.
async fn ready() -> (World, Artifact, Agent) {
    let world = World::with(SERVICE, SLOW).await;
    let bytes = archive_of(SLOW, 150, 100);
    let v2 = world.server.serve(&release("2.0.0", &bytes), bytes);
    world.server.with(|i| i.sending = Sending::Slowly(200));
    let agent = Agent::start(&world);
    world.is_well_on("1.0.0").await;
    (world, v2, agent)
}

/// What the server says after the kill.
#[derive(Debug, Clone, Copy)]
enum Word {
    Same,
    Back,
    Stay,
}

#[derive(Debug, Clone, Copy)]
enum Victim {
    Agent,
    /// Agent and service, as by the machine's end.
    All,
}

async fn kill_forward(step: Moment, victim: Victim, word: Word) {
    let context = format!("{victim:?} killed at {step:?}, then told {word:?}");
    let (world, v2, agent) = ready().await;
    world.server.tell(2, 0, go(&v2));
    step.comes(&world).await;
    agent.signal(Signal::SIGKILL);
    if let Victim::All = victim {
        world.kill_all();
    }
    let linked = world.linked();
    let (epoch, status, version): (u64, InstanceStatus, &str) = match word {
        Word::Same => (2, Completed, "2.0.0"),
        Word::Back => {
            world.server.tell(3, 0, back(&world.v1));
            (3, RolledBack, "1.0.0")
        }
        Word::Stay if linked == "2.0.0" => {
            world.server.tell(2, 0, DesiredState::Stay);
            (2, Completed, "2.0.0")
        }
        Word::Stay => {
            world.server.tell(2, 0, DesiredState::Stay);
            (2, Pending, "1.0.0")
        }
    };
    world.server.with(|i| i.heard.clear());
    let agent = Agent::start(&world);
    world.server.hears(epoch, 0, status).await;
    world.is_well_on(version).await;
    world.is_whole_on(version, &context).await;
    assert_eq!(agent.signal(Signal::SIGTERM), Some(0), "{context}");
    assert_eq!(world.processes(), Vec::<i32>::new(), "{context}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_is_killed_at_every_step() {
    let rows = STEPS.into_iter().flat_map(|step| {
        [
            (step, Victim::Agent, Word::Same),
            (step, Victim::Agent, Word::Back),
            (step, Victim::Agent, Word::Stay),
            (step, Victim::All, Word::Same),
        ]
    });
    let runs = stream::iter(rows).map(|(step, victim, word)| tokio::spawn(kill_forward(step, victim, word)));
    runs.buffer_unordered(SIDE_BY_SIDE)
        .for_each(|done| async { done.unwrap() })
        .await;
}

async fn kill_on_the_way_back(step: Moment, victim: Victim) {
    let context = format!("{victim:?} killed at {step:?} on the way back");
    let (world, v2, agent) = ready().await;
    world.server.tell(2, 0, go(&v2));
    world.server.hears(2, 0, Completed).await;
    world.is_well_on("2.0.0").await;
    for name in ["failing-over", "draining", "started-1.0.0"] {
        std::fs::remove_file(world.home.path().join(name)).unwrap();
    }
    world.server.tell(3, 0, back(&world.v1));
    step.comes(&world).await;
    agent.signal(Signal::SIGKILL);
    if let Victim::All = victim {
        world.kill_all();
    }
    world.server.with(|i| i.heard.clear());
    let _agent = Agent::start(&world);
    world.server.hears(3, 0, RolledBack).await;
    world.is_well_on("1.0.0").await;
    world.is_whole_on("1.0.0", &context).await;
    assert!(!world.server.statuses().contains(&Completed), "{context}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_is_killed_at_every_step_of_the_way_back() {
    let rows = STEPS_BACK
        .into_iter()
        .flat_map(|step| [(step, Victim::Agent), (step, Victim::All)]);
    let runs = stream::iter(rows).map(|(step, victim)| tokio::spawn(kill_on_the_way_back(step, victim)));
    runs.buffer_unordered(SIDE_BY_SIDE)
        .for_each(|done| async { done.unwrap() })
        .await;
}

async fn kill_service(
    step: Moment,
    version: &'static str,
    (status, code, ends_on): (InstanceStatus, &str, &str),
) {
    let context = format!("service {version} killed at {step:?}");
    let (world, v2, _agent) = ready().await;
    world.server.tell(2, 0, go(&v2));
    step.comes(&world).await;
    for left in leftovers(world.home.path()) {
        if left.leads_service && left.version == version {
            Group(left.group).signal(Signal::SIGKILL);
        }
    }
    let told = world.server.hears(2, 0, status).await;
    let found = told.report.unwrap().error.map(|e| e.code).unwrap_or_default();
    assert_eq!(found, code, "{context}");
    world.is_well_on(ends_on).await;
    world.is_whole_on(ends_on, &context).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_is_killed_at_every_step() {
    let moved = (Completed, "", "2.0.0");
    let rows = [
        (Fetching, "1.0.0", moved),
        (Unpacking, "1.0.0", moved),
        (File("failing-over"), "1.0.0", moved),
        (File("draining"), "1.0.0", moved),
        (File("stopping-1.0.0"), "1.0.0", moved),
        (File("started-2.0.0"), "2.0.0", (Failed, "start-failed", "1.0.0")),
    ];
    let runs = stream::iter(rows).map(|(step, version, end)| tokio::spawn(kill_service(step, version, end)));
    runs.buffer_unordered(SIDE_BY_SIDE)
        .for_each(|done| async { done.unwrap() })
        .await;
}
