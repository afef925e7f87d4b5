use serde_json::{Value, json};

use super::*;
use crate::settings::{Settings, Wishes};

fn resolve(given: Value) -> Result<Checks, Vec<String>> {
    let wishes: Wishes = serde_json::from_value(given).unwrap();
    let settings = Settings::resolve(&wishes);
    settings
        .map(|s| s.checks)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

#[test]
fn checks_become_part_of_the_settings() {
    let health = json!({"type": "health-check"});
    let custom = json!({"enabled": true, "type": "custom", "timeout": "5s", "expected": "up",
        "command": "\n redis-cli INFO replication | grep master_link_status\n"});
    let exec = json!({"type": "exec", "command": "redis-cli ping", "expected": "PONG", "timeout": "1m"});
    let metrics = json!({"type": "metrics", "metrics": [
        {"name": "redis_up", "expected": 1}, {"name": "redis_connected_clients", "expected": ">0"}]});
    let http = json!({"type": "http", "endpoint": "/health"});
    let off = json!({"enabled": false, "type": "http", "endpoint": "nowhere"});
    for (field, given, expected) in [
        (
            "preUpgradeCheck",
            health,
            json!({"pre_upgrade": {"type": "health-check", "timeout_ms": 30_000}}),
        ),
        (
            "preUpgradeCheck",
            custom,
            json!({"pre_upgrade": {"type": "custom", "expected": "up", "timeout_ms": 5_000,
                "command": "redis-cli INFO replication | grep master_link_status"}}),
        ),
        (
            "postUpgradeVerify",
            exec,
            json!({"post_upgrade": {"type": "exec", "command": "redis-cli ping", "expected": "PONG",
                "timeout_ms": 60_000}}),
        ),
        (
            "postUpgradeVerify",
            metrics,
            json!({"post_upgrade": {"type": "metrics", "timeout_ms": 30_000, "metrics": [
                {"name": "redis_up", "expected": "1"}, {"name": "redis_connected_clients", "expected": ">0"}]}}),
        ),
        (
            "postUpgradeVerify",
            http,
            json!({"post_upgrade": {"type": "http", "endpoint": "/health", "expected_status": 200,
                "timeout_ms": 10_000}}),
        ),
        ("postUpgradeVerify", off, json!({})),
    ] {
        let checks = resolve(json!({ field: given })).unwrap();
        let written = serde_json::to_value(&checks).unwrap();
        assert_eq!(written, expected);
        assert_eq!(serde_json::from_value::<Checks>(written).unwrap(), checks);
    }
}

#[test]
fn each_bad_value_is_named_with_what_is_accepted() {
    let long = "x".repeat(1_025);
    for (field, given, expected) in [
        (
            "preUpgradeCheck",
            json!({}),
            vec!["type: is missing; accepted: health-check or custom"],
        ),
        (
            "preUpgradeCheck",
            json!({"type": "health-check", "command": "true", "expected": "x", "timeout": "soon"}),
            vec![
                "timeout: is \"soon\"; accepted: 1s to 600s, as in 30s",
                "command: is not of this type; accepted: only with type custom",
                "expected: is not of this type; accepted: only with type custom",
            ],
        ),
        (
            "preUpgradeCheck",
            json!({"type": "custom", "expected": "", "timeout": "-5s"}),
            vec![
                "timeout: is \"-5s\"; accepted: 1s to 600s, as in 30s",
                "command: has 0 characters; accepted: 1 to 1024 characters, none of them NUL",
                "expected: has 0 characters; accepted: 1 to 1024 characters, none of them NUL",
            ],
        ),
        (
            "postUpgradeVerify",
            json!({"timeout": "1s"}),
            vec!["type: is missing; accepted: exec, metrics or http"],
        ),
        (
            "postUpgradeVerify",
            json!({"type": "exec", "command": long, "timeout": "601s", "endpoint": "/"}),
            vec![
                "endpoint: is not of this type; accepted: only with type http",
                "timeout: is \"601s\"; accepted: 1s to 600s, as in 30s",
                "command: has 1025 characters; accepted: 1 to 1024 characters, none of them NUL",
            ],
        ),
        (
            "postUpgradeVerify",
            json!({"type": "metrics"}),
            vec!["metrics: has 0; accepted: 1 to 16 metrics"],
        ),
        (
            "postUpgradeVerify",
            json!({"type": "metrics", "metrics": [{"name": "1x", "expected": "up"}, {"name": "x", "expected": true}]}),
            vec![
                "metrics[0].name: is \"1x\"; accepted: a letter, _ or :, then letters, digits, _ and :, at most 1024",
                "metrics[0].expected: is \"up\"; accepted: a number, or a text of ==, !=, >, >=, < or <= and a number",
                "metrics[1].expected: is true; accepted: a number, or a text of ==, !=, >, >=, < or <= and a number",
            ],
        ),
        (
            "postUpgradeVerify",
            json!({"type": "http", "endpoint": "http://elsewhere/", "expectedStatus": 99}),
            vec![
                "endpoint: is \"http://elsewhere/\"; accepted: a path that begins with /, at most 1024 visible ASCII \
                 characters",
                "expectedStatus: is 99; accepted: 100 to 599",
            ],
        ),
    ] {
        let expected: Vec<_> = expected.into_iter().map(|e| format!("{field}.{e}")).collect();
        assert_eq!(resolve(json!({ field: given })), Err(expected), "{given}");
    }
}

#[test]
fn checks_leave_an_instance_time_to_move() {
    let checks = |limit: u32| {
        resolve(json!({
            "preUpgradeCheck": {"type": "health-check", "timeout": "30s"},
            "postUpgradeVerify": {"type": "http", "endpoint": "/", "timeout": "10s"},
            "healthCheckTimeoutSeconds": limit,
        }))
    };
    assert!(checks(41).is_ok());
    let said = "healthCheckTimeoutSeconds: is 40, and the checks alone may take 40 s; accepted: 41 to 86400";
    assert_eq!(checks(40), Err(vec![said.to_owned()]));
}
