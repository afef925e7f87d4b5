//! What is started: arguments with their placeholders filled in, folder, environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::log::ServiceLog;
use super::run_as::RunAs;

/// The variable that marks every process of an agent with the agent's home, so that a restarted agent finds what an
/// earlier run left behind.
pub const HOME_MARK: &str = "SLUICE_AGENT_HOME";

/// The variable that tells a service (`service`) from a short command (`command`).
pub const ROLE_MARK: &str = "SLUICE_AGENT_ROLE";

/// The variable that names the port, where there are two places for the service.
pub const PORT_MARK: &str = "SLUICE_PORT";

/// The variable that names the release's version.
pub const VERSION_MARK: &str = "SLUICE_VERSION";

/// What the system's service manager tells the agent and nobody else.
const OWN: [&str; 3] = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/// A command, ready to be started.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Program and arguments.
    pub arguments: Vec<String>,
    /// Where it is started.
    pub folder: PathBuf,
    /// Variables added to the agent's own environment.
    pub environment: BTreeMap<String, String>,
    /// Where its output goes, for a service.
    pub log: Option<ServiceLog>,
    /// As whom it runs, when not as the agent.
    pub run_as: Option<RunAs>,
}

impl Launch {
    /// The command with a process group of its own and no standard input. The group outlives the handle.
    #[must_use]
    pub fn command(&self) -> Command {
        let wrapped = self.run_as.as_ref().map(|user| user.wrap(&self.arguments));
        let mut arguments = wrapped.as_ref().unwrap_or(&self.arguments).iter();
        let mut command = Command::new(arguments.next().map_or("", String::as_str));
        for own in OWN {
            command.env_remove(own);
        }
        if let Some(user) = &self.run_as {
            command.envs(&user.environment);
        }
        command
            .args(arguments)
            .current_dir(&self.folder)
            .envs(&self.environment)
            .stdin(Stdio::null())
            .process_group(0);
        command
    }
}

/// Fills in what commands of a release have in common.
#[derive(Debug, Clone)]
pub struct Launcher {
    /// The agent's home.
    pub home: PathBuf,
    /// The link to the release in use.
    pub current: PathBuf,
    /// Variables of the configuration.
    pub environment: BTreeMap<String, String>,
    /// Where the service's output goes.
    pub log: ServiceLog,
    /// The port of this place, where there are two.
    pub port: Option<u16>,
    /// As whom all commands run, when not as the agent.
    pub run_as: Option<RunAs>,
}

impl Launcher {
    /// A service's launch.
    #[must_use]
    pub fn service(&self, arguments: &[String], version: &str, release: &Path) -> Launch {
        Launch {
            log: Some(self.log.clone()),
            ..self.launch(arguments, version, release, "service")
        }
    }

    /// A short command's launch.
    #[must_use]
    pub fn short(&self, arguments: &[String], version: &str, release: &Path) -> Launch {
        self.launch(arguments, version, release, "command")
    }

    /// Fills in `{version}`, `{release}`, `{current}` and `{port}`.
    #[must_use]
    pub fn fill(&self, text: &str, version: &str, release: &Path) -> String {
        let port = self.port.map_or_else(|| "{port}".to_owned(), |p| p.to_string());
        text.replace("{version}", version)
            .replace("{port}", &port)
            .replace("{release}", &release.to_string_lossy())
            .replace("{current}", &self.current.to_string_lossy())
    }

    fn launch(&self, arguments: &[String], version: &str, release: &Path, role: &str) -> Launch {
        let mut environment = self.environment.clone();
        for (name, value) in [
            (HOME_MARK, &*self.home.to_string_lossy()),
            (ROLE_MARK, role),
            (VERSION_MARK, version),
            ("SLUICE_RELEASE", &*release.to_string_lossy()),
            ("SLUICE_CURRENT", &*self.current.to_string_lossy()),
        ] {
            environment.insert(name.to_owned(), value.to_owned());
        }
        if let Some(port) = self.port {
            environment.insert(PORT_MARK.to_owned(), port.to_string());
        }
        let arguments = arguments.iter().map(|a| self.fill(a, version, release)).collect();
        Launch {
            arguments,
            folder: release.to_path_buf(),
            environment,
            log: None,
            run_as: self.run_as.clone(),
        }
    }
}
