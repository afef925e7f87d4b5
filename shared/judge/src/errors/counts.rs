//! What is counted.

use serde::{Deserialize, Serialize};

/// Requests of one version and how many of them failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// All requests.
    pub requests: u64,
    /// Those that failed; never more than `requests`.
    pub errors: u64,
}

impl Counts {
    /// Errors for each request, 0 to 1; none without requests.
    #[must_use]
    pub fn error_rate(self) -> Option<f64> {
        (self.requests > 0).then(|| self.errors as f64 / self.requests as f64)
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            errors: self.errors.saturating_add(other.errors),
        }
    }
}

/// The counts of one host, by its number: whoever reads the data keeps the names ([`crate::errors::Roster`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostCounts {
    /// Number of the host, counted from 0 without gaps.
    pub host: u32,
    /// What it counted.
    pub counts: Counts,
}

/// What one version counted in one datapoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arm {
    /// Over all of its hosts.
    Total(Counts),
    /// Host by host, each at most once.
    Hosts(Vec<HostCounts>),
}

impl Arm {
    /// Over all hosts.
    #[must_use]
    pub fn total(&self) -> Counts {
        match self {
            Self::Total(counts) => *counts,
            Self::Hosts(hosts) => hosts.iter().fold(Counts::default(), |sum, h| sum.plus(h.counts)),
        }
    }

    /// Host by host; nothing when only the total is known.
    #[must_use]
    pub fn hosts(&self) -> &[HostCounts] {
        match self {
            Self::Total(_) => &[],
            Self::Hosts(hosts) => hosts,
        }
    }
}

/// One datapoint of both versions, over the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// Begin of the time that it counts, in milliseconds since 1970.
    pub at_ms: i64,
    /// The new version.
    pub canary: Arm,
    /// The old version.
    pub baseline: Arm,
}

/// Why a datapoint cannot be judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadPoint {
    /// More errors than requests: at least one of the two numbers is wrong.
    MoreErrorsThanRequests(Counts),
    /// The same host twice within one version and datapoint, or in both versions.
    RepeatedHost(u32),
    /// A host number so large that it is none: hosts are counted from 0 without gaps, and there are at most
    /// 1,000,000.
    HostOutOfRange(u32),
    /// There is a datapoint of this moment already.
    RepeatedMoment(i64),
}

/// The most hosts that one comparison takes.
pub const MAX_HOSTS: u32 = 1_000_000;

impl std::fmt::Display for BadPoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::MoreErrorsThanRequests(Counts { requests, errors }) => {
                write!(
                    f,
                    "errors is {errors}; accepted: 0 to the number of requests, {requests}"
                )
            }
            Self::RepeatedHost(host) => write!(f, "host {host} is there twice; accepted: each host once"),
            Self::HostOutOfRange(host) => write!(f, "host is {host}; accepted: 0 to {}", MAX_HOSTS - 1),
            Self::RepeatedMoment(at_ms) => {
                write!(
                    f,
                    "there is a datapoint of {at_ms} already; accepted: one datapoint a moment"
                )
            }
        }
    }
}

impl std::error::Error for BadPoint {}

impl Point {
    /// Checks what [`BadPoint`] lists, except moments.
    pub(crate) fn check(&self) -> Result<(), BadPoint> {
        let all = || self.canary.hosts().iter().chain(self.baseline.hosts());
        let bad = |c: &Counts| c.errors > c.requests;
        for counts in [self.canary.total(), self.baseline.total()]
            .into_iter()
            .chain(all().map(|h| h.counts))
        {
            if bad(&counts) {
                return Err(BadPoint::MoreErrorsThanRequests(counts));
            }
        }
        if let Some(far) = all().find(|h| h.host >= MAX_HOSTS) {
            return Err(BadPoint::HostOutOfRange(far.host));
        }
        // Usually in order already, and then nothing is to be sorted.
        let sorted = |hosts: &[HostCounts]| hosts.windows(2).all(|w| w[0].host < w[1].host);
        let apart = match (self.canary.hosts().last(), self.baseline.hosts().first()) {
            (Some(last), Some(first)) => last.host < first.host,
            _ => true,
        };
        if sorted(self.canary.hosts()) && sorted(self.baseline.hosts()) && apart {
            return Ok(());
        }
        let mut seen: Vec<u32> = all().map(|h| h.host).collect();
        seen.sort_unstable();
        seen.windows(2)
            .find(|w| w[0] == w[1])
            .map_or(Ok(()), |w| Err(BadPoint::RepeatedHost(w[0])))
    }
}
