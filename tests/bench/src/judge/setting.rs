//! Fleets and what happens to them.

/// A fleet whose canary is watched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting {
    /// Its name in the table.
    pub name: &'static str,
    /// Hosts of the new version.
    pub canary_hosts: u32,
    /// Hosts of the old version.
    pub baseline_hosts: u32,
    /// Requests a minute to each host of the new version.
    pub canary_requests: f64,
    /// Requests a minute to each host of the old version.
    pub baseline_requests: f64,
    /// Share of failed requests, 0 to 1, while nothing is wrong.
    pub error_rate: f64,
    /// Looks, one a minute.
    pub minutes: u32,
}

const fn setting(
    name: &'static str,
    hosts: (u32, u32),
    requests: (f64, f64),
    error_rate: f64,
    minutes: u32,
) -> Setting {
    Setting {
        name,
        canary_hosts: hosts.0,
        baseline_hosts: hosts.1,
        canary_requests: requests.0,
        baseline_requests: requests.1,
        error_rate,
        minutes,
    }
}

/// Half of 20 hosts, little traffic.
pub const A: Setting = setting("A", (10, 10), (20.0, 20.0), 0.005, 60);
/// A tenth of 100 hosts, few errors, 600 requests a minute to the canary.
pub const B600: Setting = setting("B at 600/min", (10, 90), (60.0, 60.0), 0.001, 180);
/// The same with 60 requests a minute to the canary.
pub const B60: Setting = setting("B at 60/min", (10, 90), (6.0, 6.0), 0.001, 180);
/// A tenth of 20 hosts, few errors, 600 requests a minute to the canary.
pub const C600: Setting = setting("C at 600/min", (2, 18), (300.0, 300.0), 0.001, 180);
/// The same with 60 requests a minute to the canary.
pub const C60: Setting = setting("C at 60/min", (2, 18), (30.0, 30.0), 0.001, 180);
/// As A with fifty times the traffic.
pub const H: Setting = setting("H", (10, 10), (1000.0, 1000.0), 0.005, 60);
/// As A with the canary hosts on a tenth of the traffic.
pub const W: Setting = setting("W", (10, 10), (4.0, 36.0), 0.005, 60);
/// One of ten hosts is the canary.
pub const ONE: Setting = setting("one canary host", (1, 9), (60.0, 60.0), 0.005, 60);

/// What happens. Factors multiply the share of failed requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scenario {
    /// Nothing.
    Plain,
    /// Errors in bursts: rates times gamma(0.1, 10) for each host and minute.
    Bursty,
    /// One of twenty hosts fails 20 times as much, whatever its version.
    Sick,
    /// For eight minutes at a time, 5% of the time, a host fails 10 times as much, whatever its version.
    Episodes,
    /// For five minutes 20% of all requests fail.
    Outage,
    /// Traffic and errors follow a daily wave, between half and one and a half of what they are.
    Wave,
    /// The new version fails so many times as much.
    Worse(f64),
    /// The same from a minute on.
    WorseFrom(f64, u32),
    /// Half of the canary hosts fail so many times as much.
    HalfWorse(f64),
    /// All canary hosts did already before the upgrade, and nothing has changed.
    AlwaysWorse(f64),
}
