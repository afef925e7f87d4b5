//! Several metrics at once, as they are read of a running fleet.

use super::*;
use crate::errors::{Counts, Datapoint};
use crate::metric::{Importance, Kind, Metric};
use crate::threshold::{Sample, Threshold};

/// The rules of a fleet that watches a metric of each kind.
fn rules() -> Rules {
    let metric = |name: &str, kind: Kind, importance| Metric {
        name: name.to_owned(),
        kind,
        importance,
        weight: 1.0,
        margin: kind.default_margin(),
    };
    let limit = |metric: &str, test: &str, importance| {
        Threshold::new(metric, vec![test.parse().unwrap()], importance).unwrap()
    };
    Rules {
        metrics: vec![
            Metric::error_rate(1.5),
            metric("slow_rate", Kind::Slow, Importance::Critical),
            metric("queue_age_s", Kind::Means, Importance::Normal),
            metric("checkout_errors", Kind::Errors, Importance::ObserveOnly),
        ],
        thresholds: vec![
            limit("redis_up", "1", Importance::Critical),
            limit("cpu", "<90%", Importance::ObserveOnly),
        ],
        ..Rules::default()
    }
}

fn counted(metric: &str, canary: (u64, u64), baseline: (u64, u64)) -> Series {
    let counts = |(requests, errors)| Counts { requests, errors };
    let datapoints = (0..20).map(|m| Datapoint::totals(m * 60_000, counts(canary), counts(baseline)));
    Series {
        metric: metric.to_owned(),
        readings: Readings::Counts {
            datapoints: datapoints.collect(),
        },
    }
}

fn valued(metric: &str, canary: f64, baseline: f64) -> Series {
    let sample = |value| Some(Sample { value, samples: 60 });
    let values = (0..20).map(|m| MomentValues {
        at_ms: m * 60_000,
        canary: sample(canary),
        baseline: sample(baseline),
    });
    Series {
        metric: metric.to_owned(),
        readings: Readings::Values {
            values: values.collect(),
        },
    }
}

fn absent(metric: &str) -> Series {
    Series {
        metric: metric.to_owned(),
        readings: Readings::Absent {
            why: "no limit was frozen".to_owned(),
        },
    }
}

/// What a healthy fleet shows.
fn healthy() -> Vec<Series> {
    vec![
        counted("error_rate", (100, 0), (900, 2)),
        counted("slow_rate", (100, 10), (900, 90)),
        valued("queue_age_s", 3.0, 3.0),
        counted("checkout_errors", (50, 0), (450, 0)),
        valued("redis_up", 1.0, 1.0),
        valued("cpu", 0.5, 0.5),
    ]
}

fn judged(series: Vec<Series>, before: Before) -> Verdict {
    let evidence = Evidence {
        series: Some(series),
        before,
        restart: 0,
        bake_left_ms: 0,
        now_ms: 20 * 60_000,
    };
    // What is stored gives the same verdict again.
    let stored: Evidence = serde_json::from_str(&serde_json::to_string(&evidence).unwrap()).unwrap();
    let verdict = judge(&evidence, &rules());
    assert_eq!(judge(&stored, &rules()), verdict);
    verdict
}

/// Rows: what is read instead of a healthy metric, and how the verdict begins.
#[test]
fn each_kind_of_metric_has_its_say() {
    let rows = [
        (healthy().remove(0), "harmless: "),
        (
            counted("error_rate", (100, 10), (900, 2)),
            "harmful: the new version failed 200 of 2000 requests against 40 of 18000 requests of the old one",
        ),
        (
            counted("slow_rate", (100, 30), (900, 90)),
            "harmful: slow_rate: the new version was slow in 600 of 2000 requests against 1800 of 18000 requests",
        ),
        (
            valued("queue_age_s", 9.0, 3.0),
            "harmful: queue_age_s: the new version had 9.0000 on average over 20 minutes against 3.0000",
        ),
        (valued("queue_age_s", 1.0, 3.0), "harmless: "),
        (counted("checkout_errors", (50, 50), (450, 0)), "harmless: "),
        (
            valued("redis_up", 0.0, 1.0),
            "harmful: redis_up of the new version is 0, accepted: 1; the old version keeps to it",
        ),
        (
            valued("redis_up", 0.0, 0.0),
            "undecided: redis_up is 0, accepted: 1; the old version does not keep to it either",
        ),
        (valued("cpu", 0.99, 0.5), "harmless: "),
        (
            absent("slow_rate"),
            "undecided: there are no data of slow_rate: no limit was frozen",
        ),
        (absent("redis_up"), "undecided: there are no data of redis_up"),
        (absent("queue_age_s"), "harmless: "),
        (absent("cpu"), "harmless: "),
        (valued("nobody_asked", 0.0, 1.0), "harmless: "),
    ];
    for (instead, said) in rows {
        let mut series = healthy();
        series.retain(|s| s.metric != instead.metric);
        series.push(instead);
        let verdict = judged(series, Before::default());
        assert!(verdict.to_string().starts_with(said), "{said}: {verdict}");
        assert_eq!(verdict.numbers().all.len(), 6, "{verdict}");
    }
}

