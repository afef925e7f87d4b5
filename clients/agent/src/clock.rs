//! The clock that leases are counted on.

use nix::time::{ClockId, clock_gettime};

use crate::protocol::Moment;

/// Now, on the clock since boot: it only rises, and unlike the plain monotonic one it goes on while the machine
/// sleeps, so that no lease outlives a sleep. Moment 0, at which every lease has its full length, when the system has
/// no such clock.
#[must_use]
pub fn now() -> Moment {
    let since_boot = clock_gettime(ClockId::CLOCK_BOOTTIME).map(std::time::Duration::from);
    Moment(since_boot.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)))
}
