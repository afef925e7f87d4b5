//! The configuration of a swarm: one template for all its instances.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;
use serde::Deserialize;
use sluice_core::ids::{ComponentId, FleetId, KeyId, TenantId};
use sluice_core::release::Release;
use sluice_core::units::Ordinal;

use crate::config::{Checked, ConfigError, Secret, api_address, require, within};

/// What a swarm needs to know.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwarmConfig {
    /// Address of the API, without `/api/v1`; `https`, or `http` on a loopback address.
    pub api_url: String,
    /// The fleet's enrolment secret: each instance gets a credential of its own for it, as long as the swarm lives.
    pub enrolment_secret: Secret,
    /// The fleet's tenant.
    pub tenant_id: TenantId,
    /// What the instances run.
    pub component_id: ComponentId,
    /// Which of the component's fleets; `default` when left out.
    #[serde(default)]
    pub fleet_id: FleetId,
    /// Instances are named `{prefix}-{ordinal:05}`.
    pub prefix: String,
    /// How many. 0 to 100,000; the command line may say otherwise.
    #[serde(default)]
    pub count: u32,
    /// Number of the first.
    #[serde(default)]
    pub first_ordinal: u32,
    /// Zones or racks that the instances are dealt to, in turn.
    #[serde(default)]
    pub failure_domains: Vec<String>,
    /// Keys that releases may be signed by: P-256 public keys as PEM, or paths of PEM files.
    pub trusted_keys: BTreeMap<KeyId, String>,
    /// What the instances run at first; nothing when left out.
    #[serde(default)]
    pub initial_release: Option<Release>,
    /// How long a start takes until it is healthy, in milliseconds. 0 to 600,000.
    #[serde(default)]
    pub switch_ms: u64,
    /// First check-ins are spread over this long, in milliseconds. 0 to 600,000.
    #[serde(default)]
    pub spread_ms: u64,
    /// The instances whose services never get healthy; all, when empty and `fail_version` is given.
    #[serde(default)]
    pub fail_ordinals: BTreeSet<Ordinal>,
    /// The version that does not get healthy; when left out, no version but the initial one does on `fail_ordinals`.
    #[serde(default)]
    pub fail_version: Option<Version>,
    /// The longest that one check-in may take, in milliseconds. 100 to 60,000.
    #[serde(default = "ten_seconds")]
    pub request_timeout_ms: u64,
}

fn ten_seconds() -> u64 {
    10_000
}

impl Checked for SwarmConfig {
    fn check(&self) -> Result<(), ConfigError> {
        api_address("api_url", &self.api_url)?;
        require(
            !self.trusted_keys.is_empty(),
            "trusted_keys",
            "no key",
            "at least one key",
        )?;
        within("count", u64::from(self.count), 0..=100_000)?;
        within("switch_ms", self.switch_ms, 0..=600_000)?;
        within("spread_ms", self.spread_ms, 0..=600_000)?;
        within("request_timeout_ms", self.request_timeout_ms, 100..=60_000)
    }
}
