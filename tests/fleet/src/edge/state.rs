//! What the proxy's tasks share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Body;
use tokio::time::Instant;

use http::HeaderMap;

use super::counts::{Counts, add};
use super::fence::Refused;
use super::metrics::MetricsConfig;
use super::metrics::buckets::Buckets;
use super::rotation::{Change, Rotation};
use super::routing::{Pick, Seen, Table};
use super::weights::Weights;
use crate::http::client::PooledClient;

/// One proxy, shared by its connections, polls and publisher. Locks are held for the length of one method only.
#[derive(Debug, Clone)]
pub struct Edge(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    table: Mutex<Table>,
    counts: Mutex<Counts>,
    buckets: Mutex<Buckets>,
    rotation: Mutex<Rotation>,
    client: PooledClient<Body>,
    forward_timeout: Duration,
    metrics: Option<MetricsConfig>,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Answered below 500, to the last byte.
    Ok,
    /// Answered 5xx, not answered, or broken off.
    Error,
    /// The caller left before the answer, or the request could not be sent on.
    Abandoned,
}

impl Edge {
    /// A proxy over these backends that publishes as `metrics` says.
    pub fn new(
        table: Table,
        client: PooledClient<Body>,
        forward_timeout: Duration,
        metrics: Option<MetricsConfig>,
    ) -> Self {
        Self(Arc::new(Inner {
            table: Mutex::new(table),
            counts: Mutex::default(),
            buckets: Mutex::default(),
            rotation: Mutex::default(),
            client,
            forward_timeout,
            metrics,
        }))
    }

    /// The client to backends.
    pub fn client(&self) -> &PooledClient<Body> {
        &self.0.client
    }

    /// How long a backend may take to begin its answer.
    pub fn forward_timeout(&self) -> Duration {
        self.0.forward_timeout
    }

    /// How counts are published; none when they are not.
    pub fn metrics(&self) -> Option<&MetricsConfig> {
        self.0.metrics.as_ref()
    }

    /// The routing table.
    pub fn table(&self) -> MutexGuard<'_, Table> {
        locked(&self.0.table)
    }

    /// Counts by second that wait for the publisher.
    pub fn buckets(&self) -> MutexGuard<'_, Buckets> {
        locked(&self.0.buckets)
    }

    /// Outcomes since the start.
    pub fn counts(&self) -> Counts {
        locked(&self.0.counts).clone()
    }

    /// How many backends were in rotation, since the start.
    pub fn rotation(&self) -> Vec<Change> {
        locked(&self.0.rotation).changes()
    }

    /// Puts weights in force and logs them, unless they come too late.
    ///
    /// # Errors
    /// [`Refused`]; nothing has changed then.
    pub fn set_weights(&self, weights: Weights, headers: &HeaderMap) -> Result<(), Refused> {
        // Held until the weights are in force: the later of two at once is the last.
        let mut table = self.table();
        table.pass(headers)?;
        tracing::info!(
            tenant_id = self.metrics().map(|metrics| &metrics.tenant),
            component_id = self.metrics().map(|metrics| &metrics.component),
            fleet_id = self.metrics().map(|metrics| &metrics.fleet),
            ?weights,
            "new weights are in force"
        );
        table.set_weights(weights);
        Ok(())
    }

    /// Counts a request for which there was no healthy backend.
    pub fn count_unrouted(&self) {
        locked(&self.0.counts).unrouted += 1;
    }

    /// Counts a request that a version has answered or failed.
    pub fn count(&self, version: &str, outcome: Outcome) {
        let is_error = outcome == Outcome::Error;
        if outcome == Outcome::Abandoned {
            locked(&self.0.counts).abandoned += 1;
            return;
        }
        add(&mut locked(&self.0.counts).versions, version, is_error);
        if self.metrics().is_some() {
            self.buckets().record(now_second(), version, is_error);
        }
    }

    /// Changes the table, and notes how many backends are in rotation afterwards.
    fn changed<T>(&self, change: impl FnOnce(&mut Table) -> T) -> T {
        let mut table = self.table();
        let answer = change(&mut table);
        // Noted while the table is held, so that changes are noted in their order.
        locked(&self.0.rotation).note(now_ms(), table.in_rotation());
        answer
    }

    /// Takes the backend of a failed request out, and logs it once.
    pub fn failed(&self, pick: &Pick, reason: &(dyn std::error::Error + 'static)) {
        if self.changed(|table| table.failed(pick.index, Instant::now())) {
            let (backend, version) = (pick.address.as_str(), &pick.version);
            tracing::warn!(
                backend,
                version,
                reason,
                "a request failed, the backend is out until its next poll"
            );
        }
    }

    /// Takes over what a health poll showed, and logs a change.
    pub fn polled(&self, index: usize, began: Instant, seen: Seen) {
        let changed = self.changed(|table| table.polled(index, began, seen));
        if let Some(backend) = changed {
            let (address, version, healthy) = (&backend.address, &backend.version, backend.healthy);
            tracing::info!(backend = address, version, healthy, "a backend changed");
        }
    }
}

/// None of the guarded values can be left half-changed by a panic, so a poisoned lock is as good as any.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The current second of Unix time; 0 for a clock before 1970.
pub fn now_second() -> u64 {
    now_ms() / 1_000
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
