//! From series to datapoints of two versions.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudwatch::types::{MetricDataResult, StatusCode};
use jiff::Timestamp;
use sluice_app::ports::{PortError, PortResult};
use sluice_judge::errors::{Counts, Datapoint};
use sluice_judge::gate::MomentValues;
use sluice_judge::threshold::Sample;

use super::align::Span;
use super::queries::{ALL, BOTH, PART, VALUE, Version, id};
use crate::error::unavailable;

/// What all failures of this adapter were about.
pub(super) const READING: &str = "reading metrics";

/// The largest count that a floating-point number tells exactly, 2^53.
const MAX_COUNT: f64 = 9_007_199_254_740_992.0;

/// What an answer says, over all its pages.
#[derive(Debug, Default)]
pub(super) struct Series {
    values: BTreeMap<String, BTreeMap<i64, f64>>,
    complete: BTreeMap<String, bool>,
}

impl Series {
    /// Takes in one page. Values of one series may come in any order and over several pages.
    pub(super) fn add(&mut self, page: &[MetricDataResult]) -> PortResult<()> {
        for result in page {
            let id = result.id().unwrap_or_default();
            if result.timestamps().len() != result.values().len() {
                return Err(contradiction("as many times as values"));
            }
            let values = self.values.entry(id.to_owned()).or_default();
            for (time, value) in result.timestamps().iter().zip(result.values()) {
                values.insert(time.secs(), *value);
            }
            // The last page has the last word: before it, a part is all that can be told.
            self.complete
                .insert(id.to_owned(), result.status_code() == Some(&StatusCode::Complete));
        }
        Ok(())
    }

    /// A series that was told to its end. Half a series would pass for a quiet one.
    fn complete(&self, id: &str) -> PortResult<&BTreeMap<i64, f64>> {
        match (self.complete.get(id), self.values.get(id)) {
            (Some(true), Some(values)) => Ok(values),
            _ => Err(unavailable(READING, format!("the series {id} is not complete"))),
        }
    }
}

/// The counts of one metric and version, by second.
struct Counted {
    all: BTreeMap<i64, u64>,
    part: BTreeMap<i64, u64>,
}

impl Counted {
    fn find(series: &Series, metric: usize, version: Version) -> PortResult<Self> {
        let one = |what| {
            let values = series.complete(&id(metric, version, what))?.iter();
            values
                .map(|(second, value)| Ok((*second, count(*value)?)))
                .collect::<PortResult<_>>()
        };
        Ok(Self {
            all: one(ALL)?,
            part: one(PART)?,
        })
    }

    fn at(&self, second: i64) -> Counts {
        let at = |series: &BTreeMap<i64, u64>| series.get(&second).copied().unwrap_or_default();
        Counts {
            requests: at(&self.all),
            errors: at(&self.part),
        }
    }
}

/// The datapoints of a metric, oldest first; none where neither version had a request.
pub(super) fn merge(
    series: &Series,
    metric: usize,
    span: Span,
    until: Timestamp,
) -> PortResult<Vec<Datapoint>> {
    let canary = Counted::find(series, metric, Version::New)?;
    let baseline = Counted::find(series, metric, Version::Old)?;
    let keys = [&canary.all, &canary.part, &baseline.all, &baseline.part];
    let seconds: BTreeSet<i64> = keys.iter().flat_map(|s| s.keys()).copied().collect();
    let mut datapoints = Vec::with_capacity(seconds.len());
    for second in seconds {
        let at_ms = second.saturating_mul(1_000);
        let point = Datapoint::totals(at_ms, canary.at(second), baseline.at(second));
        let over = second.saturating_add(span.period_seconds) <= until.as_second();
        match (fits(point.canary) && fits(point.baseline), over) {
            (true, _) if point.canary.requests == 0 && point.baseline.requests == 0 => {}
            (true, _) => datapoints.push(point),
            // The period is not over, and its errors were counted before its requests: it is read again later.
            (false, false) => {}
            // No rate can be made of it, in favour of neither version. What contradicts itself must not pass, and
            // leaving it out would let a broken source pass, so nothing is answered.
            (false, true) => return Err(contradiction("no more errors than requests")),
        }
    }
    Ok(datapoints)
}

/// The values of a metric, oldest first; none where neither version has any.
pub(super) fn values(series: &Series, metric: usize) -> PortResult<Vec<MomentValues>> {
    let mut moments: BTreeMap<i64, MomentValues> = BTreeMap::new();
    for version in BOTH {
        let ids = [ALL, VALUE].map(|what| id(metric, version, what));
        if version == Version::New && !series.complete.contains_key(&ids[0]) {
            // Only the old version was asked for.
            continue;
        }
        let (samples, values) = (series.complete(&ids[0])?, series.complete(&ids[1])?);
        for (second, value) in values {
            if !value.is_finite() {
                return Err(contradiction("finite numbers"));
            }
            let at_ms = second.saturating_mul(1_000);
            let moment = moments.entry(at_ms).or_insert(MomentValues {
                at_ms,
                canary: None,
                baseline: None,
            });
            let sample = Sample {
                value: *value,
                samples: count(samples.get(second).copied().unwrap_or_default())?,
            };
            match version {
                Version::New => moment.canary = Some(sample),
                Version::Old => moment.baseline = Some(sample),
            }
        }
    }
    Ok(moments.into_values().collect())
}

fn fits(counts: Counts) -> bool {
    counts.errors <= counts.requests
}

fn count(value: f64) -> PortResult<u64> {
    if !(0.0..=MAX_COUNT).contains(&value) || value.fract() != 0.0 {
        return Err(contradiction("whole numbers that are not negative"));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole and within 0 to 2^53"
    )]
    let count = value as u64;
    Ok(count)
}

fn contradiction(expected: &str) -> PortError {
    unavailable(
        READING,
        format!("the metrics contradict themselves: expected {expected}"),
    )
}

#[cfg(test)]
mod tests;
