//! A child process that is waited for.

use std::process::{ExitStatus, Stdio};

use anyhow::{Context, Result};

use super::{Identity, Run, end_groups};
use crate::progress::tell;

/// A child with a process group of its own; dropped before it has ended, it takes the whole group along. A test that
/// cargo started would else outlive an interrupted cargo.
pub struct Foreground {
    pub child: tokio::process::Child,
    leader: Option<Identity>,
}

impl Foreground {
    /// Starts `command` as a part of `run`.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn spawn(run: &Run, command: &mut tokio::process::Command) -> Result<Self> {
        Self::start(run, command.stdin(Stdio::null()))
    }

    /// Starts `command` as a part of `run`, with a pipe to speak to it.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn spawn_talking(run: &Run, command: &mut tokio::process::Command) -> Result<Self> {
        Self::start(run, command.stdin(Stdio::piped()))
    }

    fn start(run: &Run, command: &mut tokio::process::Command) -> Result<Self> {
        let (name, id) = run.mark();
        let child = command.env(name, id).process_group(0).spawn();
        let child = child.with_context(|| format!("cannot start {:?}", command.as_std().get_program()))?;
        let leader = child.id().map(|pid| run.enter(pid)).transpose()?.flatten();
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
            && let Err(error) = end_groups(&[leader])
        {
            tell(&format!("warning: a child process did not end: {error:#}"));
        }
    }
}
