//! The guard of a run: a process of its own that ends what the run has started when the run was killed.
//!
//! It waits for the end of its standard input, which the system closes however the run ends. It has a group of its own
//! and takes no notice of signals that ask it to end, as those are meant for the run.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::{env, thread};

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::MARK;
use super::end_and_remove;
use super::run::RELEASED;
use crate::progress::tell;

/// Starts the guard of the run that has `folder`.
pub(super) fn start(folder: &Path) -> Result<Child> {
    let mut command = Command::new(own_program()?);
    command.arg("guard").arg("--folder").arg(folder);
    // It belongs to no run, as it would end itself, or be ended by the run around this one before its work is done.
    command.env_remove(MARK).process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    command.spawn().context("cannot start the guard")
}

/// Guards until the run has ended, and cleans up after it when it could not do so itself.
///
/// # Errors
/// When something of the run still runs; the next run tries again.
pub async fn guard(folder: PathBuf) -> Result<ExitCode> {
    // Heard and not heeded; registered until the end.
    let _deaf = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
        SignalKind::quit(),
    ]
    .map(signal)
    .into_iter()
    .collect::<io::Result<Vec<_>>>()
    .context("cannot listen for signals")?;
    let (ended, heard) = oneshot::channel();
    thread::spawn(move || {
        let mut said = Vec::new();
        let read = io::stdin().read_to_end(&mut said).map(|_| said);
        // The receiver is this process's main task and waits for it.
        let _ = ended.send(read);
    });
    let said = heard
        .await
        .context("the guard's ear is gone")?
        .context("cannot hear the run")?;
    if said != RELEASED
        && let Ok(lock) = File::open(folder.join("lock"))
    {
        lock.lock()
            .with_context(|| format!("cannot lock {}", folder.display()))?;
        let ended = end_and_remove(&folder)?;
        tell(&format!(
            "cargo xtask was killed; the {ended} processes that it had started have ended"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// This program's file. A build that runs meanwhile may have put a new one in its place; Linux then marks the path of
/// the old one, and the new one serves as well.
///
/// # Errors
/// When the system does not tell.
pub fn own_program() -> Result<PathBuf> {
    let program = env::current_exe().context("cannot tell this program's path")?;
    let replaced = program.to_str().and_then(|path| path.strip_suffix(" (deleted)"));
    Ok(replaced.map_or_else(|| program.clone(), PathBuf::from))
}
