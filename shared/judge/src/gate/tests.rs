//! Verdicts as rows.

use super::*;
use crate::errors::{Arm, ArmName, Counts, Datapoint, HostCounts, NamedHost, Point, Roster};
use crate::metric::{Importance, Metric};

/// Rows: datapoints as (new requests, new errors, old requests, old errors), bake left, age, and what the verdict
/// begins with.
#[test]
fn verdicts() {
    type Row = (
        &'static str,
        Option<&'static [(u64, u64, u64, u64)]>,
        u64,
        i64,
        &'static str,
    );
    let rows: &[Row] = &[
        (
            "nothing declared",
            None,
            0,
            0,
            "undecided: the fleet declares no source",
        ),
        (
            "no data",
            Some(&[]),
            0,
            0,
            "undecided: waiting for the first requests",
        ),
        (
            "only the old version has data",
            Some(&[(0, 0, 900, 0)]),
            0,
            0,
            "undecided: waiting for the first",
        ),
        (
            "clean and enough",
            Some(&[(500, 0, 4500, 0)]),
            0,
            0,
            "harmless: the new version failed 0 of 500",
        ),
        (
            "one request too few",
            Some(&[(458, 0, 4500, 0)]),
            0,
            0,
            "undecided: 458 of 459 requests",
        ),
        (
            "bake goes on",
            Some(&[(500, 0, 4500, 0)]),
            4_001,
            0,
            "undecided: 5 s of the bake",
        ),
        (
            "stale",
            Some(&[(500, 0, 4500, 0)]),
            0,
            200_000,
            "undecided: the newest datapoint is 200 s old",
        ),
        (
            "5% against none",
            Some(&[(100, 5, 900, 0)]),
            9_000,
            0,
            "harmful: the new version failed 5 of 100",
        ),
        ("both alike", Some(&[(500, 5, 4500, 45)]), 0, 0, "harmless"),
        (
            "shared outage",
            Some(&[(500, 100, 4500, 900)]),
            0,
            0,
            "undecided: 20.00% of the requests fail",
        ),
        (
            "a bad old version does not excuse",
            Some(&[(500, 250, 4500, 900)]),
            0,
            0,
            "harmful",
        ),
        (
            "above the limit, within the margin",
            Some(&[
                (9000, 495, 1000, 49),
                (9000, 495, 1000, 49),
                (9000, 495, 1000, 49),
            ]),
            0,
            0,
            "harmful: the new version failed 5.50%",
        ),
        ("alone and clean", Some(&[(500, 0, 0, 0)]), 0, 0, "harmless"),
        (
            "alone and failing holds",
            Some(&[(500, 250, 0, 0)]),
            0,
            0,
            "undecided: 50.00% of the requests fail",
        ),
    ];
    for (name, points, bake_left_ms, age_ms, expected) in rows {
        let datapoints = points.map(|points| {
            points
                .iter()
                .zip(0..)
                .map(|(&(requests, errors, old, old_errors), minute)| {
                    let old = Counts {
                        requests: old,
                        errors: old_errors,
                    };
                    Datapoint::totals(1_000_000 + minute, Counts { requests, errors }, old)
                })
                .collect()
        });
        let evidence = Evidence {
            series: error_rate(datapoints),
            before: Before::default(),
            restart: 0,
            bake_left_ms: *bake_left_ms,
            now_ms: 1_000_000 + age_ms,
        };
        let said = judge(&evidence, &Rules::default()).to_string();
        assert!(said.starts_with(expected), "{name}: {said}");
    }
}

#[test]
fn a_later_start_needs_more_evidence() {
    let look = |restart| {
        let counts = |requests, errors| Counts { requests, errors };
        let points = vec![Datapoint::totals(0, counts(100, 4), counts(900, 0))];
        let evidence = Evidence {
            series: error_rate(Some(points)),
            before: Before::default(),
            restart,
            bake_left_ms: 0,
            now_ms: 0,
        };
        judge(&evidence, &Rules::default()).numbers().log_evidence
    };
    assert!(look(0) > look(1) && look(1) > look(5));
}

