//! The clock that leases are counted on.

use std::sync::Arc;

use nix::time::{ClockId, clock_gettime};

use crate::protocol::Moment;

/// Tells the moment. The wall clock is no such clock: it is set, and leases would end early or never.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Moment + Send + Sync>);

impl Clock {
    /// The clock since boot: it only rises, and unlike the plain monotonic one it goes on while the machine sleeps, so
    /// that no lease outlives a sleep. Moment 0, at which every lease has its full length, when the system has no such
    /// clock.
    #[must_use]
    pub fn since_boot() -> Self {
        Self::new(|| {
            let since_boot = clock_gettime(ClockId::CLOCK_BOOTTIME).map(std::time::Duration::from);
            Moment(since_boot.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)))
        })
    }

    /// Any clock that only rises.
    pub fn new(read: impl Fn() -> Moment + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Moment {
        (self.0)()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}
