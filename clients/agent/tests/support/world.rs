//! One agent with its home and its server.

use std::path::PathBuf;
use std::sync::Once;

use nix::sys::signal::Signal;
use sluice_agent::config::{Config, parse};
use sluice_agent::install::install;
use sluice_agent::process::{Group, leftovers};
use sluice_agent::protocol::Record;
use sluice_agent::start;
use sluice_contract::check_in::{Artifact, CheckInRequest, DesiredState};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::release::{COMPONENT, GOOD, archive, release, trusted_keys};
use super::server::{SECRET, Server};

pub struct World {
    pub home: TempDir,
    pub server: Server,
    /// What it runs at first.
    pub v1: Artifact,
    config: String,
    agent: Option<(JoinHandle<()>, CancellationToken)>,
}

static TLS: Once = Once::new();

pub fn install_tls() {
    TLS.call_once(|| {
        rustls::crypto::ring::default_provider()
            .install_default()
            .unwrap();
    });
}

impl World {
    /// Version 1.0.0 is installed; the server says stay. `service` is added to the configuration's service table.
    pub async fn new(service: &str) -> Self {
        Self::with(service, GOOD).await
    }

    /// The same with another program.
    pub async fn with(service: &str, program: &str) -> Self {
        install_tls();
        let home = TempDir::new().unwrap();
        let server = Server::start().await;
        std::fs::write(home.path().join("secret"), SECRET).unwrap();
        let config = config_text(&home.path().to_string_lossy(), &server.url, service);
        let bytes = archive(program);
        let v1 = server.serve(&release("1.0.0", &bytes), bytes.clone());
        let (file, manifest) = (home.path().join("v1.tar.gz"), home.path().join("v1.json"));
        std::fs::write(&file, bytes).unwrap();
        std::fs::write(&manifest, serde_json::to_vec(&v1.release).unwrap()).unwrap();
        install(&parse(&config).unwrap(), &file, &manifest).unwrap();
        server.tell(1, 0, DesiredState::Stay);
        Self {
            home,
            server,
            v1,
            config,
            agent: None,
        }
    }

    /// A world whose agent runs version 1.0.0 healthily.
    pub async fn running(service: &str) -> Self {
        let mut world = Self::new(service).await;
        world.start();
        world
            .server
            .hears_that("healthy", |r| r.running.as_ref().is_some_and(|r| r.healthy))
            .await;
        world
    }

    pub fn start(&mut self) {
        let (config, shutdown) = (parse::<Config>(&self.config).unwrap(), CancellationToken::new());
        let token = shutdown.clone();
        let task = tokio::spawn(async move { start::run(config, token).await.unwrap() });
        self.agent = Some((task, shutdown));
    }

    /// Ends the agent as a crash does: at once, with the service left alone.
    pub async fn crash(&mut self) {
        let (task, _) = self.agent.take().unwrap();
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    }

    /// Ends the agent as SIGTERM does.
    pub async fn stop(&mut self) {
        let (task, shutdown) = self.agent.take().unwrap();
        shutdown.cancel();
        task.await.unwrap();
    }

    /// Changes the configuration of an agent that is not started yet.
    pub fn configure(&mut self, text: &str, with: &str) {
        assert!(self.config.contains(text));
        self.config = self.config.replacen(text, with, 1);
    }

    pub fn program(&self, version: &str, program: &str) -> Artifact {
        let bytes = archive(program);
        self.server.serve(&release(version, &bytes), bytes)
    }

    pub fn config_file(&self) -> PathBuf {
        let path = self.home.path().join("agent.toml");
        std::fs::write(&path, &self.config).unwrap();
        path
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.home.path().join(name))
            .unwrap_or_default()
            .trim()
            .to_owned()
    }

    /// Waits until the instance says that it is well on this version.
    pub async fn is_well_on(&self, version: &str) -> CheckInRequest {
        let fits = |r: &CheckInRequest| {
            r.running
                .as_ref()
                .is_some_and(|r| r.healthy && r.version.version.to_string() == version)
        };
        self.server.hears_that(&format!("well on {version}"), fits).await
    }

    /// One version is linked, told and served, by one process, and no switch is open.
    pub async fn is_whole_on(&self, version: &str, context: &str) {
        let told = self.server.last().unwrap().running.unwrap();
        assert_eq!(
            (told.version.version.to_string(), told.healthy),
            (version.to_owned(), true),
            "{context}"
        );
        assert_eq!(
            (self.linked(), self.read("serving")),
            (version.to_owned(), version.to_owned()),
            "{context}"
        );
        let services: Vec<_> = leftovers(self.home.path())
            .into_iter()
            .filter(|l| l.leads_service)
            .map(|l| l.version)
            .collect();
        assert_eq!(services, [version], "{context}");
        assert_eq!(self.record().switch, None, "{context}");
    }

    /// Kills everything that runs for this home, the agent's own process apart.
    pub fn kill_all(&self) {
        for left in leftovers(self.home.path()) {
            Group(left.group).signal(Signal::SIGKILL);
        }
    }

    /// How often a good program was started.
    pub fn starts(&self) -> usize {
        self.read("starts").lines().count()
    }

    pub fn record(&self) -> Record {
        serde_json::from_str(&self.read("state.json")).unwrap()
    }

    pub fn linked(&self) -> String {
        let target = std::fs::read_link(self.home.path().join("current")).unwrap();
        target.file_name().unwrap().to_string_lossy().into_owned()
    }

    /// The ids of living processes that belong to this home.
    pub fn processes(&self) -> Vec<i32> {
        leftovers(self.home.path())
            .iter()
            .map(|l| l.pid.as_raw())
            .collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill_all();
    }
}

pub fn config_text(home: &str, url: &str, service: &str) -> String {
    let (key_id, pem) = trusted_keys().pop_first().unwrap();
    let usual = [
        "start = [\"{current}/serve\"]",
        "stop_timeout_ms = 500",
        "verify_timeout_ms = 700",
        "verify_interval_ms = 20",
        "health_interval_ms = 100",
    ];
    let key = |line: &str| line.split(' ').next().unwrap().to_owned();
    let service: Vec<_> = usual
        .into_iter()
        .filter(|line| !service.lines().any(|other| key(other) == key(line)))
        .chain(service.lines())
        .collect();
    let service = service.join("\n");
    format!(
        r#"
api_url = "{url}"
enrolment_secret_file = "{home}/secret"
tenant_id = "acme"
component_id = "{COMPONENT}"
instance_id = "web-00001"
ordinal = 1
home = "{home}"

[trusted_keys]
{key_id} = """{pem}"""

[service]
{service}

[[checks]]
kind = "exec"
command = ["/bin/cat", "{home}/serving"]
expected = "{{version}}"
"#
    )
}
