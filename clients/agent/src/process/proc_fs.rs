//! What the system knows about running processes (`/proc`).

use std::path::Path;

use nix::unistd::Pid;

use super::launch::{HOME_MARK, PORT_MARK, ROLE_MARK, VERSION_MARK};

/// The part of `/proc/<pid>/stat` that identifies a process over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Its process group.
    pub group: i32,
    /// When it started, in clock ticks since boot: with the id, unique until the next boot.
    pub started_ticks: u64,
    /// False for one that has ended and only waits to be collected.
    pub alive: bool,
}

/// A process of an earlier run of the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// Its id.
    pub pid: Pid,
    /// Its group.
    pub group: Pid,
    /// When it started, in clock ticks since boot.
    pub started_ticks: u64,
    /// Whether it is the service's first process.
    pub leads_service: bool,
    /// Version of the release that it belongs to.
    pub version: String,
    /// Its port, where there are two places for the service.
    pub port: Option<u16>,
}

/// Reads a process's state; none when there is no such process.
#[must_use]
pub fn stat(pid: i32) -> Option<Stat> {
    parse(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The name in parentheses may hold anything, so the fields are counted after its end.
fn parse(text: &str) -> Option<Stat> {
    let mut fields = text.get(text.rfind(')')? + 1..)?.split_ascii_whitespace();
    let state = fields.next()?;
    let group = fields.nth(1)?.parse().ok()?;
    let started_ticks = fields.nth(16)?.parse().ok()?;
    Some(Stat {
        group,
        started_ticks,
        alive: !matches!(state, "Z" | "X" | "x"),
    })
}

/// Whether any process of the group is alive.
#[must_use]
pub fn group_lives(group: Pid) -> bool {
    pids().any(|pid| stat(pid).is_some_and(|s| s.alive && s.group == group.as_raw()))
}

/// The living processes that an earlier run of the agent with this home has started.
#[must_use]
pub fn leftovers(home: &Path) -> Vec<Leftover> {
    let own = std::process::id();
    pids()
        .filter(|pid| u32::try_from(*pid) != Ok(own))
        .filter_map(|pid| leftover(pid, &home.to_string_lossy()))
        .collect()
}

fn leftover(pid: i32, home: &str) -> Option<Leftover> {
    let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    let variable = |name: &str| {
        environment.split(|b| *b == 0).find_map(|entry| {
            let value = entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
            Some(String::from_utf8_lossy(value).into_owned())
        })
    };
    if variable(HOME_MARK)? != home {
        return None;
    }
    let stat = stat(pid).filter(|s| s.alive)?;
    Some(Leftover {
        pid: Pid::from_raw(pid),
        group: Pid::from_raw(stat.group),
        started_ticks: stat.started_ticks,
        leads_service: stat.group == pid && variable(ROLE_MARK)? == "service",
        version: variable(VERSION_MARK)?,
        port: variable(PORT_MARK).and_then(|p| p.parse().ok()),
    })
}

fn pids() -> impl Iterator<Item = i32> {
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|e| e.file_name().to_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_is_skipped() {
        let text = "42 (a) b (c) S 1 40 40 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 777 1 2";
        assert_eq!(
            parse(text),
            Some(Stat {
                group: 40,
                started_ticks: 777,
                alive: true
            })
        );
        let ended = text.replace(") S ", ") Z ");
        assert_eq!(parse(&ended).map(|s| s.alive), Some(false));
        assert_eq!(parse("42 (x"), None);
    }

    #[test]
    fn this_process_is_known() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(stat(own).unwrap().alive);
    }
}
