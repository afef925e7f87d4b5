//! A process group: everything that one command has started.

use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::warn;

use super::proc_fs::group_lives;

/// How often an ending group is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// A process group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group(pub Pid);

impl Group {
    /// The group that a process leads.
    #[must_use]
    pub fn led_by(pid: u32) -> Option<Self> {
        // Groups 0 and 1 would be our own and the system's.
        i32::try_from(pid)
            .ok()
            .filter(|pid| *pid > 1)
            .map(|pid| Self(Pid::from_raw(pid)))
    }

    /// Sends a signal to everybody in it. An empty group is fine.
    pub fn signal(self, signal: Signal) {
        match killpg(self.0, signal) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(problem) => warn!(group = self.0.as_raw(), %signal, %problem, "A signal was not delivered"),
        }
    }

    /// Whether anybody in it is alive.
    #[must_use]
    pub fn lives(self) -> bool {
        killpg(self.0, None) != Err(Errno::ESRCH) && group_lives(self.0)
    }

    /// Waits until nobody in it is alive. False when somebody still is at `deadline`.
    pub async fn gone_by(self, deadline: Instant) -> bool {
        let gone = async {
            while self.lives() {
                sleep(LOOK).await;
            }
        };
        timeout_at(deadline, gone).await.is_ok()
    }
}

/// Kills the group when dropped: whoever gives up a command leaves nothing behind.
#[derive(Debug)]
pub struct KillOnDrop(pub Option<Group>);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            group.signal(Signal::SIGKILL);
        }
    }
}
