//! The network and the server: away, slow, broken off, wrong, late. The service goes on, and what is done at last is
//! what was asked for last.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::time::Duration;

use sluice_contract::check_in::DesiredState;
use sluice_core::fleet::InstanceStatus::{self, Completed, Failed, HealthChecking, Pending, RolledBack};
use support::release::{GOOD, SICK, archive_of, release};
use support::server::{Sending, back, go};
use support::world::World;

#[tokio::test]
async fn archives_that_do_not_arrive_whole() {
    use Sending::{Breaks, Slowly, Whole, Wrong};
    // How it is sent; how it ends; its code; how often it was asked for, and from the middle on.
    let rows: [(&str, Sending, InstanceStatus, &str, usize, usize); 6] = [
        ("whole", Whole, Completed, "", 1, 0),
        ("slow", Slowly(300), Completed, "", 1, 0),
        (
            "broken off once, ranges known",
            Breaks(1, true),
            Completed,
            "",
            2,
            1,
        ),
        (
            "broken off once, ranges unknown",
            Breaks(1, false),
            Completed,
            "",
            2,
            0,
        ),
        (
            "broken off always",
            Breaks(9, true),
            Failed,
            "download-failed",
            3,
            2,
        ),
        ("a byte is wrong", Wrong, Failed, "digest-mismatch", 1, 0),
    ];
    for (name, sending, status, code, fetched, resumed) in rows {
        let world = World::running("").await;
        let bytes = archive_of(GOOD, 20, 5_000);
        let v2 = world.server.serve(&release("2.0.0", &bytes), bytes);
        world.server.with(|i| i.sending = sending);
        world.server.tell(2, 0, go(&v2));
        let told = world.server.hears(2, 0, status).await;
        let found = told.report.unwrap().error.map(|e| e.code).unwrap_or_default();
        assert_eq!(found, code, "{name}");
        assert_eq!(
            world.server.with(|i| (i.fetched["2.0.0"], i.resumed)),
            (fetched, resumed),
            "{name}"
        );
        let version = if status == Completed { "2.0.0" } else { "1.0.0" };
        world.is_well_on(version).await;
        world.is_whole_on(version, name).await;
        if status == Failed {
            assert_eq!(world.starts(), 1, "{name}: the running service was not touched");
        }
    }
}

#[tokio::test]
async fn a_lease_that_runs_out_while_fetching_is_asked_for_again() {
    // What the server says once the lease has run out; how it ends.
    for (again, status, version) in [(true, Completed, "2.0.0"), (false, Pending, "1.0.0")] {
        let world = World::running("").await;
        let v2 = world.program("2.0.0", GOOD);
        world.server.with(|i| i.sending = Sending::Slowly(1_500));
        world.server.tell_with(2, 0, go(&v2), 300);
        // Nobody asks in between: the lease is asked for again because it ran out.
        world
            .server
            .with(|i| i.told.as_mut().unwrap().next_check_in_ms = 60_000);
        world.server.hears(2, 0, Pending).await;
        let heard = world.server.with(|i| i.heard.len());
        if !again {
            world.server.tell(2, 0, DesiredState::Stay);
        }
        world.server.hears_more(1).await;
        assert!(world.server.with(|i| i.heard.len()) > heard);
        if again {
            world.server.tell(2, 0, go(&v2));
        } else {
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        world.server.hears(2, 0, status).await;
        world.is_whole_on(version, "after the lease").await;
        assert_eq!(
            world.server.with(|i| i.fetched["2.0.0"]),
            1,
            "it was fetched once"
        );
    }
}

#[tokio::test]
async fn a_newer_answer_turns_the_switch_around_at_every_step() {
    // A step that takes its time; the status that tells of it.
    let rows = [
        (
            "failover",
            "failover = [\"/bin/sleep\", \"5\"]",
            InstanceStatus::Draining,
        ),
        (
            "drain",
            "drain = [\"/bin/sleep\", \"5\"]",
            InstanceStatus::Draining,
        ),
        (
            "stop",
            "stop = [\"/bin/sleep\", \"1\"]\nstop_timeout_ms = 2000",
            InstanceStatus::Upgrading,
        ),
        ("verify", "verify_timeout_ms = 5000", HealthChecking),
    ];
    for (name, service, step) in rows {
        let world = World::running(service).await;
        let v2 = world.program("2.0.0", SICK);
        world.server.tell(2, 0, go(&v2));
        world.server.hears(2, 0, step).await;
        let begin = std::time::Instant::now();
        world.server.tell(3, 0, back(&world.v1));
        world.server.hears(3, 0, RolledBack).await;
        assert!(
            begin.elapsed() < Duration::from_millis(4_500),
            "{name}: not at once"
        );
        world.is_well_on("1.0.0").await;
        world.is_whole_on("1.0.0", name).await;
        let statuses = world.server.statuses();
        assert!(
            !statuses.contains(&Completed) && !statuses.contains(&Failed),
            "{name}: {statuses:?}"
        );
    }
}

#[tokio::test]
async fn every_step_is_told_while_it_lasts() {
    // Each step lasts until it was told.
    let until = |status: &str| format!("until test -e $SLUICE_AGENT_HOME/{status}; do sleep 0.02; done");
    let service = format!(
        "drain = [\"/bin/sh\", \"-c\", \"{}\"]\nstop = [\"/bin/sh\", \"-c\", \"{}; exit 1\"]\n\
         stop_timeout_ms = 30000\nverify_timeout_ms = 30000",
        until("draining"),
        until("upgrading"),
    );
    let world = World::running(&service).await;
    let v2 = world.program(
        "2.0.0",
        &GOOD.replacen("echo", &format!("{}; echo", until("checking")), 1),
    );
    world.server.tell(2, 0, go(&v2));
    for (name, status) in [
        ("draining", InstanceStatus::Draining),
        ("upgrading", InstanceStatus::Upgrading),
        ("checking", HealthChecking),
    ] {
        world.server.hears(2, 0, status).await;
        std::fs::write(world.home.path().join(name), "").unwrap();
    }
    world.server.hears(2, 0, Completed).await;
}

#[tokio::test]
async fn a_server_that_is_away_changes_nothing_and_is_found_again() {
    let world = World::running("").await;
    world.server.with(|i| i.deaf = true);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!((world.starts(), world.linked()), (1, "1.0.0".to_owned()));
    let v2 = world.program("2.0.0", GOOD);
    world.server.tell(2, 0, go(&v2));
    world.server.with(|i| i.deaf = false);
    world.server.hears(2, 0, Completed).await;
    world.is_whole_on("2.0.0", "after the outage").await;
}
