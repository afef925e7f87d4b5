//! Another user for what the agent starts.
//!
//! The agent's own program becomes that user and then the command (`sluice-agent run-as`): the standard library sets no
//! supplementary groups, and what it offers to set them between fork and exec is unsafe.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::process::{Command, Stdio};

use nix::unistd::{Gid, Group, Uid, User, getegid, geteuid, getgrouplist, setgroups, setresgid, setresuid};

/// The running program, also when its file was replaced.
const SELF: &str = "/proc/self/exe";

/// A user with groups, by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunAs {
    /// The user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// All its groups.
    pub groups: Vec<u32>,
    /// What tells programs about it: `HOME`, `USER`, `LOGNAME`.
    pub environment: BTreeMap<String, String>,
}

impl RunAs {
    /// Looks `user` and `group` up, each a name or a number; without a group it is the user's own. None when neither is
    /// given, or both are what this process is anyway.
    ///
    /// # Errors
    /// One sentence when there is no such user or group, or this process cannot become it.
    pub fn find(user: Option<&str>, group: Option<&str>) -> Result<Option<Self>, String> {
        if user.is_none() && group.is_none() {
            return Ok(None);
        }
        let (uid, known) = match user {
            Some(user) => find_user(user)?,
            None => (geteuid(), entry(User::from_uid(geteuid()), "own")?),
        };
        let gid = match (group, &known) {
            (Some(group), _) => find_group(group)?,
            (None, Some(known)) => known.gid,
            (None, None) => {
                return Err(format!("user {uid} has no entry, so `service.group` is needed"));
            }
        };
        if !geteuid().is_root() && (uid, gid) == (geteuid(), getegid()) {
            return Ok(None);
        }
        let groups = match &known {
            Some(user) => {
                let name = CString::new(user.name.as_str()).map_err(|e| e.to_string())?;
                getgrouplist(&name, gid).map_err(|e| format!("the groups of {}: {e}", user.name))?
            }
            None => vec![gid],
        };
        let found = Self {
            uid: uid.as_raw(),
            gid: gid.as_raw(),
            groups: groups.into_iter().map(Gid::as_raw).collect(),
            environment: known.as_ref().map(variables).unwrap_or_default(),
        };
        found.rehearse()?;
        Ok(Some(found))
    }

    /// The command as this user: the agent's program with arguments that end in the command's.
    #[must_use]
    pub fn wrap(&self, command: &[String]) -> Vec<String> {
        let groups: Vec<_> = self.groups.iter().map(ToString::to_string).collect();
        let mut words: Vec<_> = [
            SELF,
            "run-as",
            "--uid",
            &self.uid.to_string(),
            "--gid",
            &self.gid.to_string(),
        ]
        .map(str::to_owned)
        .to_vec();
        words.extend(["--groups".to_owned(), groups.join(","), "--".to_owned()]);
        words.extend_from_slice(command);
        words
    }

    /// Becomes this user for good: groups first, the user last, and no way to more rights behind it.
    ///
    /// # Errors
    /// What the system says.
    pub fn enter(&self) -> nix::Result<()> {
        let groups: Vec<_> = self.groups.iter().copied().map(Gid::from_raw).collect();
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        setgroups(&groups)?;
        setresgid(gid, gid, gid)?;
        setresuid(uid, uid, uid)?;
        nix::sys::prctl::set_no_new_privs()
    }

    /// Whether it can be done, tried out in a process of its own.
    fn rehearse(&self) -> Result<(), String> {
        let words = self.wrap(&[]);
        let mut command = Command::new(SELF);
        let tried = command.args(&words[1..]).stdin(Stdio::null()).output();
        let tried = tried.map_err(|e| format!("{SELF} cannot be started: {e}"))?;
        if tried.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&tried.stderr);
        let said = said.lines().next().unwrap_or("no reason given");
        let (uid, gid) = (self.uid, self.gid);
        Err(format!(
            "the agent cannot become user {uid} with group {gid}: {said}"
        ))
    }
}

fn variables(user: &User) -> BTreeMap<String, String> {
    let home = user.dir.to_string_lossy().into_owned();
    BTreeMap::from([
        ("HOME".to_owned(), home),
        ("USER".to_owned(), user.name.clone()),
        ("LOGNAME".to_owned(), user.name.clone()),
    ])
}

fn find_user(text: &str) -> Result<(Uid, Option<User>), String> {
    let by_name = entry(User::from_name(text), text)?;
    match (by_name, text.parse().map(Uid::from_raw)) {
        (Some(user), _) => Ok((user.uid, Some(user))),
        (None, Ok(uid)) => Ok((uid, entry(User::from_uid(uid), text)?)),
        (None, Err(_)) => Err(format!("there is no user {text:?}")),
    }
}

fn find_group(text: &str) -> Result<Gid, String> {
    let by_name = entry(Group::from_name(text), text)?;
    match (by_name, text.parse().map(Gid::from_raw)) {
        (Some(group), _) => Ok(group.gid),
        (None, Ok(gid)) => Ok(gid),
        (None, Err(_)) => Err(format!("there is no group {text:?}")),
    }
}

fn entry<T>(found: nix::Result<Option<T>>, text: &str) -> Result<Option<T>, String> {
    found.map_err(|e| format!("user or group {text:?} cannot be looked up: {e}"))
}
