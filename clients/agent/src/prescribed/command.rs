//! A command line from the server.

use crate::config::RemoteChecks;

/// What only a shell gives a meaning to. A quoted one counts too: better one line too many refused than one run
/// otherwise than it reads.
const SHELL_SIGNS: &[char] = &[
    '|', '&', ';', '<', '>', '(', ')', '$', '`', '*', '?', '[', '#', '~', '\n',
];

/// The arguments that a line means, when it may be run here.
///
/// # Errors
/// One sentence that names the key which would allow it.
pub(super) fn arguments(allowed: &RemoteChecks, line: &str) -> Result<Vec<String>, String> {
    let by_shell = || ["/bin/sh", "-c", line].map(str::to_owned).to_vec();
    if line.contains(SHELL_SIGNS) {
        let refused = || format!("`{line}` needs a shell, and `remote_checks.shell` does not allow it");
        return allowed.shell.then(by_shell).ok_or_else(refused);
    }
    let words = shell_words::split(line).map_err(|e| format!("`{line}` is no command: {e}"))?;
    let program = words.first().map_or("", String::as_str);
    if allowed.programs.iter().any(|p| p == program) {
        Ok(words)
    } else if allowed.shell {
        Ok(by_shell())
    } else {
        Err(format!(
            "`remote_checks.programs` does not name `{program}` of `{line}`"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIPE: &str = "redis-cli INFO replication | grep master_link_status";

    fn allowed(programs: &[&str], shell: bool) -> RemoteChecks {
        RemoteChecks {
            programs: programs.iter().map(ToString::to_string).collect(),
            shell,
            ..RemoteChecks::default()
        }
    }

    #[test]
    fn only_what_is_named_is_run() {
        for (programs, shell, line, expected) in [
            (
                &["redis-cli"][..],
                false,
                "redis-cli ping",
                Ok(&["redis-cli", "ping"][..]),
            ),
            (
                &["redis-cli"],
                false,
                "redis-cli get 'a b'",
                Ok(&["redis-cli", "get", "a b"]),
            ),
            (&["redis-cli"], true, "redis-cli ping", Ok(&["redis-cli", "ping"])),
            (&[], true, PIPE, Ok(&["/bin/sh", "-c", PIPE])),
            (&[], true, "reboot now", Ok(&["/bin/sh", "-c", "reboot now"])),
            (
                &[],
                false,
                "redis-cli ping",
                Err("`remote_checks.programs` does not name `redis-cli`"),
            ),
            (
                &["redis-cli"],
                false,
                "/tmp/redis-cli ping",
                Err("`remote_checks.programs` does not name"),
            ),
            (
                &["redis-cli"],
                false,
                "PATH=/tmp redis-cli ping",
                Err("`remote_checks.programs` does not name"),
            ),
            (&["redis-cli"], false, PIPE, Err("`redis-cli INFO")),
            (
                &["redis-cli"],
                false,
                "redis-cli ping\nreboot",
                Err("`redis-cli ping\nreboot` needs a shell"),
            ),
            (
                &["redis-cli"],
                false,
                "redis-cli $(reboot)",
                Err("`redis-cli $(reboot)` needs a shell"),
            ),
            (
                &["redis-cli"],
                false,
                "redis-cli 'ping",
                Err("`redis-cli 'ping` is no command"),
            ),
        ] {
            let read = arguments(&allowed(programs, shell), line);
            match (read, expected) {
                (Ok(words), Ok(expected)) => assert_eq!(words, expected, "{line}"),
                (Err(problem), Err(expected)) => assert!(problem.starts_with(expected), "{line}: {problem}"),
                (read, expected) => panic!("{line}: {read:?} instead of {expected:?}"),
            }
        }
    }
}
