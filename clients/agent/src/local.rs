//! The real instance: releases on disk, the service as a process.

mod lane;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sluice_contract::check_in::Artifact;
use sluice_core::checks::{self as prescribed, PostUpgradeVerify};
use sluice_core::release::Release;
use tokio::task::AbortHandle;
use tracing::warn;

use crate::artifact::{Depot, Downloader, Limits};
use crate::config::{ArtifactLimits, Config, ServiceConfig};
use crate::counters::Totals;
use crate::failure::{Code, Failure};
use crate::host::Host;
use crate::keys::TrustedKeys;
use crate::process::{Launcher, RunAs, ServiceLog, adopt};
use crate::protocol::Record;
use lane::Lane;

/// The instance that this machine is.
#[derive(Debug)]
pub struct LocalHost {
    depot: Arc<Depot>,
    downloader: Downloader,
    service: ServiceConfig,
    /// One, or two with `overlap`.
    lanes: Vec<Lane>,
    /// Which of them serves.
    serving: AtomicUsize,
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
    /// Sets the instance up. `known` are releases that are on disk as far as the agent remembers. A service that an
    /// earlier run has left running is taken over, whatever else it left is killed. Needs a Tokio runtime.
    ///
    /// # Errors
    /// [`HostError`] for home folder, keys, user or HTTP client.
    pub fn open(config: &Config, known: &Record) -> Result<Self, HostError> {
        let depot = open_depot(config)?;
        depot.heal(known.needed()).map_err(|source| HostError::Home {
            path: config.home.clone(),
            source,
        })?;
        let depot = Arc::new(depot);
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
            port: None,
        };
        let adopted = adopt(&config.home, depot.linked_version().as_deref());
        let mut ports: Vec<_> = config.service.ports.iter().copied().map(Some).collect();
        if ports.is_empty() {
            ports.push(None);
        }
        let port = adopted.as_ref().and_then(|l| l.port);
        let serving = ports.iter().position(|p| *p == port).unwrap_or(0);
        let lanes = ports.into_iter().enumerate().map(|(index, port)| {
            let launcher = Launcher {
                port,
                ..launcher.clone()
            };
            let adopted = adopted.as_ref().filter(|_| index == serving);
            Lane::new(config, launcher, depot.clone(), adopted)
        });
        let lanes = lanes.collect::<reqwest::Result<_>>()?;
        Ok(Self {
            depot,
            downloader: Downloader::new(config.artifact.download_timeout_ms)?,
            service: config.service.clone(),
            lanes,
            serving: AtomicUsize::new(serving),
            log_keeper: tokio::spawn(launcher.log.keep_short()).abort_handle(),
        })
    }

    fn lane(&self) -> &Lane {
        &self.lanes[self.serving.load(Ordering::Relaxed)]
    }

    fn free_lane(&self) -> &Lane {
        &self.lanes[(self.serving.load(Ordering::Relaxed) + 1) % self.lanes.len()]
    }
}

impl Host for LocalHost {
    async fn prepare(&self, artifact: &Artifact) -> Result<(), Failure> {
        self.depot.prepare(&self.downloader, artifact).await
    }

    async fn admit(&self, checks: &prescribed::Checks) -> Result<(), Failure> {
        self.lane()
            .prescribed
            .permit(checks)
            .map_err(|problem| Failure::new(Code::CheckNotAllowed, problem))?;
        // Where nothing runs, there is nothing that the check could protect.
        match (&checks.pre_upgrade, self.depot.linked()) {
            (Some(check), Some(release)) => self.lane().pre_check(&release, check).await,
            _ => Ok(()),
        }
    }

    async fn drain(&self) -> Result<(), Failure> {
        self.lane()
            .hook(self.service.drain.as_ref(), Code::DrainFailed)
            .await
    }

    async fn fail_over(&self) -> Result<(), Failure> {
        self.lane()
            .hook(self.service.failover.as_ref(), Code::FailoverFailed)
            .await
    }

    async fn stop(&self) -> Result<(), Failure> {
        if self.overlaps() {
            self.leave_beside().await?;
        }
        self.lane().stop().await
    }

    async fn link(&self, release: Option<&Release>) -> Result<(), Failure> {
        self.depot.link(release)
    }

    fn linked(&self) -> Option<Release> {
        self.depot.linked()
    }

    async fn start(&self, release: &Release) -> Result<(), Failure> {
        self.lane().start(release).await
    }

    async fn verify(&self, release: &Release) -> Result<(), Failure> {
        self.lane().verify(release).await
    }

    async fn confirm(&self, release: &Release, check: &PostUpgradeVerify) -> Result<(), Failure> {
        self.lane().confirm(release, check).await
    }

    async fn keep(&self, release: &Release) {
        self.lane().keep(release).await;
    }

    async fn probe(&self, release: &Release) -> bool {
        self.lane().probe(release).await
    }

    async fn count(&self) -> Option<Totals> {
        match self.lane().counters.as_ref()?.read().await {
            Ok(totals) => Some(totals),
            Err(problem) => {
                warn!(problem, "The service's counters cannot be read");
                None
            }
        }
    }

    async fn tidy(&self, needed: &[Release]) {
        let (depot, needed) = (self.depot.clone(), needed.to_vec());
        if let Err(problem) = tokio::task::spawn_blocking(move || depot.tidy(&needed)).await {
            warn!(%problem, "Old releases were not removed");
        }
    }

    fn overlaps(&self) -> bool {
        self.lanes.len() > 1
    }

    fn serves(&self, release: &Release) -> bool {
        self.lane().serves(release)
    }

    async fn start_beside(&self, release: &Release) -> Result<(), Failure> {
        self.leave_beside().await?;
        self.free_lane().start(release).await
    }

    async fn verify_beside(
        &self,
        release: &Release,
        confirm: Option<&PostUpgradeVerify>,
    ) -> Result<(), Failure> {
        self.free_lane().verify(release).await?;
        match confirm {
            Some(check) => self.free_lane().confirm(release, check).await,
            None => Ok(()),
        }
    }

    async fn take_over(&self, beside: bool) -> Result<(), Failure> {
        let lane = if beside { self.free_lane() } else { self.lane() };
        lane.hook(self.service.take_over.as_ref(), Code::TakeOverFailed)
            .await
    }

    async fn retire(&self) -> Result<(), Failure> {
        let next = (self.serving.load(Ordering::Relaxed) + 1) % self.lanes.len();
        let before = self.serving.swap(next, Ordering::Relaxed);
        self.lanes[before].stop().await
    }

    async fn leave_beside(&self) -> Result<(), Failure> {
        self.free_lane().stop().await
    }
}
