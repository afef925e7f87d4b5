//! How the program is driven and what tells that it is healthy.

use std::collections::BTreeMap;

use serde::Deserialize;
use sluice_core::fleet::Switch;

use super::CommandLine;

/// Commands are lists of arguments; no shell reads them unless they ask for one. Arguments may hold `{version}`, `{release}` (the
/// release's folder) and `{current}` (the link to it).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceConfig {
    /// Runs the program in the foreground; the agent starts it again when it ends.
    pub start: CommandLine,
    /// As whom the program and all commands run, by name or number; as the agent when left out. The agent refuses to
    /// start when it cannot do that.
    #[serde(default)]
    pub user: Option<String>,
    /// Their group, by name or number; the user's own when left out.
    #[serde(default)]
    pub group: Option<String>,
    /// Lets the program end its work; success means that it has.
    #[serde(default)]
    pub drain: Option<CommandLine>,
    /// The longest that draining may take, in milliseconds. 10 to 3,600,000.
    #[serde(default = "thirty_seconds")]
    pub drain_timeout_ms: u64,
    /// Hands over what only one instance of the fleet may do, such as being the primary, before the program is stopped
    /// for a switch; a failure ends the switch. It counts against `drain_timeout_ms`.
    #[serde(default)]
    pub failover: Option<CommandLine>,
    /// How one release follows the other.
    #[serde(default)]
    pub switch: Switch,
    /// With `overlap`, the two ports that releases take turns on, for `{port}`; else none.
    #[serde(default)]
    pub ports: Vec<u16>,
    /// With `overlap`, leads requests to `{port}`, once what is there was verified. It may run again, and counts against
    /// `drain_timeout_ms`.
    #[serde(default)]
    pub take_over: Option<CommandLine>,
    /// Asks the program to end; without it, SIGTERM to its process group.
    #[serde(default)]
    pub stop: Option<CommandLine>,
    /// How long the program has to end before SIGKILL, in milliseconds. 10 to 600,000.
    #[serde(default = "ten_seconds")]
    pub stop_timeout_ms: u64,
    /// How long a started program has to become healthy, in milliseconds. 10 to 3,600,000.
    #[serde(default = "sixty_seconds")]
    pub verify_timeout_ms: u64,
    /// Pause between two rounds of checks of a started program, in milliseconds. 10 to 60,000.
    #[serde(default = "half_a_second")]
    pub verify_interval_ms: u64,
    /// Pause between two looks at the running program, in milliseconds. 100 to 600,000.
    #[serde(default = "five_seconds")]
    pub health_interval_ms: u64,
    /// The most that is kept of what the program prints, in bytes; it is in `service.log` under the home, and before
    /// that in `service.log.1`. 65,536 to 2^40.
    #[serde(default = "sixteen_mebibytes")]
    pub max_log_bytes: u64,
    /// Variables added to the environment of every command.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
}

/// One thing that must be true of a healthy program.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Check {
    /// A command that must succeed, and print something when `expected` is given.
    Exec {
        /// The command, as in the service's commands.
        command: CommandLine,
        /// What its output must contain.
        #[serde(default)]
        expected: Option<String>,
        /// The longest that it may take, in milliseconds. 10 to 600,000.
        #[serde(default = "five_seconds")]
        timeout_ms: u64,
    },
    /// A GET request that must be answered with a certain status.
    Http {
        /// What to ask for. May hold the placeholders of commands.
        url: String,
        /// The status. 100 to 599.
        #[serde(default = "status_ok")]
        expected_status: u16,
        /// What the body must contain, when given. At most the first 64 KiB are looked at.
        #[serde(default)]
        expected: Option<String>,
        /// The longest that it may take, in milliseconds. 10 to 600,000.
        #[serde(default = "five_seconds")]
        timeout_ms: u64,
    },
}

fn sixteen_mebibytes() -> u64 {
    16 << 20
}

fn half_a_second() -> u64 {
    500
}

fn five_seconds() -> u64 {
    5_000
}

fn ten_seconds() -> u64 {
    10_000
}

fn thirty_seconds() -> u64 {
    30_000
}

fn sixty_seconds() -> u64 {
    60_000
}

fn status_ok() -> u16 {
    200
}
