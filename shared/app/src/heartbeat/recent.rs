//! What a process has read a moment ago about fleets: check-ins come in thousands, and what they read is the same.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use sluice_core::channel::Channel;
use sluice_core::fleet::Fleet;
use sluice_core::ids::FleetKey;

use super::positions::Positions;

/// Most fleets that are remembered; a process that serves more reads the others again.
const MAX_FLEETS: usize = 1_000;

/// How old a channel may be: a command reaches its instances a second later at most, and a check-in of an agent that
/// remembers nothing gets the newest.
const CHANNEL: SignedDuration = SignedDuration::from_secs(1);

/// How old a declaration may be: it says when to check in, which is no command.
const FLEET: SignedDuration = SignedDuration::from_secs(30);

/// What this process remembers.
#[derive(Debug)]
pub struct Cache {
    pub(super) positions: Positions,
    pub(super) fleets: Recent<Fleet>,
    pub(super) channels: Recent<Option<Channel>>,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            positions: Positions::default(),
            fleets: Recent::new(FLEET),
            channels: Recent::new(CHANNEL),
        }
    }
}

/// Values by fleet, each for a while.
#[derive(Debug)]
pub(super) struct Recent<T> {
    keep: SignedDuration,
    kept: Mutex<HashMap<FleetKey, (Timestamp, T)>>,
}

impl<T: Clone> Recent<T> {
    fn new(keep: SignedDuration) -> Self {
        Self {
            keep,
            kept: Mutex::new(HashMap::new()),
        }
    }

    /// What was read less than the time ago.
    pub(super) fn get(&self, key: &FleetKey, now: Timestamp) -> Option<T> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, value) = kept.get(key)?;
        let age = now.duration_since(*at);
        (SignedDuration::ZERO..self.keep)
            .contains(&age)
            .then(|| value.clone())
    }

    /// Remembers what was read.
    pub(super) fn put(&self, key: &FleetKey, now: Timestamp, value: T) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_FLEETS && !kept.contains_key(key) {
            kept.clear();
        }
        kept.insert(key.clone(), (now, value));
    }
}
