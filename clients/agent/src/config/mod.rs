//! The agent's configuration file: TOML, every key checked before anything runs.

mod command;
mod counters;
mod load;
mod range;
mod remote;
mod service;

use std::path::PathBuf;

use serde::Deserialize;
use sluice_core::ids::{ComponentId, FleetId, InstanceId, KeyId, TenantId};
use sluice_core::units::Ordinal;
use std::collections::BTreeMap;

pub use command::CommandLine;
pub use counters::CountersConfig;
pub use load::{ConfigError, load, parse};
pub use range::{Checked, api_address, require, within};
pub use remote::RemoteChecks;
pub use service::{Check, ServiceConfig};

/// What one agent needs to know.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address of the API, without `/api/v1`; `https`, or `http` on a loopback address.
    pub api_url: String,
    /// A file that holds the fleet's enrolment secret: the agent gets a credential of its own for it at its first start.
    /// No variable of the environment can hold it: the service would inherit it.
    pub enrolment_secret_file: PathBuf,
    /// The fleet's tenant.
    pub tenant_id: TenantId,
    /// What runs on this instance.
    pub component_id: ComponentId,
    /// Which of the component's fleets; `default` when left out.
    #[serde(default)]
    pub fleet_id: FleetId,
    /// This instance.
    pub instance_id: InstanceId,
    /// Its stable number in the fleet.
    pub ordinal: Ordinal,
    /// Zone or rack.
    #[serde(default)]
    pub failure_domain: Option<String>,
    /// Folder of everything that the agent keeps.
    pub home: PathBuf,
    /// Keys that releases may be signed by: P-256 public keys as PEM, or paths of PEM files.
    pub trusted_keys: BTreeMap<KeyId, String>,
    /// How the program is driven.
    pub service: ServiceConfig,
    /// What tells that the program is healthy; all must pass. 1 to 32.
    pub checks: Vec<Check>,
    /// What the server may have checked here beside that.
    #[serde(default)]
    pub remote_checks: RemoteChecks,
    /// Where the program's counters of requests and errors are; absent when gates are not to judge by them.
    #[serde(default)]
    pub counters: Option<CountersConfig>,
    /// Limits of what is fetched.
    #[serde(default)]
    pub artifact: ArtifactLimits,
    /// The longest that one check-in may take, in milliseconds. 100 to 60,000.
    #[serde(default = "default_request_timeout_ms")]
    pub request_timeout_ms: u64,
}

fn default_request_timeout_ms() -> u64 {
    10_000
}

/// Limits of what is fetched and unpacked.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ArtifactLimits {
    /// The longest that one download may take, in milliseconds. 1,000 to 86,400,000.
    pub download_timeout_ms: u64,
    /// The largest artifact, in bytes. 1 to 2^40.
    pub max_download_bytes: u64,
    /// The most that an archive may unpack to, in bytes. 1 to 2^42.
    pub max_unpacked_bytes: u64,
    /// The most files, folders and links in an archive. 1 to 10,000,000.
    pub max_entries: u64,
}

impl Default for ArtifactLimits {
    fn default() -> Self {
        Self {
            download_timeout_ms: 600_000,
            max_download_bytes: 2 << 30,
            max_unpacked_bytes: 8 << 30,
            max_entries: 200_000,
        }
    }
}

/// A text that no log shows.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the one place that sends it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}
