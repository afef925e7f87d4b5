//! A command that was received and not yet begun.

use sluice_contract::check_in::Artifact;

use sluice_core::checks::Checks;

use super::record::{Command, Record};

/// Milliseconds on a clock that only rises, from an arbitrary beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(pub u64);

impl Moment {
    /// The moment `ms` milliseconds later.
    #[must_use]
    pub fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this moment, 0 when it is not earlier.
    #[must_use]
    pub fn since_ms(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// When an answer was asked for and when it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// When the check-in was sent. Leases count from here: the server cannot have made the answer earlier, so an
    /// answer that was long on its way gets no longer life by it.
    pub asked: Moment,
    /// When the answer came. Delays count from here.
    pub received: Moment,
}

/// A move that was commanded and has not begun.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// By which command.
    pub command: Command,
    /// What to run and where to get it.
    pub artifact: Artifact,
    /// Whether it is the way back.
    pub revert: bool,
    /// What the upgrade prescribes to be checked.
    pub checks: Checks,
    /// Earliest beginning.
    pub not_before: Moment,
    /// From this moment on it must not begin any more.
    pub lease_end: Moment,
}

/// Whether an order may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// Now.
    Begin,
    /// Not before this moment.
    NotBefore(Moment),
    /// Its lease has run out: ask again.
    Expired,
    /// A newer command was seen since.
    Superseded,
}

impl Order {
    /// Whether it may begin at `now`.
    #[must_use]
    pub fn readiness(&self, record: &Record, now: Moment) -> Readiness {
        if record.seen.is_none_or(|seen| seen.key() != self.command.key()) {
            Readiness::Superseded
        } else if now >= self.lease_end {
            Readiness::Expired
        } else if now < self.not_before {
            Readiness::NotBefore(self.not_before)
        } else {
            Readiness::Begin
        }
    }
}
