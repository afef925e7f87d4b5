//! Declarations as rows.

use sluice_judge::metric::{Importance, Kind};

use super::*;

fn source(watched: &str) -> MetricSource {
    serde_json::from_str(&format!(r#"{{"namespace":"Demo","watched":[{watched}]}}"#)).unwrap()
}

#[test]
fn a_declaration_becomes_rules() {
    let source = source(
        r#"{"name":"checkout","kind":"errors","errors":"CheckoutErrors","requests":"Checkouts","critical":true},
        {"name":"slow_rate","kind":"slow","latency":"Latency","margin":1.2,"weight":0.5},
        {"name":"queue_age_s","kind":"means","metric":"QueueAge","observe_only":true},
        {"name":"redis_up","kind":"threshold","expected":1,"statistic":"minimum","consecutive":2},
        {"name":"clients","kind":"threshold","expected":">0","critical":true},
        {"name":"cpu","kind":"threshold","min":0.01,"max":0.9,"min_samples":10}"#,
    );
    assert_eq!(source.check(), []);
    let rules = source.rules();
    assert_eq!(rules.check(), Ok(()));
    let metrics: Vec<_> = rules
        .metrics
        .iter()
        .map(|m| (m.name.as_str(), m.kind, m.importance, m.margin, m.weight))
        .collect();
    assert_eq!(
        metrics,
        [
            ("error_rate", Kind::Errors, Importance::Critical, 1.5, 1.0),
            ("checkout", Kind::Errors, Importance::Critical, 1.5, 1.0),
            ("slow_rate", Kind::Slow, Importance::Normal, 1.2, 0.5),
            ("queue_age_s", Kind::Means, Importance::ObserveOnly, 1.0, 1.0),
        ]
    );
    let limits: Vec<_> = rules
        .thresholds
        .iter()
        .map(|t| {
            (
                t.metric.as_str(),
                t.limit(),
                t.min_samples,
                t.consecutive,
                t.importance,
            )
        })
        .collect();
    assert_eq!(
        limits,
        [
            ("redis_up", "1".to_owned(), 1, 2, Importance::Normal),
            ("clients", ">0".to_owned(), 1, 3, Importance::Critical),
            ("cpu", ">=0.01 and <=0.9".to_owned(), 10, 3, Importance::Normal),
        ]
    );
}

/// Rows: what is declared, and what the refusal says.
#[test]
fn what_cannot_be_judged_by_is_refused_by_name() {
    let limit = r#""name":"x","kind":"threshold""#;
    let errors = r#""name":"x","kind":"errors","errors":"E""#;
    let rows = [
        (
            r#"{"name":"X y","kind":"means"}"#.to_owned(),
            "watched[0].name: is \"X y\"",
        ),
        (
            r#"{"name":"error_rate","kind":"means"}"#.to_owned(),
            "name: is error_rate, which is there already",
        ),
        (
            format!("{{{errors}}},{{{errors}}}"),
            "watched[1].name: is x, which is there already",
        ),
        (
            r#"{"name":"x","kind":"errors"}"#.to_owned(),
            "watched[0].errors: is missing",
        ),
        (
            r#"{"name":"x","kind":"slow"}"#.to_owned(),
            "slow: and latency are both there, or neither",
        ),
        (
            r#"{"name":"x","kind":"slow","latency":"L","slow":"S"}"#.to_owned(),
            "slow: and latency are both there",
        ),
        (
            r#"{"name":"x","kind":"slow","latency":"L","requests":"R"}"#.to_owned(),
            "requests: is there, and latency counts them",
        ),
        (
            format!(r#"{{{errors},"margin":0.5}}"#),
            "margin: is 0.5; accepted: 1 to 100",
        ),
        (
            format!(r#"{{{errors},"weight":0}}"#),
            "weight: is 0; accepted: above 0",
        ),
        (
            format!(r#"{{{errors},"expected":1}}"#),
            "expected: is no field of this kind",
        ),
        (
            format!(r#"{{{errors},"critical":true,"observe_only":true}}"#),
            "observe_only: is true, and so is critical",
        ),
        (
            format!(r#"{{{errors},"requests":""}}"#),
            "requests: is \"\"; accepted: 1 to 255",
        ),
        (format!("{{{limit}}}"), "expected: is missing"),
        (
            format!(r#"{{{limit},"expected":1,"max":2}}"#),
            "expected: is there beside min or max",
        ),
        (
            format!(r#"{{{limit},"min":3,"max":2}}"#),
            "min: is 3; accepted: at most max, 2",
        ),
        (
            format!(r#"{{{limit},"max":2,"consecutive":0}}"#),
            "consecutive: is 0",
        ),
        (
            format!(r#"{{{limit},"max":2,"margin":2}}"#),
            "margin: is no field of this kind",
        ),
    ];
    for (watched, said) in rows {
        let refused: Vec<_> = source(&watched).check().iter().map(ToString::to_string).collect();
        assert!(
            refused
                .iter()
                .any(|r| r.starts_with("metrics.watched[") && r.contains(said)),
            "{said}: {refused:?}"
        );
    }
    for (wrong, field) in [
        (
            r#"{"source":"check-ins","namespace":"X"}"#,
            "metrics.period_seconds",
        ),
        (
            r#"{"source":"check-ins","period_seconds":10}"#,
            "metrics.period_seconds",
        ),
        (
            r#"{"source":"check-ins","watched":[{"name":"x","kind":"means"}]}"#,
            "metrics.watched",
        ),
        ("{}", "metrics.namespace"),
    ] {
        let source: MetricSource = serde_json::from_str(wrong).unwrap();
        assert!(source.check().iter().any(|e| e.field == field), "{wrong}");
    }
    assert_eq!(MetricSource::check_ins().check(), []);
    let many = MetricSource {
        watched: vec![source(r#"{"name":"a","kind":"means"}"#).watched[0].clone(); MAX_WATCHED + 1],
        period_seconds: 7,
        namespace: String::new(),
        ..MetricSource::new("Demo")
    };
    let refused: Vec<_> = many.check().iter().map(|e| e.field.clone()).collect();
    for field in ["metrics.period_seconds", "metrics.namespace", "metrics.watched"] {
        assert!(refused.iter().any(|f| f == field), "{field}: {refused:?}");
    }
}
