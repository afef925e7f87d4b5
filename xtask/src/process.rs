//! Processes that serve in the background, and how they are ended for certain.
//!
//! Each leads a process group of its own, in which the functions that it starts run too. A tied one holds a pipe as its
//! standard input and ends by itself when the pipe closes, even if the process that held the other end was killed.

mod table;

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

/// What a process gets to end by itself.
const GRACE: Duration = Duration::from_secs(5);
/// How long the system may take to clear away a killed group.
const CLEAR: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(25);
/// Lines of a log that go into an error.
const TAIL_LINES: usize = 15;

/// How long a service lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// As long as this process, however it ends.
    Tied,
    /// Until somebody stops it.
    Detached,
}

/// A running background process; stopped when dropped, unless released.
pub struct Service {
    label: &'static str,
    child: Child,
    /// Held, not used: its end tells a tied process to end.
    _lifeline: Option<ChildStdin>,
    log: PathBuf,
    released: bool,
}

impl Service {
    /// Starts `command` with its output in the file `log`.
    ///
    /// # Errors
    /// When the log cannot be made or the program not started.
    pub fn spawn(label: &'static str, command: &mut Command, log: &Path, lifetime: Lifetime) -> Result<Self> {
        let output = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let errors = output
            .try_clone()
            .with_context(|| format!("cannot write {}", log.display()))?;
        let stdin = if lifetime == Lifetime::Tied {
            Stdio::piped()
        } else {
            Stdio::null()
        };
        let mut child = command
            .process_group(0)
            .stdin(stdin)
            .stdout(output)
            .stderr(errors)
            .spawn()
            .with_context(|| format!("cannot start {label}"))?;
        let lifeline = child.stdin.take();
        Ok(Self {
            label,
            child,
            _lifeline: lifeline,
            log: log.to_owned(),
            released: false,
        })
    }

    /// Its process id, which is its group's id too.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn exited(&mut self) -> Result<Option<ExitStatus>> {
        self.child
            .try_wait()
            .with_context(|| format!("cannot look after {}", self.label))
    }

    /// The end of its log, for an error message.
    pub fn log_tail(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_else(|error| format!("(no log: {error})"));
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }

    /// Leaves it running after the drop.
    pub fn release(&mut self) {
        self.released = true;
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if self.released {
            return;
        }
        if let Err(error) = stop_group(self.pid()) {
            eprintln!("warning: {} did not end: {error:#}", self.label);
        }
        // Reaps it; it has ended, so this does not wait.
        if let Err(error) = self.child.try_wait() {
            eprintln!("warning: {} was not reaped: {error}", self.label);
        }
    }
}

/// A child with a process group of its own; dropped before it has ended, it takes the whole group along. A test that
/// cargo started would else outlive an interrupted cargo.
pub struct Foreground {
    pub child: tokio::process::Child,
    leader: Option<u32>,
}

impl Foreground {
    /// Starts `command`.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn spawn(command: &mut tokio::process::Command) -> Result<Self> {
        let child = command.process_group(0).stdin(Stdio::null()).spawn();
        let child = child.with_context(|| format!("cannot start {:?}", command.as_std().get_program()))?;
        let leader = child.id();
        Ok(Self { child, leader })
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When the system does not tell.
    pub async fn wait(mut self) -> Result<ExitStatus> {
        let status = self
            .child
            .wait()
            .await
            .context("cannot wait for a child process")?;
        self.leader = None;
        Ok(status)
    }
}

impl Drop for Foreground {
    fn drop(&mut self) {
        if let Some(leader) = self.leader
            && let Err(error) = stop_group(leader)
        {
            eprintln!("warning: a child process did not end: {error:#}");
        }
    }
}

/// Ends a process group: its leader gently, then all that is left of it by force.
///
/// # Errors
/// When something of it still runs afterwards; the message has the process ids.
pub fn stop_group(leader: u32) -> Result<()> {
    let pid = Pid::from_raw(i32::try_from(leader).context("not a process id")?);
    accept_gone(kill(pid, Signal::SIGTERM)).with_context(|| format!("cannot end process {leader}"))?;
    wait_until(GRACE, || {
        !table::group(leader).iter().any(|process| process.pid == leader)
    });
    accept_gone(killpg(pid, Signal::SIGKILL))
        .with_context(|| format!("cannot end process group {leader}"))?;
    if !wait_until(CLEAR, || table::group(leader).is_empty()) {
        let left: Vec<u32> = table::group(leader).iter().map(|process| process.pid).collect();
        bail!("processes {left:?} still run");
    }
    Ok(())
}

/// Whether the group `leader` runs and belongs to `folder`: a process id alone may long be somebody else's.
pub fn is_ours(leader: u32, folder: &Path) -> bool {
    let folder = folder.to_string_lossy();
    table::group(leader)
        .iter()
        .any(|process| process.arguments.contains(&*folder))
}

fn accept_gone(result: nix::Result<()>) -> nix::Result<()> {
    match result {
        // macOS answers "not permitted" for a group of which only unreaped processes are left.
        Err(Errno::ESRCH | Errno::EPERM) => Ok(()),
        other => other,
    }
}

/// Polls until `condition` holds; false when the time is over first.
fn wait_until(limit: Duration, condition: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        if condition() {
            return true;
        }
        std::thread::sleep(POLL);
    }
    condition()
}
