//! What is asked: up to four series for each metric.

use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat};
use sluice_app::ports::Reading;
use sluice_core::fleet::{MetricKind, MetricSource, Statistic, WatchedMetric};
use sluice_judge::gate::Before;

/// Which version a series is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    New,
    Old,
}

pub(super) const BOTH: [Version; 2] = [Version::New, Version::Old];

/// What a series counts: all, or the part of them that matters; or a value.
pub(super) const ALL: &str = "all";
pub(super) const PART: &str = "part";
pub(super) const VALUE: &str = "value";

/// The name of a series in a request and its answer: the metric by its place, 0 for the error rate.
pub(super) fn id(metric: usize, version: Version, what: &str) -> String {
    let version = match version {
        Version::New => "new",
        Version::Old => "old",
    };
    format!("m{metric}_{version}_{what}")
}

/// How one metric is read.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Way {
    /// Two counters: all requests, and those that matter.
    Counters { all: String, part: String },
    /// Latencies: how many there are, and how many lie above a limit.
    Latencies { name: String, above: f64 },
    /// Values, and how many are behind them.
    Values { name: String, statistic: &'static str },
    /// Not at all.
    Not { why: String },
}

/// A metric and how it is read.
pub(super) struct Asked<'a> {
    pub name: &'a str,
    pub way: Way,
}

/// The error rate, and every watched metric.
pub(super) fn asked<'a>(source: &'a MetricSource, before: &Before) -> Vec<Asked<'a>> {
    let error_rate = Asked {
        name: "error_rate",
        way: Way::Counters {
            all: source.requests.clone(),
            part: source.errors.clone(),
        },
    };
    let watched = source.watched.iter().map(|metric| Asked {
        name: &metric.name,
        way: way(source, metric, before),
    });
    std::iter::once(error_rate).chain(watched).collect()
}

fn way(source: &MetricSource, metric: &WatchedMetric, before: &Before) -> Way {
    let all = || metric.requests.as_ref().unwrap_or(&source.requests).clone();
    let values = |statistic| Way::Values {
        name: metric.metric.as_ref().unwrap_or(&metric.name).clone(),
        statistic,
    };
    match (metric.kind, &metric.errors, &metric.slow, &metric.latency) {
        (MetricKind::Errors, Some(part), ..) | (MetricKind::Slow, _, Some(part), _) => Way::Counters {
            all: all(),
            part: part.clone(),
        },
        (MetricKind::Slow, _, None, Some(name)) => {
            match before.of(&metric.name).and_then(|known| known.slow_above) {
                Some(above) => Way::Latencies {
                    name: name.clone(),
                    above,
                },
                None => Way::Not {
                    why: "the old version had too few latencies before the upgrade to say what is slow"
                        .to_owned(),
                },
            }
        }
        (MetricKind::Means, ..) => values("Average"),
        (MetricKind::Threshold, ..) => values(match metric.statistic.unwrap_or_default() {
            Statistic::Average => "Average",
            Statistic::Sum => "Sum",
            Statistic::Minimum => "Minimum",
            Statistic::Maximum => "Maximum",
        }),
        (MetricKind::Errors | MetricKind::Slow, ..) => Way::Not {
            why: "the fleet does not say what counts it".to_owned(),
        },
    }
}

/// The queries of one metric.
pub(super) fn queries(place: usize, way: &Way, reading: Reading<'_>) -> Vec<MetricDataQuery> {
    let series: Vec<(&str, &str, String)> = match way {
        Way::Counters { all, part } => vec![(ALL, all, "Sum".to_owned()), (PART, part, "Sum".to_owned())],
        Way::Latencies { name, above } => vec![
            (ALL, name, "SampleCount".to_owned()),
            // The trimmed count: of the values above the limit, which itself is not among them.
            (PART, name, format!("TC({above}:)")),
        ],
        Way::Values { name, statistic } => vec![
            (ALL, name, "SampleCount".to_owned()),
            (VALUE, name, (*statistic).to_owned()),
        ],
        Way::Not { .. } => Vec::new(),
    };
    let mut queries = Vec::new();
    for version in BOTH {
        for (what, name, stat) in &series {
            let period = reading.source.period_seconds;
            queries.push(query(
                id(place, version, what),
                name,
                stat,
                period,
                version,
                reading,
            ));
        }
    }
    queries
}

/// One series. All dimensions are given, because CloudWatch keeps each set of dimensions apart.
pub(super) fn query(
    id: String,
    name: &str,
    stat: &str,
    period_seconds: u32,
    version: Version,
    reading: Reading<'_>,
) -> MetricDataQuery {
    let (fleet, source) = (reading.fleet, reading.source);
    let version = match version {
        Version::New => reading.new,
        Version::Old => reading.old,
    };
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
        .period(i32::try_from(period_seconds).unwrap_or(i32::MAX))
        .stat(stat)
        .build();
    MetricDataQuery::builder()
        .id(id)
        .metric_stat(stat)
        .return_data(true)
        .build()
}
