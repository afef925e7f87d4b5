//! Services that do not do what they should. The old version runs again, or the new one was forced through, and the
//! report says which.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::time::{Duration, Instant};

use sluice_core::fleet::InstanceStatus::{self, Completed, Failed};
use support::release::{DEAD, GOOD, SICK, STUBBORN};
use support::server::go;
use support::world::World;

/// Starts a helper that outlives it.
const PARENT: &str = "#!/bin/sh\n(trap '' TERM; while :; do sleep 0.05; done) &\n\
    echo \"$SLUICE_VERSION\" > \"$SLUICE_AGENT_HOME/serving\"\nwhile :; do sleep 0.02; done\n";
/// Lives for a moment only.
const SHORT: &str = "#!/bin/sh\nsleep 0.1\nexit 4\n";
/// Prints without end.
const LOUD: &str = "#!/bin/sh\necho \"$SLUICE_VERSION\" > \"$SLUICE_AGENT_HOME/serving\"\nexec yes loud\n";

/// A row: what it is, the old program, the new one, the service's configuration, status, code, version at the end.
type Row = (
    &'static str,
    &'static str,
    String,
    &'static str,
    InstanceStatus,
    &'static str,
    &'static str,
);

#[tokio::test]
async fn services_that_do_not_behave() {
    let hangs_first = GOOD.replace("echo \"$S", "sleep 0.3; echo \"$S");
    let rows: Vec<Row> = vec![
        (
            "dies at once",
            GOOD,
            DEAD.into(),
            "",
            Failed,
            "start-failed",
            "1.0.0",
        ),
        (
            "dies soon",
            GOOD,
            SHORT.into(),
            "",
            Failed,
            "start-failed",
            "1.0.0",
        ),
        (
            "never gets healthy",
            GOOD,
            SICK.into(),
            "",
            Failed,
            "verify-failed",
            "1.0.0",
        ),
        (
            "is no program",
            GOOD,
            "\u{1}\u{2}".into(),
            "",
            Failed,
            "start-failed",
            "1.0.0",
        ),
        (
            "gets healthy late",
            GOOD,
            hangs_first,
            "verify_timeout_ms = 3000",
            Completed,
            "",
            "2.0.0",
        ),
        (
            "the old one ignores SIGTERM",
            STUBBORN,
            GOOD.into(),
            "",
            Completed,
            "",
            "2.0.0",
        ),
        (
            "the old one leaves a helper",
            PARENT,
            GOOD.into(),
            "",
            Completed,
            "",
            "2.0.0",
        ),
        (
            "the drain command fails",
            GOOD,
            GOOD.into(),
            "drain = [\"/bin/false\"]",
            Failed,
            "drain-failed",
            "1.0.0",
        ),
        (
            "the drain command hangs",
            GOOD,
            GOOD.into(),
            "drain = [\"/bin/sleep\", \"60\"]\ndrain_timeout_ms = 200",
            Failed,
            "drain-failed",
            "1.0.0",
        ),
        (
            "the drain command prints without end",
            GOOD,
            GOOD.into(),
            "drain = [\"/usr/bin/yes\"]\ndrain_timeout_ms = 300",
            Failed,
            "drain-failed",
            "1.0.0",
        ),
        (
            "the failover command fails",
            GOOD,
            GOOD.into(),
            "failover = { text = \"echo no one there >&2; exit 1\", shell = true }",
            Failed,
            "failover-failed",
            "1.0.0",
        ),
        (
            "the stop command hangs",
            GOOD,
            GOOD.into(),
            "stop = [\"/bin/sleep\", \"60\"]",
            Completed,
            "",
            "2.0.0",
        ),
        (
            "the stop command fails",
            GOOD,
            GOOD.into(),
            "stop = [\"/bin/false\"]",
            Completed,
            "",
            "2.0.0",
        ),
    ];
    for (name, old, new, service, status, code, version) in rows {
        let mut world = World::with(service, old).await;
        world.start();
        world.is_well_on("1.0.0").await;
        let v2 = world.program("2.0.0", &new);
        world.server.tell(2, 0, go(&v2));
        let told = world.server.hears(2, 0, status).await;
        let found = told.report.unwrap().error.map(|e| e.code).unwrap_or_default();
        assert_eq!(found, code, "{name}");
        world.is_well_on(version).await;
        world.is_whole_on(version, name).await;
        world.stop().await;
        assert_eq!(
            world.processes(),
            Vec::<i32>::new(),
            "{name}: something is left behind"
        );
    }
}

#[tokio::test]
async fn what_a_service_prints_is_bounded() {
    let world = World::running("max_log_bytes = 65536").await;
    let loud = world.program("2.0.0", LOUD);
    world.server.tell(2, 0, go(&loud));
    world.server.hears(2, 0, Completed).await;
    let size = |name: &str| std::fs::metadata(world.home.path().join(name)).map_or(0, |m| m.len());
    let begin = Instant::now();
    let mut cut = 0;
    let mut before = 0;
    while cut < 2 {
        assert!(begin.elapsed() < Duration::from_secs(40), "never cut");
        let now = size("service.log");
        cut += usize::from(now < before);
        before = now;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(size("service.log.1") <= 32_768, "{}", size("service.log.1"));
    let kept = world.read("service.log.1");
    assert!(kept.contains("loud\nloud"), "its last words are kept");
}
