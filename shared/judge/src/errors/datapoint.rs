//! Datapoints as they are stored and sent: hosts by name.

use serde::{Deserialize, Serialize};

use super::counts::{Arm, Counts, HostCounts, Point};
use super::roster::Roster;

/// One of the two versions that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArmName {
    /// The new version.
    Canary,
    /// The old version.
    Baseline,
}

/// The counts of one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedHost {
    /// Its name, as an operator knows it.
    pub host: String,
    /// The version that it runs.
    pub arm: ArmName,
    /// What it counted.
    pub counts: Counts,
}

/// One datapoint of both versions, over the same time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Datapoint {
    /// Begin of the time that it counts, in milliseconds since 1970.
    pub at_ms: i64,
    /// The new version.
    pub canary: Counts,
    /// The old version.
    pub baseline: Counts,
    /// The same host by host, where the source knows it; its sums are then the two totals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<NamedHost>,
}

/// Why a datapoint contradicts itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadHosts {
    /// The hosts of a version do not add up to its total.
    NotTheTotal(ArmName),
    /// More hosts than a comparison takes.
    TooMany,
}

impl Datapoint {
    /// A datapoint of totals.
    #[must_use]
    pub fn totals(at_ms: i64, canary: Counts, baseline: Counts) -> Self {
        Self {
            at_ms,
            canary,
            baseline,
            hosts: Vec::new(),
        }
    }

    /// With numbers instead of names.
    ///
    /// # Errors
    /// [`BadHosts`].
    pub fn point(&self, roster: &mut Roster) -> Result<Point, BadHosts> {
        Ok(Point {
            at_ms: self.at_ms,
            canary: self.arm(ArmName::Canary, self.canary, roster)?,
            baseline: self.arm(ArmName::Baseline, self.baseline, roster)?,
        })
    }

    fn arm(&self, name: ArmName, total: Counts, roster: &mut Roster) -> Result<Arm, BadHosts> {
        if self.hosts.is_empty() {
            return Ok(Arm::Total(total));
        }
        let mut hosts = Vec::new();
        for h in self.hosts.iter().filter(|h| h.arm == name) {
            hosts.push(HostCounts {
                host: roster.number(&h.host).ok_or(BadHosts::TooMany)?,
                counts: h.counts,
            });
        }
        let arm = Arm::Hosts(hosts);
        if arm.total() == total {
            Ok(arm)
        } else {
            Err(BadHosts::NotTheTotal(name))
        }
    }
}
