//! A simulated instance: starting takes a while, and some starts fail.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use semver::Version;
use sluice_contract::check_in::Artifact;
use sluice_core::checks::{Checks, PostUpgradeVerify, PreUpgradeCheck};
use sluice_core::release::Release;
use sluice_core::units::Ordinal;
use tokio::time::sleep;

use crate::failure::{Code, Failure};
use crate::host::Host;
use crate::keys::TrustedKeys;

/// Which starts fail, shared by a swarm.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<(BTreeSet<Ordinal>, Option<Version>)>>);

impl Faults {
    /// The instances `ordinals` fail on `version`. No ordinals: all instances, if a version is given. No version:
    /// every version but the initial one.
    #[must_use]
    pub fn new(ordinals: BTreeSet<Ordinal>, version: Option<Version>) -> Self {
        Self(Arc::new(Mutex::new((ordinals, version))))
    }

    /// Replaces the faults.
    pub fn set(&self, ordinals: BTreeSet<Ordinal>, version: Option<Version>) {
        *self.lock() = (ordinals, version);
    }

    fn strikes(&self, ordinal: Ordinal, release: &Release, initial: Option<&Release>) -> bool {
        let faults = self.lock();
        let (ordinals, version) = &*faults;
        let here = ordinals.contains(&ordinal) || (ordinals.is_empty() && version.is_some());
        here && match version {
            Some(version) => release.version == *version,
            None => initial.is_none_or(|i| i.version_id != release.version_id),
        }
    }

    fn lock(&self) -> MutexGuard<'_, (BTreeSet<Ordinal>, Option<Version>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An instance without disk and processes.
#[derive(Debug)]
pub struct SimulatedHost {
    keys: Arc<TrustedKeys>,
    ordinal: Ordinal,
    switch: Duration,
    faults: Faults,
    initial: Option<Release>,
    linked: Mutex<Option<Release>>,
}

impl SimulatedHost {
    /// An instance that runs `initial`, and whose starts take `switch_ms` milliseconds.
    #[must_use]
    pub fn new(
        keys: Arc<TrustedKeys>,
        ordinal: Ordinal,
        switch_ms: u64,
        faults: Faults,
        initial: Option<Release>,
    ) -> Self {
        let (switch, linked) = (Duration::from_millis(switch_ms), Mutex::new(initial.clone()));
        Self {
            keys,
            ordinal,
            switch,
            faults,
            initial,
            linked,
        }
    }

    fn is_faulty(&self, release: &Release) -> bool {
        self.faults.strikes(self.ordinal, release, self.initial.as_ref())
    }
}

impl Host for SimulatedHost {
    async fn prepare(&self, artifact: &Artifact) -> Result<(), Failure> {
        self.keys.verify(&artifact.release)
    }

    async fn admit(&self, checks: &Checks) -> Result<(), Failure> {
        if !matches!(
            checks.pre_upgrade,
            None | Some(PreUpgradeCheck::HealthCheck { .. })
        ) || checks.post_upgrade.is_some()
        {
            let message = "a simulated instance has no program that could be asked";
            return Err(Failure::new(Code::CheckNotAllowed, message));
        }
        let sick = self.linked().filter(|release| self.is_faulty(release));
        match sick.filter(|_| checks.pre_upgrade.is_some()) {
            None => Ok(()),
            Some(release) => {
                let message = format!("the simulated service of {} is not healthy", release.version);
                Err(Failure::new(Code::PreCheckFailed, message))
            }
        }
    }

    async fn drain(&self) -> Result<(), Failure> {
        Ok(())
    }

    async fn fail_over(&self) -> Result<(), Failure> {
        Ok(())
    }

    async fn stop(&self) -> Result<(), Failure> {
        Ok(())
    }

    async fn link(&self, release: Option<&Release>) -> Result<(), Failure> {
        *self.linked.lock().unwrap_or_else(PoisonError::into_inner) = release.cloned();
        Ok(())
    }

    fn linked(&self) -> Option<Release> {
        self.linked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn start(&self, _release: &Release) -> Result<(), Failure> {
        sleep(self.switch).await;
        Ok(())
    }

    async fn verify(&self, release: &Release) -> Result<(), Failure> {
        if self.is_faulty(release) {
            let message = format!(
                "the simulated service of {} does not get healthy",
                release.version
            );
            return Err(Failure::new(Code::VerifyFailed, message));
        }
        Ok(())
    }

    async fn confirm(&self, _release: &Release, _check: &PostUpgradeVerify) -> Result<(), Failure> {
        let message = "a simulated instance has no program that could be asked";
        Err(Failure::new(Code::VerifyFailed, message))
    }

    async fn keep(&self, _release: &Release) {}

    async fn probe(&self, release: &Release) -> bool {
        !self.is_faulty(release)
    }

    async fn tidy(&self, _needed: &[Release]) {}
}
