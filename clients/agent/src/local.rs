//! The real instance: releases on disk, the service as a process.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sluice_contract::check_in::Artifact;
use sluice_core::checks::{self as prescribed, PostUpgradeVerify};
use sluice_core::release::Release;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{info, warn};

use crate::artifact::{Depot, Downloader, Limits};
use crate::config::{ArtifactLimits, CommandLine, Config, ServiceConfig};
use crate::failure::{Code, Failure};
use crate::host::Host;
use crate::keys::TrustedKeys;
use crate::prescribed::{Prescribed, Subject};
use crate::process::{Checks, Launcher, Life, RunAs, ServiceLog, StopPlan, Supervisor, adopt, run};
use crate::protocol::Record;

/// The instance that this machine is.
#[derive(Debug)]
pub struct LocalHost {
    depot: Arc<Depot>,
    downloader: Downloader,
    checks: Checks,
    prescribed: Prescribed,
    launcher: Launcher,
    service: ServiceConfig,
    supervisor: Supervisor,
    home: PathBuf,
    log_keeper: AbortHandle,
}

impl Drop for LocalHost {
    fn drop(&mut self) {
        self.log_keeper.abort();
    }
}

/// Why the instance cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The home folder cannot be used.
    #[error("the home folder {} cannot be used: {source}", path.display())]
    Home {
        /// Which folder.
        path: PathBuf,
        /// What the disk says.
        source: io::Error,
    },
    /// A trusted key cannot be used.
    #[error(transparent)]
    Key(#[from] crate::keys::KeyError),
    /// The service cannot run as the user that it should.
    #[error("the service cannot run as configured: {0}")]
    User(String),
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made: {0}")]
    Client(#[from] reqwest::Error),
}

/// Opens the folder of releases of a configuration.
///
/// # Errors
/// [`HostError`] for the home folder or a key.
pub fn open_depot(config: &Config) -> Result<Depot, HostError> {
    let keys = TrustedKeys::new(config.component_id, &config.trusted_keys)?;
    let ArtifactLimits {
        max_unpacked_bytes,
        max_entries,
        max_download_bytes,
        ..
    } = config.artifact;
    let limits = Limits {
        bytes: max_unpacked_bytes,
        entries: max_entries,
    };
    Depot::open(&config.home, keys, limits, max_download_bytes).map_err(|source| HostError::Home {
        path: config.home.clone(),
        source,
    })
}

impl LocalHost {
    /// Sets the instance up. `known` are releases that are on disk as far as the agent remembers. A service that an earlier run has left running is taken over, whatever else it left is
    /// killed. Needs a Tokio runtime.
    ///
    /// # Errors
    /// [`HostError`] for home folder, keys or HTTP client.
    pub fn open(config: &Config, known: &Record) -> Result<Self, HostError> {
        let depot = open_depot(config)?;
        depot.heal(known.needed()).map_err(|source| HostError::Home {
            path: config.home.clone(),
            source,
        })?;
        let launcher = Launcher {
            home: config.home.clone(),
            current: depot.current(),
            environment: config.service.environment.clone(),
            run_as: RunAs::find(config.service.user.as_deref(), config.service.group.as_deref())
                .map_err(HostError::User)?,
            log: ServiceLog {
                path: config.home.join("service.log"),
                max_bytes: config.service.max_log_bytes,
            },
        };
        let log_keeper = tokio::spawn(launcher.log.clone().keep_short());
        let linked = depot.linked_version();
        let checks = Checks::new(config.checks.clone(), launcher.clone())?;
        let adopted = adopt(&config.home, linked.as_deref());
        Ok(Self {
            depot: Arc::new(depot),
            downloader: Downloader::new(config.artifact.download_timeout_ms)?,
            prescribed: Prescribed::new(config.remote_checks.clone(), checks.clone()),
            checks,
            launcher,
            service: config.service.clone(),
            supervisor: Supervisor::new(adopted.as_ref()),
            home: config.home.clone(),
            log_keeper: log_keeper.abort_handle(),
        })
    }

    /// Version and folder of the release in use, for commands about the running service.
    fn in_use(&self) -> (String, PathBuf) {
        match self.depot.linked() {
            Some(release) => (release.version.to_string(), self.depot.folder(&release)),
            None => (String::new(), self.home.clone()),
        }
    }

    /// Runs a command about the running service.
    async fn hook(&self, command: Option<&CommandLine>, code: Code) -> Result<(), Failure> {
        let Some(command) = command else {
            return Ok(());
        };
        let (version, folder) = self.in_use();
        let launch = self.launcher.short(command, &version, &folder);
        let limit = Duration::from_millis(self.service.drain_timeout_ms);
        run(&launch, limit)
            .await
            .map(drop)
            .map_err(|problem| Failure::new(code, problem))
    }

    async fn check_once(&self, release: &Release) -> Result<(), String> {
        let folder = self.depot.folder(release);
        self.checks.once(&release.version.to_string(), &folder).await
    }

    /// Repeats a check until it passes while the service runs.
    async fn pass<F>(&self, code: Code, limit_ms: u64, check: impl Fn() -> F + Send) -> Result<(), Failure>
    where
        F: Future<Output = Result<(), String>> + Send,
    {
        let (mut life, mut rounds, mut last) = (
            self.supervisor.life(),
            0_u32,
            "the first one was not done".to_owned(),
        );
        let deadline = Instant::now() + Duration::from_millis(limit_ms);
        loop {
            match &*life.borrow_and_update() {
                // Nobody starts it again before it has verified.
                Life::Ended(how) if code == Code::VerifyFailed => {
                    return Err(Failure::new(
                        Code::StartFailed,
                        format!("the service ended with {how}; {last}"),
                    ));
                }
                _ => {}
            }
            match timeout_at(deadline, check()).await {
                Ok(Ok(())) if *life.borrow() == Life::Alive => return Ok(()),
                Ok(Ok(())) => "the service does not run".clone_into(&mut last),
                Ok(Err(problem)) => last = problem,
                Err(_) => {
                    let message =
                        format!("not healthy after {limit_ms} ms and {rounds} rounds of checks: {last}");
                    return Err(Failure::new(code, message));
                }
            }
            rounds += 1;
            let pause = Duration::from_millis(self.service.verify_interval_ms);
            tokio::select! {
                () = sleep(pause) => {}
                // Its end is seen at once; a supervisor that is gone is seen by the deadline.
                Ok(()) = life.changed() => {}
            }
        }
    }
}

impl Host for LocalHost {
    async fn prepare(&self, artifact: &Artifact) -> Result<(), Failure> {
        self.depot.prepare(&self.downloader, artifact).await
    }

    async fn admit(&self, checks: &prescribed::Checks) -> Result<(), Failure> {
        self.prescribed
            .permit(checks)
            .map_err(|problem| Failure::new(Code::CheckNotAllowed, problem))?;
        // Where nothing runs, there is nothing that the check could protect.
        let (Some(check), Some(release)) = (&checks.pre_upgrade, self.depot.linked()) else {
            return Ok(());
        };
        let (version, folder) = (release.version.to_string(), self.depot.folder(&release));
        let of = Subject {
            version: &version,
            folder: &folder,
        };
        let once = async || {
            let passed = self.prescribed.pre(check, of).await;
            passed.map_err(|problem| format!("preUpgradeCheck: {problem}"))
        };
        self.pass(Code::PreCheckFailed, check.timeout_ms(), once).await
    }

    async fn drain(&self) -> Result<(), Failure> {
        self.hook(self.service.drain.as_ref(), Code::DrainFailed).await
    }

    async fn fail_over(&self) -> Result<(), Failure> {
        self.hook(self.service.failover.as_ref(), Code::FailoverFailed)
            .await
    }

    async fn stop(&self) -> Result<(), Failure> {
        let (version, folder) = self.in_use();
        let command = self
            .service
            .stop
            .as_ref()
            .map(|c| self.launcher.short(c, &version, &folder));
        let limit = Duration::from_millis(self.service.stop_timeout_ms);
        let stopped = self.supervisor.stop(StopPlan { command, limit }).await;
        stopped.map_err(|problem| Failure::new(Code::StopFailed, problem))
    }

    async fn link(&self, release: Option<&Release>) -> Result<(), Failure> {
        self.depot.link(release)
    }

    fn linked(&self) -> Option<Release> {
        self.depot.linked()
    }

    async fn start(&self, release: &Release) -> Result<(), Failure> {
        let started = self.supervisor.start(self.service_launch(release)).await;
        started.map_err(|problem| Failure::new(Code::StartFailed, problem))
    }

    async fn verify(&self, release: &Release) -> Result<(), Failure> {
        let limit_ms = self.service.verify_timeout_ms;
        let check = || self.check_once(release);
        self.pass(Code::VerifyFailed, limit_ms, check).await
    }

    async fn confirm(&self, release: &Release, check: &PostUpgradeVerify) -> Result<(), Failure> {
        let (version, folder) = (release.version.to_string(), self.depot.folder(release));
        let of = Subject {
            version: &version,
            folder: &folder,
        };
        let once = async || {
            let passed = self.prescribed.post(check, of).await;
            passed.map_err(|problem| format!("postUpgradeVerify: {problem}"))
        };
        self.pass(Code::VerifyFailed, check.timeout_ms(), once).await
    }

    async fn keep(&self, release: &Release) {
        self.supervisor.keep(self.service_launch(release)).await;
    }

    async fn probe(&self, release: &Release) -> bool {
        if *self.supervisor.life().borrow() != Life::Alive {
            return false;
        }
        let passed = self.check_once(release).await;
        if let Err(problem) = &passed {
            info!(version = %release.version, problem, "The service is not healthy");
        }
        passed.is_ok()
    }

    async fn tidy(&self, needed: &[Release]) {
        let (depot, needed) = (self.depot.clone(), needed.to_vec());
        if let Err(problem) = tokio::task::spawn_blocking(move || depot.tidy(&needed)).await {
            warn!(%problem, "Old releases were not removed");
        }
    }
}

impl LocalHost {
    fn service_launch(&self, release: &Release) -> crate::process::Launch {
        let folder = self.depot.folder(release);
        self.launcher
            .service(&self.service.start, &release.version.to_string(), &folder)
    }
}
