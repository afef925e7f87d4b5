//! A machine: an agent as a process of its own, and what it runs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sluice_agent::process::{Group, leftovers};
use sluice_core::credential::Secret;
use tempfile::TempDir;
use toml::{Table, Value};

use super::{Place, Recipe};
use crate::stack::{Artifact, Site};

/// How long an agent has to stop its program and end.
const ENDS: Duration = Duration::from_secs(10);

/// A running machine; dropping it ends agent and program.
#[derive(Debug)]
pub struct Machine {
    /// Where its program listens.
    pub port: u16,
    home: TempDir,
    agent: Child,
}

impl Machine {
    /// Installs a release and starts the agent.
    ///
    /// # Errors
    /// When the configuration cannot be used, or the agent does not start.
    pub(super) fn start(
        site: &Site,
        recipe: &Recipe,
        program: &Path,
        (ordinal, port): (u32, u16),
        (first, secret): (&Artifact, &Secret),
    ) -> Result<Self> {
        let home = TempDir::new()?;
        let path = |name: &str| home.path().join(name);
        let name = format!("{}-{ordinal}", recipe.name);
        fs::write(path("secret"), secret.reveal())?;
        let place = Place {
            home: home.path(),
            port,
        };
        (recipe.prepare)(&place)?;
        let text = configuration(site, recipe, &place, (&name, ordinal))?;
        fs::write(path("agent.toml"), text)?;
        fs::write(path("first.tar.gz"), &first.bytes)?;
        fs::write(path("first.json"), serde_json::to_vec(&first.release)?)?;
        let mut install = Command::new(program);
        install.arg("install").arg("--config").arg(path("agent.toml"));
        install.arg("--artifact").arg(path("first.tar.gz"));
        let installed = install.arg("--release").arg(path("first.json")).output()?;
        ensure!(
            installed.status.success(),
            "{name}: {}",
            String::from_utf8_lossy(&installed.stderr)
        );
        let log = File::create(path("agent.log"))?;
        let mut agent = Command::new(program);
        agent.arg("--config").arg(path("agent.toml"));
        let agent = agent.stdout(log.try_clone()?).stderr(log).spawn()?;
        Ok(Self { port, home, agent })
    }

    /// What agent and program have said.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("agent.log")).unwrap_or_default()
    }

    /// Its agent's home.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The version that is installed; empty in the moment between two.
    #[must_use]
    pub fn version(&self) -> String {
        version(&self.current())
    }

    /// The link to the release in use.
    #[must_use]
    pub fn current(&self) -> PathBuf {
        self.home.path().join("current")
    }

    /// Asks the agent to end.
    pub(super) fn end(&self) {
        let pid = i32::try_from(self.agent.id()).map(Pid::from_raw);
        if let Ok(Err(problem)) = pid.map(|pid| kill(pid, Signal::SIGTERM)) {
            eprintln!("an agent cannot be told to end: {problem}");
        }
    }
}

/// The version that a link names.
#[must_use]
pub fn version(current: &Path) -> String {
    let target = fs::read_link(current).unwrap_or_default();
    target
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.end();
        let begin = Instant::now();
        while matches!(self.agent.try_wait(), Ok(None)) {
            if begin.elapsed() > ENDS {
                eprintln!("an agent does not end: {:?}", self.agent.kill());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        for left in leftovers(self.home.path()) {
            Group(left.group).signal(Signal::SIGKILL);
        }
    }
}

/// The example's configuration with what is another one on each machine.
fn configuration(
    site: &Site,
    recipe: &Recipe,
    place: &Place,
    (name, ordinal): (&str, u32),
) -> Result<String> {
    let mut text = recipe.configuration.to_owned();
    for (usual, here) in (recipe.replace)(place) {
        ensure!(text.contains(usual), "the example has no {usual}");
        text = text.replace(usual, &here);
    }
    let mut table: Table = text.parse()?;
    let home = place.home.to_string_lossy();
    for (key, value) in [
        ("api_url", site.stack.api_url()),
        ("enrolment_secret_file", &format!("{home}/secret")),
        ("tenant_id", site.fleet.tenant_id.as_str()),
        ("component_id", &site.fleet.component_id.to_string()),
        ("instance_id", name),
        ("home", &home),
    ] {
        table
            .insert(key.to_owned(), Value::from(value))
            .context(key.to_owned())?;
    }
    table.insert("ordinal".to_owned(), Value::from(ordinal));
    let mut keys = Table::new();
    keys.insert(site.signer.key_id.to_string(), site.signer.public_pem()?.into());
    table.insert("trusted_keys".to_owned(), keys.into());
    Ok(table.to_string())
}
