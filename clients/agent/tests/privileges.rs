//! As whom the service runs, and what the example unit says.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::unistd::geteuid;
use sluice_agent::process::leftovers;
use sluice_core::fleet::InstanceStatus::Completed;
use support::agent::Agent;
use support::release::GOOD;
use support::server::go;
use support::world::World;

const UNIT: &str = include_str!("../examples/sluice-agent.service");

/// Starts the agent and gives what it said when it ended with a failure.
async fn refusal(service: &str, wrapper: &[&str]) -> String {
    let world = World::new(service).await;
    let mut everybody = std::fs::metadata(world.home.path()).unwrap().permissions();
    everybody.set_mode(0o777);
    std::fs::set_permissions(world.home.path(), everybody).unwrap();
    for name in ["agent.lock", "downloads", "manifests", "releases"] {
        let path = world.home.path().join(name);
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o777)).unwrap();
    }
    let mut words = wrapper.to_vec();
    words.push(env!("CARGO_BIN_EXE_sluice-agent"));
    let mut command = Command::new(words[0]);
    let output = command
        .args(&words[1..])
        .arg("--config")
        .arg(world.config_file())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(world.starts(), 0, "nothing was started");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn an_agent_that_cannot_become_the_user_does_not_start() {
    let said = refusal("user = \"no-such-user\"", &[]).await;
    assert!(said.contains("there is no user \"no-such-user\""), "{said}");
    let said = refusal("group = \"no-such-group\"", &[]).await;
    assert!(said.contains("there is no group \"no-such-group\""), "{said}");
    let nobody: &[&str] = if geteuid().is_root() {
        &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    } else {
        &[]
    };
    let said = refusal("user = \"root\"", nobody).await;
    assert!(said.contains("the agent cannot become user 0"), "{said}");
}

/// A good program that also says who it is.
fn who() -> String {
    GOOD.replace(
        "#!/bin/sh\n",
        "#!/bin/sh\n(id -u; id -G; echo $HOME) > \"$SLUICE_AGENT_HOME/who\"\n",
    )
}

#[tokio::test]
async fn the_service_and_its_commands_run_as_the_user() {
    if !geteuid().is_root() {
        eprintln!("only root can become another user: that it is refused is tested above");
        return;
    }
    let service = "user = \"65534\"\ngroup = \"65533\"\n\
        drain = [\"/bin/sh\", \"-c\", \"id -u > $SLUICE_AGENT_HOME/drained-by\"]";
    let world = World::with(service, &who()).await;
    std::fs::set_permissions(world.home.path(), PermissionsExt::from_mode(0o777)).unwrap();
    let _agent = Agent::start(&world);
    world.is_well_on("1.0.0").await;
    let said = world.read("who");
    let mut lines = said.lines();
    assert_eq!(lines.next(), Some("65534"));
    let groups: Vec<_> = lines.next().unwrap().split(' ').collect();
    assert!(groups.contains(&"65533") && !groups.contains(&"0"), "{groups:?}");
    let left = leftovers(world.home.path());
    let status = std::fs::read_to_string(format!("/proc/{}/status", left[0].pid)).unwrap();
    for line in [
        "CapEff:\t0000000000000000",
        "NoNewPrivs:\t1",
        "Uid:\t65534\t65534\t65534\t65534",
    ] {
        assert!(status.contains(line), "{line} in {status}");
    }
    let v2 = world.program("2.0.0", GOOD);
    world.server.tell(2, 0, go(&v2));
    world.server.hears(2, 0, Completed).await;
    assert_eq!(world.read("drained-by"), "65534");
    world.is_whole_on("2.0.0", "as another user").await;
}

#[tokio::test]
async fn the_service_manager_hears_that_the_agent_is_ready_and_goes_on() {
    let world = World::new("").await;
    let path = world.home.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_nonblocking(true).unwrap();
    let address = format!("NOTIFY_SOCKET={}", path.display());
    let agent = Agent::start_by(&world, &["env", &address, "WATCHDOG_USEC=600000"]);
    let (begin, mut heard) = (Instant::now(), Vec::new());
    while heard.iter().filter(|m| *m == "WATCHDOG=1").count() < 5 {
        assert!(begin.elapsed() < Duration::from_secs(10), "{heard:?}");
        let mut buffer = [0; 256];
        match socket.recv(&mut buffer) {
            Ok(length) => heard.push(String::from_utf8_lossy(&buffer[..length]).trim().to_owned()),
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
    assert_eq!(heard[0], "READY=1", "{heard:?}");
    world.is_well_on("1.0.0").await;
    let service = leftovers(world.home.path())[0].pid;
    let environment = std::fs::read(format!("/proc/{service}/environ")).unwrap();
    let environment = String::from_utf8_lossy(&environment);
    assert!(!environment.contains("NOTIFY_SOCKET") && !environment.contains("WATCHDOG_USEC"));
    drop(agent);
}

#[test]
fn the_example_unit_starts_the_agent_as_it_can_be_started() {
    let start = UNIT.lines().find_map(|l| l.strip_prefix("ExecStart=")).unwrap();
    let mut words = start.split(' ');
    assert_eq!(words.next(), Some("/usr/local/bin/sluice-agent"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluice-agent"));
    let help = String::from_utf8(command.arg("--help").output().unwrap().stdout).unwrap();
    for flag in words.filter(|w| w.starts_with("--")) {
        assert!(help.contains(&format!("{flag} ")), "{flag} is not in {help}");
    }
}

#[test]
fn the_example_unit_is_one() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("sluice-agent.service");
    let unit = UNIT.replace("/usr/local/bin/sluice-agent", env!("CARGO_BIN_EXE_sluice-agent"));
    std::fs::write(&path, unit).unwrap();
    match Command::new("systemd-analyze").arg("verify").arg(&path).output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(
                output.status.success() && !said.contains("sluice-agent.service:"),
                "{said}"
            );
        }
        Err(gone) => {
            eprintln!("there is no systemd-analyze ({gone}): sections and keys are looked at only");
            let sections: Vec<_> = UNIT.lines().filter(|l| l.starts_with('[')).collect();
            assert_eq!(sections, ["[Unit]", "[Service]", "[Install]"]);
        }
    }
}
