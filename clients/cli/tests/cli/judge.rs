//! Replays of recorded series: a file in, a verdict or a refusal out.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

const GATE: &str = "metrics: [{name: error_rate, kind: errors, critical: true}]\nalpha: 0.01\n";

fn replay(gate: &str, series: &str, more: &[&str]) -> (Output, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| -> PathBuf {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let (gate, series) = (file("gate.yaml", gate), file("series.csv", series));
    let output = Command::new(env!("CARGO_BIN_EXE_sluice"))
        .args(["judge", "replay", "--gate"])
        .arg(gate)
        .arg("--series")
        .arg(series)
        .args(more)
        .current_dir(folder.path())
        .output()
        .unwrap();
    (output, folder)
}

/// The last line under `--json`.
fn summary(gate: &str, series: &str, more: &[&str]) -> Value {
    let (output, _folder) = replay(gate, series, &[&["--json"], more].concat());
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

/// Ten hosts of each version with 20 requests a minute over an hour; `errors` of (minute, host) for hosts of the new
/// version, below 10, and of the old one.
fn series(errors: impl Fn(u32, u32) -> u32) -> String {
    let mut text = "minute,host,arm,requests,errors,slow\n".to_owned();
    for minute in 0..60 {
        for host in 0..20 {
            let arm = if host < 10 { "canary" } else { "baseline" };
            text += &format!("{minute},web-{host},{arm},20,{},2\n", errors(minute, host));
        }
    }
    text
}

/// One error of a host in ten minutes, at different minutes for different hosts: 0.5%.
fn usual(minute: u32, host: u32) -> u32 {
    u32::from((minute + 7 * host).is_multiple_of(10))
}

#[test]
fn series_get_the_verdict_that_they_deserve() {
    let bad = summary(GATE, &series(|m, h| usual(m, h) + u32::from(h < 10)), &[]);
    assert_eq!(bad["verdict"], "harmful", "{bad}");
    assert!(
        bad["minute"].as_u64().unwrap() <= 6 && bad["metric"] == "error_rate",
        "{bad}"
    );
    assert!(bad["evidence"].as_f64() >= bad["bound"].as_f64(), "{bad}");
    let late = summary(
        GATE,
        &series(|m, h| usual(m, h) + u32::from(h < 10 && m >= 40)),
        &[],
    );
    assert_eq!(late["verdict"], "harmful", "{late}");
    assert!((41..=52).contains(&late["minute"].as_u64().unwrap()), "{late}");
    let good = summary(GATE, &series(usual), &[]);
    assert_eq!(good["verdict"], "harmless", "{good}");
    let outage = summary(
        GATE,
        &series(|m, h| if (20..25).contains(&m) { 5 } else { usual(m, h) }),
        &[],
    );
    assert_ne!(outage["verdict"], "harmful", "{outage}");
    let sick = summary(GATE, &series(|m, h| if h == 3 { 8 } else { usual(m, h) }), &[]);
    assert_ne!(sick["verdict"], "harmful", "{sick}");
    assert_eq!(sick["host_problems"], serde_json::json!(["web-3"]), "{sick}");
    let slow = "metrics: [{name: slow_rate, kind: slow, critical: true}]\n";
    let slower = series(usual).replace(",canary,20,0,2", ",canary,20,0,8");
    assert_eq!(summary(slow, &slower, &[])["metric"], "slow_rate");
    assert_eq!(summary(slow, &slower, &[])["verdict"], "harmful");
}

#[test]
fn too_little_data_is_undecided() {
    let few = "minute,host,arm,requests,errors\n1,,canary,100,0\n1,,baseline,900,0\n";
    let seen = summary(GATE, few, &[]);
    assert_eq!(
        (&seen["verdict"], &seen["minute"]),
        (&"undecided".into(), &1.into()),
        "{seen}"
    );
    let nothing_new = "minute,host,arm,requests,errors\n1,,baseline,900,0\n";
    assert_eq!(summary(GATE, nothing_new, &[])["verdict"], "undecided");
    let passed =
        "minute,arm,requests,errors\n1,canary,500,0\n1,baseline,900,0\n2,canary,500,0\n2,baseline,900,0\n";
    assert_eq!(
        summary(GATE, passed, &["--bake-minutes", "2"])["verdict"],
        "harmless"
    );
}

#[test]
fn each_minute_is_told_and_drawn() {
    let (output, folder) = replay(GATE, &series(usual), &["--svg", "evidence.svg"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 60);
    assert!(
        text.starts_with("    1  minute 0: undecided: 200 of 459 requests"),
        "{text}"
    );
    let drawn = fs::read_to_string(folder.path().join("evidence.svg")).unwrap();
    assert!(
        drawn.starts_with("<svg") && drawn.contains("harmlessness"),
        "{drawn}"
    );
}

/// Rows: gate file, series, and what the one line on standard error says.
#[test]
fn what_cannot_be_judged_is_refused_with_its_place() {
    const HEAD: &str = "minute,host,arm,requests,errors,slow\n";
    let rows = |rows: &str| format!("{HEAD}{rows}");
    let bad_series: &[(&str, &str)] = &[
        ("", "has no rows"),
        (
            "1,a,canary,NaN,0,0\n",
            "line 2, column requests: is \"NaN\"; accepted: a whole number from 0",
        ),
        ("1,a,canary,inf,0,0\n", "line 2, column requests"),
        ("1,a,canary,10,-1,0\n", "line 2, column errors: is \"-1\""),
        ("1,a,canary,10,1.5,0\n", "line 2, column errors: is \"1.5\""),
        (
            "1,a,canary,10,11,0\n",
            "line 2, column errors: is 11; accepted: 0 to the row's requests, 10",
        ),
        ("1,a,canary,10,0,11\n", "line 2, column slow: is 11"),
        ("1,a,canary,,0,0\n", "line 2, column requests: is \"\""),
        ("-1,a,canary,10,0,0\n", "line 2, column minute"),
        (
            "1,a,control,10,0,0\n",
            "line 2, column arm: is \"control\"; accepted: canary, baseline",
        ),
        (
            "1,a,canary,10,0,0\n1,a,canary,10,0,0\n",
            "line 3: minute 1 of a is on line 2 already",
        ),
        (
            "1,a,canary,10,0,0\n1,a,baseline,10,0,0\n",
            "line 3: minute 1 of a is on line 2 already",
        ),
        (
            "1,,canary,10,0,0\n1,,canary,10,0,0\n",
            "line 3: minute 1 of this arm is on line 2 already",
        ),
        (
            "1,a,canary,10,0,0\n1,,canary,10,0,0\n",
            "line 3, column host: is empty, while line 2 names a host",
        ),
        (
            "1,a,canary,10,0,0\n200000,a,canary,10,0,0\n",
            "column minute: spans 199999 minutes",
        ),
        ("1,a,canary\n", "line: 2"),
    ];
    let mut cases: Vec<(String, String, &str)> = bad_series
        .iter()
        .map(|(series, said)| (GATE.to_owned(), rows(series), *said))
        .collect();
    cases.push((
        GATE.to_owned(),
        "minute,arm,requests\n".to_owned(),
        "line 1: column errors is missing",
    ));
    cases.push((
        GATE.to_owned(),
        "minute,arm,requests,errors,x\n".to_owned(),
        "line 1: column \"x\"",
    ));
    let bad_gates = [
        ("alpha: 0\n", "line 1: alpha is 0; accepted: above 0, at most 0.5"),
        ("alpha: 1\n", "line 1: alpha is 1; accepted: above 0, at most 0.5"),
        ("metrics: []\n", "metrics is without any that decides"),
        (
            "metrics: [{name: x, kind: errors, margin: 0.5}]\n",
            "metrics[0].margin is 0.5; accepted: 1 to 100",
        ),
        (
            "metrics: [{name: x, kind: errors, critical: true, observe_only: true}]\n",
            "at most one of them",
        ),
        ("metrics: [{name: x, kind: bytes}]\n", "line 1"),
        ("aplha: 0.01\n", "line 1"),
        (
            "thresholds: [{metric: error_rate, above: x%}]\n",
            "is no number; accepted",
        ),
    ];
    for (gate, said) in bad_gates {
        cases.push((gate.to_owned(), rows("1,a,canary,10,0,0\n"), said));
    }
    for (gate, series, said) in cases {
        let (output, _folder) = replay(&gate, &series, &[]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{gate}{series}{error}");
        assert!(error.contains(said), "{gate}{series}{error}");
        assert!(
            error.contains("gate.yaml") || error.contains("series.csv"),
            "{error}"
        );
        assert!(output.stdout.is_empty(), "{gate}{series}");
    }
}
