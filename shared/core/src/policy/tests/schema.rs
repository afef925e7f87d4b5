//! The published schemas against the types that they are of.

use schemars::{JsonSchema, schema_for};
use serde_json::Value;

use super::*;

/// The schema in its file; written anew with `UPDATE_FIXTURES=1`.
fn published<T: JsonSchema>(name: &str, title: &str) -> jsonschema::Validator {
    let mut made = schema_for!(T);
    made.insert("title".to_owned(), Value::String(title.to_owned()));
    let made = serde_json::to_string_pretty(&made).unwrap() + "\n";
    let path = folder().join("schemas").join(name);
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stored == made,
        "{name} differs from the types: run with UPDATE_FIXTURES=1 and look at what changes"
    );
    jsonschema::validator_for(&serde_json::from_str(&stored).unwrap()).unwrap()
}

fn as_json(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

#[test]
fn schemas_are_those_of_the_types_and_accept_the_examples() {
    let rows = [
        (
            published::<Policy>("policy.json", "Policy"),
            vec!["system.yaml", "tenant.yaml", "component.yaml"],
        ),
        (
            published::<UpgradePolicies>("upgrade-policies.json", "Upgrade policies"),
            vec!["upgrade_policies.yaml"],
        ),
        (
            published::<UpgradeWindows>("upgrade-windows.json", "Upgrade windows"),
            vec!["upgrade_windows.yaml"],
        ),
        (
            published::<HealthChecks>("health-checks.json", "Health checks"),
            vec!["health_checks.yaml"],
        ),
    ];
    for (schema, names) in rows {
        for name in names {
            let told: Vec<_> = schema
                .iter_errors(&as_json(&example(name)))
                .map(|e| e.to_string())
                .collect();
            assert!(told.is_empty(), "{name}: {told:?}");
        }
    }
}

/// What the types refuse by themselves, the schema refuses; what they accept, it accepts.
#[test]
fn schema_and_types_agree() {
    let schema = published::<Policy>("policy.json", "Policy");
    for text in [
        "strategy: ROLLING",
        "strategy: rolling",
        "stratgy: ROLLING",
        "canary: {percentage: 101}",
        "canary: {percentage: -1}",
        "canary: {stages: [1, 5]}",
        "batches: {count: 0}",
        "batches: {count: 1000000}",
        "batches: {count: 1000001}",
        "batches: {delay: 5m}",
        "batches: {delay: 5 minutes}",
        "batches: {delay: 60}",
        "batches: {delay: -1}",
        "batches: {delay: \"\"}",
        "rollingUpdate: {maxUnavailable: 25%}",
        "rollingUpdate: {maxUnavailable: 101%}",
        "rollingUpdate: {maxUnavailable: x}",
        "rollingUpdate: {partition: replicas - 1}",
        "rollingUpdate: {partition: replicas}",
        "rollingUpdate: {maxSurge: -1}",
        "gates: [{metric: a, expected: \">0\"}]",
        "gates: [{metric: a, expected: much}]",
        "gates: [{metric: a}]",
        "paused: {}",
        "paused: {reason: a}",
        "approval: sometimes",
        "preset: tier-1",
        "preset: tier-2",
        "windows: [{name: a, zone: UTC, once: {from: 2026-01-01T00:00:00Z, to: 2026-01-02T00:00:00Z}}]",
        "windows: [{zone: UTC}]",
        "freezes: [{name: a, zone: UTC, dates: [2026-12-24]}]",
        "notify: [{kind: sns, to: a}]",
        "notify: [{kind: pigeon, to: a}]",
        "postUpgradeVerify: {expectedStatus: 200}",
    ] {
        let typed = read::<Policy>("p.yaml", text);
        assert_eq!(
            schema.is_valid(&as_json(text)),
            typed.is_ok(),
            "{text}: {typed:?}"
        );
    }
}
