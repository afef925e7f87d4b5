//! What fleets' services measure, from CloudWatch.

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{MetricDataQuery, ScanBy};
use aws_types::SdkConfig;
use jiff::SignedDuration;
use sluice_app::ports::{Metrics, PortResult, Quantile, Reading, Window};
use sluice_judge::gate::{self, Readings};
use sluice_judge::latency::MIN_SAMPLES;

use crate::error::{port_error, unavailable};

mod align;
mod merge;
mod queries;

use align::Span;
use merge::{READING, Series, merge, values};
use queries::{Version, Way};

/// Most queries of one request, a limit of CloudWatch.
const MAX_QUERIES: usize = 500;

/// Time over which the quantile of the latencies is made.
const HOUR_SECONDS: u32 = 3_600;
const HOURS: SignedDuration = SignedDuration::from_hours(2);

/// CloudWatch's name of [`sluice_judge::latency::SLOW_QUANTILE`].
const SLOW_QUANTILE: &str = "p90";

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

    /// All series, as many at a time as one request takes. A request that is throttled is tried again by the client.
    async fn all(&self, queries: &[MetricDataQuery], span: Span) -> PortResult<Series> {
        let mut series = Series::default();
        for some in queries.chunks(MAX_QUERIES) {
            self.pages(some, span, &mut series).await?;
        }
        Ok(series)
    }

    async fn pages(&self, queries: &[MetricDataQuery], span: Span, series: &mut Series) -> PortResult<()> {
        let mut token = None;
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
                return Ok(());
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
    async fn read(&self, reading: Reading<'_>) -> PortResult<Vec<gate::Series>> {
        let span = Span::aligned(reading.window, reading.source.period_seconds)?;
        let asked = queries::asked(reading.source, reading.before);
        let all = asked.iter().enumerate();
        let queries: Vec<_> = all
            .flat_map(|(place, one)| queries::queries(place, &one.way, reading))
            .collect();
        let series = self.all(&queries, span).await?;
        let all = asked.iter().enumerate();
        all.map(|(place, one)| {
            Ok(gate::Series {
                metric: one.name.to_owned(),
                readings: readings(&series, place, &one.way, span, reading.window)?,
            })
        })
        .collect()
    }

    /// By the hour: of the last hours, the newest one that has enough latencies.
    async fn quantiles(&self, reading: Reading<'_>) -> PortResult<Vec<Quantile>> {
        let window = Window {
            from: reading
                .window
                .until
                .saturating_sub(HOURS)
                .unwrap_or(reading.window.from),
            ..reading.window
        };
        let span = Span::aligned(window, HOUR_SECONDS)?;
        let watched = reading.source.watched.iter().enumerate();
        let named: Vec<_> = watched
            .filter_map(|(place, metric)| Some((place, &metric.name, metric.latency.as_ref()?)))
            .collect();
        let one = |place, what, name: &str, stat| {
            let id = queries::id(place, Version::Old, what);
            queries::query(id, name, stat, HOUR_SECONDS, Version::Old, reading)
        };
        let queries: Vec<_> = named
            .iter()
            .flat_map(|(place, _, latency)| {
                let count = one(*place, queries::ALL, latency, "SampleCount");
                [count, one(*place, queries::VALUE, latency, SLOW_QUANTILE)]
            })
            .collect();
        let series = self.all(&queries, span).await?;
        let all = named
            .iter()
            .map(|(place, metric, _)| newest(&series, *place, metric));
        Ok(all
            .collect::<PortResult<Vec<_>>>()?
            .into_iter()
            .flatten()
            .collect())
    }
}

/// What was read of one metric.
fn readings(series: &Series, place: usize, way: &Way, span: Span, window: Window) -> PortResult<Readings> {
    Ok(match way {
        Way::Not { why } => Readings::Absent { why: why.clone() },
        Way::Values { .. } => Readings::Values {
            values: values(series, place)?,
        },
        Way::Counters { .. } | Way::Latencies { .. } => Readings::Counts {
            datapoints: merge(series, place, span, window.until)?,
        },
    })
}

/// The quantile of the newest hour with enough latencies; else of the one with the most.
fn newest(series: &Series, place: usize, metric: &str) -> PortResult<Option<Quantile>> {
    let hours = values(series, place)?;
    let old: Vec<_> = hours.iter().filter_map(|hour| hour.baseline).collect();
    let enough = old.iter().rev().find(|s| s.samples >= MIN_SAMPLES as u64);
    let chosen = enough.or_else(|| old.iter().max_by_key(|s| s.samples));
    Ok(chosen.map(|sample| Quantile {
        metric: metric.to_owned(),
        value: sample.value,
        samples: sample.samples,
    }))
}
