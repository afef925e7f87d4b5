//! Processes that serve in the background, and how they are ended for certain.
//!
//! - `run`: one run of a command; whatever it started ends with it, by itself, by its guard, or by the next run.
//! - `guard`: waits beside a run and cleans up after it when it was killed.
//! - `service`, `foreground`: a process that serves, and one that is waited for.
//! - `table`: who runs on this machine.

mod foreground;
pub mod guard;
mod ledger;
mod run;
mod service;
mod table;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub use foreground::Foreground;
pub use ledger::Ledger;
pub use run::{Run, end_and_remove};
pub use service::{Service, end_all};
pub use table::{Identity, MARK};

/// What a process gets to end by itself.
const GRACE: Duration = Duration::from_secs(5);
/// How long the system may take to clear away what was killed.
const CLEAR: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(25);

/// Sends a signal to this very process; one that has ended is fine.
fn signal(process: Identity, signal: Signal) -> Result<()> {
    if !process.lives()? {
        return Ok(());
    }
    let pid = i32::try_from(process.pid).context("not a process id")?;
    match kill(Pid::from_raw(pid), signal) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot end process {pid}")),
    }
}

/// Ends by force whatever `left` finds, until it finds nothing.
fn clear(left: impl Fn() -> Result<Vec<Identity>>) -> Result<()> {
    let deadline = Instant::now() + CLEAR;
    loop {
        let processes = left()?;
        if processes.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            let pids: Vec<u32> = processes.iter().map(|process| process.pid).collect();
            bail!("processes {pids:?} outlive SIGKILL");
        }
        for process in processes {
            signal(process, Signal::SIGKILL)?;
        }
        std::thread::sleep(POLL);
    }
}

/// Ends processes with all of their groups: the leaders gently and at the same time, then what is left by force.
fn end_groups(leaders: &[Identity]) -> Result<()> {
    for leader in leaders {
        signal(*leader, Signal::SIGTERM)?;
    }
    await_end(leaders)?;
    clear(|| table::groups(leaders))
}

/// Waits until these have ended, as long as they get to do it by themselves.
fn await_end(processes: &[Identity]) -> Result<()> {
    let deadline = Instant::now() + GRACE;
    while Instant::now() < deadline && any_lives(processes)? {
        std::thread::sleep(POLL);
    }
    Ok(())
}

fn any_lives(processes: &[Identity]) -> Result<bool> {
    for process in processes {
        if process.lives()? {
            return Ok(true);
        }
    }
    Ok(false)
}
