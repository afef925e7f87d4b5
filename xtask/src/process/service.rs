//! A process that serves in the background.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context, Result};

use super::{Identity, Run, end_groups};
use crate::progress::tell;

/// Lines of a log that go into an error.
const TAIL_LINES: usize = 15;

/// A running background process, with a process group of its own, in which what it starts runs too; stopped when
/// dropped, unless released.
pub struct Service {
    label: &'static str,
    child: Child,
    /// None when it had ended before anybody could look, or has been stopped.
    leader: Option<Identity>,
    log: PathBuf,
}

impl Service {
    /// Starts `command` as a part of `run`, with its output in the file `log`.
    ///
    /// # Errors
    /// When the log cannot be made or the program not started.
    pub fn spawn(run: &Run, label: &'static str, command: &mut Command, log: &Path) -> Result<Self> {
        let cannot_write = || format!("cannot write {}", log.display());
        // A program that is started again goes on in its log.
        let output = File::options()
            .create(true)
            .append(true)
            .open(log)
            .with_context(cannot_write)?;
        let errors = output.try_clone().with_context(cannot_write)?;
        let (name, id) = run.mark();
        command.env(name, id).process_group(0);
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let child = command.spawn().with_context(|| format!("cannot start {label}"))?;
        let leader = run.enter(child.id())?;
        let log = log.to_owned();
        Ok(Self {
            label,
            child,
            leader,
            log,
        })
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

    /// Kills this process alone, as a crash would: what it has started lives on.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn crash(&mut self) -> Result<()> {
        self.leader = None;
        let killed = self.child.kill().and_then(|()| self.child.wait());
        killed
            .map(drop)
            .with_context(|| format!("cannot kill {}", self.label))
    }

    /// The end of its log, for an error message.
    pub fn log_tail(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_else(|error| format!("(no log: {error})"));
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }

    /// Leaves it running after the drop.
    pub fn release(&mut self) {
        self.leader = None;
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        end_all([self]);
    }
}

/// Stops services, all at the same time.
pub fn end_all<'a>(services: impl IntoIterator<Item = &'a mut Service>) {
    let (mut leaders, mut ended) = (Vec::new(), Vec::new());
    for service in services {
        leaders.extend(service.leader.take());
        ended.push(service);
    }
    if leaders.is_empty() {
        return;
    }
    if let Err(error) = end_groups(&leaders) {
        tell(&format!("warning: not everything ended: {error:#}"));
    }
    for service in ended {
        // Reaps it; it has ended, so this does not wait.
        if let Err(error) = service.child.try_wait() {
            tell(&format!("warning: {} was not reaped: {error}", service.label));
        }
    }
}
