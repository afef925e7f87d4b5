//! The demo's fleet: agents with services, a proxy before them, and a steady load.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sluice_contract::api::{FleetDeclaration, InstanceList};
use sluice_contract::enrol::EnrolmentSecret;
use sluice_core::fleet::{CheckInTimes, MetricSource, Route};
use sluice_core::policy::Approval;
use sluice_core::release::Release;

use super::api::Api;
use super::release::Publisher;
use super::{instances, wait_for};
use crate::paths;
use crate::ports::Ports;
use crate::process::{Run, Service, end_all};
use crate::stack::{Stack, StackInfo};

/// How many instances there are.
pub const INSTANCES: u32 = 20;
/// Requests in a second.
const RATE: u32 = 400;
const NAMESPACE: &str = "Sluice/Demo";
const CHECK_IN: CheckInTimes = CheckInTimes {
    idle_ms: 2_000,
    hold_ms: 2_000,
    fast_ms: 1_000,
};
const UP_LIMIT: Duration = Duration::from_secs(60);

/// What the load has seen.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct LoadReport {
    /// All requests.
    pub total: u64,
    /// Those that were answered well.
    pub ok: u64,
    /// Those that were answered with an error.
    pub failed: u64,
    /// Errors by the version that answered.
    #[serde(default)]
    pub failed_by_version: std::collections::BTreeMap<String, u64>,
    /// Requests without an answer.
    #[serde(default)]
    pub unanswered: u64,
}

/// The running fleet; stopped when dropped, the load first.
pub struct DemoFleet<'a> {
    run: &'a Run,
    load: Option<Service>,
    edge: Service,
    agents: Vec<Service>,
    agent: PathBuf,
    /// Folder of each agent, by its instance's place.
    pub homes: Vec<PathBuf>,
    /// The file that turns a release bad.
    pub sign: PathBuf,
    control_url: String,
    report: PathBuf,
}

/// The number of instances in rotation from a moment on, as the proxy saw it.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Change {
    /// Milliseconds since 1970.
    pub at_ms: u64,
    pub in_rotation: u32,
}

#[derive(Deserialize)]
struct Rotation {
    changes: Vec<Change>,
}

/// The programs and addresses of the fleet.
pub(super) struct Site<'a> {
    run: &'a Run,
    pub(super) stack: &'a StackInfo,
    pub(super) api: &'a Api,
    folder: &'a Path,
    agent: PathBuf,
    edge: PathBuf,
    load: PathBuf,
    pub(super) service: PathBuf,
    ports: Vec<u16>,
    edge_port: u16,
    control_port: u16,
}

impl<'a> DemoFleet<'a> {
    /// Declares the fleet, installs the first release on every instance and starts everything.
    ///
    /// # Errors
    /// When a program does not start or an instance does not check in.
    pub async fn start(
        run: &'a Run,
        ports: &mut Ports,
        stack: &Stack,
        api: &Api,
        publisher: &Publisher,
        releases: &[Release],
    ) -> Result<Self> {
        let program = |name: &str| {
            stack
                .programs
                .get(name)
                .cloned()
                .with_context(|| format!("there is no {name}"))
        };
        let folder = run.folder().join("fleet");
        paths::make_private(&folder)?;
        let (edge_port, control_port) = (ports.take()?, ports.take()?);
        let ports = (0..INSTANCES).map(|_| ports.take()).collect::<Result<_>>()?;
        let site = Site {
            run,
            stack: &stack.info,
            api,
            folder: &folder,
            agent: program("sluice-agent")?,
            edge: program("demo-edge")?,
            load: program("demo-load")?,
            service: program("demo-service")?,
            ports,
            edge_port,
            control_port,
        };
        site.declare().await?;
        let first = releases.first().context("there is no release")?;
        let agents = site.agents(publisher, first).await?;
        site.registered(first).await?;
        let edge = site.edge()?;
        site.edge_ready().await?;
        let report = folder.join("load.json");
        let load = site.load(&report)?;
        Ok(Self {
            run,
            agent: site.agent.clone(),
            homes: (0..INSTANCES as usize)
                .map(|ordinal| site.home(ordinal))
                .collect(),
            sign: publisher.sign(),
            control_url: format!("http://127.0.0.1:{control_port}"),
            load: Some(load),
            edge,
            agents,
            report,
        })
    }

