//! The new release starts beside the old one: requests are answered all the time.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use nix::sys::signal::Signal;
use sluice_agent::process::leftovers;
use sluice_core::fleet::InstanceStatus::{self, Completed, Failed, HealthChecking, RolledBack};
use support::agent::{Agent, Moment};
use support::server::{back, go};
use support::world::World;

/// Serves its version in a folder of its port for as long as it runs, and says in `alive-<port>` that it does. Real
/// ports are not needed: what two releases must not share is the place.
const PLACED: &str = "#!/bin/sh\nplace=\"$SLUICE_AGENT_HOME/place-$1\"\n\
    trap 'rm -f \"$place\"; touch \"$SLUICE_AGENT_HOME/stopping-$SLUICE_VERSION\"; sleep 0.2; exit 0' TERM\n\
    touch \"$SLUICE_AGENT_HOME/started-$SLUICE_VERSION\"\nsleep 0.3\n\
    echo \"$SLUICE_VERSION\" > \"$place\"\nwhile :; do sleep 0.05; done\n";

const SERVICE: &str = r#"switch = "overlap"
ports = [1001, 1002]
start = ["{release}/serve", "{port}"]
failover = ["/bin/sh", "-c", "touch $SLUICE_AGENT_HOME/failing-over; sleep 0.2"]
take_over = ["/bin/sh", "-c", "touch $SLUICE_AGENT_HOME/taking-over; sleep 0.2; ln -sfn place-{port} $SLUICE_AGENT_HOME/serving.new && mv -T $SLUICE_AGENT_HOME/serving.new $SLUICE_AGENT_HOME/serving"]
drain = ["/bin/sh", "-c", "touch $SLUICE_AGENT_HOME/draining; sleep 0.2"]
stop_timeout_ms = 3000
verify_timeout_ms = 6000"#;

