//! Who runs on this machine: on Linux from `/proc`, elsewhere from `ps`.

/// One running process; those that have ended and only wait to be reaped are left out.
pub struct Running {
    pub pid: u32,
    /// Its command line, joined by blanks.
    pub arguments: String,
}

/// The processes of a group, none when the group is gone.
pub fn group(leader: u32) -> Vec<Running> {
    all()
        .into_iter()
        .filter(|(group, _)| *group == leader)
        .map(|(_, process)| process)
        .collect()
}

/// Every process with its group. One that ends while we look is left out.
#[cfg(target_os = "linux")]
fn all() -> Vec<(u32, Running)> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_string_lossy().parse().ok());
    pids.filter_map(read).collect()
}

#[cfg(target_os = "linux")]
fn read(pid: u32) -> Option<(u32, Running)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // "pid (name) state parent group ...": the name may hold blanks and parentheses.
    let mut fields = stat[stat.rfind(')')? + 1..].split_ascii_whitespace();
    let state = fields.next()?;
    let group = fields.nth(1)?.parse().ok()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let arguments = String::from_utf8_lossy(&arguments).replace('\0', " ");
    Some((group, Running { pid, arguments }))
}

#[cfg(not(target_os = "linux"))]
fn all() -> Vec<(u32, Running)> {
    let listed = std::process::Command::new("ps")
        .args(["-A", "-ww", "-o", "pid=,pgid=,stat=,args="])
        .output();
    let Ok(listed) = listed else { return Vec::new() };
    String::from_utf8_lossy(&listed.stdout)
        .lines()
        .filter_map(read)
        .collect()
}

#[cfg(not(target_os = "linux"))]
fn read(line: &str) -> Option<(u32, Running)> {
    let mut fields = line.split_ascii_whitespace();
    let (pid, group, state) = (
        fields.next()?.parse().ok()?,
        fields.next()?.parse().ok()?,
        fields.next()?,
    );
    let arguments = fields.collect::<Vec<_>>().join(" ");
    (!state.starts_with('Z')).then_some((group, Running { pid, arguments }))
}