    /// Kills an agent, and nothing that it has started.
    ///
    /// # Errors
    /// When there is none.
    pub fn kill_agent(&mut self, ordinal: usize) -> Result<()> {
        self.agents
            .get_mut(ordinal)
            .context("there is no such agent")?
            .crash()
    }

    /// Starts an agent again.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_agent(&mut self, ordinal: usize) -> Result<()> {
        let (agent, home) = (self.agents.get_mut(ordinal), self.homes.get(ordinal));
        let (agent, home) = agent.zip(home).context("there is no such agent")?;
        *agent = start_agent(self.run, &self.agent, home)?;
        Ok(())
    }

    /// How many instances were in rotation since the fleet started, oldest first.
    ///
    /// # Errors
    /// When the proxy does not tell.
    pub async fn rotation(&self) -> Result<Vec<Change>> {
        let asked = reqwest::get(format!("{}/rotation", self.control_url)).await;
        let answer: Rotation = asked
            .and_then(reqwest::Response::error_for_status)
            .context("the proxy does not answer")?
            .json()
            .await
            .context("cannot read the proxy's answer")?;
        Ok(answer.changes)
    }

    /// Stops the load and gives what it has seen; the rest stops when this is dropped.
    ///
    /// # Errors
    /// When the load left no report.
    pub async fn stop(&mut self) -> Result<LoadReport> {
        drop(self.load.take());
        let text = tokio::fs::read(&self.report)
            .await
            .context("the load left no report")?;
        serde_json::from_slice(&text).context("cannot read the load's report")
    }
}

impl Drop for DemoFleet<'_> {
    fn drop(&mut self) {
        end_all(&mut self.load);
        end_all(self.agents.iter_mut().chain([&mut self.edge]));
    }
}