fn error_rate(datapoints: Option<Vec<Datapoint>>) -> Option<Vec<Series>> {
    datapoints.map(|datapoints| {
        vec![Series {
            metric: "error_rate".to_owned(),
            readings: Readings::Counts { datapoints },
        }]
    })
}

fn points(canary: (u64, u64), baseline: (u64, u64), minutes: i64) -> Vec<Datapoint> {
    let counts = |(requests, errors)| Counts { requests, errors };
    (0..minutes)
        .map(|m| Datapoint::totals(m * 60_000, counts(canary), counts(baseline)))
        .collect()
}

fn evidence(datapoints: Vec<Datapoint>) -> Evidence {
    Evidence {
        now_ms: datapoints.last().map_or(0, |d| d.at_ms + 60_000),
        series: error_rate(Some(datapoints)),
        before: Before::default(),
        restart: 0,
        bake_left_ms: 0,
    }
}

/// Rows: a change of the rules that makes them useless, and what the verdict says. None of them is ever a pass.
#[test]
fn rules_that_cannot_be_judged_by_never_pass() {
    type Change = fn(&mut Rules);
    let rows: &[(Change, &str)] = &[
        (|r| r.alpha = 0.0, "alpha is 0; accepted: above 0"),
        (|r| r.alpha = 1.0, "alpha is 1; accepted: above 0, at most 0.5"),
        (|r| r.alpha = f64::NAN, "alpha is NaN"),
        (|r| r.alpha = -0.1, "alpha is -0.1"),
        (|r| r.error_rate_limit = 0.0, "error_rate_limit is 0"),
        (
            |r| r.harmless_margin = 1.0,
            "harmless_margin is 1; accepted: above 1",
        ),
        (|r| r.harmless_alpha = 0.9, "harmless_alpha is 0.9"),
        (
            |r| r.metrics[0].margin = f64::INFINITY,
            "metrics[0].margin is inf; accepted: 1 to 100",
        ),
        (|r| r.metrics[0].weight = 0.0, "metrics[0].weight is 0"),
        (|r| r.metrics.clear(), "metrics is without any that decides"),
        (
            |r| r.metrics.push(r.metrics[0].clone()),
            "metrics[1].name is error_rate; accepted: each name once",
        ),
    ];
    for (change, said) in rows {
        let mut rules = Rules::default();
        change(&mut rules);
        let verdict = judge(&evidence(points((500, 0), (500, 0), 5)), &rules);
        assert!(
            matches!(
                verdict,
                Verdict::Undecided {
                    waiting_for: Missing::ValidRules { .. },
                    ..
                }
            ),
            "{verdict}"
        );
        assert!(verdict.to_string().contains(said), "{verdict}");
    }
}

#[test]
fn data_that_contradict_themselves_never_pass() {
    let named = |host: &str, requests| NamedHost {
        host: host.to_owned(),
        arm: ArmName::Canary,
        counts: Counts { requests, errors: 0 },
    };
    let with_hosts = |hosts: Vec<NamedHost>| {
        let mut points = points((500, 0), (500, 0), 3);
        points[1].hosts = hosts;
        points
    };
    let mut twice = points((500, 0), (500, 0), 3);
    twice[2].at_ms = twice[1].at_ms;
    let rows = [
        (
            points((500, 501), (500, 0), 3),
            "errors is 501; accepted: 0 to the number of requests, 500",
        ),
        (twice, "there is a datapoint of 60000 already"),
        (
            with_hosts(vec![named("a", 499)]),
            "the hosts of the canary do not add up to its total",
        ),
        (
            with_hosts(vec![named("a", 250), named("a", 250)]),
            "the hosts of the baseline do not add up",
        ),
    ];
    for (points, said) in rows {
        let verdict = judge(&evidence(points), &Rules::default());
        assert!(
            matches!(
                verdict,
                Verdict::Undecided {
                    waiting_for: Missing::ValidData { .. },
                    ..
                }
            ),
            "{verdict}"
        );
        assert!(verdict.to_string().contains(said), "{verdict}");
    }
}