async fn ready(service: &str) -> (World, Agent) {
    let mut world = World::with(service, PLACED).await;
    let home = world.home.path().to_string_lossy().into_owned();
    world.configure(&format!("{home}/serving\""), &format!("{home}/place-{{port}}\""));
    let agent = Agent::start(&world);
    world.is_well_on("1.0.0").await;
    let begin = Instant::now();
    while world.read("serving") != "1.0.0" {
        assert!(begin.elapsed() < Duration::from_secs(40), "never led to");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    std::fs::remove_file(world.home.path().join("taking-over")).unwrap();
    (world, agent)
}

/// Asks all the time; what is led to must always be there.
async fn asks_while(world: &World, until: impl Future<Output = ()>) -> Vec<String> {
    let mut answers = Vec::new();
    tokio::pin!(until);
    loop {
        tokio::select! {
            () = &mut until => return answers,
            () = tokio::time::sleep(Duration::from_millis(2)) => {
                let answer = world.read("serving");
                if answers.last() != Some(&answer) {
                    answers.push(answer);
                }
            }
        }
    }
}

fn starts_of_first(world: &World) -> usize {
    leftovers(world.home.path())
        .iter()
        .filter(|l| l.leads_service && l.version == "1.0.0")
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn forward_and_back_without_a_gap() {
    let (world, _agent) = ready(SERVICE).await;
    let v2 = world.program("2.0.0", PLACED);
    let answers = asks_while(&world, async {
        world.server.tell(2, 0, go(&v2));
        world.server.hears(2, 0, Completed).await;
        world.is_whole_on("2.0.0", "forward").await;
        world.server.tell(3, 0, back(&world.v1));
        world.server.hears(3, 0, RolledBack).await;
        world.is_whole_on("1.0.0", "back").await;
    })
    .await;
    assert_eq!(answers, ["1.0.0", "2.0.0", "1.0.0"], "never nobody");
    let unhealthy = world.server.with(|i| {
        i.heard
            .iter()
            .filter(|r| !r.running.as_ref().unwrap().healthy)
            .count()
    });
    assert!(unhealthy <= 2, "only before the first look: {unhealthy}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_that_fails_leaves_the_old_one_untouched() {
    let sick = PLACED.replace("echo \"$SLUICE_VERSION\" >", "echo sick >");
    let dead = "#!/bin/sh\nexit 3\n".to_owned();
    let hook = |name: &str| {
        SERVICE.replace(
            &format!("{name} = [\"/bin/sh\", \"-c\", \""),
            &format!("{name} = [\"/bin/sh\", \"-c\", \"exit 1; "),
        )
    };
    let takes = SERVICE.replace("; ln -sfn", " && test {port} = 1001 && ln -sfn");
    let brief = SERVICE.replace("verify_timeout_ms = 6000", "verify_timeout_ms = 900");
    let rows = [
        ("never healthy", brief, sick, "verify-failed"),
        ("dies", SERVICE.to_owned(), dead, "start-failed"),
        (
            "no failover",
            hook("failover"),
            PLACED.to_owned(),
            "failover-failed",
        ),
        ("no take-over", takes, PLACED.to_owned(), "take-over-failed"),
    ];
    for (name, service, program, code) in rows {
        let (world, _agent) = ready(&service).await;
        let before = world.processes();
        let v2 = world.program("2.0.0", &program);
        let answers = asks_while(&world, async {
            world.server.tell(2, 0, go(&v2));
            let told = world.server.hears(2, 0, Failed).await;
            assert_eq!(told.report.unwrap().error.unwrap().code, code, "{name}");
            assert!(told.running.unwrap().healthy, "{name}");
        })
        .await;
        assert_eq!(answers, ["1.0.0"], "{name}");
        world.is_whole_on("1.0.0", name).await;
        assert!(
            world.processes().contains(&before[0]),
            "{name}: it was not started again"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revert_in_mid_switch_only_ends_what_is_beside() {
    for step in [
        Moment::File("started-2.0.0"),
        Moment::File("failing-over"),
        Moment::File("taking-over"),
    ] {
        let (world, _agent) = ready(SERVICE).await;
        let v2 = world.program("2.0.0", PLACED);
        let answers = asks_while(&world, async {
            world.server.tell(2, 0, go(&v2));
            step.comes(&world).await;
            world.server.tell(3, 0, back(&world.v1));
            world.server.hears(3, 0, RolledBack).await;
        })
        .await;
        assert_eq!(
            (answers.first().unwrap(), answers.last().unwrap()),
            (&"1.0.0".to_owned(), &"1.0.0".to_owned())
        );
        assert!(!answers.iter().any(String::is_empty), "{step:?}: {answers:?}");
        world.is_whole_on("1.0.0", &format!("{step:?}")).await;
    }
}

async fn kill_at(step: Moment, power: bool) {
    let context = format!("killed at {step:?}, power {power}");
    let (world, agent) = ready(SERVICE).await;
    let v2 = world.program("2.0.0", PLACED);
    world.server.tell(2, 0, go(&v2));
    step.comes(&world).await;
    agent.signal(Signal::SIGKILL);
    if power {
        world.kill_all();
        for place in ["place-1001", "place-1002"] {
            let path = world.home.path().join(place);
            if path.exists() {
                std::fs::remove_file(path).unwrap();
            }
        }
    } else {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_millis(200) {
            assert!(
                starts_of_first(&world) > 0 || !world.read("serving").is_empty(),
                "{context}: somebody serves"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    world.server.with(|i| i.heard.clear());
    let _agent = Agent::start(&world);
    world.server.hears(2, 0, Completed).await;
    world.is_well_on("2.0.0").await;
    world.is_whole_on("2.0.0", &context).await;
    let statuses: Vec<InstanceStatus> = world.server.statuses();
    assert!(
        !statuses.contains(&Failed) && !statuses.contains(&RolledBack),
        "{context}: {statuses:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_is_killed_at_every_step() {
    let steps = [
        Moment::File("started-2.0.0"),
        Moment::File("failing-over"),
        Moment::Linked("2.0.0"),
        Moment::File("taking-over"),
        Moment::File("draining"),
        Moment::File("stopping-1.0.0"),
    ];
    let rows = steps.into_iter().flat_map(|step| [(step, false), (step, true)]);
    let runs = stream::iter(rows).map(|(step, power)| tokio::spawn(kill_at(step, power)));
    runs.buffer_unordered(6)
        .for_each(|done| async { done.unwrap() })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_steps_are_told() {
    let (world, _agent) = ready(SERVICE).await;
    let v2 = world.program("2.0.0", PLACED);
    world.server.tell(2, 0, go(&v2));
    world.server.hears(2, 0, HealthChecking).await;
    let told = world.server.last().unwrap().running.unwrap();
    assert_eq!(
        (told.version, told.healthy),
        (world.v1.release.version_ref(), true),
        "the old one serves"
    );
    world.server.hears(2, 0, Completed).await;
}
