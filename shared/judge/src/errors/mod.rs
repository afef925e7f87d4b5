//! Evidence that one version fails more often than the other.
//!
//! Given the errors of both in one datapoint, chance alone sends each to the new version with a probability that
//! follows from its share of the requests and the odds ratio that is tolerated (the harm margin `m`). Against that
//! stands a mixture of worse odds ratios `m g`. Their likelihood ratio is a non-negative martingale with mean at most
//! one while the true odds ratio is at most `m`, so by Ville's inequality it ever reaches `1 / alpha` with a
//! probability of at most `alpha`, at whatever moments it is looked at.
//!
//! [`Monitor`] adds what real fleets need. The share is taken per datapoint, so a shared outage at a new share is no
//! harm. The test starts anew at each release and each quarter of an hour, so late harm is found fast. The worst
//! hosts are held down to the next worst one, and the evidence is divided by the dispersion between hosts. Each of
//! these steps only lowers a valid mixture wherever it exceeds 1, so the bound stays.

mod arm;
mod counts;
mod datapoint;
mod dispersion;
mod grid;
mod monitor;
mod restarts;
mod roster;
mod state;
mod sums;
mod winsor;

pub use counts::{Arm, BadPoint, Counts, HostCounts, MAX_HOSTS, Point};
pub use datapoint::{ArmName, BadHosts, Datapoint, NamedHost};
pub use grid::{GRID, MODERATE};
pub use monitor::{Basis, Comparison, Margins, Monitor};
pub use restarts::{MAX_STARTS, RESTART_EVERY_MS, restart_weight};
pub use roster::Roster;
pub use winsor::winsorised_hosts;

#[cfg(test)]
mod tests;
