//! Policies and plans from files: no server, no token.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Ran, arg, command, run};

fn policies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/policies")
}

fn path(name: &str) -> String {
    arg(&policies().join(name)).to_owned()
}

fn example_plan(more: &[&str]) -> Ran {
    run(command()
        .args([
            "plan",
            "--offline",
            "--request",
            &path("examples/request.json"),
            "--fleet",
            &path("examples/fleet.json"),
        ])
        .args([
            "--policy",
            &path("system.yaml"),
            "--history",
            &path("examples/history.json"),
        ])
        .args([
            "--catalog",
            &path("examples/catalog.json"),
            "--now",
            "2026-03-27T12:00:00Z",
        ])
        .args(more))
}

#[test]
fn a_plan_is_made_without_any_api() {
    let ran = example_plan(&["--json", "--instances"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let plan = ran.json();
    assert_eq!(plan["total_instances"], 50);
    assert_eq!(plan["batch_count"], plan["batches"].as_array().unwrap().len());
    let ids = plan["batches"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|b| b["instance_ids"].as_array().unwrap());
    assert_eq!(
        ids.map(Value::to_string)
            .collect::<std::collections::BTreeSet<_>>()
            .len(),
        50
    );
    // The window of Monday is the first one after that Friday noon.
    assert_eq!(plan["batches"][0]["release_at"], "2026-03-30T01:00:00Z");
    assert_eq!(plan["forecast"]["batch"]["samples"], 8);
    assert_eq!(plan["learnings"].as_array().unwrap().len(), 1);
    assert_eq!(plan["version"]["step"], "patch");
    for key in [
        "hash",
        "plan",
        "schedule",
        "exposure",
        "cost",
        "approvals",
        "limits",
        "warnings",
        "policy",
    ] {
        assert!(!plan[key].is_null(), "{key}");
    }
    assert_eq!(
        ran.stdout,
        example_plan(&["--json", "--instances"]).stdout,
        "the same inputs give the same bytes"
    );
    let short = example_plan(&["--json"]).json();
    assert_eq!(
        (&short["hash"], &short["batches"][0]["instance_ids"]),
        (&plan["hash"], &Value::Null)
    );
}

#[test]
fn people_get_a_table() {
    let ran = example_plan(&[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for expected in [
        "plan       sha256:",
        "50 in 6 batches",
        "BATCH  KIND     SIZE",
        "approval before batch 0",
        "learnt: Small batches",
    ] {
        assert!(ran.stdout.contains(expected), "{expected}: {}", ran.stdout);
    }
}

#[test]
fn what_holds_is_told_with_whose_word_it_is() {
    let layers = [
        "--system",
        &path("system.yaml"),
        "--tenant",
        &path("tenant.yaml"),
        "--component",
        &path("component.yaml"),
    ];
    let ran = run(command().args(["policy", "effective", "--json"]).args(layers));
    let values = ran.json();
    let from = |key: &str| {
        values
            .as_array()
            .unwrap()
            .iter()
            .find(|v| v["key"] == key)
            .unwrap()["from"]
            .clone()
    };
    assert_eq!(from("batches.percentage"), "component, preset tier-1");
    assert_eq!(from("rollingUpdate.maxUnavailable"), "component");
    assert_eq!(from("windows"), "tenant");
    assert_eq!(from("freezes"), "system, tenant");
    assert_eq!(from("watch.retry.delay"), "defaults");
    let many = [
        "--policies",
        &path("upgrade_policies.yaml"),
        "--windows",
        &path("upgrade_windows.yaml"),
    ];
    let more = [
        "--health-checks",
        &path("health_checks.yaml"),
        "--tenant",
        "acme",
        "--plugin",
        "redis",
    ];
    let ran = run(command().args(["policy", "effective"]).args(many).args(more));
    assert!(ran.stdout.contains("rollingUpdate.partition       2"), "{ran:?}");
}

/// Files of one try, and how it ends.
struct Try {
    folder: tempfile::TempDir,
}

impl Try {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let standard = [
            (
                "r.json",
                r#"{"component":"web","fromVersion":"1.0.0","toVersion":"1.1.0"}"#,
            ),
            ("f.json", r#"{"count":10}"#),
            ("p.yaml", "{}"),
            ("c.json", "[]"),
            ("h.json", "{}"),
        ];
        for (name, text) in standard.iter().chain(files) {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        Self { folder }
    }

    fn run(&self) -> Ran {
        let mut command = command();
        command.current_dir(self.folder.path());
        command.args([
            "plan",
            "--offline",
            "--request",
            "r.json",
            "--fleet",
            "f.json",
            "--policy",
            "p.yaml",
        ]);
        run(command.args([
            "--catalog",
            "c.json",
            "--history",
            "h.json",
            "--now",
            "2026-03-28T12:00:00Z",
            "--json",
        ]))
    }
}

#[test]
fn bad_input_is_refused_with_its_place_and_what_would_be_right() {
    let bomb = (1..12).fold(
        "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned(),
        |text, n| {
            let uses = vec![format!("*a{}", n - 1); 10].join(", ");
            text + &format!("a{n}: &a{n} [{uses}]\n")
        },
    );
    let large = "#".repeat(10 << 20);
    let cycle = r#"[{"component":"web","version":"1.1.0","lifecycleState":"live","requires":{"db":"*"}},
        {"component":"db","version":"1.0.0","lifecycleState":"live","requires":{"web":"*"}}]"#;
    let old = r#"[{"component":"web","version":"1.1.0","lifecycleState":"archived"}]"#;
    let rows = [
        (
            ("p.yaml", "strategy: ROLLING\nspeed: 9\n"),
            "error: p.yaml:2:1: speed: unknown field `speed`; accepted: ",
        ),
        (
            ("p.yaml", "batches: {count: 2, percentage: 9}\n"),
            "error: p.yaml:1:21: batches.percentage: contradicts",
        ),
        (
            ("p.yaml", "batches: {ratios: [10, 80]}\n"),
            "error: p.yaml:1:11: batches.ratios: sum to 90; accepted: percentages",
        ),
        (
            ("p.yaml", "rollingUpdate:\n  partition: 10\n"),
            "error: p.yaml:2:3: rollingUpdate.partition: is 10, and the fleet's highest ordinal is 9: nothing would move; accepted: 0 to 9",
        ),
        (
            ("p.yaml", "windows:\n- name: w\n  zone: Europe/Bonn\n"),
            "error: p.yaml:3:9: windows[0].zone: there is no time zone \"Europe/Bonn\"",
        ),
        (
            (
                "p.yaml",
                "windows:\n- {name: w, zone: UTC, cron: 0 0 30 2 *, duration: 1h}\n",
            ),
            "error: p.yaml:2:24: windows[0].cron: never opens",
        ),
        (
            (
                "p.yaml",
                "windows:\n- {name: w, zone: UTC, cron: 0 2 * * *, duration: 5m}\n",
            ),
            "error: p.yaml:1:1: windows: the plan needs ",
        ),
        (
            (
                "p.yaml",
                "windows:\n- {name: w, once: {from: 2025-01-01T00:00:00Z, to: 2025-01-02T00:00:00Z}}\n",
            ),
            "error: p.yaml:1:1: windows: nothing opens within ten years of 2026-03-28T12:00:00Z: no window is open",
        ),
        (
            ("p.yaml", "freezes: [{name: f, zone: UTC, calendar: h.ics}]\n"),
            "error: p.yaml:1:32: freezes[0].calendar: there is no file \"h.ics\"",
        ),
        (("p.yaml", "strategy: STAGED\n"), "error: p.yaml:1:1: strategy: "),
        (
            ("p.yaml", large.as_str()),
            "error: p.yaml: has 10485760 bytes; accepted: up to 1048576",
        ),
        (("p.yaml", bomb.as_str()), "error: p.yaml:"),
        (
            (
                "r.json",
                "{\n  \"fromVersion\": \"1.0\",\n  \"toVersion\": \"1.1.0\"\n}",
            ),
            "error: r.json:2:3: fromVersion: unexpected end of input while parsing minor version number",
        ),
        (
            ("r.json", r#"{"fromVersion":"1.0.0"}"#),
            "error: r.json: toVersion: is missing; accepted: a semantic version such as 1.2.3",
        ),
        (
            ("r.json", r#"{"fromVersion":"1.0.0","toVersion":"1.0.0"}"#),
            "error: r.json:1:24: toVersion: 1.0.0 is the version to leave",
        ),
        (
            (
                "r.json",
                r#"{"fromVersion":"1.0.0","toVersion":"1.1.0","batchSize":0}"#,
            ),
            "error: r.json:1:44: batchSize: is 0; accepted: 1 to 1000000",
        ),
        (
            (
                "r.json",
                r#"{"fromVersion":"1.0.0","toVersion":"1.1.0","batchsize":2}"#,
            ),
            "error: r.json:1:44: batchsize: unknown field `batchsize`; accepted: ",
        ),
        (
            (
                "r.json",
                r#"{"fromVersion":"1.0.0","toVersion":"1.1.0","totalInstances":9}"#,
            ),
            "error: r.json:1:44: totalInstances: is 9, and the fleet has 10 instances",
        ),
        (
            (
                "r.json",
                r#"{"fromVersion":"1.0.0","toVersion":"1.1.0","approval":"never"}"#,
            ),
            "error: r.json:1:44: approval: is not a request's to decide",
        ),
        (
            (
                "r.json",
                r#"{"fromVersion":"1.0.0","toVersion":"1.1.0","strategy":"CANARY","batchSize":3,"batches":{"count":4}}"#,
            ),
            "error: r.json:1:89: batches.count: is said twice",
        ),
        (("r.json", "{"), "error: r.json:1:"),
        (
            ("f.json", r#"{"count":0}"#),
            "error: f.json: count: has 0 instances; accepted: 1 to 1000000",
        ),
        (
            ("f.json", r#"{"count":3,"instances":[]}"#),
            "error: f.json: needs instances, or count with domains",
        ),
        (
            ("f.json", r#"{"instances":[{"ordinal":1},{"ordinal":1}]}"#),
            "error: f.json: instances: the ordinal 1 is there twice",
        ),
        (
            ("f.json", r#"{"instances":[{"ordinal":-1}]}"#),
            "error: f.json: instances[0].ordinal: invalid value: integer `-1`, expected u32",
        ),
        (
            (
                "f.json",
                r#"{"instances":[{"ordinal":0},{"ordinal":1,"healthy":false}]}"#,
            ),
            "error: r.json: maxUnavailablePercentage: 1 instances are down, and no more than 1 may be unavailable",
        ),
        (
            ("c.json", cycle),
            "error: c.json: requires: db > web > db need each other in a circle",
        ),
        (
            ("c.json", old),
            "error: r.json:1:42: toVersion: 1.1.0 is archived and cannot be upgraded to; accepted: blessed, live",
        ),
        (
            ("c.json", r#"[{"component":"web"}]"#),
            "error: c.json: [0]: missing field `version`",
        ),
        (
            ("h.json", r#"{"upgrades":[{"batchSeconds":["a"]}]}"#),
            "error: h.json: upgrades[0].batchSeconds[0]: invalid type",
        ),
    ];
    let mut missed = Vec::new();
    for (file, expected) in rows {
        let ran = Try::new(&[file]).run();
        if ran.code != 2 || !ran.stderr.starts_with(expected) || !ran.stdout.is_empty() {
            let shown: String = file.1.chars().take(120).collect();
            missed.push(format!(
                "{}: {shown}\n{}{}expected {expected}",
                file.0, ran.code, ran.stderr
            ));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n\n"));
}

#[test]
fn only_a_request_and_a_fleet_are_needed() {
    let tried = Try::new(&[]);
    let mut command = command();
    command.current_dir(tried.folder.path()).args([
        "plan",
        "--offline",
        "--request",
        "r.json",
        "--fleet",
        "f.json",
    ]);
    let ran = run(command.args(["--json"]));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.json()["total_instances"], 10);
}