/// With hardly any old version left, worse than before holds and asks; it never goes back by itself.
#[test]
fn the_past_alone_proves_nothing() {
    let mut datapoints = points((500, 1), (4500, 9), 10);
    let last = points((5000, 150), (0, 0), 20);
    datapoints.extend(last[10..].iter().cloned());
    let rules = Rules {
        error_rate_limit: 0.2,
        ..Rules::default()
    };
    let verdict = judge(&evidence(datapoints), &rules);
    assert!(
        matches!(
            verdict,
            Verdict::Undecided {
                waiting_for: Missing::Comparison { .. },
                ..
            }
        ),
        "{verdict}"
    );
}

/// Rows: importance and errors per minute of two metrics (none: no data), and how the verdict begins.
#[test]
fn several_metrics_are_judged_together() {
    use Importance::{Critical, Normal, ObserveOnly};
    type Row = (Importance, Option<u64>, Importance, Option<u64>, &'static str);
    let rows: &[Row] = &[
        (Critical, Some(0), Critical, Some(0), "harmless"),
        (
            Critical,
            Some(50),
            Critical,
            Some(0),
            "harmful: the new version failed",
        ),
        (
            Critical,
            Some(0),
            Normal,
            Some(50),
            "harmful: checkout: the new version failed",
        ),
        (Critical, Some(0), ObserveOnly, Some(50), "harmless"),
        (
            Critical,
            Some(0),
            Critical,
            None,
            "undecided: waiting for the first data of checkout",
        ),
        (Critical, Some(0), Normal, None, "harmless"),
        (
            Critical,
            None,
            Normal,
            Some(0),
            "undecided: waiting for the first data of error_rate",
        ),
        (
            Normal,
            None,
            Normal,
            None,
            "undecided: waiting for the first requests",
        ),
    ];
    for (first, first_errors, second, second_errors, said) in rows {
        let mut rules = Rules {
            error_rate_limit: 0.5,
            ..Rules::default()
        };
        rules.metrics[0].importance = *first;
        let mut checkout = Metric::error_rate(1.5);
        (checkout.name, checkout.importance) = ("checkout".to_owned(), *second);
        rules.metrics.push(checkout);
        let mut gate = Gate::new(rules).unwrap();
        for (metric, errors) in [first_errors, second_errors].into_iter().enumerate() {
            let Some(errors) = errors else { continue };
            for datapoint in points((500, *errors), (500, 0), 5) {
                gate.fold(metric, datapoint.point(&mut Roster::default()).unwrap())
                    .unwrap();
            }
        }
        let verdict = gate.look(Moment {
            now_ms: 300_000,
            bake_left_ms: 0,
        });
        assert!(verdict.to_string().starts_with(said), "{verdict}");
    }
}

/// What was different before the upgrade already is not laid to the new version.
#[test]
fn a_known_difference_widens_the_margin() {
    let counts = |requests, errors| Counts { requests, errors };
    let host = |host, errors| HostCounts {
        host,
        counts: counts(1000, errors),
    };
    let mut gate = Gate::new(Rules::default()).unwrap();
    for minute in 0..30 {
        let old = (0..10).map(|h| host(h, if h < 5 { 10 } else { 5 })).collect();
        let point = Point {
            at_ms: minute * 60_000,
            canary: Arm::Hosts(vec![]),
            baseline: Arm::Hosts(old),
        };
        gate.fold(0, point).unwrap();
    }
    let new = (0..5).map(|h| host(h, 10)).collect();
    let old = (5..10).map(|h| host(h, 5)).collect();
    let point = Point {
        at_ms: 1_800_000,
        canary: Arm::Hosts(new),
        baseline: Arm::Hosts(old),
    };
    gate.fold(0, point).unwrap();
    let verdict = gate.look(Moment {
        now_ms: 1_860_000,
        bake_left_ms: 1,
    });
    let margin = verdict.numbers().margin;
    assert!((2.6..3.0).contains(&margin), "{margin}: {verdict}");
}
