//! What the server may have checked on this machine.

use serde::Deserialize;

use super::CommandLine;

/// What an upgrade's own checks may do here. Whoever may ask for an upgrade could otherwise run any command on every
/// instance, so that nothing is allowed that this configuration does not name.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RemoteChecks {
    /// The programs that a command from the server may run, as it writes them. Default none.
    pub programs: Vec<String>,
    /// Whether a command from the server may be a line for `/bin/sh`, which can run anything. Default false.
    pub shell: bool,
    /// The address before an endpoint from the server, without a slash at its end. Default none.
    pub http_url: Option<String>,
    /// Where the program's metrics are, in Prometheus' text format. Not together with `metrics_command`.
    pub metrics_url: Option<String>,
    /// Prints the program's metrics, a name and a value in each line. Not together with `metrics_url`.
    pub metrics_command: Option<CommandLine>,
}
