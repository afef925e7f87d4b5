//! Counts of requests and errors, from CloudWatch.

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat, ScanBy};
use aws_types::SdkConfig;
use sluice_app::ports::{Metrics, PortResult, Window};
use sluice_core::fleet::MetricSource;
use sluice_core::ids::FleetKey;
use sluice_judge::errors::Datapoint;

use crate::error::{port_error, unavailable};

mod align;
mod merge;

use align::Span;
use merge::{READING, Series, merge};

/// Most pages of one answer. A page holds 100,800 values, and a day of four series at a second each has 345,600.
const MAX_PAGES: u32 = 20;

/// The service that holds the counts.
#[derive(Debug, Clone)]
pub struct CloudWatch {
    client: Client,
}

impl CloudWatch {
    /// The service in the configuration's region.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }

    async fn pages(&self, queries: &[MetricDataQuery], span: Span) -> PortResult<Series> {
        let (mut series, mut token) = (Series::default(), None);
        for _ in 0..MAX_PAGES {
            let page = self
                .client
                .get_metric_data()
                .set_metric_data_queries(Some(queries.to_vec()))
                .start_time(DateTime::from_secs(span.from_second))
                .end_time(DateTime::from_secs(span.until_second))
                .scan_by(ScanBy::TimestampAscending)
                .set_next_token(token)
                .send()
                .await
                .map_err(|e| port_error(READING, &e))?;
            series.add(page.metric_data_results())?;
            token = page.next_token;
            if token.is_none() {
                return Ok(series);
            }
        }
        Err(unavailable(
            READING,
            format!("the answer has more than {MAX_PAGES} pages"),
        ))
    }
}

impl Metrics for CloudWatch {
    /// Whole periods: the first begins at or before the window, and the last, which may not be over yet, ends at or
    /// after it.
    async fn datapoints(
        &self,
        source: &MetricSource,
        fleet: &FleetKey,
        new: &str,
        old: &str,
        window: Window,
    ) -> PortResult<Vec<Datapoint>> {
        let span = Span::aligned(window, source.period_seconds)?;
        let queries = [
            query(merge::NEW_REQUESTS, source, &source.requests, fleet, new),
            query(merge::NEW_ERRORS, source, &source.errors, fleet, new),
            query(merge::OLD_REQUESTS, source, &source.requests, fleet, old),
            query(merge::OLD_ERRORS, source, &source.errors, fleet, old),
        ];
        let series = self.pages(&queries, span).await?;
        merge(&series, span, window.until)
    }
}

/// One series. All dimensions are given, because CloudWatch keeps each set of dimensions apart.
fn query(id: &str, source: &MetricSource, name: &str, fleet: &FleetKey, version: &str) -> MetricDataQuery {
    let dimensions = [
        ("ComponentId", fleet.component_id.to_string()),
        ("FleetId", fleet.fleet_id.to_string()),
        ("TenantId", fleet.tenant_id.to_string()),
        ("Version", version.to_owned()),
    ];
    let dimensions = dimensions.map(|(name, value)| Dimension::builder().name(name).value(value).build());
    let metric = Metric::builder()
        .namespace(&source.namespace)
        .metric_name(name)
        .set_dimensions(Some(dimensions.to_vec()))
        .build();
    let stat = MetricStat::builder()
        .metric(metric)
        .period(i32::try_from(source.period_seconds).unwrap_or(i32::MAX))
        .stat("Sum")
        .build();
    MetricDataQuery::builder()
        .id(id)
        .metric_stat(stat)
        .return_data(true)
        .build()
}
