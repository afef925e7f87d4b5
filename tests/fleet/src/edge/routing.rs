//! Which backend gets the next request. No I/O: the clock and the randomness are given.

use http::uri::Authority;
use rand::RngExt;
use rand::rngs::SmallRng;
use serde::Serialize;
use tokio::time::Instant;

use http::HeaderMap;

use super::fence::{self, Fence, Refused};
use super::weights::Weights;

/// Polls in a row that must time out before a backend counts as down: on a busy machine one slow answer says little.
const LATE_LIMIT: u32 = 2;

/// What a poll of a backend's health showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It answered 200 and told its version.
    Healthy(String),
    /// It refused the connection, answered something else, or told no version.
    Unhealthy,
    /// It did not answer in time.
    Late,
}

/// The backends, what is known of them, and the weights in force.
#[derive(Debug)]
pub struct Table {
    backends: Vec<Backend>,
    weights: Option<Weights>,
    fence: Option<Fence>,
    rng: SmallRng,
    turn: u64,
}

#[derive(Debug)]
struct Backend {
    address: Authority,
    version: Option<String>,
    healthy: bool,
    late_polls: u32,
    failed_at: Option<Instant>,
    last_turn: u64,
}

/// A backend for operators' eyes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackendView {
    /// Host and port.
    pub address: String,
    /// The version that it told last; none before its first answer.
    pub version: Option<String>,
    /// Whether it gets requests.
    pub healthy: bool,
}

/// Where a request goes.
#[derive(Debug, Clone)]
pub struct Pick {
    /// The backend's place in the table.
    pub index: usize,
    /// Its host and port.
    pub address: Authority,
    /// The version that it is believed to run.
    pub version: String,
    /// The version that the weights chose; none when no weights are in force.
    chosen: Option<String>,
}

impl Table {
    /// A table of backends that are unhealthy until a poll says otherwise, without weights.
    #[must_use]
    pub fn new(addresses: Vec<Authority>, rng: SmallRng) -> Self {
        let backends = addresses
            .into_iter()
            .map(|address| Backend {
                address,
                version: None,
                healthy: false,
                late_polls: 0,
                failed_at: None,
                last_turn: 0,
            })
            .collect();
        Self {
            backends,
            weights: None,
            fence: None,
            rng,
            turn: 0,
        }
    }

    /// The weights in force; none before the first were set.
    #[must_use]
    pub fn weights(&self) -> Option<&Weights> {
        self.weights.as_ref()
    }

    /// Takes the fence of a request that sets weights.
    ///
    /// # Errors
    /// [`Refused`] for one that is older than the last.
    pub fn pass(&mut self, headers: &HeaderMap) -> Result<(), Refused> {
        fence::pass(&mut self.fence, headers)
    }

    /// Puts these weights in force, for the next request on.
    pub fn set_weights(&mut self, weights: Weights) {
        self.weights = Some(weights);
    }

    /// All backends, in the order they were given.
    #[must_use]
    pub fn view(&self) -> Vec<BackendView> {
        self.backends
            .iter()
            .map(|b| BackendView {
                address: b.address.to_string(),
                version: b.version.clone(),
                healthy: b.healthy,
            })
            .collect()
    }

    /// How many backends get requests.
    #[must_use]
    pub fn in_rotation(&self) -> usize {
        self.backends.iter().filter(|backend| backend.healthy).count()
    }

    /// Chooses a version by weight, then the healthy backend of it that was used least recently. A version without one
    /// gives way to the fallback; none when there is no fallback or it has none either.
    pub fn pick(&mut self) -> Option<Pick> {
        let draw = self.rng.random_range(0..100_u8);
        let chosen = match &self.weights {
            Some(weights) => Some(weights.owner(draw)?.to_owned()),
            None => None,
        };
        self.pick_of(chosen, None)
    }

    /// Another backend for the same choice as `failed`, which is left out.
    pub fn pick_again(&mut self, failed: &Pick) -> Option<Pick> {
        self.pick_of(failed.chosen.clone(), Some(failed.index))
    }

    fn pick_of(&mut self, chosen: Option<String>, except: Option<usize>) -> Option<Pick> {
        let fallback = self.weights.as_ref().and_then(Weights::fallback);
        let index = self.least_recent(chosen.as_deref(), except).or_else(|| {
            let fallback = fallback.filter(|fallback| Some(*fallback) != chosen.as_deref())?;
            self.least_recent(Some(fallback), except)
        })?;
        self.turn += 1;
        let backend = self.backends.get_mut(index)?;
        backend.last_turn = self.turn;
        Some(Pick {
            index,
            address: backend.address.clone(),
            version: backend.version.clone()?,
            chosen,
        })
    }

    /// The healthy backend of `version` (of any, when absent) whose turn is longest ago.
    fn least_recent(&self, version: Option<&str>, except: Option<usize>) -> Option<usize> {
        self.backends
            .iter()
            .enumerate()
            .filter(|(index, backend)| {
                backend.healthy
                    && Some(*index) != except
                    && (version.is_none() || version == backend.version.as_deref())
            })
            .min_by_key(|(_, backend)| backend.last_turn)
            .map(|(index, _)| index)
    }

    /// Takes a backend out at once, because a request to it failed at `now`. Gives true when it was healthy.
    pub fn failed(&mut self, index: usize, now: Instant) -> bool {
        let Some(backend) = self.backends.get_mut(index) else {
            return false;
        };
        backend.failed_at = Some(now);
        std::mem::replace(&mut backend.healthy, false)
    }

    /// Takes over the version that an answer was marked with.
    pub fn answered(&mut self, index: usize, version: &str) {
        if let Some(backend) = self.backends.get_mut(index)
            && backend.version.as_deref() != Some(version)
        {
            backend.version = Some(version.to_owned());
        }
    }

    /// Takes over what a poll showed that began at `began`; a poll from before a failed request says nothing about the
    /// time after it. Gives the backend's new state when it changed.
    pub fn polled(&mut self, index: usize, began: Instant, seen: Seen) -> Option<BackendView> {
        let backend = self.backends.get_mut(index)?;
        let before = (backend.healthy, backend.version.clone());
        let outdated = backend.failed_at.is_some_and(|failed| failed >= began);
        match seen {
            Seen::Healthy(version) if !outdated => {
                backend.healthy = true;
                backend.late_polls = 0;
                backend.version = Some(version);
            }
            Seen::Healthy(_) => {}
            Seen::Unhealthy => backend.healthy = false,
            Seen::Late => {
                backend.late_polls = backend.late_polls.saturating_add(1);
                backend.healthy &= backend.late_polls < LATE_LIMIT;
            }
        }
        let changed = before != (backend.healthy, backend.version.clone());
        changed.then(|| BackendView {
            address: backend.address.to_string(),
            version: backend.version.clone(),
            healthy: backend.healthy,
        })
    }
}

#[cfg(test)]
#[path = "routing_tests.rs"]
mod tests;
