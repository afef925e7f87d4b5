//! Puts counts of a fleet's requests where its gate looks for them.

use std::time::SystemTime;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};
use sluice_core::ids::FleetKey;

use super::Stack;

/// The CloudWatch namespace of the tests' fleets.
pub const NAMESPACE: &str = "Sluice/Tests";

/// What one version has answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Count {
    /// Which version.
    pub version: String,
    /// All requests; a count of 0 is not sent, because no datapoint means no traffic.
    pub requests: f64,
    /// Those that failed.
    pub errors: f64,
}

/// The metrics of one fleet.
#[derive(Debug)]
pub struct Metrics {
    client: Client,
    dimensions: Vec<Dimension>,
}

impl Metrics {
    /// Those of this fleet.
    #[must_use]
    pub fn new(stack: &Stack, fleet: &FleetKey) -> Self {
        let named = [
            ("ComponentId", fleet.component_id.to_string()),
            ("FleetId", fleet.fleet_id.to_string()),
            ("TenantId", fleet.tenant_id.to_string()),
        ];
        let dimensions = named.map(|(name, value)| Dimension::builder().name(name).value(value).build());
        Self {
            client: Client::new(&stack.aws()),
            dimensions: dimensions.to_vec(),
        }
    }

    /// Sends counts of this moment. What is not taken is lost: the gate then misses these requests, and the test that
    /// waits for it says so.
    pub async fn put(&self, counts: &[Count]) {
        let data: Vec<_> = counts
            .iter()
            .filter(|c| c.requests > 0.0)
            .flat_map(|c| self.data(c))
            .collect();
        if data.is_empty() {
            return;
        }
        let call = self.client.put_metric_data().namespace(NAMESPACE);
        if let Err(error) = call.set_metric_data(Some(data)).send().await {
            eprintln!("metrics were not taken: {error:?}");
        }
    }

    fn data(&self, count: &Count) -> [MetricDatum; 2] {
        let now = DateTime::from(SystemTime::now());
        let mut dimensions = self.dimensions.clone();
        dimensions.push(Dimension::builder().name("Version").value(&count.version).build());
        [("Requests", count.requests), ("Errors", count.errors)].map(|(name, value)| {
            MetricDatum::builder()
                .metric_name(name)
                .set_dimensions(Some(dimensions.clone()))
                .timestamp(now)
                .storage_resolution(1)
                .unit(StandardUnit::Count)
                .value(value)
                .build()
        })
    }
}
