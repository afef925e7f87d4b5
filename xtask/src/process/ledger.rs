//! What a run has started, on disk: for whoever has to end it when the run itself cannot.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

use super::{Identity, await_end, clear, signal, table};

const FILE: &str = "run.json";

/// The processes of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ledger {
    /// The run's id, with which its processes are marked.
    pub run: String,
    /// Those that were started by the run itself; each leads a group.
    pub leaders: Vec<Identity>,
}

impl Ledger {
    /// Reads the ledger of a run's folder; none when the folder or the ledger is not there.
    ///
    /// # Errors
    /// When it cannot be read or is not a ledger.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(FILE);
        match fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .with_context(|| format!("{} is not the ledger of a run", path.display())),
        }
    }

    /// Writes it, complete as soon as it is there.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let text = serde_json::to_vec(self).context("cannot write a ledger")?;
        let (path, unfinished) = (folder.join(FILE), folder.join("run.unfinished"));
        fs::write(&unfinished, text)
            .and_then(|()| fs::rename(&unfinished, &path))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Whether every process that the run started still runs; false for one that has started none.
    ///
    /// # Errors
    /// When the system tells nothing of its processes.
    pub fn is_whole(&self) -> Result<bool> {
        for leader in &self.leaders {
            if !leader.lives()? {
                return Ok(false);
            }
        }
        Ok(!self.leaders.is_empty())
    }

    /// Ends all that is left of the run, and gives how many processes that were.
    ///
    /// # Errors
    /// When something still runs afterwards; the message has the process ids.
    pub fn end(&self) -> Result<usize> {
        let me = std::process::id();
        let left = || {
            let all = table::of_run(&self.run, &self.leaders)?;
            Ok(all
                .into_iter()
                .filter(|process| process.pid != me)
                .collect::<Vec<_>>())
        };
        let found = left()?;
        for leader in &self.leaders {
            signal(*leader, Signal::SIGTERM)?;
        }
        await_end(&self.leaders)?;
        clear(left)?;
        Ok(found.len())
    }
}
