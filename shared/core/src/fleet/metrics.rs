//! What is measured of a fleet, and what its gates make of it.

use serde::{Deserialize, Serialize};
use sluice_judge::gate::Rules;
use sluice_judge::threshold::Comparison;

use crate::settings::FieldError;

mod watched;

use watched::bad_name;

/// Most metrics of a fleet beside its error rate: four queries each, and CloudWatch takes 500 at a time.
pub const MAX_WATCHED: usize = 100;

/// The metric that every source has.
const ERROR_RATE: &str = "error_rate";

/// Where metrics come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// CloudWatch, by version.
    #[default]
    Cloudwatch,
    /// The fleet's check-ins, by instance: each agent tells what its service counts. Errors, and slow requests as one
    /// metric of the kind `slow`.
    CheckIns,
}

impl SourceKind {
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// Where the fleet's request and error counts are found, and what else is judged. All metrics carry the
/// dimensions `ComponentId`, `FleetId`, `TenantId` and `Version`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricSource {
    /// Where they come from. Default `cloudwatch`.
    #[serde(default, skip_serializing_if = "SourceKind::is_usual")]
    pub source: SourceKind,
    /// The CloudWatch namespace; none for `check-ins`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Name of the metric that counts requests.
    #[serde(default = "requests")]
    pub requests: String,
    /// Name of the metric that counts failed requests.
    #[serde(default = "errors")]
    pub errors: String,
    /// Length of one datapoint. CloudWatch keeps 1, 5, 10, 30 and multiples of 60 seconds.
    #[serde(default = "period")]
    pub period_seconds: u32,
    /// What is judged beside the error rate, up to 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub watched: Vec<WatchedMetric>,
}

fn requests() -> String {
    "Requests".to_owned()
}

fn errors() -> String {
    "Errors".to_owned()
}

fn period() -> u32 {
    60
}

/// How a metric is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MetricKind {
    /// Failed requests among requests, compared.
    Errors,
    /// Slow requests among requests, compared: counted by the fleet (`slow`), or latencies (`latency`) above the old
    /// version's 0.90 quantile, which is frozen before the first release.
    Slow,
    /// A mean a datapoint, larger is worse, compared; for arms of about the same size to which chance assigns.
    Means,
    /// A value that has to keep to a limit (`expected`, or `min` and `max`).
    Threshold,
}

/// What is made of the values within one datapoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Statistic {
    /// Their mean.
    #[default]
    Average,
    /// Their sum.
    Sum,
    /// The smallest.
    Minimum,
    /// The largest.
    Maximum,
}

/// One metric beside the error rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchedMetric {
    /// Its name, as verdicts say it: a letter a-z, then letters, digits and `_`, up to 64 characters.
    pub name: String,
    /// How it is judged.
    pub kind: MetricKind,
    /// Nothing passes without it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub critical: bool,
    /// It is shown and decides nothing.
    #[serde(default, skip_serializing_if = "is_false")]
    pub observe_only: bool,
    /// Its part in the weighted average of the evidence, above 0. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// How many times the old version's odds are no harm, from 1. Default 1.5 for errors, 1.05 for slow requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
    /// For `errors` and `slow`: the metric that counts the requests. Default the source's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<String>,
    /// For `errors`: the metric that counts those that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<String>,
    /// For `slow`: the metric that counts those that were slow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow: Option<String>,
    /// For `slow`, instead: the metric that holds every request's latency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<String>,
    /// For `means` and `threshold`: the metric that holds the values. Default the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// For `threshold`: what is made of the values within one datapoint. Default `average`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistic: Option<Statistic>,
    /// For `threshold`: what the value has to be, such as `1` or `">0"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Comparison>,
    /// For `threshold`, instead: the least that it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// For `threshold`, instead: the most that it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// For `threshold`: fewest samples behind a value that counts. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_samples: Option<u64>,
    /// For `threshold`: datapoints in a row outside the limit that are a breach. Default 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consecutive: Option<u32>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde asks for"
)]
fn is_false(value: &bool) -> bool {
    !value
}

impl MetricSource {
    /// A source with the usual names, a datapoint a minute and nothing but the error rate.
    #[must_use]
    pub fn new(namespace: &str) -> Self {
        Self {
            source: SourceKind::Cloudwatch,
            namespace: namespace.to_owned(),
            requests: requests(),
            errors: errors(),
            period_seconds: period(),
            watched: Vec::new(),
        }
    }

    /// The fleet's own counters.
    #[must_use]
    pub fn check_ins() -> Self {
        Self {
            source: SourceKind::CheckIns,
            ..Self::new("")
        }
    }

    /// What its gates ask for.
    #[must_use]
    pub fn rules(&self) -> Rules {
        let mut rules = Rules::default();
        rules
            .metrics
            .extend(self.watched.iter().filter_map(WatchedMetric::compared));
        rules
            .thresholds
            .extend(self.watched.iter().filter_map(WatchedMetric::limit));
        rules
    }

    /// Everything in it that cannot be measured or judged by; fields begin with `metrics.`.
    #[must_use]
    pub fn check(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let seconds = self.period_seconds;
        let kept = matches!(seconds, 1 | 5 | 10 | 30)
            || (seconds > 0 && seconds.is_multiple_of(60) && seconds <= 3_600);
        if !kept {
            let accepted = "1, 5, 10, 30 or a multiple of 60 up to 3600";
            errors.push(FieldError::new(
                "metrics.period_seconds",
                format!("is {seconds}"),
                accepted,
            ));
        }
        let own = self.source == SourceKind::CheckIns;
        if own && (!self.namespace.is_empty() || seconds != period()) {
            let problem = "or namespace is there, and check-ins have a minute each and no namespace";
            errors.push(FieldError::new(
                "metrics.period_seconds",
                problem,
                "neither of them",
            ));
        }
        let slow = |m: &WatchedMetric| m.kind == MetricKind::Slow && m.slow.is_some();
        if own && (self.watched.len() > 1 || !self.watched.iter().all(slow)) {
            let accepted = "at most one, of the kind slow, by `slow`";
            errors.push(FieldError::new(
                "metrics.watched",
                "has what check-ins do not tell",
                accepted,
            ));
        }
        for (field, name) in [
            ("namespace", &self.namespace),
            ("requests", &self.requests),
            ("errors", &self.errors),
        ]
        .into_iter()
        .filter(|(field, _)| !own || *field != "namespace")
        {
            errors.extend(bad_name(&format!("metrics.{field}"), name));
        }
        if self.watched.len() > MAX_WATCHED {
            let problem = format!("has {} metrics", self.watched.len());
            errors.push(FieldError::new(
                "metrics.watched",
                problem,
                format!("up to {MAX_WATCHED}"),
            ));
        }
        for (i, metric) in self.watched.iter().enumerate() {
            let field = |name: &str| format!("metrics.watched[{i}].{name}");
            let earlier = self.watched[..i].iter().any(|other| other.name == metric.name);
            if earlier || metric.name == ERROR_RATE {
                let problem = format!("is {}, which is there already", metric.name);
                errors.push(FieldError::new(&field("name"), problem, "each name once"));
            }
            metric.check(&mut |name, problem, accepted: &str| {
                errors.push(FieldError::new(&field(name), problem, accepted));
            });
        }
        errors
    }
}

#[cfg(test)]
mod tests;
