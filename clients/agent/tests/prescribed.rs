//! What an upgrade prescribes: checks before anything is touched, and after the new version runs.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod support;

use serde_json::{Value, json};
use sluice_contract::check_in::{Artifact, DesiredState};
use sluice_core::fleet::InstanceStatus::{Completed, Failed, Pending, RolledBack};
use support::release::GOOD;
use support::server::back;
use support::world::World;

fn go(artifact: &Artifact, checks: &Value) -> DesiredState {
    DesiredState::Move {
        artifact: artifact.clone(),
        not_before_ms: 0,
        revert: false,
        checks: serde_json::from_value(checks.clone()).unwrap(),
    }
}

fn custom(command: &str, expected: &str) -> Value {
    json!({"pre_upgrade": {"type": "custom", "command": command, "expected": expected, "timeout_ms": 1000}})
}

fn exec(command: &str, expected: &str) -> Value {
    json!({"post_upgrade": {"type": "exec", "command": command, "expected": expected, "timeout_ms": 1000}})
}

fn metrics(name: &str, expected: &str) -> Value {
    let metrics = [json!({"name": name, "expected": expected})];
    json!({"post_upgrade": {"type": "metrics", "metrics": metrics, "timeout_ms": 1000}})
}

fn http(endpoint: &str) -> Value {
    json!({"post_upgrade": {"type": "http", "endpoint": endpoint, "expected_status": 405, "timeout_ms": 500}})
}

#[tokio::test]
async fn what_may_not_or_does_not_pass_before_the_move_touches_nothing() {
    let world = World::running("[remote_checks]\nprograms = [\"cat\"]").await;
    let v2 = world.program("2.0.0", GOOD);
    for (attempt, (checks, code, said)) in (0..).zip([
        (
            custom("true", "x"),
            "check-not-allowed",
            "preUpgradeCheck: `remote_checks.programs` does not name `true`",
        ),
        (
            custom("cat serving | cat", "1"),
            "check-not-allowed",
            "needs a shell",
        ),
        (
            exec("reboot", "x"),
            "check-not-allowed",
            "postUpgradeVerify: `remote_checks.programs` does not name `reboot`",
        ),
        (
            metrics("up", "1"),
            "check-not-allowed",
            "neither `remote_checks.metrics_url` nor",
        ),
        (
            http("/health"),
            "check-not-allowed",
            "`remote_checks.http_url` is not set",
        ),
        (
            custom("cat ../../serving", "9.9.9"),
            "pre-check-failed",
            "preUpgradeCheck: cat answered \"1.0.0\", expected",
        ),
        (custom("cat /nowhere", ""), "pre-check-failed", "No such file"),
    ]) {
        world.server.tell(2, attempt, go(&v2, &checks));
        let failed = world.server.hears(2, attempt, Failed).await;
        let error = failed.report.unwrap().error.unwrap();
        assert_eq!(error.code, code, "{checks}: {}", error.message);
        assert!(error.message.contains(said), "{checks}: {}", error.message);
        let running = failed.running.unwrap();
        assert!(running.healthy, "{checks}");
        assert_eq!(
            (world.starts(), world.linked()),
            (1, "1.0.0".to_owned()),
            "{checks}"
        );
    }
}

#[tokio::test]
async fn a_sick_service_is_not_upgraded_when_its_health_is_asked_for() {
    let world = World::running("").await;
    let v2 = world.program("2.0.0", GOOD);
    std::fs::write(world.home.path().join("serving"), "sick").unwrap();
    let checks = json!({"pre_upgrade": {"type": "health-check", "timeout_ms": 1000}});
    world.server.tell(2, 0, go(&v2, &checks));
    let failed = world.server.hears(2, 0, Failed).await;
    assert_eq!(failed.report.unwrap().error.unwrap().code, "pre-check-failed");
    assert_eq!((world.starts(), world.linked()), (1, "1.0.0".to_owned()));

    std::fs::write(world.home.path().join("serving"), "1.0.0").unwrap();
    world.server.tell(2, 1, go(&v2, &checks));
    world.server.hears(2, 1, Completed).await;
}

#[tokio::test]
async fn checks_see_the_version_that_they_are_about() {
    let world =
        World::running("[remote_checks]\nshell = true\nmetrics_command = [\"/bin/echo\", \"up 1\"]").await;
    let numbers = "echo {version} | grep -c . && cat ../../serving";
    for (epoch, version, post) in [
        (2, "2.0.0", exec(numbers, "2.0.0")),
        (3, "3.0.0", metrics("up", ">=1")),
    ] {
        let before = world.read("serving");
        let mut checks = custom(numbers, &before);
        checks["post_upgrade"] = post["post_upgrade"].clone();
        world
            .server
            .tell(epoch, 0, go(&world.program(version, GOOD), &checks));
        world.server.hears(epoch, 0, Completed).await;
        assert_eq!(world.read("serving"), version);
    }
}

#[tokio::test]
async fn a_version_that_is_not_as_prescribed_is_left_by_itself() {
    let world =
        World::new("[remote_checks]\nprograms = [\"cat\"]\nmetrics_command = [\"/bin/echo\", \"up 0\"]")
            .await;
    let address = world.server.url.clone();
    let mut world = world;
    world.configure("programs = ", &format!("http_url = {address:?}\nprograms = "));
    world.start();
    world
        .server
        .hears_that("healthy", |r| r.running.as_ref().is_some_and(|r| r.healthy))
        .await;
    let v2 = world.program("2.0.0", GOOD);
    for (attempt, (checks, said)) in (0..).zip([
        (
            exec("cat ../../serving", "9.9.9"),
            "postUpgradeVerify: cat answered \"2.0.0\", expected \"9.9.9\" in it",
        ),
        (
            metrics("up", "1"),
            "postUpgradeVerify: the metric up is 0, expected 1",
        ),
        (metrics("down", "1"), "postUpgradeVerify: there is no metric down"),
        (http("/nowhere"), "/nowhere answered 404 Not Found, expected 405"),
    ]) {
        world.server.tell(2, attempt, go(&v2, &checks));
        let failed = world.server.hears(2, attempt, Failed).await;
        let error = failed.report.unwrap().error.unwrap();
        assert_eq!(error.code, "verify-failed", "{checks}: {}", error.message);
        assert!(error.message.contains(said), "{checks}: {}", error.message);
        assert_eq!(
            (world.linked(), world.read("serving")),
            ("1.0.0".to_owned(), "1.0.0".to_owned())
        );
        assert!(failed.running.unwrap().healthy);
    }
    world.server.tell(2, 9, go(&v2, &http("/api/v1/fleet/check-in")));
    world.server.hears(2, 9, Completed).await;
}

fn arguments(pid: i32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default()
}

/// The way back waits for no check, not even for one that is being made.
#[tokio::test]
async fn a_revert_ends_a_check_that_is_being_made() {
    let world = World::running("[remote_checks]\nprograms = [\"sleep\"]").await;
    let v2 = world.program("2.0.0", GOOD);
    let slow = json!({"pre_upgrade": {"type": "custom", "command": "sleep 300", "timeout_ms": 600_000}});
    world.server.tell(2, 0, go(&v2, &slow));
    world.server.hears(2, 0, Pending).await;
    world.server.hears_more(5).await;
    let checking = || {
        world
            .processes()
            .into_iter()
            .any(|pid| arguments(pid).ends_with("300\0"))
    };
    assert!(checking());
    world.server.tell(3, 0, back(&world.v1));
    world.server.hears(3, 0, RolledBack).await;
    assert_eq!(world.starts(), 1);
    assert!(!checking(), "the check is given up");
}
