//! A cache folder of its own, a script in cargo's place, and the commands that are started there.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sysinfo::{ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System, UpdateKind};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

/// The job that is begun under job control gets a process group of its own.
const CARGO: &str = r#"#!/bin/sh
[ "$ROLE" = succeed ] && exit 0
set -m
sleep 300 &
echo "$$ $!" > "$HERE/unfinished"
mv "$HERE/unfinished" "$HERE/started"
wait
"#;

/// Where a test takes place.
pub struct World(TempDir);

/// A running command.
pub struct Running(Child);

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cargo = folder.path().join("cargo");
        fs::write(&cargo, CARGO).unwrap();
        fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
        Self(folder)
    }

    /// Starts `cargo xtask check` with the script in this role.
    pub fn start(&self, role: &str) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.arg("check").env("CARGO", self.0.path().join("cargo"));
        command
            .env("XDG_CACHE_HOME", self.0.path())
            .env("HERE", self.0.path())
            .env("ROLE", role);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        Running(command.spawn().unwrap())
    }

    /// The script's process and the one that it has started, once they run.
    pub fn started(&self) -> Vec<u32> {
        let file = self.0.path().join("started");
        until("the script has started", || file.exists());
        let text = fs::read_to_string(file).unwrap();
        text.split_ascii_whitespace()
            .map(|pid| pid.parse().unwrap())
            .collect()
    }

    pub fn folder(&self, run: &str) -> PathBuf {
        self.0.path().join("sluice/runs").join(run)
    }

    /// What a run leaves that was killed.
    pub fn leave_behind(&self, run: &str, ledger: &str) {
        fs::create_dir_all(self.folder(run)).unwrap();
        fs::write(self.folder(run).join("lock"), "").unwrap();
        fs::write(self.folder(run).join("run.json"), ledger).unwrap();
    }

    /// Kills the guard of this world's only run.
    pub fn kill_guard(&self) {
        let mut system = System::new().unwrap();
        let kind = ProcessRefreshKind::nothing()
            .with_cmd(UpdateKind::Always)
            .without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);
        let here = self.0.path().to_str().unwrap();
        let guards: Vec<_> = system
            .processes()
            .values()
            .filter(|process| {
                let arguments: Vec<_> = process.cmd().iter().map(|text| text.to_string_lossy()).collect();
                arguments.iter().any(|text| text == "guard")
                    && arguments.iter().any(|text| text.starts_with(here))
            })
            .map(|process| process.pid().as_u32())
            .collect();
        assert_eq!(guards.len(), 1, "one guard");
        send(guards[0], Signal::SIGKILL);
        // Its parent does not look after it before the end, so that it stays as a zombie.
        until("the guard is dead", || !lives(guards[0]));
    }

    /// Nothing runs and nothing lies about.
    pub fn is_clean(&self, started: &[u32]) {
        until("all has ended", || !started.iter().any(|pid| lives(*pid)));
        let runs = self.0.path().join("sluice/runs");
        until("no folder is left", || fs::read_dir(&runs).unwrap().count() == 0);
    }
}

impl Running {
    pub fn signal(&self, signal: Signal) {
        send(self.0.id(), signal);
    }

    /// Nobody reads what it says from now on.
    pub fn close_terminal(&mut self) {
        drop(self.0.stderr.take());
    }

    /// Its exit code, none when a signal ended it, and what it said.
    pub fn end(&mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        if let Some(mut pipe) = self.0.stderr.take() {
            pipe.read_to_string(&mut said).unwrap();
        }
        (self.0.wait().unwrap().code(), said)
    }
}

/// Whether a process runs; one that has ended and was not reaped does not.
pub fn lives(pid: u32) -> bool {
    let pid = sysinfo::Pid::from_u32(pid);
    let mut system = System::new().unwrap();
    let kind = ProcessRefreshKind::nothing().without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, kind);
    let ended =
        |process: &sysinfo::Process| matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead);
    system.process(pid).is_some_and(|process| !ended(process))
}

fn send(pid: u32, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), signal).unwrap();
}

fn until(what: &str, met: impl Fn() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !met() {
        assert!(Instant::now() < deadline, "{what}: not within {LIMIT:?}");
        std::thread::sleep(POLL);
    }
}
