//! The agent ends and comes back: by a crash, by SIGKILL, by SIGTERM.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sluice_core::fleet::InstanceStatus::{Completed, Draining, HealthChecking, Pending, RolledBack};
use support::agent::Agent;
use support::release::GOOD;
use support::server::{back, go};
use support::world::World;

/// Healthy after a while only, so that a crash meets it in mid-switch.
fn slow(version: &str) -> String {
    GOOD.replace("echo \"$SLUICE_VERSION\"", &format!("sleep 0.4; echo {version}"))
}

#[tokio::test]
async fn a_crash_leaves_the_service_alone() {
    let mut world = World::running("").await;
    let before = world.processes();
    world.crash().await;
    // Not all of them: the service starts a short process again and again.
    assert_eq!(world.processes()[0], before[0]);
    world.start();
    world.server.hears_more(3).await;
    assert_eq!(
        (world.processes()[0], world.starts()),
        (before[0], 1),
        "the service was taken over"
    );
    // A service that was taken over is watched and switched like any other.
    kill(Pid::from_raw(before[0]), Signal::SIGKILL).unwrap();
    let begin = std::time::Instant::now();
    while world.starts() < 2 && begin.elapsed() < Duration::from_secs(5) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(world.starts(), 2);
    world.stop().await;
    assert_eq!(world.processes(), Vec::<i32>::new());
}

#[tokio::test]
async fn a_switch_behind_the_link_is_finished() {
    let mut world = World::running("").await;
    let v2 = world.program("2.0.0", &slow("2.0.0"));
    world.server.tell(2, 0, go(&v2));
    world.server.hears(2, 0, HealthChecking).await;
    world.crash().await;
    assert!(world.record().switch.is_some());
    world.start();
    world.server.hears(2, 0, Completed).await;
    assert_eq!(
        (world.linked(), world.read("serving")),
        ("2.0.0".to_owned(), "2.0.0".to_owned())
    );
}

#[tokio::test]
async fn a_switch_before_the_link_is_undone_and_commanded_again() {
    let mut world = World::running("drain = [\"/bin/sleep\", \"0.5\"]").await;
    let v2 = world.program("2.0.0", GOOD);
    world.server.tell(2, 0, go(&v2));
    world.server.hears(2, 0, Draining).await;
    world.crash().await;
    let heard = world.server.with(|i| i.heard.len());
    world
        .server
        .tell(2, 0, sluice_contract::check_in::DesiredState::Stay);
    world.start();
    world
        .server
        .hears_that("running again", |r| {
            let pending = r
                .report
                .as_ref()
                .is_some_and(|r| (r.epoch.0, r.status) == (2, Pending));
            pending && r.running.as_ref().is_some_and(|r| r.healthy)
        })
        .await;
    assert!(world.server.with(|i| i.heard.len()) > heard);
    assert_eq!(
        (world.linked(), world.starts(), !world.processes().is_empty()),
        ("1.0.0".to_owned(), 2, true)
    );
    world.server.tell(2, 0, go(&v2));
    world.server.hears(2, 0, Completed).await;
}

#[tokio::test]
async fn a_lost_state_is_built_again_from_the_disk() {
    let mut world = World::running("").await;
    world.crash().await;
    std::fs::write(world.home.path().join("state.json"), "{ half a").unwrap();
    world.start();
    let fresh = world.server.hears_that("fresh", |r| r.fresh).await;
    assert_eq!(fresh.running.unwrap().version, world.v1.release.version_ref());
    world
        .server
        .hears_that("no longer fresh", |r| !r.fresh && r.report.is_some())
        .await;
    assert!(world.home.path().join("state.json.corrupt").exists());
}

#[tokio::test]
async fn the_program_survives_sigkill_in_mid_switch_and_obeys_sigterm() {
    let world = World::new("").await;
    let agent = Agent::start(&world);
    world
        .server
        .hears_that("healthy", |r| r.running.as_ref().is_some_and(|r| r.healthy))
        .await;
    let second = Command::new(env!("CARGO_BIN_EXE_sluice-agent"))
        .arg("--config")
        .arg(world.config_file())
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1), "one agent for one home");
    assert!(String::from_utf8_lossy(&second.stderr).contains("another agent uses the home folder"));

    let v2 = world.program("2.0.0", &slow("2.0.0"));
    world.server.tell(2, 0, go(&v2));
    world.server.hears(2, 0, HealthChecking).await;
    assert_eq!(agent.signal(Signal::SIGKILL), None);
    assert!(!world.processes().is_empty(), "the service outlives the agent");
    world.server.tell(3, 0, back(&world.v1));
    let agent = Agent::start(&world);
    world.server.hears(3, 0, RolledBack).await;
    assert_eq!(
        (world.linked(), world.read("serving")),
        ("1.0.0".to_owned(), "1.0.0".to_owned())
    );
    assert_eq!(agent.signal(Signal::SIGTERM), Some(0));
    assert_eq!(world.processes(), Vec::<i32>::new());
    assert!(!world.read("agent.log").contains("hush"), "no secret in a log");
}

#[tokio::test]
async fn the_first_release_is_installed_from_disk() {
    let world = World::new("").await;
    let (bytes, archive) = (
        support::release::archive(GOOD),
        world.home.path().join("v2.tar.gz"),
    );
    let manifest = world.home.path().join("v2.json");
    let release = support::release::release("2.0.0", &bytes);
    std::fs::write(&manifest, serde_json::to_vec(&release).unwrap()).unwrap();
    let mut tampered = bytes.clone();
    tampered[20] ^= 1;
    for (content, code, linked, said) in [
        (tampered, 1, "1.0.0", "digest-mismatch"),
        (bytes, 0, "2.0.0", "The release is installed"),
    ] {
        std::fs::write(&archive, content).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sluice-agent"));
        command.arg("install").arg("--config").arg(world.config_file());
        let output = command
            .arg("--artifact")
            .arg(&archive)
            .arg("--release")
            .arg(&manifest)
            .output()
            .unwrap();
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(
            (output.status.code(), world.linked().as_str()),
            (Some(code), linked),
            "{log}"
        );
        assert!(log.contains(said), "{log}");
    }
    assert_eq!(world.record().running, Some(release));
    assert_eq!(world.record().previous, Some(world.v1.release.clone()));
}
