//! Whole agents with real processes: forward, back, refused, failed.

mod support;

use sluice_contract::check_in::DesiredState;
use sluice_core::checks::Checks;
use sluice_core::fleet::InstanceStatus::{Completed, Failed, HealthChecking, Pending, RolledBack};
use support::release::{DEAD, GOOD, SICK, STUBBORN, archive, release, sign};
use support::server::{answer, back, go};
use support::world::World;

#[tokio::test]
async fn forward_and_back() {
    let world = World::running(
        "drain = [\"/bin/sh\", \"-c\", \"cp {current}/serve {current}/../../drained-{version}\"]",
    )
    .await;
    let v2 = world.program("2.0.0", GOOD);
    world.server.tell(2, 0, go(&v2));
    let done = world.server.hears(2, 0, Completed).await;
    let running = done.running.unwrap();
    assert_eq!(
        (running.version, running.healthy),
        (v2.release.version_ref(), true)
    );
    assert_eq!(running.digest, v2.release.digest);
    assert_eq!(
        (world.linked(), world.read("serving")),
        ("2.0.0".to_owned(), "2.0.0".to_owned())
    );
    assert!(
        !world.read("drained-1.0.0").is_empty(),
        "the old version was drained"
    );
    assert!(
        world.home.path().join("releases/1.0.0/serve").exists(),
        "the old version stays on disk"
    );
    assert_eq!(world.record().previous, Some(world.v1.release.clone()));

    world.server.tell(3, 0, back(&world.v1));
    let done = world.server.hears(3, 0, RolledBack).await;
    assert_eq!(done.running.unwrap().version, world.v1.release.version_ref());
    assert_eq!(
        (world.linked(), world.read("serving")),
        ("1.0.0".to_owned(), "1.0.0".to_owned())
    );
    assert_eq!(
        world.server.with(|i| i.fetched.get("1.0.0").copied()),
        None,
        "it was on disk"
    );
    // The command is repeated with each answer and never begun again.
    world.server.hears_more(3).await;
    assert_eq!(world.starts(), 3);
}

#[tokio::test]
async fn what_can_be_refused_is_refused_before_the_service_is_touched() {
    let world = World::running("").await;
    let bytes = archive(GOOD);
    let good = || release("2.0.0", &bytes);
    let mut wrong_size = good();
    wrong_size.size += 1;
    sign(&mut wrong_size);
    let mut unsigned = good();
    unsigned.version = "2.0.1".parse().unwrap();
    let mut unknown = good();
    unknown.key_id = "other".parse().unwrap();
    let mut foreign = good();
    foreign.component_id = sluice_core::ids::ComponentId(uuid::Uuid::nil());
    sign(&mut foreign);
    let mut tampered = bytes.clone();
    tampered[20] ^= 1;
    let garbage = b"not an archive".to_vec();
    let cases = [
        ("digest-mismatch", good(), Some(tampered)),
        ("size-mismatch", wrong_size, Some(bytes.clone())),
        ("signature-invalid", unsigned, Some(bytes.clone())),
        ("unknown-key", unknown, Some(bytes.clone())),
        ("component-mismatch", foreign, Some(bytes.clone())),
        ("unpack-refused", release("2.0.2", &garbage), Some(garbage)),
        (
            "version-conflict",
            release("1.0.0", &archive(SICK)),
            Some(archive(SICK)),
        ),
        ("download-failed", release("2.0.3", &bytes), None),
    ];
    for (attempt, (code, release, served)) in (0..).zip(cases) {
        let mut artifact = world.server.serve(&release, served.clone().unwrap_or_default());
        if served.is_none() {
            artifact.url = artifact.url.replace("2.0.3", "nowhere");
        }
        world.server.tell(2, attempt, go(&artifact));
        let failed = world.server.hears(2, attempt, Failed).await;
        assert_eq!(failed.report.unwrap().error.unwrap().code, code);
        assert_eq!(
            failed.running.unwrap().version,
            world.v1.release.version_ref(),
            "{code}"
        );
        assert_eq!(
            (world.starts(), world.linked()),
            (1, "1.0.0".to_owned()),
            "{code}"
        );
        assert_eq!(
            std::fs::read_dir(world.home.path().join("releases"))
                .unwrap()
                .count(),
            1,
            "{code}"
        );
    }
}

