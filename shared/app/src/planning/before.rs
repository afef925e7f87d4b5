//! What is measured before anything moves: what the new version will be held against, frozen once.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use sluice_contract::error::ErrorName;
use sluice_core::fleet::Instance;
use sluice_core::plan::{Kind, Published};
use sluice_core::upgrade::Check;
use sluice_judge::errors::Counts;
use sluice_judge::gate::{Before, Known, Readings, Series};
use sluice_judge::latency::MIN_SAMPLES;
use sluice_judge::precheck::difference;

use crate::check_ins;
use crate::error::StepError;
use crate::flow::Loaded;
use crate::keys;
use crate::ports::{Blobs, Fleets, Metrics, Quantile, Reading, Window};

/// How far back is read: long enough for some traffic, short enough to be like the traffic that comes.
const BACK: SignedDuration = SignedDuration::from_mins(30);

/// Measures the old version; nothing where no source is declared.
pub(super) async fn measure(
    table: &impl Fleets,
    blobs: &impl Blobs,
    metrics: &impl Metrics,
    loaded: &Loaded,
    instances: &[Instance],
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
    let series = check_ins::read(table, metrics, reading).await?;
    let quantiles = check_ins::quantiles(metrics, reading).await?;
    let coming = canary(blobs, loaded, instances).await?;
    let known = series.iter().filter_map(|one| known(one, &quantiles, &coming));
    Ok(Before {
        metrics: known.collect(),
    })
}

/// The instances of the canary, or of the first batch where there is none, by name.
async fn canary(
    blobs: &impl Blobs,
    loaded: &Loaded,
    instances: &[Instance],
) -> Result<BTreeSet<String>, StepError> {
    let batches = &loaded.plan.batches;
    let canary = batches.iter().take_while(|b| b.kind == Kind::Canary);
    let Some(end) = canary.last().or(batches.first()).map(|b| b.end) else {
        return Ok(BTreeSet::new());
    };
    let unreadable =
        |problem: String| StepError::new(ErrorName::BadInput, format!("the plan's positions: {problem}"));
    let key = keys::positions(&loaded.upgrade.plan_hash);
    let bytes = blobs
        .get(&key)
        .await?
        .ok_or_else(|| unreadable("there are none".to_owned()))?;
    let published: Published = serde_json::from_slice(&bytes).map_err(|e| unreadable(e.to_string()))?;
    let first: BTreeSet<_> = published.ordinals.0.iter().take(end.0 as usize).collect();
    let of_it = instances.iter().filter(|i| first.contains(&i.ordinal));
    Ok(of_it.map(|i| i.instance_id.to_string()).collect())
}

/// What is known of one metric; none when nothing is.
fn known(series: &Series, quantiles: &[Quantile], coming: &BTreeSet<String>) -> Option<Known> {
    let (past, difference) = match &series.readings {
        Readings::Counts { datapoints } => (
            datapoints
                .iter()
                .fold(Counts::default(), |sum, d| sum.plus(d.baseline)),
            difference(datapoints, |host| coming.contains(host)),
        ),
        _ => (Counts::default(), None),
    };
    let enough = |q: &&Quantile| q.metric == series.metric && q.samples >= MIN_SAMPLES as u64;
    let slow_above = quantiles
        .iter()
        .find(enough)
        .map(|q| q.value)
        .filter(|v| v.is_finite());
    (past.requests > 0 || slow_above.is_some()).then(|| Known {
        metric: series.metric.clone(),
        difference: difference.unwrap_or(1.0),
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
            None if known.difference > 1.0 => format!(
                "{name}: {errors} of {requests} requests; the canary's instances are at least {:.2} times as bad already, \
                 which is allowed for",
                known.difference
            ),
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
