//! Who runs on this machine, on Linux and macOS alike.

use std::ffi::OsStr;

use anyhow::{Context, Result};
use nix::unistd::{Pid as Group, getpgid};
use serde::{Deserialize, Serialize};
use sysinfo::{Pid, Process, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System, UpdateKind};

/// The variable that every process of a run has in its environment; its value is the run's id.
pub const MARK: &str = "SLUICE_RUN";

/// The system tells times in whole seconds since 1970, counted from a boot time that may move by one.
const SAME_START_SECONDS: u64 = 1;

/// One process over its whole life. The id alone may be somebody else's by now, the start tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Identity {
    pub pid: u32,
    /// Seconds since 1970.
    pub started: u64,
}

impl Identity {
    /// The process that has this id now; none when there is none, or it has ended and only waits to be reaped.
    ///
    /// # Errors
    /// When the system tells nothing of its processes.
    pub fn of(pid: u32) -> Result<Option<Self>> {
        let pid = Pid::from_u32(pid);
        let system = look(ProcessesToUpdate::Some(&[pid]), ProcessRefreshKind::nothing())?;
        Ok(system.process(pid).filter(|process| lives(process)).map(identity))
    }

    /// Whether this very process still runs.
    ///
    /// # Errors
    /// When the system tells nothing of its processes.
    pub fn lives(self) -> Result<bool> {
        Ok(Self::of(self.pid)?.is_some_and(|now| now.is(self)))
    }

    fn is(self, other: Self) -> bool {
        self.pid == other.pid && self.started.abs_diff(other.started) <= SAME_START_SECONDS
    }
}

/// Every process that bears the run's mark, and every one in the group of a leader that the run has started.
///
/// The mark finds those that have left their group. The groups find those whose environment the system does not show,
/// which on macOS are its own programs.
///
/// # Errors
/// When the system tells nothing of its processes.
pub fn of_run(run: &str, leaders: &[Identity]) -> Result<Vec<Identity>> {
    let kind = ProcessRefreshKind::nothing().with_environ(UpdateKind::Always);
    let system = look(ProcessesToUpdate::All, kind)?;
    let mark = format!("{MARK}={run}");
    let ours = |process: &&Process| {
        lives(process)
            && (process.environ().iter().any(|text| text == OsStr::new(&mark))
                || led(process, leaders, &system))
    };
    Ok(system.processes().values().filter(ours).map(identity).collect())
}

/// The living processes of these leaders' groups, the leaders included.
///
/// # Errors
/// When the system tells nothing of its processes.
pub fn groups(leaders: &[Identity]) -> Result<Vec<Identity>> {
    let system = look(ProcessesToUpdate::All, ProcessRefreshKind::nothing())?;
    let member = |process: &&Process| lives(process) && led(process, leaders, &system);
    Ok(system.processes().values().filter(member).map(identity).collect())
}

/// Whether one of these leads the process's group. A group keeps its leader's id from being given away, so that only a
/// group that had emptied can be another's.
fn led(process: &Process, leaders: &[Identity], system: &System) -> bool {
    let Some(group) = group_of(process) else {
        return false;
    };
    leaders.iter().any(|leader| {
        let now = system.process(Pid::from_u32(leader.pid)).map(identity);
        leader.pid == group
            && now.is_none_or(|now| now.is(*leader))
            && identity(process).started + SAME_START_SECONDS >= leader.started
    })
}

fn group_of(process: &Process) -> Option<u32> {
    let pid = i32::try_from(process.pid().as_u32()).ok()?;
    let group = getpgid(Some(Group::from_raw(pid))).ok()?;
    u32::try_from(group.as_raw()).ok()
}

fn look(which: ProcessesToUpdate<'_>, kind: ProcessRefreshKind) -> Result<System> {
    let mut system = System::new().context("the system does not tell what runs on it")?;
    system.refresh_processes_specifics(which, true, kind.without_tasks());
    Ok(system)
}

fn identity(process: &Process) -> Identity {
    Identity {
        pid: process.pid().as_u32(),
        started: process.start_time(),
    }
}

fn lives(process: &Process) -> bool {
    !matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead)
}
