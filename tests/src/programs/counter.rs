//! Counts what a fleet of real programs answers, and publishes it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sluice_core::ids::FleetKey;
use tokio::task::JoinHandle;

use crate::stack::{Count, Metrics, Stack};

/// Time between two publications.
const EVERY: Duration = Duration::from_millis(300);

/// Answers of one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// All of them.
    pub requests: u32,
    /// Those that were errors.
    pub errors: u32,
}

#[derive(Debug, Default)]
struct Inner {
    all: BTreeMap<String, Seen>,
    unpublished: BTreeMap<String, Seen>,
}

/// Counts that are published as they grow.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<Mutex<Inner>>);

/// Publishes a counter until it is dropped.
#[derive(Debug)]
pub struct Publisher(JoinHandle<()>);

impl Drop for Publisher {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Counter {
    /// Takes an answer into account.
    pub fn count(&self, version: &str, failed: bool) {
        let mut guard = self.lock();
        let inner = &mut *guard;
        for counts in [&mut inner.all, &mut inner.unpublished] {
            let seen = counts.entry(version.to_owned()).or_default();
            seen.requests += 1;
            seen.errors += u32::from(failed);
        }
    }

    /// All answers so far, by version.
    #[must_use]
    pub fn seen(&self) -> BTreeMap<String, Seen> {
        self.lock().all.clone()
    }

    /// Publishes from now on.
    #[must_use]
    pub fn publish(&self, stack: &Stack, fleet: &FleetKey) -> Publisher {
        let (counter, metrics) = (self.clone(), Metrics::new(stack, fleet));
        Publisher(tokio::spawn(async move {
            loop {
                tokio::time::sleep(EVERY).await;
                metrics.put(&counter.take()).await;
            }
        }))
    }

    fn take(&self) -> Vec<Count> {
        let taken = std::mem::take(&mut self.lock().unpublished);
        let counts = taken.into_iter().map(|(version, seen)| Count {
            version,
            requests: f64::from(seen.requests),
            errors: f64::from(seen.errors),
        });
        counts.collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
