//! What a scenario is like.

use std::collections::BTreeSet;

use semver::Version;
use sluice_core::units::Ordinal;

/// A fleet and how its new version behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many instances the fleet has.
    pub instances: u32,
    /// How long a start takes until it is healthy, in milliseconds.
    pub switch_ms: u64,
    /// The new version's share of failed requests, 0 to 1.
    pub error_rate: f64,
    /// The instances on which the new version never gets healthy.
    pub failing: BTreeSet<Ordinal>,
}

/// The version that every fleet runs at first.
pub const OLD: Version = Version::new(1, 0, 0);

/// The version that every fleet is brought to.
pub const NEW: Version = Version::new(1, 1, 0);

/// The old version's share of failed requests, and a good new one's.
pub const USUAL_ERROR_RATE: f64 = 0.001;

impl Default for Options {
    fn default() -> Self {
        Self {
            instances: 8,
            switch_ms: 100,
            error_rate: USUAL_ERROR_RATE,
            failing: BTreeSet::new(),
        }
    }
}
