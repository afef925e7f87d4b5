//! The one call to CloudWatch.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::error::SdkError;
use aws_sdk_cloudwatch::operation::put_metric_data::PutMetricDataError;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};
use aws_smithy_http_client::{Builder, tls};

use super::MetricsConfig;
use super::buckets::Datapoint;

/// One try, and all tries of one call together. A publication is due every second or so, so that a hanging one must
/// make place for the next.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// A client with the dimensions that all datapoints share.
#[derive(Debug)]
pub struct CloudWatch {
    client: Client,
    namespace: String,
    dimensions: Vec<Dimension>,
}

impl CloudWatch {
    /// A client with the endpoint, region and credentials of the environment.
    pub async fn from_env(config: &MetricsConfig) -> Self {
        let ring = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(CALL_TIMEOUT)
            .build();
        let aws = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .http_client(Builder::new().tls_provider(ring).build_https())
            .timeout_config(timeouts)
            .load()
            .await;
        Self::new(Client::new(&aws), config)
    }

    /// Wraps a client that is already configured.
    fn new(client: Client, config: &MetricsConfig) -> Self {
        let names = [
            ("ComponentId", &config.component),
            ("FleetId", &config.fleet),
            ("TenantId", &config.tenant),
        ];
        let dimensions = names.map(|(name, value)| dimension(name, value)).to_vec();
        Self {
            client,
            namespace: config.namespace.clone(),
            dimensions,
        }
    }

    /// Publishes both metrics of each datapoint.
    pub async fn put(&self, datapoints: &[Datapoint]) -> Result<(), SdkError<PutMetricDataError>> {
        let data = datapoints
            .iter()
            .flat_map(|datapoint| self.data(datapoint))
            .collect();
        let call = self
            .client
            .put_metric_data()
            .namespace(&self.namespace)
            .set_metric_data(Some(data));
        call.send().await.map(|_| ())
    }

    fn data(&self, datapoint: &Datapoint) -> [MetricDatum; 2] {
        let mut dimensions = self.dimensions.clone();
        dimensions.push(dimension("Version", &datapoint.version));
        let second = i64::try_from(datapoint.second).unwrap_or(i64::MAX);
        let tally = datapoint.tally;
        [("Requests", tally.requests), ("Errors", tally.errors)].map(|(name, count)| {
            MetricDatum::builder()
                .metric_name(name)
                .set_dimensions(Some(dimensions.clone()))
                .timestamp(DateTime::from_secs(second))
                .storage_resolution(1)
                .unit(StandardUnit::Count)
                .value(count as f64)
                .build()
        })
    }
}

fn dimension(name: &str, value: &str) -> Dimension {
    Dimension::builder().name(name).value(value).build()
}

#[cfg(test)]
mod tests {
    use super::super::super::counts::Tally;
    use super::*;

    #[test]
    fn both_metrics_carry_the_second_and_all_dimensions() {
        let config = MetricsConfig {
            namespace: "n".into(),
            tenant: "t".into(),
            component: "c".into(),
            fleet: "f".into(),
            every: Duration::from_secs(1),
        };
        let unused = aws_sdk_cloudwatch::Config::builder()
            .behavior_version(aws_sdk_cloudwatch::config::BehaviorVersion::latest())
            .build();
        let target = CloudWatch::new(Client::from_conf(unused), &config);
        let tally = Tally {
            requests: 9,
            errors: 0,
        };
        let data = target.data(&Datapoint {
            second: 1_790_000_001,
            version: "1.1.0".into(),
            tally,
        });
        for (datum, name, value) in [(&data[0], "Requests", 9.0), (&data[1], "Errors", 0.0)] {
            assert_eq!(datum.metric_name(), Some(name));
            assert_eq!(datum.value(), Some(value));
            assert_eq!(datum.timestamp(), Some(&DateTime::from_secs(1_790_000_001)));
            assert_eq!(
                (datum.storage_resolution(), datum.unit()),
                (Some(1), Some(&StandardUnit::Count))
            );
            let told: Vec<_> = datum
                .dimensions()
                .iter()
                .map(|d| (d.name().unwrap(), d.value().unwrap()))
                .collect();
            let expected = [
                ("ComponentId", "c"),
                ("FleetId", "f"),
                ("TenantId", "t"),
                ("Version", "1.1.0"),
            ];
            assert_eq!(told, expected);
        }
    }
}
