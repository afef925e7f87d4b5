//! What operators write, and what it means.

use super::*;

fn parse(yaml: &str) -> Result<Threshold, String> {
    serde_saphyr::from_str(yaml).map_err(|e| e.to_string())
}

/// Rows: what is written, values that are accepted, values that are not.
#[test]
fn thresholds_are_read_as_operators_write_them() {
    let rows: &[(&str, &[f64], &[f64])] = &[
        (
            "{metric: error_rate, above: 5%}",
            &[0.0, 0.05],
            &[0.051, 1.0, f64::NAN],
        ),
        (
            "{metric: error_rate, above: 0.05}",
            &[0.05],
            &[0.06, f64::INFINITY],
        ),
        ("{metric: redis_up, expected: 1}", &[1.0], &[0.0, 2.0, f64::NAN]),
        (
            "{metric: clients, expected: \">0\"}",
            &[1.0, 0.1],
            &[0.0, -1.0, f64::NAN],
        ),
        ("{metric: clients, expected: \"!= 3\"}", &[1.0], &[3.0]),
        ("{metric: clients, expected: \"<= 3\"}", &[3.0], &[3.1]),
        (
            "{metric: cpu, min: 10, max: 80}",
            &[10.0, 80.0],
            &[9.9, 80.1, f64::NAN],
        ),
        ("{metric: cpu, below: 10}", &[10.0], &[9.0]),
    ];
    for (yaml, accepted, refused) in rows {
        let threshold = parse(yaml).unwrap();
        assert!(
            accepted.iter().all(|v| threshold.accepts(*v)),
            "{yaml}: {}",
            threshold.limit()
        );
        assert!(
            !refused.iter().any(|v| threshold.accepts(*v)),
            "{yaml}: {}",
            threshold.limit()
        );
        let again = parse(&serde_json::to_string(&threshold).unwrap()).unwrap();
        assert_eq!(again, threshold, "{yaml}");
    }
}

/// Rows: what is written, and what the refusal says.
#[test]
fn what_is_no_threshold_is_refused() {
    let rows = [
        ("{metric: x}", "has 0 limits; accepted: one of"),
        (
            "{metric: x, above: 1, expected: 1}",
            "has 2 limits; accepted: one of",
        ),
        ("{metric: x, above: many}", "is no number; accepted: such as"),
        (
            "{metric: x, expected: \">\"}",
            "is no number and no comparison with one; accepted: such as",
        ),
        (
            "{metric: x, max: 1, critical: true, observe_only: true}",
            "accepted: at most one of them",
        ),
        (
            "{metric: x, min: 3, max: 2}",
            "min is 3; accepted: at most max, 2",
        ),
        ("{metric: x, max: .inf}", "non-finite"),
        ("{metric: x, over: 1}", "unknown field"),
    ];
    for (yaml, said) in rows {
        let refusal = parse(yaml).unwrap_err();
        assert!(refusal.contains(said), "{yaml}: {refusal}");
    }
}

/// Rows: values of both versions look by look (NaN: none), and what they lead to with three looks in a row.
#[test]
fn breaches_count_in_a_row_and_beside_a_healthy_old_version() {
    const NONE: f64 = -1.0;
    let harmful = Breach::Harmful { observed: 0.2 };
    let shared = Breach::Shared { observed: 0.2 };
    let rows: &[(&[(f64, f64)], Breach)] = &[
        (&[(0.2, 0.0), (0.2, 0.0)], Breach::None),
        (&[(0.2, 0.0), (0.2, 0.0), (0.2, 0.0)], harmful),
        (&[(0.2, 0.0), (0.2, 0.0), (0.0, 0.0), (0.2, 0.0)], Breach::None),
        (&[(0.2, 0.0), (0.2, 0.2), (0.2, 0.0)], shared),
        (&[(0.2, 0.2), (0.2, 0.2), (0.2, 0.2)], shared),
        (&[(0.2, NONE), (0.2, NONE), (0.2, NONE)], shared),
        (&[(0.2, 0.0), (NONE, 0.0), (0.2, 0.0), (0.2, 0.0)], harmful),
    ];
    for (looks, expected) in rows {
        let mut watch = ThresholdWatch::new(Threshold::at_most("error_rate", 0.05, 10, 3));
        for (at_ms, (canary, baseline)) in (0..).zip(*looks) {
            let sample = |value: f64| (value >= 0.0).then_some(Sample { value, samples: 10 });
            watch.fold(at_ms, sample(*canary), sample(*baseline));
            // Neither the same moment again nor an earlier one makes a row longer.
            if *canary >= 0.0 {
                watch.fold(at_ms, sample(0.9), sample(0.0));
                watch.fold(at_ms - 1, sample(0.9), sample(0.0));
            }
        }
        assert_eq!(watch.breach(), *expected, "{looks:?}");
    }
    let mut watch = ThresholdWatch::new(Threshold::at_most("error_rate", 0.05, 10, 1));
    watch.fold(
        0,
        Some(Sample {
            value: 0.9,
            samples: 9,
        }),
        Some(Sample {
            value: 0.0,
            samples: 10,
        }),
    );
    assert_eq!(watch.breach(), Breach::None, "too few samples");
}
