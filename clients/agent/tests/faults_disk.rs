//! The disk: full, torn, lost, and the power that goes.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "helpers of tests fail like tests"
)]

mod support;

use std::path::Path;
use std::process::Command;

use sluice_agent::process::leftovers;
use sluice_core::fleet::InstanceStatus::{Completed, Draining, Failed, HealthChecking};
use support::agent::Agent;
use support::release::{GOOD, SICK, archive_of, release};
use support::server::{Sending, go};
use support::world::World;

/// From now on the process can make no file longer than this: writes fail as on a full disk. It must take no notice of
/// SIGXFSZ.
fn limit_files(agent: &Agent, bytes: &str) {
    let pid = agent.pid().to_string();
    let mut command = Command::new("prlimit");
    let done = command.args(["--pid", &pid, &format!("--fsize={bytes}:unlimited")]);
    assert!(done.status().unwrap().success());
}

const NO_SIGNAL: [&str; 4] = ["/bin/sh", "-c", "trap '' XFSZ; exec \"$@\"", "agent"];

#[derive(Debug, Clone, Copy)]
enum Full {
    /// Before the move is commanded, so far that the archive does not fit.
    Archive,
    /// Before the move is commanded: nothing can be written.
    Before,
    /// While the old version drains.
    Draining,
    /// While the new version, which is sick, is verified.
    Verifying,
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_fail() {
    // How often good programs were started in the end: 1 when what ran was not touched.
    let rows = [
        (Full::Archive, GOOD, "storage-failed", 1),
        (Full::Before, GOOD, "storage-failed", 1),
        (Full::Draining, GOOD, "storage-failed", 2),
        (Full::Verifying, SICK, "verify-failed", 2),
    ];
    for (full, program, code, starts) in rows {
        let world = World::new("drain = [\"/bin/sleep\", \"0.5\"]").await;
        let bytes = archive_of(program, 3, 20_000);
        let v2 = world.server.serve(&release("2.0.0", &bytes), bytes);
        let agent = Agent::start_by(&world, &NO_SIGNAL);
        world.is_well_on("1.0.0").await;
        match full {
            Full::Archive => limit_files(&agent, "15000"),
            Full::Before => limit_files(&agent, "0"),
            Full::Draining | Full::Verifying => {}
        }
        world.server.tell(2, 0, go(&v2));
        match full {
            Full::Draining => drop(world.server.hears(2, 0, Draining).await),
            Full::Verifying => drop(world.server.hears(2, 0, HealthChecking).await),
            Full::Archive | Full::Before => {}
        }
        if let Full::Draining | Full::Verifying = full {
            limit_files(&agent, "0");
        }
        let told = world.server.hears(2, 0, Failed).await;
        assert_eq!(told.report.unwrap().error.unwrap().code, code, "{full:?}");
        if starts == 1 {
            assert_eq!(world.starts(), 1, "{full:?}: what runs is untouched");
        }
        let running = world.server.last().unwrap().running.unwrap();
        assert_eq!(running.version, world.v1.release.version_ref(), "{full:?}");
        assert_eq!(world.linked(), "1.0.0", "{full:?}");
        let services = leftovers(world.home.path());
        assert!(
            services.iter().any(|l| l.leads_service && l.version == "1.0.0"),
            "{full:?}: it runs again"
        );
        // With room again the next attempt goes well.
        limit_files(&agent, "unlimited");
        let good = world.program("3.0.0", GOOD);
        world.server.tell(2, 1, go(&good));
        world.server.hears(2, 1, Completed).await;
        world.is_whole_on("3.0.0", &format!("{full:?}")).await;
    }
}

/// Whether this system lets us mount, in a namespace of our own.
fn mounts() -> Option<Vec<&'static str>> {
    [vec!["unshare", "-m"], vec!["unshare", "-Urm"]]
        .into_iter()
        .find(|words| {
            let mut command = Command::new(words[0]);
            let script = "mount -t tmpfs -o size=64k none /mnt";
            let done = command.args(&words[1..]).args(["/bin/sh", "-c", script]).output();
            done.is_ok_and(|o| o.status.success())
        })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_too_small() {
    let Some(mut wrapper) = mounts() else {
        eprintln!("this system lets nobody mount: failing writes are tested with limits only");
        return;
    };
    let world = World::new("").await;
    let home = world.home.path().to_string_lossy().into_owned();
    let script = "mkdir /tmp/seed.$$ && cp -a \"$0/.\" /tmp/seed.$$ && mount -t tmpfs -o size=300k none \"$0\" \
        && cp -a /tmp/seed.$$/. \"$0\" && rm -r /tmp/seed.$$ && cd / && exec \"$@\"";
    wrapper.extend(["/bin/sh", "-c", script, &home]);
    let _agent = Agent::start_by(&world, &wrapper);
    world.is_well_on("1.0.0").await;
    // One archive does not fit, the other fits and what it holds does not.
    let packed = archive_of(GOOD, 1, 400_000);
    let unpacked = zeros(400_000);
    for (attempt, (version, bytes)) in (0..).zip([("2.0.0", packed), ("2.0.1", unpacked)]) {
        let large = world.server.serve(&release(version, &bytes), bytes);
        world.server.tell(2, attempt, go(&large));
        let told = world.server.hears(2, attempt, Failed).await;
        let error = told.report.unwrap().error.unwrap();
        assert_eq!(error.code, "storage-failed", "{error:?}");
        assert!(error.message.contains("No space left"), "{error:?}");
        let running = told.running.unwrap();
        assert_eq!(
            (running.version, running.healthy),
            (world.v1.release.version_ref(), true)
        );
    }
    // What did not fit was removed: a small one fits.
    let small = world.program("2.0.2", GOOD);
    world.server.tell(2, 2, go(&small));
    let told = world.server.hears(2, 2, Completed).await;
    assert_eq!(told.running.unwrap().version, small.release.version_ref());
}

/// An archive that is small and unpacks to so many zeros.
fn zeros(bytes: usize) -> Vec<u8> {
    use flate2::{Compression, write::GzEncoder};
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::best()));
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "zeros", &vec![0; bytes][..])
        .unwrap();
    tar.into_inner().unwrap().finish().unwrap()
}

