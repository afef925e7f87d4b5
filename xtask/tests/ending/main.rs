//! Whatever a command has started ends with it, however it ends. A script plays cargo: it starts a process that leaves
//! its group, as an agent's service does, and waits.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of a test fail it by a panic, as its assertions do"
)]

mod world;

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::json;

use world::{World, lives};

const INTERRUPTED: i32 = 130;

#[test]
fn a_signal_ends_all_that_was_started() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let world = World::new();
        let mut command = world.start("hang");
        let started = world.started();
        command.signal(signal);
        let (code, said) = command.end();
        assert_eq!(code, Some(INTERRUPTED), "{signal}: {said}");
        world.is_clean(&started);
    }
}

#[test]
fn a_killed_command_is_cleaned_up_after_by_its_guard() {
    let world = World::new();
    let mut command = world.start("hang");
    let started = world.started();
    command.signal(Signal::SIGKILL);
    // The guard holds the pipe that is read here until it has done its work.
    let (_, said) = command.end();
    assert!(
        said.contains("the 2 processes that it had started have ended"),
        "{said}"
    );
    world.is_clean(&started);
}

#[test]
fn a_closed_terminal_keeps_nothing_alive() {
    let world = World::new();
    let mut command = world.start("hang");
    let started = world.started();
    command.close_terminal();
    command.signal(Signal::SIGHUP);
    command.end();
    world.is_clean(&started);
}

#[test]
fn the_next_run_cleans_up_when_the_guard_was_killed_too() {
    let world = World::new();
    let mut command = world.start("hang");
    let started = world.started();
    // The guard first: it would be too quick. What lives on holds the pipe of its words.
    world.kill_guard();
    command.close_terminal();
    command.signal(Signal::SIGKILL);
    command.end();
    assert!(
        started.iter().all(|pid| lives(*pid)),
        "nobody was there to end them"
    );

    let (code, said) = world.start("succeed").end();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("ended 2 processes of an earlier run"), "{said}");
    world.is_clean(&started);
}

#[test]
fn a_process_that_only_has_the_number_of_an_old_one_is_left_alone() {
    let world = World::new();
    let mut stranger = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let ledger =
        json!({ "run": "long gone", "leaders": [{ "pid": stranger.id(), "started": 1_000_000_000 }] });
    world.leave_behind("stale", &ledger.to_string());

    let (code, said) = world.start("succeed").end();
    assert_eq!(code, Some(0), "{said}");
    assert!(
        !world.folder("stale").exists(),
        "what a dead run leaves is removed"
    );
    std::thread::sleep(Duration::from_millis(100));
    assert!(lives(stranger.id()), "the stranger was ended");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[test]
fn a_run_that_lives_is_left_alone() {
    let world = World::new();
    let mut first = world.start("hang");
    let started = world.started();
    let (code, said) = world.start("succeed").end();
    assert_eq!(code, Some(0), "{said}");
    assert!(
        started.iter().all(|pid| lives(*pid)),
        "the other run's processes were ended"
    );
    first.signal(Signal::SIGTERM);
    first.end();
    world.is_clean(&started);
}
