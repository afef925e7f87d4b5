//! A machine gets a credential of its own, keeps it, and never takes the place of another one by itself.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use sluice_agent::enrol::Credential;
use sluice_core::fleet::InstanceStatus::Completed;
use support::agent::Agent;
use support::release::GOOD;
use support::server::{SECRET, credential, go};
use support::world::World;

async fn world(secret: &str) -> World {
    let world = World::new("").await;
    std::fs::write(world.home.path().join("secret"), secret).unwrap();
    world
}

fn enrol(world: &World, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluice-agent"));
    command
        .arg("enrol")
        .arg("--config")
        .arg(world.config_file())
        .args(more);
    command.output().unwrap()
}

async fn log_says(world: &World, text: &str) {
    let begin = Instant::now();
    while !world.read("agent.log").contains(text) {
        assert!(
            begin.elapsed() < Duration::from_secs(40),
            "never said {text:?}: {}",
            world.read("agent.log")
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn no_secret_is_shown(world: &World) {
    let log = world.read("agent.log");
    assert!(!log.is_empty() && !log.contains("hush"), "{log}");
    let kept = Credential::read(&world.home.path().join("credential.json")).unwrap();
    assert!(!format!("{kept:?}").contains("hush"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_machine_enrols_once() {
    let world = world(SECRET).await;
    let agent = Agent::start(&world);
    let told = world.is_well_on("1.0.0").await;
    assert_eq!(told.incarnation.0, 1);
    let (request, _) = world.server.with(|i| i.enrolled[0].clone());
    assert_eq!(
        (request.ordinal, request.instance_id),
        (told.ordinal, told.instance_id)
    );
    let file = world.home.path().join("credential.json");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(world.read("credential.json").contains(&credential(1)));
    agent.signal(Signal::SIGKILL);
    let _agent = Agent::start(&world);
    world.server.hears_more(2).await;
    assert_eq!(
        world.server.with(|i| i.enrolled.len()),
        1,
        "the credential is kept"
    );
    no_secret_is_shown(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_is_said_and_tried_again() {
    let world = world("wrong").await;
    let _agent = Agent::start(&world);
    log_says(&world, "the enrolment secret is not the fleet's").await;
    assert_eq!(world.starts(), 1, "the service runs all the same");
    std::fs::write(world.home.path().join("secret"), format!("{SECRET}\n")).unwrap();
    world.is_well_on("1.0.0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_was_replaced_stays_as_it_is_until_it_is_told() {
    let world = world(SECRET).await;
    let _agent = Agent::start(&world);
    world.is_well_on("1.0.0").await;
    // Another machine of the same ordinal enrols.
    world.server.replace(1);
    log_says(&world, "this machine's enrolment is void").await;
    log_says(&world, "sluice-agent enrol --force").await;
    let v2 = world.program("2.0.0", GOOD);
    world.server.tell(2, 0, go(&v2));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(
        world.server.with(|i| i.enrolled.len()),
        1,
        "it does not enrol by itself"
    );
    assert_eq!((world.starts(), world.linked()), (1, "1.0.0".to_owned()));

    let refused = enrol(&world, &[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--force gets another one"));
    let done = enrol(&world, &["--force"]);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success() && !said.contains("hush"), "{said}");
    let told = world.server.hears(2, 0, Completed).await;
    assert_eq!(told.incarnation.0, 3, "the running agent uses the new credential");
    no_secret_is_shown(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_credential_is_not_replaced_by_itself() {
    let world = world(SECRET).await;
    std::fs::write(
        world.home.path().join("credential.json"),
        "{\"credential\": \"hush",
    )
    .unwrap();
    let _agent = Agent::start(&world);
    log_says(
        &world,
        "is damaged; `sluice-agent enrol --force` gets a new credential",
    )
    .await;
    assert_eq!(world.server.with(|i| i.enrolled.len()), 0);
    assert!(enrol(&world, &["--force"]).status.success());
    world.is_well_on("1.0.0").await;
}
