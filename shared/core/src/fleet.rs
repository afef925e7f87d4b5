//! Fleets and their instances.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{FleetKey, InstanceId, UpgradeId};
use crate::policy::Approval;
use crate::release::VersionRef;
use crate::units::{Attempt, Epoch, Incarnation, Ordinal};

mod counters;
mod metrics;

pub use counters::{KEPT_MINUTES, MOST_MINUTES, MinuteCounts, Minutes};
pub use metrics::{MAX_WATCHED, MetricKind, MetricSource, SourceKind, Statistic, WatchedMetric};

/// What carries the fleet's traffic and how its weights are set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Route {
    /// A weighted reverse proxy with `GET` and `PUT {url}/weights`.
    HttpEdge {
        /// Address of the proxy's control port, without a final slash.
        url: String,
    },
}

/// When instances check in, in milliseconds (design: slow when nothing happens, fast where something does).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckInTimes {
    /// When no upgrade concerns the instance. Default 300,000.
    pub idle_ms: u64,
    /// While the channel is held after an upgrade. Default 60,000.
    pub hold_ms: u64,
    /// Below the frontier and in the next batch. Default 10,000.
    pub fast_ms: u64,
}

impl Default for CheckInTimes {
    fn default() -> Self {
        Self {
            idle_ms: 300_000,
            hold_ms: 60_000,
            fast_ms: 10_000,
        }
    }
}

/// How one release follows the other on an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Switch {
    /// The old one is stopped, then the new one is started: the instance is unavailable meanwhile.
    #[default]
    InPlace,
    /// The new one is started and verified beside the old one, which is stopped last: nothing is unavailable, and the
    /// instance takes room for two meanwhile.
    Overlap,
}

impl Switch {
    /// Whether it is the usual one, which need not be said.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// The ways of switching that an instance can.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Switches(pub BTreeSet<Switch>);

impl Default for Switches {
    /// Who does not say can only switch in place.
    fn default() -> Self {
        Self(BTreeSet::from([Switch::InPlace]))
    }
}

impl Switches {
    /// What an instance can whose agent switches so: one that overlaps has to switch in place where nothing serves.
    #[must_use]
    pub fn of(switch: Switch) -> Self {
        Self(BTreeSet::from([Switch::InPlace, switch]))
    }

    /// Whether this way is among them.
    #[must_use]
    pub fn has(&self, switch: Switch) -> bool {
        self.0.contains(&switch)
    }

    /// Whether it is what need not be said.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// A declared fleet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fleet {
    /// Whose, of what, which.
    #[serde(flatten)]
    pub key: FleetKey,
    /// What carries its traffic; none when nothing does.
    pub route: Option<Route>,
    /// Where its metrics are; without a source no gate can pass.
    pub metrics: Option<MetricSource>,
    /// When its instances check in.
    #[serde(default)]
    pub check_in: CheckInTimes,
    /// How its instances switch.
    #[serde(default, skip_serializing_if = "Switch::is_usual")]
    pub switch: Switch,
    /// Who has to agree to upgrades.
    #[serde(default, skip_serializing_if = "Approval::is_usual")]
    pub approval: Approval,
}

/// An instance's place in its upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum InstanceStatus {
    /// Has not begun.
    #[default]
    Pending,
    /// Lets its connections end.
    Draining,
    /// Switches its version.
    Upgrading,
    /// Verifies the version it switched to.
    HealthChecking,
    /// Runs and verifies on the new version.
    Completed,
    /// Could not be brought to the new version; the error says why.
    Failed,
    /// Runs and verifies on the version it came from.
    RolledBack,
}

impl InstanceStatus {
    /// Whether a switch is under way.
    #[must_use]
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::Draining | Self::Upgrading | Self::HealthChecking)
    }
}

/// What an instance says it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Running {
    /// The release.
    pub version: VersionRef,
    /// `sha256:` and 64 hexadecimal digits, of the artifact that was unpacked.
    pub digest: String,
    /// Whether its own health check passed when it was last made.
    pub healthy: bool,
}

/// Why an instance failed: a stable name and a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstanceError {
    /// Stable machine-readable name, for example `digest-mismatch`.
    pub code: String,
    /// One sentence for a person.
    pub message: String,
}

/// An instance's last word about the newest command that it has seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstanceReport {
    /// The upgrade that the command was part of.
    pub upgrade_id: UpgradeId,
    /// Epoch of the newest command seen.
    pub epoch: Epoch,
    /// Attempt of the newest command seen.
    pub attempt: Attempt,
    /// How far the instance is with it.
    pub status: InstanceStatus,
    /// Why it failed; present exactly when the status is `FAILED`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<InstanceError>,
}

/// An instance as the registry knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Its identity, the `sub` of its credential.
    pub instance_id: InstanceId,
    /// Its stable number in the fleet.
    pub ordinal: Ordinal,
    /// Which machine has that number now.
    pub incarnation: Incarnation,
    /// Its failure domain (zone or rack), where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_domain: Option<String>,
    /// The ways of switching that it can.
    #[serde(default, skip_serializing_if = "Switches::is_usual")]
    pub switches: Switches,
    /// What it runs; none before its first release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<Running>,
    /// Its last word about the newest command that it has seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<InstanceReport>,
    /// What it ran when it left it for the current upgrade's target: where a revert brings it back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<VersionRef>,
    /// The newest epoch in which its outcome was counted: it is counted once in each, whatever it says later and
    /// whichever machine has its ordinal by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_in: Option<Epoch>,
    /// What its service counted in the newest minutes.
    #[serde(default, skip_serializing_if = "Minutes::is_empty")]
    pub counters: Minutes,
    /// When it was last written; the receipt of its check-in, by the server's clock.
    pub seen_at: Timestamp,
}
