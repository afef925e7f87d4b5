//! The fleet's own counters as a source of metrics: host by host, from what came with the check-ins.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;
use sluice_core::fleet::{Instance, KEPT_MINUTES, MinuteCounts, SourceKind};
use sluice_judge::errors::{ArmName, Counts, Datapoint, NamedHost};
use sluice_judge::gate::{Readings, Series};

use crate::ports::{Fleets, Metrics, PortError, PortErrorKind, PortResult, Quantile, Reading};

const MINUTE_MS: i64 = 60_000;

/// Reads each metric where the fleet says that it is: in its check-ins, or with the service that holds everything else.
///
/// # Errors
/// What the table or the service says.
pub async fn read(
    table: &impl Fleets,
    metrics: &impl Metrics,
    reading: Reading<'_>,
) -> PortResult<Vec<Series>> {
    match reading.source.source {
        SourceKind::Cloudwatch => metrics.read(reading).await,
        SourceKind::CheckIns => series(&table.counted(reading.fleet).await?, reading),
    }
}

/// The quantiles of latencies; none in check-ins, since services count slow requests above a limit of their own.
///
/// # Errors
/// What the service says.
pub async fn quantiles(metrics: &impl Metrics, reading: Reading<'_>) -> PortResult<Vec<Quantile>> {
    match reading.source.source {
        SourceKind::Cloudwatch => metrics.quantiles(reading).await,
        SourceKind::CheckIns => Ok(Vec::new()),
    }
}

/// What the check-ins tell: errors always, slow requests where every instance counts them.
fn series(instances: &[Instance], reading: Reading<'_>) -> PortResult<Vec<Series>> {
    let version = |text: &str| {
        Version::parse(text).map_err(|e| {
            PortError::new(
                PortErrorKind::Unavailable,
                "reading check-ins",
                format!("{text}: {e}"),
            )
        })
    };
    let (new, old) = (version(reading.new)?, version(reading.old)?);
    let counted = |of: fn(&MinuteCounts) -> Option<u64>| {
        let mut points: BTreeMap<i64, Datapoint> = BTreeMap::new();
        for instance in instances {
            for (arm, version) in [(ArmName::Canary, &new), (ArmName::Baseline, &old)] {
                for minute in instance.counters.of(version) {
                    fold(&mut points, instance, arm, &minute, of, reading);
                }
            }
        }
        points.into_values().filter_map(unmixed).collect::<Vec<_>>()
    };
    let errors = counted(|m| Some(m.errors));
    let mut series = vec![Series {
        metric: "error_rate".to_owned(),
        readings: Readings::Counts { datapoints: errors },
    }];
    for watched in &reading.source.watched {
        let slow = counted(|m| m.slow);
        let readings = match slow.is_empty() {
            false => Readings::Counts { datapoints: slow },
            true => Readings::Absent {
                why: "no service has told of slow requests with its instance's check-ins".to_owned(),
            },
        };
        series.push(Series {
            metric: watched.name.clone(),
            readings,
        });
    }
    Ok(series)
}

fn fold(
    points: &mut BTreeMap<i64, Datapoint>,
    instance: &Instance,
    arm: ArmName,
    minute: &MinuteCounts,
    of: fn(&MinuteCounts) -> Option<u64>,
    reading: Reading<'_>,
) {
    let at_ms = minute.minute.saturating_mul(MINUTE_MS);
    // A minute that began before the window is not all of it.
    let within =
        at_ms >= reading.window.from.as_millisecond() && at_ms < reading.window.until.as_millisecond();
    let (Some(errors), true) = (of(minute), within && minute.requests > 0) else {
        return;
    };
    let counts = Counts {
        requests: minute.requests,
        errors,
    };
    let nothing = Counts::default();
    let point = points
        .entry(at_ms)
        .or_insert_with(|| Datapoint::totals(at_ms, nothing, nothing));
    point.hosts.push(NamedHost {
        host: instance.instance_id.to_string(),
        arm,
        counts,
    });
}

/// A host that served both versions within one minute belongs to neither arm in it: what it counted is left out.
fn unmixed(mut point: Datapoint) -> Option<Datapoint> {
    let names = |arm| {
        let of_arm = point.hosts.iter().filter(move |h| h.arm == arm);
        of_arm.map(|h| h.host.clone()).collect::<BTreeSet<_>>()
    };
    let both: BTreeSet<String> = names(ArmName::Canary)
        .intersection(&names(ArmName::Baseline))
        .cloned()
        .collect();
    point.hosts.retain(|h| !both.contains(&h.host));
    let sum = |arm| {
        let of_arm = point.hosts.iter().filter(|h| h.arm == arm);
        of_arm.fold(Counts::default(), |sum, h| sum.plus(h.counts))
    };
    (point.canary, point.baseline) = (sum(ArmName::Canary), sum(ArmName::Baseline));
    (!point.hosts.is_empty()).then_some(point)
}

/// From where a gate judges, and how many quarters of an hour since the release it has forgotten by then: instances keep
/// half an hour. A test that begins later is another one, and may spend its own part of alpha only.
#[must_use]
pub fn begin(released_ms: i64, now_ms: i64) -> (i64, u32) {
    let quarter = sluice_judge::errors::RESTART_EVERY_MS;
    let kept = (KEPT_MINUTES - 2) * MINUTE_MS;
    let beyond = now_ms.saturating_sub(released_ms).saturating_sub(kept).max(0);
    let forgotten = beyond / quarter + i64::from(beyond % quarter > 0);
    let forgotten = u32::try_from(forgotten).unwrap_or(u32::MAX);
    (
        released_ms.saturating_add(i64::from(forgotten).saturating_mul(quarter)),
        forgotten,
    )
}

/// One number for a release and a quarter of an hour after it, no two of them alike.
#[must_use]
pub fn start_number(release: u32, forgotten: u32) -> u32 {
    let sum = u64::from(release) + u64::from(forgotten);
    let number = sum * (sum + 1) / 2 + u64::from(forgotten);
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
