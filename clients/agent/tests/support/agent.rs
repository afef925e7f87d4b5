//! The agent's program as a process of its own, which can be killed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::world::World;

pub struct Agent(Child);

impl Agent {
    pub fn start(world: &World) -> Self {
        Self::start_by(world, &[])
    }

    /// Started by `wrapper`, which ends by becoming what follows its own arguments.
    pub fn start_by(world: &World, wrapper: &[&str]) -> Self {
        let log = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(world.home.path().join("agent.log"))
            .unwrap();
        let mut words = wrapper.to_vec();
        words.push(env!("CARGO_BIN_EXE_sluice-agent"));
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .arg("--config")
            .arg(world.config_file())
            .stdout(Stdio::null())
            .stderr(log);
        Self(command.spawn().unwrap())
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.0.id()).unwrap())
    }

    pub fn signal(mut self, signal: Signal) -> Option<i32> {
        kill(self.pid(), signal).unwrap();
        self.0.wait().unwrap().code()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.0.kill().unwrap();
            self.0.wait().unwrap();
        }
    }
}

/// A moment of a switch, seen from outside: something appears below the agent's home.
#[derive(Debug, Clone, Copy)]
pub enum Moment {
    /// The server was asked for the archive.
    Fetching,
    /// A folder below `downloads` is being filled.
    Unpacking,
    /// This file is there.
    File(&'static str),
    /// The link names this version.
    Linked(&'static str),
    /// The service of this version has become healthy.
    Serving(&'static str),
}

impl Moment {
    pub fn is_here(self, world: &World) -> bool {
        let home = world.home.path();
        match self {
            Self::Fetching => world.server.with(|i| i.fetched.contains_key("2.0.0")),
            Self::Unpacking => folders(&home.join("downloads")).iter().any(|f| f.is_dir()),
            Self::Serving(version) => world.read("serving") == version,
            Self::File(name) => home.join(name).exists(),
            Self::Linked(version) => {
                std::fs::read_link(home.join("current")).is_ok_and(|l| l.ends_with(version))
            }
        }
    }

    /// Waits for it, looking often: it may be short.
    pub async fn comes(self, world: &World) {
        let begin = Instant::now();
        while !self.is_here(world) {
            assert!(begin.elapsed() < Duration::from_secs(40), "{self:?} never came");
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
    }
}

fn folders(path: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(path)
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path())
        .collect()
}
