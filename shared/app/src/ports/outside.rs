//! Everything beside the table.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluice_core::fleet::{MetricSource, Route};
use sluice_core::ids::FleetKey;
use sluice_core::units::{Epoch, Seq};
use sluice_core::upgrade::Event;
use sluice_judge::gate::{Before, Series};

use super::PortResult;

/// Artifacts, positions and reports, by key.
pub trait Blobs: Send + Sync {
    /// Stores bytes; the same key always gets the same bytes, so a repeated call changes nothing.
    fn put(&self, key: &str, bytes: Vec<u8>, media_type: &str)
    -> impl Future<Output = PortResult<()>> + Send;

    /// Reads bytes; none when there are none under the key.
    fn get(&self, key: &str) -> impl Future<Output = PortResult<Option<Vec<u8>>>> + Send;

    /// The length of what lies under a key, in bytes; none when nothing does.
    fn size(&self, key: &str) -> impl Future<Output = PortResult<Option<u64>>> + Send;

    /// A URL by which anybody may read the key until it expires.
    fn download_url(&self, key: &str, valid: Duration) -> impl Future<Output = PortResult<String>> + Send;

    /// A URL by which anybody may write the key until it expires.
    fn upload_url(&self, key: &str, valid: Duration) -> impl Future<Output = PortResult<String>> + Send;
}

/// Which state machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Machine {
    /// Runs an upgrade.
    Upgrade,
    /// Watches a way back.
    Rollback,
}

/// Executions of state machines.
pub trait Workflows: Send + Sync {
    /// Starts an execution. One name is started once: a name that exists already is a success.
    fn start(&self, machine: Machine, name: &str, input: &str)
    -> impl Future<Output = PortResult<()>> + Send;
}

/// A time of measurement, from begin to before end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its begin.
    pub from: Timestamp,
    /// Its end.
    pub until: Timestamp,
}

/// What is to be read of two versions of a fleet.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// What the fleet declares.
    pub source: &'a MetricSource,
    /// Which fleet.
    pub fleet: &'a FleetKey,
    /// The new version.
    pub new: &'a str,
    /// The old version.
    pub old: &'a str,
    /// Over which time.
    pub window: Window,
    /// What was frozen before the first release.
    pub before: &'a Before,
}

/// The 0.90 quantile of a metric of latencies.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantile {
    /// The metric's name in the gate's rules.
    pub metric: String,
    /// The quantile, in the metric's unit.
    pub value: f64,
    /// How many latencies it was made of.
    pub samples: u64,
}

/// What a fleet's services measure.
pub trait Metrics: Send + Sync {
    /// The error rate and every watched metric over a window, oldest first; nothing where neither version had a
    /// request. A metric that cannot be read is there and says why.
    fn read(&self, reading: Reading<'_>) -> impl Future<Output = PortResult<Vec<Series>>> + Send;

    /// The 0.90 quantiles of the old version's latencies over the last hours before the window's end; nothing where
    /// there are none.
    fn quantiles(&self, reading: Reading<'_>) -> impl Future<Output = PortResult<Vec<Quantile>>> + Send;
}

/// How a route divides the traffic.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Weights {
    /// Share of each version in percent; together 100.
    pub weights: BTreeMap<String, u8>,
    /// The version that serves when the chosen one has no healthy instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
}

/// Which record a share follows from: later ones come after it, in this upgrade and in every one after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fence {
    /// The epoch that the record commands with.
    pub epoch: Epoch,
    /// The record's number.
    pub seq: Seq,
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.seq)
    }
}

/// What carries traffic: setting and reading back are two calls, so that a change is verified.
pub trait Routes: Send + Sync {
    /// Sets the weights, unless the route has seen a later fence: then it is a conflict, and the share of somebody who
    /// knew more stays.
    fn set(
        &self,
        route: &Route,
        weights: &Weights,
        fence: Fence,
    ) -> impl Future<Output = PortResult<()>> + Send;

    /// Reads the weights that are in force.
    fn read(&self, route: &Route) -> impl Future<Output = PortResult<Weights>> + Send;
}

/// Carries events to whoever listens.
pub trait Bus: Send + Sync {
    /// Publishes events in order, each at least once.
    fn publish(&self, events: &[Event]) -> impl Future<Output = PortResult<()>> + Send;
}

/// Something that a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// One line, at most 100 characters of ASCII (the limit of an SNS subject).
    pub subject: String,
    /// The message.
    pub body: String,
    /// Name of the event that led to it.
    pub event: String,
}

/// Reaches people.
pub trait Alerts: Send + Sync {
    /// Publishes an alert, at least once.
    fn publish(&self, alert: &Alert) -> impl Future<Output = PortResult<()>> + Send;
}
