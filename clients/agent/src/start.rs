//! Puts an agent together from its configuration.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::agent::{self, Identity, Setup};
use crate::api::HttpApi;
use crate::clock::Clock;
use crate::config::Config;
use crate::enrol::{Enrolment, Keep};
use crate::local::{HostError, LocalHost};
use crate::lock::{HomeLock, LockError};
use crate::store::{Store, StoreError};

/// Why an agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The home is in use or cannot be used.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The state cannot be read.
    #[error("{0}: {source}", source = .0.source)]
    Store(#[from] StoreError),
    /// Keys, home or HTTP client.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made: {0}")]
    Client(#[from] reqwest::Error),
}

/// Runs the agent of `config` until `shutdown`.
///
/// # Errors
/// [`StartError`] before anything was started.
pub async fn run(mut config: Config, shutdown: CancellationToken) -> Result<(), StartError> {
    let lock = HomeLock::take(&config.home)?;
    // One spelling: processes of an earlier run are found by it.
    lock.folder().clone_into(&mut config.home);
    let (store, known) = Store::open(&config.home.join("state.json"))?;
    let host = LocalHost::open(&config, &store.record())?;
    let client = HttpApi::client(Duration::from_millis(config.request_timeout_ms))?;
    let enrolment = enrolment(&config, client.clone());
    let setup = Setup {
        identity: identity(&config),
        host: Arc::new(host),
        api: Arc::new(HttpApi::new(client, &config.api_url, enrolment)),
        store: Arc::new(store),
        clock: Clock::since_boot(),
        fresh: !known,
        watchdog: sd_notify::watchdog_enabled(),
        health_interval: Duration::from_millis(config.service.health_interval_ms),
        first_check_in: Duration::ZERO,
    };
    agent::run(setup, shutdown).await;
    Ok(())
}

fn identity(config: &Config) -> Identity {
    let config = config.clone();
    Identity {
        tenant_id: config.tenant_id,
        component_id: config.component_id,
        fleet_id: config.fleet_id,
        instance_id: config.instance_id,
        ordinal: config.ordinal,
        failure_domain: config.failure_domain,
    }
}

/// Where an agent's credential is kept.
#[must_use]
pub fn credential_file(config: &Config) -> PathBuf {
    config.home.join("credential.json")
}

/// The enrolment that a configuration asks for.
#[must_use]
pub fn enrolment(config: &Config, client: reqwest::Client) -> Enrolment {
    let keep = Keep::Disk {
        secret_file: config.enrolment_secret_file.clone(),
        credential_file: credential_file(config),
    };
    Enrolment::new(client, &config.api_url, &identity(config), keep)
}