impl Site<'_> {
    fn fleet_path(&self) -> String {
        self.api.below_component("/fleets/default")
    }

    async fn declare(&self) -> Result<()> {
        let declaration = FleetDeclaration {
            route: Some(Route::HttpEdge {
                url: format!("http://127.0.0.1:{}", self.control_port),
            }),
            metrics: Some(MetricSource {
                period_seconds: 1,
                ..MetricSource::new(NAMESPACE)
            }),
            check_in: CHECK_IN,
            switch: Default::default(),
            approval: Approval::Never,
        };
        let _: Value = self.api.put(&self.fleet_path(), &declaration).await?;
        Ok(())
    }

    async fn agents(&self, publisher: &Publisher, first: &Release) -> Result<Vec<Service>> {
        let release_file = self.folder.join("release.json");
        let text = serde_json::to_vec(first).context("cannot write a release")?;
        fs::write(&release_file, text).context("cannot write a release")?;
        let path = format!("{}/enrolment-secret", self.fleet_path());
        let made: EnrolmentSecret = self.api.post(&path, None::<&()>).await?;
        fs::write(self.secret_file(), made.enrolment_secret.reveal()).context("cannot write a secret")?;
        let mut agents = Vec::new();
        for (ordinal, port) in self.ports.iter().enumerate() {
            let (id, home) = (name(ordinal), self.home(ordinal));
            fs::create_dir_all(&home).with_context(|| format!("cannot make {}", home.display()))?;
            let config = home.join("agent.toml");
            fs::write(&config, self.agent_config(&id, ordinal, *port, &home, publisher))
                .context("cannot write a configuration")?;
            self.install(&config, &publisher.archive(first), &release_file)?;
            agents.push(start_agent(self.run, &self.agent, &home)?);
        }
        Ok(agents)
    }

    /// What the agents enrol with.
    pub(super) fn secret_file(&self) -> PathBuf {
        self.folder.join("enrolment.secret")
    }

    fn home(&self, ordinal: usize) -> PathBuf {
        self.folder.join(name(ordinal))
    }

    fn install(&self, config: &Path, archive: &Path, release: &Path) -> Result<()> {
        let mut command = Command::new(&self.agent);
        command
            .arg("install")
            .arg("--config")
            .arg(config)
            .arg("--artifact")
            .arg(archive)
            .arg("--release")
            .arg(release);
        let output = bare(&mut command).output().context("cannot start the agent")?;
        if !output.status.success() {
            bail!(
                "the first release cannot be installed: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(())
    }

    async fn registered(&self, first: &Release) -> Result<()> {
        let path = format!("{}/instances", self.fleet_path());
        wait_for("starting 20 agents with their services", UP_LIMIT, || async {
            let list: InstanceList = self.api.get(&path).await?;
            let up = list.instances.iter().filter(|i| {
                i.running
                    .as_ref()
                    .is_some_and(|r| r.healthy && r.version.version_id == first.version_id)
            });
            let count = i64::try_from(up.count()).unwrap_or(0);
            Ok((count < instances()).then(|| format!("{count} of {} are healthy", instances())))
        })
        .await
    }

    fn edge(&self) -> Result<Service> {
        let backends: Vec<_> = self.ports.iter().map(|p| format!("127.0.0.1:{p}")).collect();
        let mut command = Command::new(&self.edge);
        command.args(["--listen", &format!("127.0.0.1:{}", self.edge_port)]);
        command.args(["--control", &format!("127.0.0.1:{}", self.control_port)]);
        command.args(["--backends", &backends.join(",")]);
        command.args([
            "--metrics-namespace",
            NAMESPACE,
            "--tenant",
            self.api.tenant.as_str(),
        ]);
        command.args(["--component", &self.api.component.to_string()]);
        let command = bare(&mut command)
            .env("AWS_ENDPOINT_URL", &self.stack.endpoint_url)
            .env("AWS_REGION", &self.stack.region)
            .env("AWS_ACCESS_KEY_ID", &self.stack.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &self.stack.secret_access_key)
            .envs(
                self.stack
                    .session_token
                    .iter()
                    .map(|token| ("AWS_SESSION_TOKEN", token)),
            );
        Service::spawn(self.run, "the proxy", command, &self.folder.join("edge.log"))
    }

    async fn edge_ready(&self) -> Result<()> {
        let url = format!("http://127.0.0.1:{}/health", self.control_port);
        wait_for("starting the proxy", UP_LIMIT, || async {
            let answer = reqwest::get(&url).await;
            Ok((!answer.is_ok_and(|a| a.status().is_success())).then(|| "it does not answer".to_owned()))
        })
        .await
    }

    fn load(&self, report: &Path) -> Result<Service> {
        let mut command = Command::new(&self.load);
        command.args(["--url", &format!("http://127.0.0.1:{}/work", self.edge_port)]);
        command
            .args(["--rate", &RATE.to_string(), "--report"])
            .arg(report);
        Service::spawn(
            self.run,
            "the load",
            bare(&mut command),
            &self.folder.join("load.log"),
        )
    }
}

/// The instance at this place.
fn name(ordinal: usize) -> String {
    format!("demo-{ordinal:02}")
}

fn start_agent(run: &Run, program: &Path, home: &Path) -> Result<Service> {
    let mut command = Command::new(program);
    command.arg("--config").arg(home.join("agent.toml"));
    Service::spawn(run, "an agent", bare(&mut command), &home.join("agent.log"))
}

/// A command with nothing of this process's environment but the path of programs.
fn bare(command: &mut Command) -> &mut Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path)
}
