//! Many instances in one process, with the real protocol and switch and a simulated service: for load and for tests.
//!
//! Nothing is fetched and no process is started; signatures of releases are verified as on a real instance.

mod config;
mod host;

use std::sync::Arc;
use std::time::Duration;

use sluice_core::fleet::{InstanceStatus, Running};
use sluice_core::ids::InstanceId;
use sluice_core::units::{Attempt, Epoch, Ordinal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::agent::{self, Identity, Setup};
use crate::api::HttpApi;
use crate::clock::Clock;
use crate::enrol::{Enrolment, Keep};
use crate::keys::{KeyError, TrustedKeys};
use crate::protocol::Record;
use crate::store::Store;

pub use config::SwarmConfig;
pub use host::{Faults, SimulatedHost};

/// A simulated service is not looked at: it changes with its switches only.
const NEVER: Duration = Duration::from_secs(86_400);

/// Why a swarm cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SwarmError {
    /// A trusted key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made: {0}")]
    Client(#[from] reqwest::Error),
    /// The prefix and the ordinal do not make an identifier.
    #[error("instance {name:?} cannot be: {problem}")]
    Name {
        /// The name that was built.
        name: String,
        /// What is wrong with it.
        problem: sluice_core::ids::InvalidName,
    },
}

/// What one simulated instance is at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceView {
    /// Its name.
    pub instance_id: InstanceId,
    /// Its number.
    pub ordinal: Ordinal,
    /// What it runs; none before its first release.
    pub running: Option<Running>,
    /// How far it is with the newest command.
    pub status: InstanceStatus,
    /// The newest command seen; none before the first answer.
    pub seen: Option<(Epoch, Attempt)>,
    /// The code of its failure, when it failed.
    pub error_code: Option<String>,
}

/// A running swarm. Dropping it ends all instances.
#[derive(Debug)]
pub struct Swarm {
    members: Vec<(InstanceId, Ordinal, Arc<Store>)>,
    faults: Faults,
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
}

/// Starts the instances of `config`; each enrols. They end when `shutdown` does.
///
/// # Errors
/// [`SwarmError`] before any instance was started.
pub fn run(config: &SwarmConfig, shutdown: &CancellationToken) -> Result<Swarm, SwarmError> {
    let keys = Arc::new(TrustedKeys::new(config.component_id, &config.trusted_keys)?);
    let client = HttpApi::client(Duration::from_millis(config.request_timeout_ms))?;
    let shutdown = shutdown.child_token();
    let faults = Faults::new(config.fail_ordinals.clone(), config.fail_version.clone());
    let identities = (0..config.count)
        .map(|i| identity(config, i))
        .collect::<Result<Vec<_>, _>>()?;
    let mut setups = Vec::with_capacity(identities.len());
    for identity in identities {
        let keep = Keep::Memory {
            secret: config.enrolment_secret.clone(),
            credential: Arc::default(),
        };
        let enrolment = Enrolment::new(client.clone(), &config.api_url, &identity, keep);
        let api = HttpApi::new(client.clone(), &config.api_url, enrolment);
        let initial = config.initial_release.clone();
        let host = SimulatedHost::new(
            keys.clone(),
            identity.ordinal,
            config.switch_ms,
            faults.clone(),
            initial.clone(),
        );
        let store = Store::in_memory(Record {
            running: initial,
            ..Record::default()
        });
        store.set_healthy(config.initial_release.is_some());
        let first_check_in = Duration::from_millis(config.spread_ms).mul_f64(rand::random());
        let (host, api, store) = (Arc::new(host), Arc::new(api), Arc::new(store));
        setups.push(Setup {
            identity,
            host,
            api,
            store,
            clock: Clock::since_boot(),
            fresh: true,
            watchdog: None,
            health_interval: NEVER,
            first_check_in,
        });
    }
    info!(instances = setups.len(), "The swarm starts");
    let mut tasks = JoinSet::new();
    let mut members = Vec::with_capacity(setups.len());
    for setup in setups {
        members.push((
            setup.identity.instance_id.clone(),
            setup.identity.ordinal,
            setup.store.clone(),
        ));
        tasks.spawn(agent::run(setup, shutdown.clone()));
    }
    Ok(Swarm {
        members,
        faults,
        shutdown,
        tasks,
    })
}

fn identity(config: &SwarmConfig, index: u32) -> Result<Identity, SwarmError> {
    let ordinal = config.first_ordinal.saturating_add(index);
    let name = format!("{}-{ordinal:05}", config.prefix);
    let instance_id = InstanceId::new(name.as_str()).map_err(|problem| SwarmError::Name { name, problem })?;
    let domains = &config.failure_domains;
    Ok(Identity {
        tenant_id: config.tenant_id.clone(),
        component_id: config.component_id,
        fleet_id: config.fleet_id.clone(),
        instance_id,
        ordinal: Ordinal(ordinal),
        failure_domain: domains.get(index as usize % domains.len().max(1)).cloned(),
    })
}

impl Swarm {
    /// What every instance is now, by ordinal.
    #[must_use]
    pub fn view(&self) -> Vec<InstanceView> {
        let view = |(instance_id, ordinal, store): &(InstanceId, Ordinal, Arc<Store>)| {
            let record = store.record();
            InstanceView {
                instance_id: instance_id.clone(),
                ordinal: *ordinal,
                running: store.running(),
                status: record.status(),
                seen: record.seen.map(|s| s.key()),
                error_code: record.report.and_then(|r| r.error).map(|e| e.code),
            }
        };
        self.members.iter().map(view).collect()
    }

    /// The faults of the simulated services; they can be changed at any time.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Ends all instances and waits for them.
    pub async fn stop(mut self) {
        self.shutdown.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(problem) = ended {
                tracing::error!(%problem, "A simulated instance was lost");
            }
        }
    }
}
