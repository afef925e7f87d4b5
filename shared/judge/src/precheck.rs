//! The comparison before the first release, when both groups still run the old version.

use std::collections::HashSet;

use crate::errors::{Arm, Counts, Datapoint, Margins, Monitor, Point, Roster};

/// The one-sided 90% point of the normal distribution.
const Z90: f64 = 1.281_551_565_545;

/// How many times worse the hosts of the coming canary were, on the old version, than the other ones: the 90% lower
/// bound of the ratio of the odds, at least 1.
///
/// The harm margin is multiplied by it, so that a difference which was there already is not laid to the new version.
/// It is the lower bound, because a margin that is too wide hides harm. `dispersion` is the one that the hosts show
/// among themselves; it widens the bound.
#[must_use]
pub fn known_difference(canary: Counts, baseline: Counts, dispersion: f64) -> f64 {
    let odds = |c: Counts| {
        let (bad, good) = (
            c.errors as f64 + 0.5,
            (c.requests - c.errors.min(c.requests)) as f64 + 0.5,
        );
        (bad / good, 1.0 / bad + 1.0 / good)
    };
    if canary.requests == 0 || baseline.requests == 0 {
        return 1.0;
    }
    let ((of_canary, canary_variance), (of_baseline, baseline_variance)) = (odds(canary), odds(baseline));
    let deviation = (dispersion.max(1.0) * (canary_variance + baseline_variance)).sqrt();
    ((of_canary / of_baseline).ln() - Z90 * deviation).exp().max(1.0)
}

/// The same from datapoints of the old version, host by host; none when its hosts are not known or one of both groups is
/// empty.
#[must_use]
pub fn difference(datapoints: &[Datapoint], is_coming: impl Fn(&str) -> bool) -> Option<f64> {
    let mut roster = Roster::default();
    let mut coming = HashSet::new();
    let mut points = Vec::new();
    for datapoint in datapoints {
        points.push(datapoint.point(&mut roster).ok()?);
        let names = datapoint.hosts.iter().filter(|h| is_coming(&h.host));
        coming.extend(names.filter_map(|h| roster.number(&h.host)));
    }
    let (known, groups) = apart(&points, &coming)?;
    (groups.0.requests > 0 && groups.1.requests > 0).then_some(known)
}

/// How different two groups of hosts were, and what they counted; none when hosts are not known, or a datapoint cannot be
/// judged by.
pub(crate) fn apart(points: &[Point], coming: &HashSet<u32>) -> Option<(f64, (Counts, Counts))> {
    if coming.is_empty() || points.iter().any(|p| p.baseline.hosts().is_empty()) {
        return None;
    }
    let mut groups = (Counts::default(), Counts::default());
    let mut monitor = Monitor::new(Margins::default());
    for point in points {
        let hosts = point.baseline.hosts().iter().copied();
        let (mine, others) = hosts.partition(|h| coming.contains(&h.host));
        let split = Point {
            at_ms: point.at_ms,
            canary: Arm::Hosts(mine),
            baseline: Arm::Hosts(others),
        };
        groups = (
            groups.0.plus(split.canary.total()),
            groups.1.plus(split.baseline.total()),
        );
        monitor.fold(split).ok()?;
    }
    Some((
        known_difference(groups.0, groups.1, monitor.compare().dispersion),
        groups,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_compared_host_by_host() {
        let host = |name: &str, errors| crate::errors::NamedHost {
            host: name.to_owned(),
            arm: crate::errors::ArmName::Baseline,
            counts: Counts {
                requests: 1_000,
                errors,
            },
        };
        let datapoint = |minute: i64, hosts: Vec<crate::errors::NamedHost>| Datapoint {
            at_ms: minute * 60_000,
            canary: Counts::default(),
            baseline: hosts.iter().fold(Counts::default(), |sum, h| sum.plus(h.counts)),
            hosts,
        };
        let worse: Vec<_> = (0..30)
            .map(|m| {
                datapoint(
                    m,
                    vec![host("a", 20), host("b", 20), host("c", 10), host("d", 10)],
                )
            })
            .collect();
        let known = difference(&worse, |h| h == "a" || h == "b").unwrap();
        assert!((1.7..2.1).contains(&known), "{known}");
        assert!((difference(&worse, |h| h == "c" || h == "d").unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(difference(&worse, |_| false), None, "no canary");
        assert_eq!(difference(&worse, |_| true), None, "nobody else");
        let totals = [Datapoint::totals(0, Counts::default(), Counts::default())];
        assert_eq!(difference(&totals, |_| true), None, "no hosts");
    }

    /// Rows: errors of 10,000 requests on both sides, the dispersion, and the least and most that is known.
    #[test]
    fn only_what_is_proven_is_allowed_for() {
        let rows = [
            (50, 50, 1.0, 1.0, 1.0),
            (30, 50, 1.0, 1.0, 1.0),
            (100, 50, 1.0, 1.5, 1.9),
            (100, 50, 4.0, 1.2, 1.4),
            (1000, 500, 1.0, 1.8, 2.1),
            (2, 1, 1.0, 1.0, 1.0),
            (0, 0, 1.0, 1.0, 1.0),
        ];
        for (canary, baseline, dispersion, least, most) in rows {
            let counts = |errors| Counts {
                requests: 10_000,
                errors,
            };
            let known = known_difference(counts(canary), counts(baseline), dispersion);
            assert!(
                (least..=most).contains(&known),
                "{canary} against {baseline}: {known}"
            );
        }
        let none = Counts::default();
        assert!(
            (known_difference(
                none,
                Counts {
                    requests: 9,
                    errors: 9
                },
                1.0
            ) - 1.0)
                .abs()
                < 1e-12
        );
    }
}