/// Rows: what is not read, and what is waited for.
#[test]
fn what_was_not_read_never_passes() {
    for (metric, said) in [
        (
            "error_rate",
            "undecided: waiting for the first data of error_rate",
        ),
        ("slow_rate", "undecided: waiting for the first data of slow_rate"),
        ("redis_up", "undecided: waiting for the first data of redis_up"),
        ("queue_age_s", "harmless"),
    ] {
        let mut series = healthy();
        series.retain(|s| s.metric != metric);
        let verdict = judged(series, Before::default());
        assert!(verdict.to_string().starts_with(said), "{metric}: {verdict}");
    }
}

/// Rows: a change of what is read or known that contradicts itself, and what is said.
#[test]
fn contradictions_hold() {
    type Change = fn(&mut Vec<Series>, &mut Before);
    let rows: &[(Change, &str)] = &[
        (|s, _| s.push(healthy().remove(0)), "error_rate was read twice"),
        (
            |s, _| s[2] = counted("queue_age_s", (1, 0), (1, 0)),
            "queue_age_s is compared by means, and counts were read",
        ),
        (
            |s, _| s[1] = valued("slow_rate", 1.0, 1.0),
            "slow_rate is compared by counts, and values were read",
        ),
        (|s, _| s[2] = valued("queue_age_s", -1.0, 1.0), "mean is -1"),
        (
            |s, _| s[0] = counted("error_rate", (5, 6), (900, 0)),
            "errors is 6; accepted: 0 to the number of requests, 5",
        ),
        (|_, b| b.metrics[0].difference = 0.5, "was 0.5 times as bad"),
        (|_, b| b.metrics[0].past.errors = 9, "9 errors of 0 requests"),
    ];
    for (change, said) in rows {
        let mut before = Before {
            metrics: vec![Known {
                metric: "error_rate".to_owned(),
                difference: 1.0,
                past: Counts::default(),
                slow_above: None,
            }],
        };
        let mut series = healthy();
        change(&mut series, &mut before);
        let verdict = judged(series, before);
        let held = matches!(
            verdict,
            Verdict::Undecided {
                waiting_for: Missing::ValidData { .. },
                ..
            }
        );
        assert!(held && verdict.to_string().contains(said), "{said}: {verdict}");
    }
}

/// What was frozen widens the margin, and is the past that a new version without an old one beside it is held
/// against.
#[test]
fn what_was_frozen_is_used() {
    let before = |difference, errors| Before {
        metrics: vec![Known {
            metric: "error_rate".to_owned(),
            difference,
            past: Counts {
                requests: 100_000,
                errors,
            },
            slow_above: None,
        }],
    };
    let mut twice = healthy();
    twice[0] = counted("error_rate", (1000, 20), (9000, 60));
    let harmful = |v: &Verdict| matches!(v, Verdict::Harmful { .. });
    assert!(harmful(&judged(twice.clone(), Before::default())));
    let allowed = judged(twice, before(2.5, 700));
    assert!(!harmful(&allowed), "{allowed}");

    let mut alone = healthy();
    alone[0] = counted("error_rate", (1000, 20), (0, 0));
    alone[1] = counted("slow_rate", (1000, 100), (0, 0));
    let held = judged(alone.clone(), before(1.0, 100));
    assert!(held.to_string().contains("somebody has to decide"), "{held}");
    let fine = judged(alone, before(1.0, 2000));
    assert!(fine.to_string().starts_with("harmless"), "{fine}");
}

/// The old version is as large again or half as large at most, or its means are not comparable.
#[test]
fn means_of_few_and_of_many_are_not_compared() {
    let mut series = healthy();
    let Readings::Values { values } = &mut series[2].readings else {
        panic!("values")
    };
    for v in values {
        v.baseline = Some(Sample {
            value: 1.0,
            samples: 600,
        });
        v.canary = Some(Sample {
            value: 9.0,
            samples: 60,
        });
    }
    let verdict = judged(series.clone(), Before::default());
    assert!(verdict.to_string().starts_with("harmless"), "{verdict}");
    let mut critical = rules();
    critical.metrics[2].importance = Importance::Critical;
    let evidence = Evidence {
        series: Some(series),
        now_ms: 20 * 60_000,
        ..Evidence::default()
    };
    let verdict = judge(&evidence, &critical).to_string();
    assert!(
        verdict.contains("about as many samples in one minute"),
        "{verdict}"
    );
}
