//! One run of a command, and what is left of those that were killed.

use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use uuid::Uuid;

use super::{Identity, Ledger, MARK, guard};
use crate::paths;
use crate::progress::tell;

/// What tells the guard that the run's processes are to live on.
pub(super) const RELEASED: &[u8] = b"released";

/// A run: a folder, and processes that end with it. Dropped, it ends them and removes the folder.
///
/// Whoever holds the folder's lock may do this. The run itself holds it for as long as it lives, then its guard, and
/// when that was killed as well, the next run.
pub struct Run {
    folder: PathBuf,
    ledger: Mutex<Ledger>,
    guard: Option<Child>,
    _lock: File,
}

impl Run {
    /// Begins a run with a folder of its own, after cleaning up after runs that were killed.
    ///
    /// # Errors
    /// When there is no place for its files, or its guard cannot be started.
    pub fn begin() -> Result<Self> {
        let runs = paths::cache()?.join("runs");
        paths::make_private(&runs)?;
        let _turn = paths::lock(&runs.with_extension("lock"))?;
        sweep(&runs)?;
        let id = Uuid::new_v4().simple().to_string();
        // Short, as paths of sockets are limited.
        Self::begin_in(&runs.join(&id[..8]), id)
    }

    /// Begins a run in a named folder, with nothing in it.
    ///
    /// # Errors
    /// Like [`Run::begin`], and when another run has the folder.
    pub fn begin_named(folder: &Path) -> Result<Self> {
        paths::remove(folder)?;
        Self::begin_in(folder, Uuid::new_v4().simple().to_string())
    }

    fn begin_in(folder: &Path, run: String) -> Result<Self> {
        paths::make_private(folder)?;
        let path = folder.join("lock");
        let lock = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        if lock.try_lock().is_err() {
            bail!("another run has {}", folder.display());
        }
        let ledger = Ledger {
            run,
            leaders: Vec::new(),
        };
        ledger.write(folder)?;
        Ok(Self {
            guard: Some(guard::start(folder)?),
            folder: folder.to_owned(),
            ledger: Mutex::new(ledger),
            _lock: lock,
        })
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Name and value of the variable that its processes are known by.
    pub fn mark(&self) -> (&'static str, String) {
        (MARK, self.ledger().run)
    }

    /// Notes a process that was just started; none when it has ended already.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub(super) fn enter(&self, pid: u32) -> Result<Option<Identity>> {
        let Some(leader) = Identity::of(pid)? else {
            return Ok(None);
        };
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.leaders.push(leader);
        ledger.write(&self.folder)?;
        Ok(Some(leader))
    }

    /// Lets its processes and its folder outlive it.
    ///
    /// # Errors
    /// When the guard does not hear it; it then ends everything.
    pub fn release(mut self) -> Result<()> {
        let Some(mut guard) = self.guard.take() else {
            return Ok(());
        };
        let told = guard.stdin.take().map(|mut pipe| pipe.write_all(RELEASED));
        told.transpose().context("the guard is gone")?;
        guard.wait().context("cannot wait for the guard")?;
        Ok(())
    }

    fn ledger(&self) -> Ledger {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let Some(mut guard) = self.guard.take() else {
            return;
        };
        if let Err(error) = self.ledger().end().and_then(|_| paths::remove(&self.folder)) {
            tell(&format!("warning: not everything was cleaned up: {error:#}"));
        }
        // It has nothing to do any more.
        drop(guard.stdin.take());
        if let Err(error) = guard.wait() {
            tell(&format!("warning: the guard was not reaped: {error}"));
        }
    }
}

/// Cleans up after runs that were killed together with their guard. What cannot be cleaned is no reason not to begin.
fn sweep(runs: &Path) -> Result<()> {
    let entries = fs::read_dir(runs).with_context(|| format!("cannot read {}", runs.display()))?;
    for entry in entries {
        let folder = entry
            .with_context(|| format!("cannot read {}", runs.display()))?
            .path();
        match clean(&folder) {
            Ok(Some(0) | None) => {}
            Ok(Some(ended)) => tell(&format!(
                "ended {ended} processes of an earlier run that was killed"
            )),
            Err(error) => tell(&format!("warning: an earlier run is not cleaned up: {error:#}")),
        }
    }
    Ok(())
}

/// Ends what a dead run has left, removes its folder, and gives how many processes that were; none while it lives.
fn clean(folder: &Path) -> Result<Option<usize>> {
    match File::open(folder.join("lock")) {
        Ok(lock) => match lock.try_lock() {
            Ok(()) => end_and_remove(folder).map(Some),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error).context("cannot lock it"),
        },
        // It was killed before it had started anything.
        Err(_) => end_and_remove(folder).map(Some),
    }
}

/// Ends what is left of a run and removes its folder; a folder that is gone is fine. The caller holds its lock.
///
/// # Errors
/// When something still runs, or the folder does not go.
pub fn end_and_remove(folder: &Path) -> Result<usize> {
    let ended = Ledger::read(folder)?.map_or(Ok(0), |ledger| ledger.end())?;
    paths::remove(folder)?;
    Ok(ended)
}
