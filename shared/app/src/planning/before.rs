//! What is measured before anything moves: what the new version will be held against, frozen once.

use jiff::{SignedDuration, Timestamp};
use sluice_core::upgrade::Check;
use sluice_judge::errors::Counts;
use sluice_judge::gate::{Before, Known, Readings, Series};
use sluice_judge::latency::MIN_SAMPLES;

use crate::error::StepError;
use crate::flow::Loaded;
use crate::ports::{Fleets, Metrics, Quantile, Reading, Window};

/// How far back is read: long enough for some traffic, short enough to be like the traffic that comes.
const BACK: SignedDuration = SignedDuration::from_mins(30);

/// Measures the old version; nothing where no source is declared.
pub(super) async fn measure(
    table: &impl Fleets,
    metrics: &impl Metrics,
    loaded: &Loaded,
    now: Timestamp,
) -> Result<Before, StepError> {
    let upgrade = &loaded.upgrade;
    let Some(source) = table.fleet(&upgrade.fleet).await?.and_then(|f| f.metrics) else {
        return Ok(Before::default());
    };
    let (new, old) = (upgrade.to.version.to_string(), upgrade.from.version.to_string());
    let reading = Reading {
        source: &source,
        fleet: &upgrade.fleet,
        new: &new,
        old: &old,
        window: Window {
            from: now.saturating_sub(BACK).unwrap_or(now),
            until: now,
        },
        before: &Before::default(),
    };
    let series = metrics.read(reading).await?;
    let quantiles = metrics.quantiles(reading).await?;
    let metrics = series.iter().filter_map(|one| known(one, &quantiles)).collect();
    Ok(Before { metrics })
}

/// What is known of one metric; none when nothing is.
fn known(series: &Series, quantiles: &[Quantile]) -> Option<Known> {
    let past = match &series.readings {
        Readings::Counts { datapoints } => datapoints
            .iter()
            .fold(Counts::default(), |sum, d| sum.plus(d.baseline)),
        _ => Counts::default(),
    };
    let enough = |q: &&Quantile| q.metric == series.metric && q.samples >= MIN_SAMPLES as u64;
    let slow_above = quantiles
        .iter()
        .find(enough)
        .map(|q| q.value)
        .filter(|v| v.is_finite());
    (past.requests > 0 || slow_above.is_some()).then(|| Known {
        metric: series.metric.clone(),
        difference: 1.0,
        past,
        slow_above,
    })
}

/// What was measured, as a check that always passes: a gate that misses something of it holds, and says so.
pub(super) fn check(before: &Before) -> Check {
    let told = before.metrics.iter().map(|known| {
        let Counts { requests, errors } = known.past;
        let name = &known.metric;
        match known.slow_above {
            Some(limit) => format!("{name}: slow is above {limit}"),
            None => format!("{name}: {errors} of {requests} requests"),
        }
    });
    let told: Vec<_> = told.collect();
    Check {
        name: "old-version-measured".to_owned(),
        passed: true,
        detail: match told.is_empty() {
            true => "the old version has shown no metrics".to_owned(),
            false => told.join("; "),
        },
    }
}
