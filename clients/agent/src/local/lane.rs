//! One place where the service can run: its process, and what is said to it and asked of it there.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sluice_core::checks::{PostUpgradeVerify, PreUpgradeCheck};
use sluice_core::release::Release;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::info;

use crate::artifact::Depot;
use crate::config::{CommandLine, Config, ServiceConfig};
use crate::counters;
use crate::failure::{Code, Failure};
use crate::prescribed::{Prescribed, Subject};
use crate::process::{Checks, Launch, Launcher, Leftover, Life, StopPlan, Supervisor, run};

/// One place for the service. An instance that is switched in place has one; with `overlap` there are two, each with a
/// port of its own, and the next release starts in the free one.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) prescribed: Prescribed,
    pub(super) counters: Option<counters::Source>,
    checks: Checks,
    launcher: Launcher,
    supervisor: Supervisor,
    service: Arc<ServiceConfig>,
    depot: Arc<Depot>,
    /// The version that was started here last.
    version: Mutex<Option<String>>,
}

impl Lane {
    pub(super) fn new(
        config: &Config,
        launcher: Launcher,
        depot: Arc<Depot>,
        adopted: Option<&Leftover>,
    ) -> reqwest::Result<Self> {
        let checks = Checks::new(config.checks.clone(), launcher.clone())?;
        Ok(Self {
            prescribed: Prescribed::new(config.remote_checks.clone(), checks.clone()),
            counters: config
                .counters
                .clone()
                .map(|c| counters::Source::new(c, checks.clone())),
            checks,
            launcher,
            supervisor: Supervisor::new(adopted),
            service: Arc::new(config.service.clone()),
            depot,
            version: Mutex::new(adopted.map(|l| l.version.clone())),
        })
    }

    /// Whether this release was started here and runs.
    pub(super) fn serves(&self, release: &Release) -> bool {
        let version = self.version.lock().unwrap_or_else(PoisonError::into_inner);
        version.as_deref() == Some(&*release.version.to_string())
            && *self.supervisor.life().borrow() == Life::Alive
    }

    fn note(&self, release: &Release) -> Launch {
        let version = release.version.to_string();
        let launch = self
            .launcher
            .service(&self.service.start, &version, &self.depot.folder(release));
        *self.version.lock().unwrap_or_else(PoisonError::into_inner) = Some(version);
        launch
    }

    /// A command about what was started here last.
    fn short(&self, command: &CommandLine) -> Launch {
        let version = self
            .version
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let version = version.or_else(|| self.depot.linked_version());
        let folder = version.as_ref().map(|v| self.depot.folder_of(v));
        let folder = folder.filter(|f| f.is_dir()).unwrap_or_else(|| self.home());
        self.launcher
            .short(command, &version.unwrap_or_default(), &folder)
    }

    fn home(&self) -> PathBuf {
        self.launcher.home.clone()
    }

    pub(super) async fn start(&self, release: &Release) -> Result<(), Failure> {
        let started = self.supervisor.start(self.note(release)).await;
        started.map_err(|problem| Failure::new(Code::StartFailed, problem))
    }

    pub(super) async fn stop(&self) -> Result<(), Failure> {
        let command = self.service.stop.as_ref().map(|c| self.short(c));
        let limit = Duration::from_millis(self.service.stop_timeout_ms);
        let stopped = self.supervisor.stop(StopPlan { command, limit }).await;
        stopped.map_err(|problem| Failure::new(Code::StopFailed, problem))
    }

    pub(super) async fn keep(&self, release: &Release) {
        self.supervisor.keep(self.note(release)).await;
    }

    /// Runs a command about the service here.
    pub(super) async fn hook(&self, command: Option<&CommandLine>, code: Code) -> Result<(), Failure> {
        let Some(command) = command else {
            return Ok(());
        };
        let limit = Duration::from_millis(self.service.drain_timeout_ms);
        run(&self.short(command), limit)
            .await
            .map(drop)
            .map_err(|problem| Failure::new(code, problem))
    }

    pub(super) async fn verify(&self, release: &Release) -> Result<(), Failure> {
        let limit_ms = self.service.verify_timeout_ms;
        let check = || self.check_once(release);
        self.pass(Code::VerifyFailed, limit_ms, check).await
    }

    pub(super) async fn confirm(&self, release: &Release, check: &PostUpgradeVerify) -> Result<(), Failure> {
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

    pub(super) async fn pre_check(&self, release: &Release, check: &PreUpgradeCheck) -> Result<(), Failure> {
        let (version, folder) = (release.version.to_string(), self.depot.folder(release));
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

    pub(super) async fn probe(&self, release: &Release) -> bool {
        if *self.supervisor.life().borrow() != Life::Alive {
            return false;
        }
        let passed = self.check_once(release).await;
        if let Err(problem) = &passed {
            info!(version = %release.version, problem, "The service is not healthy");
        }
        passed.is_ok()
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