#[derive(Debug, Clone, Copy)]
enum Damage {
    Emptied,
    Halved,
    Zeroed,
    Gone,
}

fn damage(path: &Path, how: Damage) {
    let bytes = std::fs::read(path).unwrap();
    let new = match how {
        Damage::Emptied => Vec::new(),
        Damage::Halved => bytes[..bytes.len() / 2].to_vec(),
        Damage::Zeroed => vec![0; bytes.len()],
        Damage::Gone => return std::fs::remove_file(path).unwrap(),
    };
    std::fs::write(path, new).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_torn_or_lost() {
    use Damage::{Emptied, Gone, Halved, Zeroed};
    const STATE: &[&str] = &["state.json"];
    const MANIFEST: &[&str] = &["manifests/1.0.0.json"];
    const BOTH: &[&str] = &["state.json", "manifests/1.0.0.json"];
    // What is damaged and how; whether the agent asks for a strongly consistent answer; whether it still knows what
    // it runs.
    let rows = [
        (STATE, Emptied, true, true),
        (STATE, Halved, true, true),
        (STATE, Zeroed, true, true),
        (STATE, Gone, true, true),
        (MANIFEST, Emptied, false, true),
        (MANIFEST, Halved, false, true),
        (MANIFEST, Gone, false, true),
        (BOTH, Halved, true, false),
        (BOTH, Gone, true, false),
    ];
    for (files, how, fresh, known) in rows {
        let context = format!("{files:?} {how:?}");
        let mut world = World::running("").await;
        let before = world.processes();
        world.crash().await;
        for file in files {
            damage(&world.home.path().join(file), how);
        }
        for litter in ["state.json.new", "current.new", "downloads/9.9.9-0.tar.gz"] {
            std::fs::write(world.home.path().join(litter), "{ half a").unwrap();
        }
        world.server.with(|i| i.heard.clear());
        world.start();
        world.server.hears_more(3).await;
        let first = world.server.with(|i| i.heard[0].clone());
        assert_eq!(
            (first.fresh, first.running.is_some()),
            (fresh, known),
            "{context}"
        );
        assert_eq!(
            (world.processes()[0], world.starts()),
            (before[0], 1),
            "{context}: the service goes on"
        );
        if known {
            world.is_well_on("1.0.0").await;
            world.is_whole_on("1.0.0", &context).await;
        }
        let v2 = world.program("2.0.0", GOOD);
        world.server.tell(2, 0, go(&v2));
        world.server.hears(2, 0, Completed).await;
        world.is_whole_on("2.0.0", &context).await;
        world.stop().await;
        assert_eq!(world.processes(), Vec::<i32>::new(), "{context}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_that_is_lost_is_filled_again() {
    let world = World::new("").await;
    let agent = Agent::start(&world);
    world.is_well_on("1.0.0").await;
    agent.signal(nix::sys::signal::Signal::SIGKILL);
    world.kill_all();
    for lost in ["state.json", "current"] {
        std::fs::remove_file(world.home.path().join(lost)).unwrap();
    }
    for lost in ["releases", "manifests", "downloads"] {
        std::fs::remove_dir_all(world.home.path().join(lost)).unwrap();
    }
    world.server.with(|i| {
        i.heard.clear();
        i.sending = Sending::Slowly(50);
    });
    let _agent = Agent::start(&world);
    let first = world.server.hears_that("fresh", |r| r.fresh).await;
    assert_eq!((first.running, first.report), (None, None));
    world.server.tell(2, 0, go(&world.v1));
    world.server.hears(2, 0, Completed).await;
    world.is_whole_on("1.0.0", "a lost home").await;
}
