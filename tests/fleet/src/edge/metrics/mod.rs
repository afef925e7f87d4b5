//! Publishes the proxy's counts to CloudWatch: `Requests` and `Errors` for each version and second.
//!
//! Both metrics are sent together for each version that had a request, an `Errors` of 0 too: no datapoint then means
//! no traffic, never no errors. What could not be sent is sent later with the second in which it was counted. A call
//! whose answer got lost may be repeated and count twice, requests and errors alike, so that their ratio holds.

pub mod buckets;
mod cloudwatch;

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::state::{Edge, now_second};
use crate::stop::StopSignal;
use buckets::Pending;
use cloudwatch::CloudWatch;

/// Datapoints in one call: two metrics each, well below the 1,000 that CloudWatch accepts.
const BATCH: usize = 100;

/// How long the last publication may take, all its tries together.
const LAST_TIMEOUT: Duration = Duration::from_secs(3);

/// Pause between the tries of the last publication.
const LAST_PAUSE: Duration = Duration::from_millis(200);

/// Where counts are published, and under which names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsConfig {
    /// The CloudWatch namespace.
    pub namespace: String,
    /// Dimension `TenantId`.
    pub tenant: String,
    /// Dimension `ComponentId`.
    pub component: String,
    /// Dimension `FleetId`.
    pub fleet: String,
    /// How often.
    pub every: Duration,
}

/// Publishes until the stop. What is counted after it is left to [`Publisher::finish`].
#[derive(Debug)]
pub struct Publisher {
    edge: Edge,
    target: CloudWatch,
    config: MetricsConfig,
    pending: Pending,
}

impl Publisher {
    /// A publisher with the endpoint and credentials of the environment.
    pub async fn from_env(edge: Edge, config: MetricsConfig) -> Self {
        let target = CloudWatch::from_env(&config).await;
        Self {
            edge,
            target,
            config,
            pending: Pending::default(),
        }
    }

    /// Publishes every interval until the stop, and gives itself back for the end.
    pub async fn run(mut self, mut stop: StopSignal) -> Self {
        let mut ticks = interval(self.config.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !stop.is_raised() {
            tokio::select! {
                _ = ticks.tick() => {
                    self.collect(now_second());
                    self.send_all().await;
                }
                () = stop.raised() => {}
            }
        }
        self
    }

    /// Publishes all that is left, the current second included. Call it when no request is under way any more.
    pub async fn finish(mut self) {
        self.collect(u64::MAX);
        let tries = async {
            while !self.send_all().await {
                tokio::time::sleep(LAST_PAUSE).await;
            }
        };
        if timeout(LAST_TIMEOUT, tries).await.is_err() {
            tracing::error!(
                tenant_id = self.config.tenant,
                component_id = self.config.component,
                fleet_id = self.config.fleet,
                lost = self.pending.len(),
                "the last counts could not be published in time and are lost"
            );
        }
    }

    fn collect(&mut self, before: u64) {
        let datapoints = self.edge.buckets().take_before(before);
        let given_up = self.pending.extend(datapoints, now_second());
        if given_up > 0 {
            tracing::error!(
                tenant_id = self.config.tenant,
                component_id = self.config.component,
                fleet_id = self.config.fleet,
                given_up,
                kept_s = buckets::KEPT_SECONDS,
                "counts could not be published for too long and are given up"
            );
        }
    }

    /// Sends batches until nothing is left (true) or one fails (false); the failed one stays in the queue.
    async fn send_all(&mut self) -> bool {
        while !self.pending.is_empty() {
            let batch = self.pending.first(BATCH);
            let began = Instant::now();
            if let Err(error) = self.target.put(&batch).await {
                tracing::warn!(
                    tenant_id = self.config.tenant,
                    component_id = self.config.component,
                    fleet_id = self.config.fleet,
                    waiting = self.pending.len(),
                    duration_ms = began.elapsed().as_millis(),
                    reason = &error as &dyn std::error::Error,
                    "publishing failed, the counts are kept for the next try"
                );
                return false;
            }
            self.pending.published(batch.len());
        }
        true
    }
}
