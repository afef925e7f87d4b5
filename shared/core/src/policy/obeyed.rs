//! What of a policy running upgrades obey. The rest can be planned with offline, and is not kept: a protection that is
//! written down and not followed is worse than none.

use serde_json::{Value, json};

use super::Policy;
use super::effective::flat;
use super::read::Wrong;
use crate::settings::{Settings, Wishes};

/// Keys that are obeyed, with all that is below them.
const OBEYED: [&str; 21] = [
    "approval",
    "strategy",
    "order",
    "canary",
    "batches",
    "rollingUpdate",
    "watch.interval",
    "watch.failureThreshold",
    "watch.maxConsecutiveFailures",
    "watch.onBreaker",
    "preUpgradeCheck",
    "postUpgradeVerify",
    "rollback.onFailure",
    "rollback.maxUnavailable",
    "windows",
    "freezes",
    "emergencyStop",
    "onWindowEnd",
    "onTooLong",
    "limits.upgradesPerSystem",
    "limits.upgradesPerTenant",
];

/// Keys that have one value only: what running upgrades do in any case.
fn fixed() -> [(&'static str, Value); 3] {
    [
        ("rollback.enabled", json!(true)),
        ("watch.onHarm", json!("rollback")),
        ("onPause", json!("hold")),
    ]
}

/// Every value of a policy that running upgrades would not obey.
#[must_use]
pub fn unobeyed(policy: &Policy) -> Vec<Wrong> {
    let mut wrongs: Vec<Wrong> = flat(policy)
        .iter()
        .filter_map(|(key, value)| one(key, value))
        .collect();
    if let Some(preset) = policy.preset {
        let inside = flat(&preset.policy());
        let not: Vec<&str> = inside
            .iter()
            .filter(|(key, value)| one(key, value).is_some())
            .map(|(key, _)| key.as_str())
            .collect();
        if !not.is_empty() {
            let problem = format!("sets {}, which running upgrades do not follow", not.join(", "));
            wrongs.push(Wrong::new("preset", problem, "its other values, written out"));
        }
    }
    let strategy = Wishes {
        strategy: policy.strategy,
        ..Wishes::default()
    };
    if let Err(errors) = Settings::check_fields(&strategy) {
        wrongs.extend(
            errors
                .into_iter()
                .map(|e| Wrong::new(e.field, e.problem, e.accepted)),
        );
    }
    wrongs
}

fn one(key: &str, value: &Value) -> Option<Wrong> {
    let below = |of: &str| {
        key.strip_prefix(of)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    if key == "approval" && *value == json!("stages") {
        return Some(Wrong::new(
            key,
            "is not offered by running upgrades",
            "always or never",
        ));
    }
    if OBEYED.iter().any(|of| below(of)) {
        return None;
    }
    let not = "is not followed by running upgrades";
    match fixed().into_iter().find(|(of, _)| *of == key) {
        Some((_, only)) if only == *value => None,
        Some((_, only)) => Some(Wrong::new(key, not, format!("{only}, or no such key"))),
        None => Some(Wrong::new(key, not, "no such key")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::read;

    #[test]
    fn what_is_not_followed_is_named() {
        for (text, expected) in [
            ("{}", ""),
            ("strategy: CANARY", ""),
            (
                "{order: index, canary: {stages: [5, 30]}, batches: {ratios: [30, 70]}}",
                "",
            ),
            (
                "{rollingUpdate: {maxUnavailable: 2, timeout: 60s, partition: 3}}",
                "",
            ),
            (
                "{rollback: {enabled: true, onFailure: false, maxUnavailable: 10%}, onPause: hold}",
                "",
            ),
            ("preset: production", ""),
            ("preset: tier-1", ""),
            (
                "{watch: {maxConsecutiveFailures: 1, onBreaker: ask}, canary: {promotion: manual}}",
                "",
            ),
            (
                "{onWindowEnd: rollback, onTooLong: split, emergencyStop: {reason: fire}, freezes: []}",
                "",
            ),
            ("strategy: STAGED", "strategy"),
            ("strategy: BLUE_GREEN", "strategy"),
            ("approval: always", ""),
            ("approval: stages", "approval"),
            ("rollback: {enabled: false}", "rollback.enabled"),
            ("rollback: {limit: 2}", "rollback.limit"),
            ("onPause: rollback", "onPause"),
            ("watch: {onHarm: pause, interval: 3s}", "watch.onHarm"),
            ("watch: {retry: {attempts: 2}}", "watch.retry.attempts"),
            (
                "limits: {upgradesPerTenant: 1, batchesPerTenant: 1}",
                "limits.batchesPerTenant",
            ),
            ("gates: [{metric: up, expected: 1}]", "gates"),
            ("paused: {reason: stock-taking}", "paused.reason"),
            ("notify: []", "notify"),
        ] {
            let policy: Policy = read("p.yaml", text).unwrap_or_else(|e| panic!("{e}"));
            let wrongs = unobeyed(&policy);
            let paths: Vec<_> = wrongs.iter().map(|w| w.path.as_str()).collect();
            assert_eq!(paths.join(" "), expected, "{text}");
        }
    }
}
