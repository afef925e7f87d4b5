//! Checks of instances: each type has keys of its own.

use crate::policy::Policy;
use crate::policy::parts::{PostUpgradeVerify, PreCheckKind, PreUpgradeCheck, VerifyKind};
use crate::policy::read::Wrong;

pub(super) fn checks(policy: &Policy, wrongs: &mut Vec<Wrong>) {
    if let Some(check) = policy
        .pre_upgrade_check
        .as_ref()
        .filter(|c| c.enabled != Some(false))
    {
        pre_upgrade_check(check, wrongs);
    }
    if let Some(verify) = policy
        .post_upgrade_verify
        .as_ref()
        .filter(|v| v.enabled != Some(false))
    {
        post_upgrade_verify(verify, wrongs);
    }
}

/// Each key of a check with whether it is given and whether its type takes it.
fn keys(block: &str, kind: &str, keys: &[(&str, bool, bool)], wrongs: &mut Vec<Wrong>) {
    for (key, given, taken) in keys {
        let problem = match (given, taken) {
            (true, false) => format!("does not go with type {kind}"),
            _ => continue,
        };
        wrongs.push(Wrong::new(format!("{block}.{key}"), problem, "absent"));
    }
}

fn pre_upgrade_check(check: &PreUpgradeCheck, wrongs: &mut Vec<Wrong>) {
    let block = "preUpgradeCheck";
    let Some(kind) = check.kind else {
        wrongs.push(Wrong::new(
            format!("{block}.type"),
            "is missing",
            "health-check or custom",
        ));
        return;
    };
    let custom = kind == PreCheckKind::Custom;
    let name = if custom { "custom" } else { "health-check" };
    let rows = [
        ("command", check.command.is_some(), custom),
        ("expected", check.expected.is_some(), custom),
    ];
    keys(block, name, &rows, wrongs);
    if custom && check.command.is_none() {
        wrongs.push(Wrong::new(
            format!("{block}.command"),
            "is missing",
            "a command for a shell",
        ));
    }
}

fn post_upgrade_verify(verify: &PostUpgradeVerify, wrongs: &mut Vec<Wrong>) {
    let block = "postUpgradeVerify";
    let Some(kind) = verify.kind else {
        wrongs.push(Wrong::new(
            format!("{block}.type"),
            "is missing",
            "exec, metrics or http",
        ));
        return;
    };
    let (exec, metrics, http) = (
        kind == VerifyKind::Exec,
        kind == VerifyKind::Metrics,
        kind == VerifyKind::Http,
    );
    let name = if exec {
        "exec"
    } else if metrics {
        "metrics"
    } else {
        "http"
    };
    let rows = [
        ("command", verify.command.is_some(), exec),
        ("expected", verify.expected.is_some(), exec),
        ("metrics", verify.metrics.is_some(), metrics),
        ("endpoint", verify.endpoint.is_some(), http),
        ("expectedStatus", verify.expected_status.is_some(), http),
    ];
    keys(block, name, &rows, wrongs);
    let needed = [
        (
            "command",
            exec && verify.command.is_none(),
            "a command for a shell",
        ),
        (
            "metrics",
            metrics && verify.metrics.as_ref().is_none_or(Vec::is_empty),
            "at least one metric",
        ),
        (
            "endpoint",
            http && verify.endpoint.as_ref().is_none_or(|e| !e.starts_with('/')),
            "a path from /",
        ),
    ];
    for (key, wrong, accepted) in needed {
        if wrong {
            wrongs.push(Wrong::new(
                format!("{block}.{key}"),
                "is missing or empty",
                accepted,
            ));
        }
    }
    if verify.expected_status.is_some_and(|s| !(100..=599).contains(&s)) {
        wrongs.push(Wrong::new(
            format!("{block}.expectedStatus"),
            "is no HTTP status",
            "100 to 599",
        ));
    }
}