#[tokio::test]
async fn a_version_that_does_not_work_is_left_by_itself() {
    let world = World::running("").await;
    for (attempt, (version, program, code)) in
        (0..).zip([("2.0.0", SICK, "verify-failed"), ("2.0.1", DEAD, "start-failed")])
    {
        let bad = world.program(version, program);
        world.server.tell(2, attempt, go(&bad));
        let failed = world.server.hears(2, attempt, Failed).await;
        assert_eq!(failed.report.unwrap().error.unwrap().code, code);
        let running = failed.running.unwrap();
        assert_eq!(
            (running.version, running.healthy),
            (world.v1.release.version_ref(), true)
        );
        assert_eq!(
            (world.linked(), world.read("serving")),
            ("1.0.0".to_owned(), "1.0.0".to_owned())
        );
        let starts = world.starts();
        world.server.hears_more(3).await;
        assert_eq!(world.starts(), starts, "a failed command is not begun again");
    }
    // A revert after the failure is acknowledged by a verified old version, without another restart.
    let starts = world.starts();
    world.server.tell(3, 0, back(&world.v1));
    world.server.hears(3, 0, RolledBack).await;
    assert_eq!(world.starts(), starts);
}

#[tokio::test]
async fn a_revert_in_mid_switch_turns_around() {
    let world = World::running("").await;
    let slow = world.program("2.0.0", &SICK.replace("echo sick", "sleep 0.4; echo 2.0.0"));
    world.server.tell(2, 0, go(&slow));
    world.server.hears(2, 0, HealthChecking).await;
    world.server.tell(3, 0, back(&world.v1));
    let done = world.server.hears(3, 0, RolledBack).await;
    assert_eq!(done.running.unwrap().version, world.v1.release.version_ref());
    assert_eq!(
        (world.linked(), world.read("serving")),
        ("1.0.0".to_owned(), "1.0.0".to_owned())
    );
    assert!(!world.server.statuses().contains(&Completed));
}

#[tokio::test]
async fn old_and_late_commands_are_not_begun() {
    let world = World::running("").await;
    let v2 = world.program("2.0.0", GOOD);
    world.server.tell(5, 1, DesiredState::Stay);
    world.server.hears(5, 1, Pending).await;
    for (epoch, attempt) in [(4, 9), (5, 0)] {
        world.server.tell(epoch, attempt, go(&v2));
        world.server.hears_more(3).await;
    }
    world.server.tell_with(5, 1, go(&v2), 0);
    world.server.hears_more(1).await;
    let later = DesiredState::Move {
        artifact: v2.clone(),
        not_before_ms: 60_000,
        revert: false,
        checks: Checks::default(),
    };
    world.server.tell_with(5, 1, later, 200);
    world.server.hears_more(3).await;
    let last = world.server.last().unwrap();
    assert_eq!(
        last.report.map(|r| (r.epoch.0, r.attempt.0, r.status)),
        Some((5, 1, Pending))
    );
    assert_eq!((world.starts(), world.linked()), (1, "1.0.0".to_owned()));

    world.server.tell(5, 1, go(&v2));
    world.server.hears(5, 1, Completed).await;
}

#[tokio::test]
async fn the_next_release_is_fetched_ahead() {
    let world = World::running("").await;
    let v2 = world.program("2.0.0", GOOD);
    let mut ahead = answer(2, 0, DesiredState::Stay);
    ahead.prefetch = Some(v2.clone());
    world.server.with(|i| i.told = Some(ahead));
    let unpacked = world.home.path().join("releases/2.0.0/serve");
    for _ in 0..500 {
        if unpacked.exists() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    world.server.hears_more(2).await;
    assert_eq!((world.starts(), world.linked()), (1, "1.0.0".to_owned()));
    world.server.tell(2, 0, go(&v2));
    world.server.hears(2, 0, Completed).await;
    assert_eq!(world.server.with(|i| i.fetched["2.0.0"]), 1);
}

#[tokio::test]
async fn a_program_that_ignores_sigterm_is_killed() {
    let world = World::running("").await;
    let stubborn = world.program("2.0.0", STUBBORN);
    world.server.tell(2, 0, go(&stubborn));
    world.server.hears(2, 0, Completed).await;
    let before = world.processes();
    world.server.tell(3, 0, back(&world.v1));
    world.server.hears(3, 0, RolledBack).await;
    assert!(world.processes().iter().all(|pid| !before.contains(pid)));
}

#[tokio::test]
async fn the_service_is_kept_alive_and_its_end_is_told() {
    let mut world = World::running("").await;
    let pid = world.read("starts").parse().unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    world
        .server
        .hears_that("sick", |r| r.running.as_ref().is_some_and(|r| !r.healthy))
        .await;
    for _ in 0..500 {
        if world.starts() == 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(world.starts(), 2);
    world.stop().await;
    assert_eq!(world.processes(), Vec::<i32>::new());
}
